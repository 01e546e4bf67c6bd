"""ASGI: its types, a request's headers, an answer in one sentence; middleware for prefixes and sizes of bodies."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def header(scope: Scope, name: bytes) -> bytes:
    """The first of that lower-case name; empty where there is none."""
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def below(scope: Scope) -> str:
    """The path below the prefix that a proxy serves us under, whether or not the proxy has taken it away."""
    path, prefix = str(scope["path"]), str(scope.get("root_path", "")).rstrip("/")
    return path[len(prefix) :] if prefix and path.startswith(prefix + "/") else path


async def answer(send: Send, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
    """`{"error": text}`. What is left of a body is read and dropped (connections.py): to close before would reset the
    connection, by which clients and proxies lose the answer.
    """
    await _answer(send, status, "application/json", json.dumps({"error": text}).encode(), headers or {})


async def answer_page(send: Send, status: int, text: str, headers: Mapping[str, str]) -> None:
    """A page of that sentence, for people."""
    page = (
        f'<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>i2i</title><p>{text}'
    )
    await _answer(send, status, "text/html; charset=utf-8", page.encode(), headers)


async def _answer(send: Send, status: int, kind: str, body: bytes, headers: Mapping[str, str]) -> None:
    told = {"content-type": kind, "content-length": str(len(body)), **headers}
    encoded = [(name.encode(), value.encode("latin-1", "replace")) for name, value in told.items()]
    await send({"type": "http.response.start", "status": status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})


class Prefixed:
    """ASGI middleware: the application is below a prefix, which a proxy in front of it may have taken away or not."""

    def __init__(self, app: App, prefix: str) -> None:
        """`prefix` as in `/i2i`."""
        self.app, self.prefix = app, prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on as one below the prefix."""
        if scope["type"] == "http":
            path = scope["path"]
            whole = path if path == self.prefix or path.startswith(self.prefix + "/") else self.prefix + path
            scope = {**scope, "root_path": self.prefix, "path": whole}
        await self.app(scope, receive, send)


FORM_OVERHEAD = 16 * 1024
"""Bytes that a multipart form adds around a picture at the limit: boundaries and headers."""


class BodyLimit:
    """ASGI middleware that answers 413 with `{"error": …}` to bodies of more than `max_bytes`, on every route.

    Bytes are counted while they arrive, so that neither a missing nor a false Content-Length helps.
    """

    def __init__(self, app: App, max_bytes: int, more: Mapping[str, int] | None = None) -> None:
        """`more` are the limits of paths that have another."""
        self.app = app
        self.max_bytes = max_bytes
        self.more = more or {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is or grows too large."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        allowed = self.more.get(below(scope), self.max_bytes)
        limit = allowed + (FORM_OVERHEAD if _is_form(scope) else 0)
        declared = header(scope, b"content-length")
        if declared.isdigit() and int(declared) > limit:
            return await self._refuse(send, allowed)
        return await self._counted(scope, receive, send, allowed, limit)

    async def _counted(self, scope: Scope, receive: Receive, send: Send, allowed: int, limit: int) -> None:
        received, answered, refused = 0, False, False

        async def counting_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit and not refused:
                refused = True
                if not answered:
                    await self._refuse(send, allowed)
            return {"type": "http.disconnect"} if refused else message

        async def guarded_send(message: Message) -> None:
            nonlocal answered
            if not refused:
                answered = True
                await send(message)

        try:
            await self.app(scope, counting_receive, guarded_send)
        except Exception:
            if not refused:  # else the application complains of the connection that was cut
                raise

    async def _refuse(self, send: Send, allowed: int) -> None:
        text = f"The upload is larger than the limit of {allowed / 2**20:g} MiB."
        await answer(send, 413, text)


def _is_form(scope: Scope) -> bool:
    return header(scope, b"content-type").lower().startswith(b"multipart/")
