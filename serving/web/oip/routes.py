"""The protocol's addresses: https://github.com/kserve/open-inference-protocol, and Triton's binary tensor data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from .... import __version__
from ...inference.executors import TRANSLATION
from ..admission import ClosingError
from ..bodies import body_of
from ..errors import error_responses
from ..jobs import Jobs
from ..refusing import asker
from ..service import ModelService
from ..translate import CountedResponse
from .models import image_of, metadata, model_of
from .tensors import HEAD, answer, check_answer, parse

EXTENSIONS = ["binary_tensor_data", "model_repository"]


def add_oip(app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs) -> None:
    """The routes below /v2."""
    _add_health(app, services, jobs)
    _add_metadata(app, services)
    body = {"application/json": {"schema": {"type": "object", "required": ["inputs"]}}}

    @app.post("/v2/models/{name}/infer", responses=error_responses(400, 429, 503, 504), openapi_extra=_asks(body))
    @app.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str, version: str | None = None) -> Response:
        """Tensors in, tensors out: `image` is (N, C, H, W) in [0, 1] of any size, `translation` what comes of it.

        Other settings of the model are `parameters` of the request. Tensors are in JSON or, by Triton's extension, in
        bytes behind it.
        """
        service = services[model_of(name, version, services)]
        with jobs.begun(request) as job, service.admission.enter(*asker(request)):
            data = await body_of(request)

            def work() -> tuple[bytes, dict[str, str]]:
                asked, card = parse(data, request.headers.get(HEAD)), service.card
                image = image_of(asked, card)
                check_answer(asked, image.size // image.shape[1] * card.output_channels * card.scale**2)
                return answer(name, asked, {TRANSLATION: service.infer(image, job, asked.settings)})

            made, headers = await jobs.run(request, job, work)
        return CountedResponse(service.ledger, made, headers=headers)


def _add_health(app: FastAPI, services: Mapping[str, ModelService], jobs: Jobs) -> None:
    @app.get("/v2/health/live", responses=error_responses())
    async def live() -> dict[str, bool]:
        """The server answers."""
        return {"live": True}

    @app.get("/v2/health/ready", responses=error_responses(503))
    async def ready() -> dict[str, bool]:
        """Every model takes pictures."""
        if jobs.is_closing:
            raise ClosingError
        return {"ready": True}

    @app.get("/v2/models/{name}/ready", responses=error_responses(503))
    @app.get("/v2/models/{name}/versions/{version}/ready", include_in_schema=False)
    async def model_ready(name: str, version: str | None = None) -> dict[str, Any]:
        """The model takes pictures."""
        if jobs.is_closing:
            raise ClosingError
        return {"name": model_of(name, version, services), "ready": True}


def _add_metadata(app: FastAPI, services: Mapping[str, ModelService]) -> None:
    @app.get("/v2", responses=error_responses())
    async def server() -> dict[str, Any]:
        """Which server this is."""
        return {"name": "i2i", "version": __version__, "extensions": EXTENSIONS}

    @app.get("/v2/models/{name}", responses=error_responses())
    @app.get("/v2/models/{name}/versions/{version}", include_in_schema=False)
    async def model(name: str, version: str | None = None) -> dict[str, Any]:
        """A model's tensors; -1 is a side of any length."""
        return metadata(services[model_of(name, version, services)].model)

    @app.post("/v2/repository/index", responses=error_responses())
    async def index() -> JSONResponse:
        """All models."""
        return JSONResponse(
            [
                {"name": name, "version": str(service.model.version), "state": "READY", "reason": ""}
                for name, service in services.items()
            ]
        )


def _asks(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
