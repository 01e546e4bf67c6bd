"""Refuses while a model has no place free: before routing, before a byte of the body is read, at little cost.

Who asks again sooner than it was told to is refused HELD seconds later, so that those who do as they are told, and what
is being computed, have the processors. That is asked by address and session; a first refusal is at once.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from urllib.parse import parse_qs

from starlette.requests import Request

from .asgi import App, Receive, Scope, Send, answer, below, header
from .jobs import Jobs
from .service import ModelService

HELD = 0.5
"""Seconds."""
MOST_TOLD = 1024
"""Clients of whom it is known until when they were told to wait."""

UNKNOWN = 2**62
"""Bytes of a body that does not say how many it has."""
SESSION = b"x-session-id"
"""What the page calls one visit."""
INFER = re.compile(r"/v2/models/([^/]+)(?:/versions/[^/]+)?/infer")


class Refusing:
    """ASGI middleware that answers 429 for a model whose places are taken."""

    def __init__(self, app: App, services: Mapping[str, ModelService], jobs: Jobs) -> None:
        self.app, self.services, self.jobs = app, services, jobs
        self._told: dict[str, float] = {}
        """Until when a client was told to wait."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        service = self._service(scope)
        if service is not None:
            client = client_of(scope)
            busy = service.admission.refusal(client, declared_size(scope))
            if busy is not None:
                if self._is_early(client, busy.seconds):
                    await asyncio.sleep(HELD)
                return await answer(send, 429, str(busy), {"retry-after": str(busy.seconds)})
        return await self.app(scope, receive, send)

    def _service(self, scope: Scope) -> ModelService | None:
        """Whose places a request needs; None of one that needs none, or that is refused for another reason."""
        if scope["type"] != "http" or scope["method"] != "POST" or self.jobs.is_closing:
            return None
        path = below(scope)
        if path in ("/v1/translate", "/v1/generate"):
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("model") if scope["query_string"] else None
            if asked is not None:
                return self.services.get(asked[-1])
            makes = path == "/v1/generate"
            return next((each for each in self.services.values() if (each.card.image is None) == makes), None)
        found = INFER.fullmatch(path)
        return None if found is None else self.services.get(found[1])

    def _is_early(self, client: str, seconds: int) -> bool:
        now = time.monotonic()
        was_told = self._told.pop(client, now)
        self._told[client] = now + seconds
        if len(self._told) > MOST_TOLD:
            del self._told[next(iter(self._told))]
        return was_told > now


def asker(request: Request) -> tuple[str, int]:
    """Whose request it is, and the bytes of its body, as Admission takes them."""
    return client_of(request.scope), declared_size(request.scope)


def client_of(scope: Scope) -> str:
    """Whose request it is, for a fair share of the places: its address, and what the page calls its visit."""
    address = scope["client"][0] if scope.get("client") else ""
    return f"{address} {header(scope, SESSION).decode('latin-1')[:64]}"


def declared_size(scope: Scope) -> int:
    """Bytes of the body, by its header; of one that comes in chunks without a length, as many as there may be."""
    said = header(scope, b"content-length")
    return int(said) if said.isdigit() else UNKNOWN if header(scope, b"transfer-encoding") else 0
