"""The routes of the page: the page itself, one address for commands, one for frames.

Each visitor has a name, which the page keeps and sends as a header, as no other site's page can; there is no cookie.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from importlib.resources import files
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.concurrency import run_in_threadpool

from ...errors import RequestError
from ...serving.web.doors import Doors
from ..controls import page_rows
from ..course import COURSE
from ..failures import FAILURES
from .sessions import MOST, Session, Sessions, refusal

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
LARGEST_BODY = 200_000
NAME = "x-learn-session"
KINDS = {"js": "text/javascript", "css": "text/css"}
GONE = "This training was forgotten, as nobody looked at it for long. Load the page again."
SHARED = ("base.css", "theme.js")
"""Files of the page of `i2i serve`: colours and type are the same."""


def create_learn(hosts: Collection[str] | None = None, visitors: int = MOST) -> FastAPI:
    """The application; it answers to the names `hosts`, to any where it is None, and to so many at a time."""
    here, shared = files(__package__) / "page", files("i2i.serving.web.page") / "static"
    known = {one.name for one in here.iterdir() if one.name.rpartition(".")[2] in KINDS}
    sessions = Sessions(visitors)
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    app.state.sessions = sessions
    app.add_middleware(Doors, routes=("/learn/",), hosts=hosts)

    @app.get("/")
    def index() -> HTMLResponse:
        page = (here / "index.html").read_text("utf-8")
        return HTMLResponse(page, headers={"content-security-policy": POLICY, "cache-control": "no-store"})

    @app.get("/page/{name}")
    def static(name: str) -> Response:
        folder = shared if name in SHARED else here
        if name not in known and name not in SHARED:
            return JSONResponse({"error": "There is no such file."}, 404)
        kind = KINDS[name.rpartition(".")[2]]
        return Response((folder / name).read_bytes(), media_type=kind, headers={"cache-control": "no-cache"})

    @app.get("/learn/about")
    def about() -> dict[str, Any]:
        return {
            "controls": page_rows(),
            "failures": [
                {"name": name, "button": row.button, "title": row.title(name), "text": row.text}
                for name, row in FAILURES.items()
            ],
            "course": [lesson._asdict() for lesson in COURSE],
        }

    @app.post("/learn/join")
    def join() -> JSONResponse:
        try:
            return JSONResponse({"session": sessions.join().id})
        except RequestError as error:
            return JSONResponse({"error": str(error)}, 503)

    @app.post("/learn/do")
    async def do(request: Request) -> JSONResponse:
        session = _session(request)
        if session is None:
            return JSONResponse({"error": GONE}, 410)
        try:
            command = json.loads(await _body(request))
        except ValueError:
            command = None
        if not isinstance(command, dict):
            return JSONResponse({"error": "That is no command, or too large a one."}, 422)
        answer, status = await run_in_threadpool(refusal, lambda: sessions.do(session, command))
        return JSONResponse(answer, status)

    @app.get("/learn/frame")
    def frame(request: Request, version: int = -1, lines: int = 0) -> Response:
        session = _session(request)
        if session is None:
            return JSONResponse({"error": GONE}, 410)
        try:
            found = sessions.frame(session, version, max(0, lines))
        except RequestError as error:
            return JSONResponse({"error": str(error)}, 500)
        return Response(found, 200 if found else 204, media_type="application/json")

    def _session(request: Request) -> Session | None:
        return sessions.get(request.headers.get(NAME, ""))

    return app


async def _body(request: Request) -> bytes:
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > LARGEST_BODY:
            return b""
    return body
