"""The HTTP server: translate a picture that is sent, list the models, say that it lives; and the page at `/`.

Only uploaded bytes are read: no path and no URL that a client names. Every error is `{"error": "one sentence"}`.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, TextIO

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse
from starlette.concurrency import run_in_threadpool
from starlette.middleware.cors import CORSMiddleware

from ...errors import RequestError
from ..generation.generator import Generator
from ..hosting.host import Host
from ..hosting.ledger import Ledger
from ..hosting.model import Held, Model, opened
from ..inference.controls import pictures_of, settings_of
from .admission import ClosingError
from .api_docs.docs import docs_page, docs_policy, openapi_of, setting_schema
from .asgi import BodyLimit, Prefixed
from .batches.routes import BATCH, add_batches
from .batches.store import Store
from .batches.worker import Worker
from .doors import OPEN, Doors
from .errors import add_errors, error_responses
from .generation.routes import add_generate
from .generation.service import GeneratorService
from .jobs import Jobs, add_jobs
from .observed import Metrics, Observed
from .oip.routes import add_oip
from .refusing import Refusing
from .service import MAX_WAITING, ModelService, Services
from .translate import add_translate, asked, known_model
from .workers.siblings import Siblings

MAX_BYTES = 32 * 2**20
"""Of a request, unless told otherwise."""
DEADLINE = 300.0
"""Seconds that a request may take, its waiting included."""

ROUTES = ("/v1/", "/v2", "/v2/", "/docs", "/openapi.json", *OPEN)
"""Paths of the API; all others are the page's."""


def load_engines(
    models: Iterable[Path], direction: str | None = None, device: str = "auto", precision: str = "auto"
) -> dict[str, Held]:
    """An engine for each MODEL by the name that clients use, all of them open; raises what Host and Engine raise."""
    host = Host(models, direction, device, precision)
    return {name: opened(model.path, device, precision) for name, model in host.items()}


def create_app(
    models: Host | Mapping[str, Held],
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
    number: int = 0,
    meeting: Path | None = None,
) -> FastAPI:
    """The application that serves `models` by name; the first is taken when a request names none. Those of a host are
    opened when they are asked for, within its budget of memory; engines stay open.

    Bodies are limited to `max_bytes`, the pictures in them to `max_pixels`, their results (where they are enlarged) to
    `max_result_pixels`. `max_waiting` requests may wait for an engine, and each may take `deadline` seconds. A
    picture waits `batch_wait` seconds at most for others of its size to be computed with. `hosts`
    are the names that it answers to (any where it is None), `origins` other sites whose pages may use it; with `keys`
    a request has to carry one (doors.py). `root_path` is the prefix that a proxy serves it under, as in `/i2i`. A line
    of JSON for each request goes to `access_log`. Batches of many pictures are kept in `batches`; there are none
    without it. Of several processes that serve together this is the one of that `number`; they meet in the folder
    `meeting`, and the first computes the batches of all. Raises RequestError without an engine.
    """
    if not models:
        raise RequestError("There is no model to serve. Name a run directory or an ONNX file.")
    ledger = models.ledger if isinstance(models, Host) else Ledger()
    metrics = Metrics(ledger)

    def service_of(model: Model) -> ModelService:
        kind = GeneratorService if model.card.image is None else ModelService
        service = kind(model, max_pixels, max_result_pixels, max_waiting, max_bytes)
        metrics.watch(service)
        model.when_open(lambda engine: wait_for_others(engine, batch_wait))
        return service

    hosted = models if isinstance(models, Host) else {name: Model.of(name, e, ledger) for name, e in models.items()}
    services = Services(hosted, service_of)
    jobs = Jobs(deadline, threads=lambda: len(services) * (max_waiting + 1))
    app = FastAPI(
        title="i2i",
        summary="Picture in, translated picture out.",
        docs_url=None,
        redoc_url=None,
        lifespan=_background,
    )
    app.state.background = []
    add_errors(app)
    _add_facts(app, services, jobs)
    add_translate(app, services, jobs)
    add_generate(app, services, jobs)
    add_jobs(app, jobs)
    add_oip(app, services, jobs)
    if batches is not None:
        worker = Worker(batches, services, jobs.seconds)
        add_batches(app, services, jobs, worker, max_bytes, ledger)
        if number == 0:
            app.state.background.append(worker)
    if meeting is not None:
        siblings = Siblings(meeting, number, jobs)
        jobs.elsewhere = siblings.ask
        app.state.background.append(siblings)
    app.state.jobs, app.state.services = jobs, services
    app.openapi = openapi_of(app, lambda: asked(services))  # type: ignore[method-assign]
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
    app.state.metrics = metrics
    app.add_middleware(Observed, metrics=metrics, log=access_log)
    if root_path.rstrip("/"):
        app.add_middleware(Prefixed, prefix=root_path.rstrip("/"))
    return app


def wait_for_others(engine: Held, seconds: float) -> None:
    """A translator's pictures wait so long at most for others of their size."""
    if not isinstance(engine, Generator):
        engine.batcher.wait = seconds


@contextlib.asynccontextmanager
async def _background(app: FastAPI) -> AsyncIterator[None]:
    """Runs what works beside the requests for as long as the application serves."""
    for each in app.state.background:
        each.start()
    yield
    for each in app.state.background:
        await run_in_threadpool(each.stop)


def _add_facts(app: FastAPI, services: Services, jobs: Jobs) -> None:
    @app.get("/v1/models", responses=error_responses())
    async def models() -> dict[str, Any]:
        """Every model: its name for requests, what its card says, and what runs it once it is open."""
        return {"models": [describe(service.model) for service in services.values()]}

    @app.get("/v1/models/{name}", responses=error_responses())
    async def model(name: str) -> dict[str, Any]:
        """A model, with its whole card."""
        found = services[known_model(name, services)].model
        return {**describe(found), "card": json.loads(found.card.to_json())}

    @app.get("/health", responses=error_responses())
    @app.get("/health/live", responses=error_responses())
    async def live() -> dict[str, str]:
        """The server answers."""
        return {"status": "live"}

    @app.get("/health/ready", responses=error_responses(503))
    async def ready() -> dict[str, Any]:
        """The server takes pictures. Each model passes its golden probe before it is used."""
        if jobs.is_closing:
            raise ClosingError
        return {"status": "ready", "models": list(services)}

    @app.get("/docs", response_class=HTMLResponse, include_in_schema=False)
    async def docs(request: Request) -> HTMLResponse:
        page = docs_page(app.openapi(), str(request.base_url).rstrip("/"), list(services))
        return HTMLResponse(page, headers={"content-security-policy": docs_policy(page)})


def describe(model: Model) -> dict[str, Any]:
    """A model as `/v1/models` lists it."""
    card, engine = model.card, model.engine
    return {
        "id": model.name,
        "version": model.version,
        "sha256": model.found.sha256,
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
        "pictures": {port.name: port.kind for port in pictures_of(card)},
        "licence": card.licence,
        "metrics": card.metrics,
        "is_open": engine is not None,
        "provider": None if engine is None else engine.provider,
        "precision": None if engine is None else engine.precision,
        "reason": "It is opened when it is first asked for." if engine is None else engine.reason,
    }
