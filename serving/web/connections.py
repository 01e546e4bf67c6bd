"""How long a client may take, and how many connections there may be: below HTTP, in front of every route.

All connections are looked through each second, and one that is slower than Patience allows is told so and closed. When
there are as many as there may be, a newcomer takes the place of one whose request has not arrived yet: of the client
that has most, the oldest. So slow clients keep nobody out, and what is being answered is never cut.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import math
import time
from collections import Counter
from pathlib import Path
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

LARGEST_HEAD = 65536
"""Bytes of a request's line and headers."""
SEPARATORS = 4
"""Bytes around a header."""
LARGEST_SHARE = 8
"""Times 32 MiB, for which a body gets more time."""
LARGEST_REST = 2**26
"""Bytes that are read of a body after its answer, so that the answer arrives."""
BACKLOG = 32
"""Connections that are accepted before the first of them is looked at."""
SPARE = 24
"""Descriptors for everything else that is opened while the server runs."""


@dataclasses.dataclass(frozen=True)
class Patience:
    """What a client has, in seconds."""

    head: float = 10
    """For the request's line and headers, from the connection or its first byte on."""
    body: float = 60
    """For the body, and as much again for each further 32 MiB that it says it has."""
    answer: float = 60
    """For reading what is there of an answer, or the next so many seconds' share of it."""
    answer_rate: float = 32768
    """Bytes a second of an answer at least, in each `answer` seconds in which not all of it is read."""
    rate: float = 1024
    """Bytes a second of a body at least, from `grace` seconds on."""
    grace: float = 5


