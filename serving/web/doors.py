"""Who may come in, and by which path: in front of every route, the page's and the API's.

A browser sends what any web page that its user visits tells it to, also to this machine's own addresses. So the host
that a request names has to be one of ours (against DNS rebinding), and the page that it comes from has to be our own.
No route but those that are listed is let through, so that what a library adds to the application is not reached.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
import uuid
from collections.abc import Collection, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from ...errors import RequestError
from .asgi import App, Receive, Scope, Send, answer, answer_page, below, header

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")
"""Names that a browser on this machine knows the server by."""

PAGES = ("/", "/translate", "/generate", "/page/")
PAGE_ROUTES = {"GET": PAGES, "HEAD": PAGES, "POST": ("/page/preview",)}
"""The page's own, by method; those that end in a slash with what follows it."""

OPEN = ("/health", "/health/live", "/health/ready")
"""Answered without a key and by any name: whoever restarts servers has none, and asks by address."""

KEYLESS = "This page asks for a key. Load it again, and give the key as the password; any name will do."
"""What a visitor without one reads."""

REQUEST_ID = "x-request-id"
"""Of every answer: as the request has it, for whoever looks for one of many in a log."""
HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of every answer; the page and /docs have policies of their own, which let their styles and scripts in."""


class Doors:
    """ASGI middleware that answers 403 to foreign hosts and pages, 401 without a key, 404 where no route is ours."""

    def __init__(
        self,
        app: App,
        routes: Collection[str],
        hosts: Collection[str] | None = None,
        origins: Collection[str] = (),
        keys: Collection[str] = (),
    ) -> None:
        """`routes` are paths of the API, as PAGE_ROUTES has them; `hosts` names without port, any where it is None;
        `origins` are other sites, as in `https://example.org`; with `keys` a request has to carry one of them.
        """
        self.app = app
        self.routes = tuple(routes)
        self.hosts = None if hosts is None else {name.lower() for name in hosts}
        self.origins = {origin.rstrip("/").lower() for origin in origins}
        self.keys = [key.encode() for key in keys]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer why not."""
        if scope["type"] == "websocket":  # of which there is none here
            return await send({"type": "websocket.close", "code": 1008})
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        refusal, name = self._refusal(scope), request_id(scope)
        scope.setdefault("state", {})["request_id"] = name
        sending = with_headers(send, {**HEADERS, REQUEST_ID: name})
        if refusal is not None and refusal[0] == 401 and b"text/html" in header(scope, b"accept"):
            return await answer_page(sending, 401, KEYLESS, refusal[2])  # who has closed the browser's question
        if refusal is not None:
            return await answer(sending, *refusal)
        if scope["method"] == "HEAD" and _among(below(scope), self.routes):
            scope = {**scope, "method": "GET"}  # the server sends no body: it knows what was asked
        return await self.app(scope, receive, sending)

    def _refusal(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        host, origin = header(scope, b"host").decode("latin-1").lower(), header(scope, b"origin").decode("latin-1")
        path = below(scope)
        if sum(name == b"host" for name, _ in scope["headers"]) > 1:
            return 403, "The request names several hosts.", {}
        if self.hosts is not None and path not in OPEN and _name(host) not in self.hosts:
            named = f"The host {host[:80]!r} is not one that this server answers to; `--allow-host` adds it."
            return 403, named, {}
        if origin and origin.lower() not in self.origins and not _same(origin, host):
            return 403, f"Pages of {origin[:80]!r} may not use this server; `--allow-origin` lets them.", {}
        if self.keys and path not in OPEN and not has_key(header(scope, b"authorization"), self.keys):
            return (
                401,
                "This server asks for a key: `Authorization: Bearer KEY`.",
                {"www-authenticate": 'Basic realm="i2i"'},
            )
        if not (_among(path, self.routes) or _of_page(scope["method"], path)):
            return 404, f"There is no {scope['method']} {path[:80]}; /docs lists what there is.", {}
        return None


def has_key(given: bytes, keys: Collection[bytes]) -> bool:
    """Whether an `Authorization` names one of the keys."""
    kind, _, given = given.partition(b" ")
    if kind.lower() == b"basic":  # what a browser asks its user for; any name
        try:
            given = base64.b64decode(given, validate=True).partition(b":")[2]
        except binascii.Error:
            return False
    elif kind.lower() != b"bearer":
        return False
    found = [hmac.compare_digest(given.strip(), key) for key in keys]  # all: the time tells nothing
    return any(found)


def read_keys(path: Path) -> list[str]:
    """The keys in a file, one a line; empty lines and those that begin with # are none. Raises RequestError."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"The keys in {path} cannot be read ({getattr(error, 'strerror', 'no text')}).") from error
    keys = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    weak = [key for key in keys if len(key) < 16 or not key.isascii()]
    if weak or not keys:
        raise RequestError(
            f"{path} has {'a key of fewer than 16 ASCII letters' if weak else 'no key'}: one a line, as "
            "`python -c 'import secrets; print(secrets.token_urlsafe(32))'` makes them."
        )
    return keys


def request_id(scope: Scope) -> str:
    """What the client calls its request, or a name of ours where it says none that will do."""
    named = header(scope, REQUEST_ID.encode()).decode("latin-1")
    return named if re.fullmatch(r"[A-Za-z0-9._-]{8,64}", named) else uuid.uuid4().hex


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """Answers get these, where they have none of that name."""

    async def sending(message: Scope) -> None:
        if message["type"] == "http.response.start":
            there = {name.lower() for name, _ in message["headers"]}
            more = [(n.encode(), v.encode()) for n, v in headers.items() if n.encode() not in there]
            message = {**message, "headers": [*message["headers"], *more]}
        await send(message)

    return sending


def _of_page(method: str, path: str) -> bool:
    return _among(path, PAGE_ROUTES.get(method, ()))


def _among(path: str, routes: Collection[str]) -> bool:
    return any(path == route or (route[-1] == "/" and route != "/" and path.startswith(route)) for route in routes)


def _name(host: str) -> str:
    """Without the port."""
    return host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() and not host.endswith("]") else host


def _same(origin: str, host: str) -> bool:
    """Whether a page of `origin` came from `host`; whether by TLS, only a proxy before us knows."""
    try:
        parts = urlsplit(origin.lower())
        usual = {"http": 80, "https": 443}.get(parts.scheme)
        return usual is not None and host.removesuffix(f":{usual}") == parts.netloc.removesuffix(f":{usual}")
    except ValueError:
        return False
