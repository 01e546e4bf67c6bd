"""The limits of what a server takes in: a request's bytes, and the pixels that are in memory at a time.

Bytes are limited in front of every route, the page's upload included. They are counted while the body arrives, so that
neither a missing nor a false Content-Length helps; 413 when the limit is passed.
"""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import Iterator, Mapping

from ..runtime.jobs import current
from .asgi import App, Message, Receive, Scope, Send, answer, below, header

FORM_OVERHEAD = 16 * 1024
"""Bytes that a multipart form adds around a picture at the limit: boundaries and headers."""


class BodyLimit:
    """ASGI middleware that answers 413 with `{"error": …}` to bodies of more than `max_bytes`."""

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


SMALL, ASIDE = 1 / 32, 1 / 4
"""The share up to which a picture does not wait behind larger ones, and what such ones may take besides, together."""


class PixelBudget:
    """Lets pictures into memory, in the order in which they come, while together they are no more than one may be.

    Small ones have a little room of their own, so that none waits for minutes behind large ones.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()
        self._shares: list[float] = []

    @property
    def count(self) -> int:
        """Pictures in memory now."""
        return len(self._shares)

    @contextlib.contextmanager
    def holding(self, share: float) -> Iterator[None]:
        """Wait until there is room for a picture of this `share`, in (0, 1], of the largest that is allowed.

        Raises CancelledError and DeadlineError when the thread's job is to end before.
        """
        ticket, job = object(), current()
        with job.stopping(self._wake) if job is not None else contextlib.nullcontext(), self._changed:
            self._queue.append(ticket)
            try:
                while not self._may_enter(ticket, share):
                    if job is not None:
                        job.check()
                    self._changed.wait()
                self._shares.append(share)
            finally:
                self._queue.remove(ticket)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._shares.remove(share)
                self._changed.notify_all()

    def _wake(self) -> None:
        with self._changed:
            self._changed.notify_all()

    def _may_enter(self, ticket: object, share: float) -> bool:
        if share <= SMALL and share + sum(each for each in self._shares if each <= SMALL) <= ASIDE:
            return True
        taken = sum(each for each in self._shares if each > SMALL or share <= SMALL)
        return self._queue[0] is ticket and (taken == 0 or taken + share <= 1)


def _is_form(scope: Scope) -> bool:
    return header(scope, b"content-type").lower().startswith(b"multipart/")
