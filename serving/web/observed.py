"""What a server tells those who run it: Prometheus metrics on a port of their own, and a line of JSON for each request.

Neither holds anything of a picture, nor a key. Metrics are for a scraper in the same network: they are not on the port
that clients reach.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO
from urllib.parse import parse_qs

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

from ...errors import RequestError
from ..hosting.ledger import Ledger
from .asgi import App, Message, Receive, Scope, Send, header
from .service import ModelService

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300)
REASONS = {401: "key", 403: "origin", 404: "address", 405: "method", 408: "slow", 413: "size", 415: "kind",
           422: "damaged", 429: "busy", 431: "headers", 499: "left", 503: "unavailable", 504: "deadline"}  # fmt: skip
"""Why a request was refused, by status."""

ROUTE = re.compile(
    r"^(/v[12]/(?:translate|generate|models|jobs|batches|health)|/health|/page|/docs|/openapi\.json"
    r"|/(?:translate|generate)?$)"
)
"""What stands for an address in labels and lines: without ids, which would be without number."""


class Metrics:
    """Of one application."""

    def __init__(self, ledger: Ledger) -> None:
        self.registry = CollectorRegistry()

        def of(kind: type, name: str, text: str, *labels: str, **options: object) -> object:
            return kind(f"i2i_{name}", text, labels, registry=self.registry, **options)

        self.requests: Counter = of(Counter, "requests_total", "Answers.", "route", "status")  # type: ignore[assignment]
        self.rejections: Counter = of(Counter, "rejections_total", "Refusals.", "reason")  # type: ignore[assignment]
        self.seconds: Histogram = of(  # type: ignore[assignment]
            Histogram, "request_seconds", "From the request's headers to its answer's end.", "route", buckets=SECONDS
        )
        self.stages: Histogram = of(  # type: ignore[assignment]
            Histogram, "stage_seconds", "Of a picture: decode, queue, inference, encode.", "model", "stage",
            buckets=SECONDS,
        )  # fmt: skip
        self.batches: Histogram = of(  # type: ignore[assignment]
            Histogram, "batch_pictures", "Pictures computed at once.", "model", buckets=(1, 2, 3, 4, 5, 6, 7, 8)
        )
        self.inside: Gauge = of(Gauge, "pictures_inside", "Pictures let in and not answered.", "model")  # type: ignore[assignment]
        self.places: Gauge = of(Gauge, "places", "Pictures that are let in at most.", "model")  # type: ignore[assignment]
        self.is_open: Gauge = of(Gauge, "model_open", "Whether a model is in memory.", "model", "version")  # type: ignore[assignment]
        memory: Gauge = of(  # type: ignore[assignment]
            Gauge, "memory_bytes", "The budget of memory: the limit, and what models, pictures and bodies take.", "of"
        )
        memory.labels("limit").set(ledger.limit)
        memory.labels("models").set_function(lambda: ledger.of_models)
        memory.labels("pictures").set_function(lambda: ledger.of_pictures)
        memory.labels("bodies").set_function(lambda: ledger.bodies)

    def watch(self, service: ModelService) -> None:
        """Have a model's work counted."""
        model, name = service.model, service.model.name
        self.inside.labels(name).set_function(lambda: service.admission.count)
        self.places.labels(name).set_function(lambda: service.admission.places)
        self.is_open.labels(name, str(model.version)).set_function(lambda: model.engine is not None)
        service.on_stage = lambda stage, seconds: self.stages.labels(name, stage).observe(seconds)
        observe = self.batches.labels(name).observe
        model.when_open(lambda engine: engine.tell_batches(observe))

    def count(self, route: str, status: int, seconds: float) -> None:
        """An answer."""
        self.requests.labels(route, str(status)).inc()
        self.seconds.labels(route).observe(seconds)
        if status in REASONS:
            self.rejections.labels(REASONS[status]).inc()

    def serve(self, host: str, port: int) -> Callable[[], None]:
        """Answer scrapers until the function that is given back is called; raises RequestError on a taken port."""
        try:
            server, thread = start_http_server(port, addr=host, registry=self.registry)
        except OSError as error:
            raise RequestError(
                f"Metrics cannot be served on {host} port {port} ({error.strerror}). Choose another --metrics-port."
            ) from error

        def stop() -> None:
            server.shutdown()
            server.server_close()
            thread.join(5)

        return stop


class Observed:
    """ASGI middleware around all others: counts each answer, and writes its line."""

    def __init__(self, app: App, metrics: Metrics, log: TextIO | None = None) -> None:
        """`log` takes the lines; none without one."""
        self.app, self.metrics, self.log = app, metrics, log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and see what becomes of it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began, seen = time.monotonic(), {"status": 499, "in": 0, "out": 0}

        async def receiving() -> Message:
            message = await receive()
            seen["in"] += len(message.get("body", b""))
            return message

        async def sending(message: Message) -> None:
            seen["status"] = message.get("status", seen["status"])
            seen["out"] += len(message.get("body", b""))
            await send(message)

        try:
            await self.app(scope, receiving, sending)
        finally:
            self._tell(scope, seen, time.monotonic() - began)

    def _tell(self, scope: Scope, seen: Mapping[str, int], seconds: float) -> None:
        route = route_of(scope["path"], scope.get("root_path", ""))
        self.metrics.count(route, seen["status"], seconds)
        if self.log is not None:
            line = {
                "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                "id": scope.get("state", {}).get("request_id"),
                "client": scope["client"][0] if scope.get("client") else None,
                "method": scope["method"],
                "route": route,
                "model": parse_qs(scope["query_string"].decode("latin-1")).get("model", [None])[0],
                "status": seen["status"],
                "bytes_in": seen["in"],
                "bytes_out": seen["out"],
                "milliseconds": round(1000 * seconds, 1),
                "agent": header(scope, b"user-agent").decode("latin-1")[:200],
            }
            self.log.write(json.dumps(line) + "\n")
            self.log.flush()


def route_of(path: str, prefix: str = "") -> str:
    """The route that an address is of; `other` where there is none."""
    below = path[len(prefix) :] if prefix and path.startswith(prefix + "/") else path
    match = ROUTE.match(below)
    return "other" if match is None else match[1]


def open_log(path: Path | None) -> TextIO | None:
    """Where the lines go: a file, to whose end they are added, or standard output for `-`. Raises RequestError."""
    if path is None:
        return None
    if str(path) == "-":
        return sys.stdout
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise RequestError(f"The access log {path} cannot be written ({error.strerror}).") from error
