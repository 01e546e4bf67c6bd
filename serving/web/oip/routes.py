"""The protocol's addresses: https://github.com/kserve/open-inference-protocol, and Triton's binary tensor data."""

from __future__ import annotations

from typing import Any

import numpy as np
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

from .... import __version__
from ....card import Card
from ....errors import RequestError, UnknownNameError, require
from ...inference.controls import resolve_controls
from ...inference.executors import IMAGE, TRANSLATION, FloatArray
from ..admission import ClosingError
from ..bodies import body_of
from ..errors import error_responses
from ..jobs import Jobs
from ..refusing import asker
from ..service import ModelService
from ..translate import known_model
from .tensors import HEAD, InferRequest, answer, parse

VERSION = "1"
"""Of every model: a file is one version, and another is another file."""
EXTENSIONS = ["binary_tensor_data", "model_repository"]


def add_oip(app: FastAPI, services: dict[str, ModelService], jobs: Jobs) -> None:
    """The routes below /v2."""
    _add_health(app, services, jobs)
    _add_metadata(app, services)
    body = {"application/json": {"schema": {"type": "object", "required": ["inputs"]}}}

    @app.post("/v2/models/{name}/infer", responses=error_responses(400, 429, 503, 504), openapi_extra=_asks(body))
    @app.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer(request: Request, name: str, version: str = VERSION) -> Response:
        """Tensors in, tensors out: `image` is (N, C, H, W) in [0, 1] of any size, `translation` what comes of it.

        Other settings of the model are `parameters` of the request. Tensors are in JSON or, by Triton's extension, in
        bytes behind it.
        """
        service = services[_model(name, version, services)]
        with jobs.begun(request) as job, service.admission.enter(*asker(request)):
            data = await body_of(request)

            def work() -> tuple[bytes, dict[str, str]]:
                asked = parse(data, request.headers.get(HEAD))
                return answer(name, asked, {TRANSLATION: service.infer(_image(asked, service), job, asked.settings)})

            made, headers = await jobs.run(request, job, work)
        return Response(made, headers=headers)


def _add_health(app: FastAPI, services: dict[str, ModelService], jobs: Jobs) -> None:
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
    async def model_ready(name: str, version: str = VERSION) -> dict[str, Any]:
        """The model takes pictures."""
        if jobs.is_closing:
            raise ClosingError
        return {"name": _model(name, version, services), "ready": True}


def _add_metadata(app: FastAPI, services: dict[str, ModelService]) -> None:
    @app.get("/v2", responses=error_responses())
    async def server() -> dict[str, Any]:
        """Which server this is."""
        return {"name": "i2i", "version": __version__, "extensions": EXTENSIONS}

    @app.get("/v2/models/{name}", responses=error_responses())
    @app.get("/v2/models/{name}/versions/{version}", include_in_schema=False)
    async def model(name: str, version: str = VERSION) -> dict[str, Any]:
        """A model's tensors; -1 is a side of any length."""
        return metadata(name, services[_model(name, version, services)].engine.card)

    @app.post("/v2/repository/index", responses=error_responses())
    async def index() -> JSONResponse:
        """All models."""
        return JSONResponse([{"name": name, "version": VERSION, "state": "READY", "reason": ""} for name in services])


def metadata(name: str, card: Card) -> dict[str, Any]:
    """A model as the protocol describes one."""

    def tensor(port: str, channels: int) -> dict[str, Any]:
        return {"name": port, "datatype": "FP32", "shape": [-1, channels, -1, -1]}

    return {
        "name": name,
        "versions": [VERSION],
        "platform": "onnxruntime_onnx",
        "inputs": [tensor(IMAGE, card.input_channels)],
        "outputs": [tensor(TRANSLATION, card.output_channels)],
    }


def _model(name: str, version: str, services: dict[str, ModelService]) -> str:
    if version != VERSION:
        raise UnknownNameError("version", version, [VERSION])
    return known_model(name, services)


def _image(asked: InferRequest, service: ModelService) -> FloatArray:
    """The one picture tensor; raises RequestError on others, and on settings that mean nothing."""
    card = service.engine.card
    if list(asked.inputs) != [IMAGE]:
        given = ", ".join(map(repr, asked.inputs)) or "nothing"
        raise RequestError(
            f"The model's input is {IMAGE!r}, not {given}; what else it takes are `parameters` of the request."
        )
    image = asked.inputs[IMAGE]
    if image.ndim != 4 or image.shape[1] != card.input_channels:
        raise RequestError(f"{IMAGE!r} is (N, {card.input_channels}, H, W) in [0, 1], not {list(image.shape)}.")
    if not np.isfinite(image).all():
        raise RequestError(f"{IMAGE!r} holds values that are no numbers.")
    try:
        for name in asked.outputs:
            require("output", name, [TRANSLATION])
        resolve_controls(card, asked.settings, image.shape[2:])
    except UnknownNameError as error:  # of a value, not of an address
        raise RequestError(str(error)) from error
    return image


def _asks(content: dict[str, Any]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": content}}