class Connections:
    """All that there are."""

    def __init__(self, most: int | None = None, patience: Patience | None = None) -> None:
        """At most `most`, and half of them one client's; as many as the process has descriptors for unless given."""
        self.most = most or affordable()
        self.patience = patience or Patience()
        self.open: set[Connection] = set()
        self.ending: set[Connection] = set()
        """Those that were closed, and whose clients have something left to read."""

    def make(self, **options: Any) -> Connection:
        """The protocol of a new connection, for uvicorn."""
        return Connection(self, **options)

    def admit(self, new: Connection) -> bool:
        """Make room for one more; False when all are being answered."""
        clients = Counter(each.address for each in self.open)
        own = clients[new.address] >= max(1, self.most // 2)
        if len(self.open) < self.most and not own:
            return True
        slow = [each for each in self.open if each.is_waiting and (not own or each.address == new.address)]
        if not slow:
            return False
        most = max(slow, key=lambda each: clients[each.address]).address
        oldest = min((each for each in slow if each.address == most), key=lambda each: each.since)
        oldest.end(503, "The server has as many connections as it can hold, and this one was slow.")
        return True

    def end_unfinished(self) -> None:
        """Close those whose requests have not arrived: the server ends."""
        for each in [each for each in self.open if each.phase in ("head", "body")]:
            each.end(503, "The server is being stopped, and the request had not arrived.")

    async def watch(self) -> None:
        """Look through them, until cancelled."""
        while True:
            await asyncio.sleep(min(1.0, self.patience.head / 4))
            for each in [*self.open, *self.ending]:
                each.look(time.monotonic())


class Connection(HttpToolsProtocol):
    """One, with what it is waiting for and since when."""

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._all = connections
        self.address = ""
        self.phase = "head"
        """`head`; `body`; `work`: a request is here; `rest`: of a body that was answered before its end; `idle`."""
        self.since = time.monotonic()
        self._share = 1
        """Of 32 MiB, how many the body says that it has."""
        self._bytes = self._head = 0
        """Of this phase, and of this request's line, headers and trailers."""
        self._is_head = True
        """Whether the headers are not complete."""
        self._silent = 0
        """Bytes in which the parser saw neither a message's beginning or end nor a piece of a body."""
        self._read = (0, self.since)
        """Bytes of answers that the client has read, and when it had so many: when it had all, or a while ago."""

    @property
    def is_waiting(self) -> bool:
        """Whether no request of it is at work."""
        return self.phase != "work"

    def connection_made(self, transport: Any) -> None:
        """See asyncio.Protocol."""
        self._counted = _Counted(transport)
        super().connection_made(self._counted)  # type: ignore[arg-type]  # it has what a transport has
        self.address = self.client[0] if self.client else ""
        if self._all.admit(self):
            self._all.open.add(self)
        else:
            self.end(503, "The server has as many connections as it can hold. Try again in a moment.")

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio.Protocol."""
        self._all.open.discard(self)
        self._all.ending.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See asyncio.Protocol."""
        if self.parser is None or self.transport.is_closing():
            return
        if self.phase == "idle":
            self._enter("head")
        self._bytes += len(data)
        if self.phase == "rest" and self._bytes > LARGEST_REST:
            self.transport.abort()
            return
        self._silent += len(data)
        super().data_received(data)
        is_long = self._silent > LARGEST_HEAD or (self.phase == "head" and self._bytes > LARGEST_HEAD)
        if is_long and not self.transport.is_closing():
            self._refuse_head()

    def on_message_begin(self) -> None:
        """See HttpToolsProtocol."""
        self._head, self._silent, self._share, self._is_head = 0, 0, 1, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """See HttpToolsProtocol."""
        if self._is_within(len(url)):
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """See HttpToolsProtocol."""
        if not self._is_within(len(name) + len(value) + SEPARATORS) or not self._is_head:
            return  # trailers: nobody reads them
        if name.lower() == b"content-length" and value.isdigit():
            self._share = min(LARGEST_SHARE, max(1, math.ceil(int(value[:20]) / 2**25)))
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """See HttpToolsProtocol."""
        self._is_head, self._silent = False, 0
        if self.transport.is_closing():
            return
        if self.phase != "work":  # else it came before the answer to the one before
            self._enter("body")
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """See HttpToolsProtocol."""
        self._silent = 0
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        """See HttpToolsProtocol."""
        self._silent = 0
        if self.transport.is_closing():
            return
        if self.phase in ("body", "rest"):
            self._enter("work" if self.phase == "body" else "idle")
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """See HttpToolsProtocol."""
        has_more = bool(self.pipeline)
        super().on_response_complete()
        if has_more:
            self._enter("body" if self.cycle.more_body and not self.pipeline else "work")
        else:
            self._enter("rest" if self.phase == "body" else "idle")

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002
        """See HttpToolsProtocol; a sentence as all others."""
        self.end(400, "What was sent is no request of HTTP/1.1.")

    def end(self, status: int, text: str) -> None:
        """Say why, unless an answer has begun, and close."""
        self._all.open.discard(self)  # now: others may come before it is gone
        self._all.ending.add(self)
        if self.cycle is None or not self.cycle.response_started or self.cycle.response_complete:
            body = json.dumps({"error": text}).encode()
            head = f"HTTP/1.1 {status} {REASONS[status]}\r\ncontent-type: application/json\r\n"
            self.transport.write(f"{head}content-length: {len(body)}\r\nconnection: close\r\n\r\n".encode() + body)
            self.transport.close()
        else:
            self.transport.abort()

    def look(self, now: float) -> None:
        """Close it when its client took too long."""
        unread, patience = self.transport.get_write_buffer_size(), self._all.patience
        read, (before, since) = self._counted.given - unread, self._read
        took = now - since
        if not unread or took > patience.answer:
            self._read = (read, now)
        if unread and took > patience.answer and read - before < patience.answer_rate * took:
            self.transport.abort()
        elif not self.transport.is_closing():
            self._look_at_request(now - self.since)

    def _look_at_request(self, took: float) -> None:
        patience = self._all.patience
        if self.phase == "head" and took > patience.head:
            self.end(408, f"The request's headers did not arrive within {patience.head:g} s.")
        elif self.phase in ("body", "rest") and took > patience.body * self._share:
            self.end(408, f"The picture did not arrive within {patience.body * self._share:g} s.")
        elif self.phase in ("body", "rest") and took > patience.grace and self._bytes < patience.rate * took:
            self.end(408, f"The picture came at less than {patience.rate:g} bytes a second.")

    def _is_within(self, more: int) -> bool:
        """Whether the request's line, headers and trailers are no longer than they may be; else it is refused."""
        self._head += more
        if self._head > LARGEST_HEAD and not self.transport.is_closing():
            self._refuse_head()
        return not self.transport.is_closing()

    def _refuse_head(self) -> None:
        self.end(431, f"The request's line and headers are longer than {LARGEST_HEAD} bytes.")

    def _enter(self, phase: str) -> None:
        self.phase, self.since, self._bytes = phase, time.monotonic(), 0


class _Counted:
    """A transport that knows how many bytes it was given."""

    def __init__(self, transport: Any) -> None:
        self._transport, self.given = transport, 0

    def write(self, data: bytes) -> None:
        self.given += len(data)
        self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


REASONS = {
    400: "Bad Request",
    408: "Request Timeout",
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


def affordable() -> int:
    """Connections for which the process has descriptors."""
    try:
        import resource

        limit, taken = resource.getrlimit(resource.RLIMIT_NOFILE)[0], len(list(Path("/proc/self/fd").iterdir()))
    except (ImportError, OSError):  # Windows, which has no such limit; systems without /proc
        limit, taken = 512, 64
    return max(16, min(1024, limit - taken - BACKLOG - SPARE))
