"""The HTTP server: translate a picture that is sent, list the models, say that it lives; and the page at `/`.

Only uploaded bytes are read: no path and no URL that a client names. Every error is `{"error": "one sentence"}`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Collection, Iterable
from pathlib import Path
from typing import Any, TextIO

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from ...errors import RequestError
from ..inference.controls import settings_of
from ..inference.engine import Engine
from ..runtime.resolve import exported_models, resolve_model
from .admission import ClosingError
from .api_docs import docs_page, docs_policy, openapi_of, setting_schema
from .asgi import Prefixed
from .batches.routes import add_batches
from .batches.store import Store
from .doors import OPEN, Doors
from .errors import add_errors, error_responses
from .jobs import Jobs, add_jobs
from .limits import BodyLimit
from .observed import Metrics, Observed
from .oip.routes import add_oip
from .refusing import Refusing
from .service import MAX_WAITING, ModelService
from .translate import add_translate

MAX_BYTES = 32 * 2**20
"""Of a request, unless told otherwise."""
BATCH = 8
"""Times the largest upload that a batch may have."""
DEADLINE = 300.0
"""Seconds that a request may take, its waiting included."""

ROUTES = ("/v1/", "/v2", "/v2/", "/docs", "/openapi.json", *OPEN)
"""Paths of the API; all others are the page's."""


def load_engines(
    models: Iterable[Path], direction: str | None = None, device: str = "auto", precision: str = "auto"
) -> dict[str, Engine]:
    """An engine for each MODEL by the name that clients use: the card's, with `-2`, `-3` … where names repeat.

    A run with two directions gives both unless `direction` is given, and a folder of files or of runs all of them.
    Raises what `resolve_model` and Engine raise.
    """
    files: list[Path] = []
    for model in models:
        found = _exported(model) if model.is_dir() and direction is None else []
        files += found or [resolve_model(model, direction)]
    engines: dict[str, Engine] = {}
    for file in files:
        engine = Engine(file, device, precision)
        name, number = engine.card.name, 2
        while name in engines:
            name, number = f"{engine.card.name}-{number}", number + 1
        engines[name] = engine
    return engines


def _exported(folder: Path) -> list[Path]:
    """The models in a folder, or in the folders in it."""
    inner = sorted(each for each in folder.iterdir() if each.is_dir() and not each.name.startswith("."))
    return exported_models(folder) or [file for each in inner for file in exported_models(each)]


def create_app(
    engines: dict[str, Engine],
    *,
    max_bytes: int = MAX_BYTES,
    max_pixels: float = 16e6,
    max_result_pixels: float = 64e6,
    max_waiting: int = MAX_WAITING,
    deadline: float = DEADLINE,
    batch_wait: float = 0,
    page: bool = True,
    hosts: Collection[str] | None = None,
    origins: Collection[str] = (),
    keys: Collection[str] = (),
    root_path: str = "",
    access_log: TextIO | None = None,
    batches: Store | None = None,
) -> FastAPI:
    """The application that serves `engines` by name; the first is taken when a request names none.

    Bodies are limited to `max_bytes`, the pictures in them to `max_pixels`, their results (where they are enlarged) to
    `max_result_pixels`. `max_waiting` requests may wait for an engine, and each may take `deadline` seconds. A
    picture waits `batch_wait` seconds at most for others of its size to be computed with. `hosts`
    are the names that it answers to (any where it is None), `origins` other sites whose pages may use it; with `keys`
    a request has to carry one (doors.py). `root_path` is the prefix that a proxy serves it under, as in `/i2i`. A line
    of JSON for each request goes to `access_log`. Batches of many pictures are kept in `batches`; there are none
    without it. Raises RequestError without an engine.
    """
    if not engines:
        raise RequestError("There is no model to serve. Name a run directory or an ONNX file.")
    services = {
        name: ModelService(engine, max_pixels, max_result_pixels, max_waiting, max_bytes)
        for name, engine in engines.items()
    }
    for engine in engines.values():
        engine.batcher.wait = batch_wait
    jobs = Jobs(deadline, threads=len(services) * (max_waiting + 1))
    app = FastAPI(
        title="i2i",
        summary="Picture in, translated picture out.",
        docs_url=None,
        redoc_url=None,
        lifespan=_background,
    )
    app.state.background = []
    add_errors(app)
    _add_facts(app, engines, jobs)
    add_translate(app, services, jobs)
    add_jobs(app, jobs)
    add_oip(app, services, jobs)
    if batches is not None:
        add_batches(app, services, jobs, batches)
    app.state.jobs, app.state.services = jobs, services
    app.openapi = openapi_of(app)  # type: ignore[method-assign]
    if page:
        from .page import mount_page

        mount_page(app, services, jobs, max_bytes)
    app.add_middleware(BodyLimit, max_bytes=max_bytes, more={"/v1/batches": BATCH * max_bytes})
    app.add_middleware(Refusing, services=services, jobs=jobs)
    if origins:
        app.add_middleware(
            CORSMiddleware, allow_origins=list(origins), allow_methods=["GET", "POST"], allow_headers=["*"]
        )
    app.add_middleware(Doors, routes=ROUTES, hosts=hosts, origins=origins, keys=keys)
    app.state.metrics = Metrics(services)
    app.add_middleware(Observed, metrics=app.state.metrics, log=access_log)
    if root_path.rstrip("/"):
        app.add_middleware(Prefixed, prefix=root_path.rstrip("/"))
    return app


@contextlib.asynccontextmanager
async def _background(app: FastAPI) -> AsyncIterator[None]:
    """Runs what works beside the requests for as long as the application serves."""
    for each in app.state.background:
        each.start()
    yield
    for each in app.state.background:
        await run_in_threadpool(each.stop)


def _add_facts(app: FastAPI, engines: dict[str, Engine], jobs: Jobs) -> None:
    facts = [describe(name, engine) for name, engine in engines.items()]

    @app.get("/v1/models", responses=error_responses())
    async def models() -> dict[str, Any]:
        """Every model: its name for requests, what its card says, and what runs it."""
        return {"models": facts}

    @app.get("/health", responses=error_responses())
    @app.get("/health/live", responses=error_responses())
    async def live() -> dict[str, str]:
        """The server answers."""
        return {"status": "live"}

    @app.get("/health/ready", responses=error_responses(503))
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
