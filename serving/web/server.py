"""The HTTP server: translate a picture that is sent, list the models, say that it lives; and the page at `/`.

Only uploaded bytes are read: no path and no URL that a client names. Every error is `{"error": "one sentence"}`.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect

from ...errors import (
    I2IError,
    PictureError,
    PictureTooLargeError,
    ProviderError,
    RequestError,
    UnknownNameError,
)
from ..inference.controls import settings_of
from ..inference.engine import Engine
from ..runtime.jobs import CancelledError, DeadlineError
from ..runtime.resolve import exported_models, resolve_model
from .admission import BusyError
from .api_docs import docs_page, docs_policy, setting_schema
from .doors import OPEN, Doors
from .jobs import ClosingError, Jobs, add_jobs
from .limits import BodyLimit
from .service import MAX_WAITING, ModelService, NotAPictureError
from .translate import add_translate

log = logging.getLogger("i2i.serving")

STATUS: dict[type[I2IError], int] = {  # the first class that fits decides
    UnknownNameError: 404,
    RequestError: 400,
    NotAPictureError: 415,
    PictureTooLargeError: 413,
    PictureError: 422,
    BusyError: 429,
    DeadlineError: 504,
    ClosingError: 503,
    ProviderError: 503,
    I2IError: 500,
}

DEADLINE = 300.0
"""Seconds that a request may take, its waiting included."""

ROUTES = ("/v1/", "/docs", "/openapi.json", *OPEN)
"""Paths of the API; all others are the page's."""


def load_engines(
    models: Iterable[Path], direction: str | None = None, device: str = "auto", precision: str = "auto"
) -> dict[str, Engine]:
    """An engine for each MODEL by the name that clients use: the card's, with `-2`, `-3` … where names repeat.

    A run with two directions gives both unless `direction` is given. Raises what `resolve_model` and Engine raise.
    """
    files: list[Path] = []
    for model in models:
        both = exported_models(model) if model.is_dir() and direction is None else []
        files += both or [resolve_model(model, direction)]
    engines: dict[str, Engine] = {}
    for file in files:
        engine = Engine(file, device, precision)
        name, number = engine.card.name, 2
        while name in engines:
            name, number = f"{engine.card.name}-{number}", number + 1
        engines[name] = engine
    return engines


def create_app(
    engines: dict[str, Engine],
    *,
    max_bytes: int = 32 * 2**20,
    max_pixels: float = 16e6,
    max_result_pixels: float = 64e6,
    max_waiting: int = MAX_WAITING,
    deadline: float = DEADLINE,
    page: bool = True,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
    keys: Collection[str] = (),
    root_path: str = "",
) -> FastAPI:
    """The application that serves `engines` by name; the first is taken when a request names none.

    Bodies are limited to `max_bytes`, the pictures in them to `max_pixels`, their results (where they are enlarged) to
    `max_result_pixels`. `max_waiting` requests may wait for an engine, and each may take `deadline` seconds. `hosts`
    are the names that it answers to (any where it is None), `origins` other sites whose pages may use it; with `keys`
    a request has to carry one (doors.py). `root_path` is the prefix that a proxy serves it under, as in `/i2i`. Raises
    RequestError without an engine.
    """
    if not engines:
        raise RequestError("There is no model to serve. Name a run directory or an ONNX file.")
    services = {
        name: ModelService(engine, max_pixels, max_result_pixels, max_waiting, max_bytes)
        for name, engine in engines.items()
    }
    jobs = Jobs(deadline, threads=len(services) * (max_waiting + 1))
    app = FastAPI(
        title="i2i",
        summary="Picture in, translated picture out.",
        docs_url=None,
        redoc_url=None,
        root_path=root_path.rstrip("/"),
    )
    _add_errors(app)
    _add_facts(app, engines, jobs)
    add_translate(app, services, jobs)
    add_jobs(app, jobs)
    _add_nothing_else(app)
    app.state.jobs = jobs
    if page:
        from .page import mount_page

        mount_page(app, services, jobs, max_bytes)
    app.add_middleware(BodyLimit, max_bytes=max_bytes)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(Doors, routes=ROUTES, hosts=hosts, origins=origins, keys=keys)
    return app


def _add_nothing_else(app: FastAPI) -> None:
    @app.api_route("/v1/{rest:path}", methods=["GET", "POST", "PUT", "DELETE", "PATCH"], include_in_schema=False)
    async def nothing_here(request: Request, rest: str) -> Response:
        """Keeps the page's own answers out of the API's paths."""
        raise HTTPException(404, f"There is no {request.method} /v1/{rest}; /docs lists what there is.")


def _add_facts(app: FastAPI, engines: dict[str, Engine], jobs: Jobs) -> None:
    facts = [describe(name, engine) for name, engine in engines.items()]

    @app.get("/v1/models")
    async def models() -> dict[str, Any]:
        """Every model: its name for requests, what its card says, and what runs it."""
        return {"models": facts}

    @app.get("/health")
    @app.get("/health/live")
    async def live() -> dict[str, str]:
        """The server answers."""
        return {"status": "live"}

    @app.get("/health/ready")
    async def ready() -> dict[str, Any]:
        """Every model is loaded and has passed its golden probe, and the server takes pictures."""
        if jobs.is_closing:
            raise ClosingError
        return {"status": "ready", "models": list(engines)}

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        page = docs_page(app.openapi(), str(request.base_url).rstrip("/"), list(engines))
        return HTMLResponse(page, headers={"content-security-policy": docs_policy(page)})


def describe(name: str, engine: Engine) -> dict[str, Any]:
    """A model as `/v1/models` lists it."""
    card = engine.card
    return {
        "id": name,
        "method": card.method,
        "task": card.task,
        "source": card.source,
        "target": card.target,
        "input": card.input_meaning,
        "output": card.output_meaning,
        "scale": card.scale,
        "settings": {
            name: {"default": setting.default, **setting_schema(setting)} for name, setting in settings_of(card).items()
        },
        "licence": card.licence,
        "metrics": card.metrics,
        "provider": engine.provider,
        "precision": engine.precision,
        "reason": engine.reason,
    }


def _add_errors(app: FastAPI) -> None:
    """One table from error class to status; no stack trace and no path of this machine reaches a client."""

    def answer(status: int, text: str, headers: dict[str, str] | None = None) -> JSONResponse:
        return JSONResponse({"error": text}, status, headers)

    @app.exception_handler(I2IError)
    async def ours(_request: Request, error: I2IError) -> JSONResponse:
        status = next(status for kind, status in STATUS.items() if isinstance(error, kind))
        if status == 500 or isinstance(error, ProviderError):
            log.error("%s", error)
        wait = {"Retry-After": str(error.seconds)} if isinstance(error, BusyError) else None
        return answer(status, str(error), wait)

    @app.exception_handler(CancelledError)
    async def cancelled(request: Request, error: CancelledError) -> JSONResponse:
        is_closing = request.app.state.jobs.is_closing  # else the client is gone
        return answer(503 if is_closing else 499, str(ClosingError() if is_closing else error))

    @app.exception_handler(ClientDisconnect)
    async def left(_request: Request, _error: ClientDisconnect) -> Response:
        return Response(status_code=499)  # nobody reads it, and nothing is wrong here

    @app.exception_handler(HTTPException)
    async def http(_request: Request, error: HTTPException) -> JSONResponse:
        return answer(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def unforeseen(_request: Request, error: Exception) -> JSONResponse:
        log.exception("unforeseen error", exc_info=error)
        return answer(500, "The server failed on this request; its log says why.")
