"""The limit on a request's bytes, in front of every route, the page's upload included.

Counted while the body arrives, so that neither a missing nor a false Content-Length helps; 413 when it is passed.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

FORM_OVERHEAD = 16 * 1024
"""Bytes that a multipart form adds around a picture at the limit: boundaries and headers."""


class BodyLimit:
    """ASGI middleware that answers 413 with `{"error": …}` to bodies of more than `max_bytes`."""

    def __init__(self, app: App, max_bytes: int) -> None:
        self.app = app
        self.max_bytes = max_bytes

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Pass a request on, unless its body is or grows too large."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        limit = self.max_bytes + (FORM_OVERHEAD if _is_form(scope) else 0)
        declared = _header(scope, b"content-length")
        if declared.isdigit() and int(declared) > limit:
            return await self._refuse(send)
        return await self._counted(scope, receive, send, limit)

    async def _counted(self, scope: MutableMapping[str, Any], receive: Receive, send: Send, limit: int) -> None:
        received, answered, refused = 0, False, False

        async def counting_receive() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit and not refused:
                refused = True
                if not answered:
                    await self._refuse(send)
            return {"type": "http.disconnect"} if refused else message

        async def guarded_send(message: Message) -> None:
            nonlocal answered
            if not refused:
                answered = True
                await send(message)

        try:
            await self.app(scope, counting_receive, guarded_send)
        except Exception:
            if not refused:  # else it is the application's dismay at the cut connection
                raise

    async def _refuse(self, send: Send) -> None:
        text = f"The upload is larger than the limit of {self.max_bytes / 2**20:g} MiB."
        body = json.dumps({"error": text}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        headers.append((b"connection", b"close"))  # the rest of the body is not read
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _header(scope: MutableMapping[str, Any], name: bytes) -> bytes:
    return next((bytes(value) for key, value in scope["headers"] if key == name), b"")


def _is_form(scope: MutableMapping[str, Any]) -> bool:
    return _header(scope, b"content-type").lower().startswith(b"multipart/")
