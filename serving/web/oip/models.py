"""A model as the protocol sees it: named tensors of one version."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from ....card import Card
from ....errors import RequestError, UnknownNameError, require
from ....ports import Port
from ...hosting.model import Model
from ...inference.controls import resolve_controls
from ...inference.executors import IMAGE, TRANSLATION, FloatArray
from ..service import ModelService
from ..translate import known_model
from .tensors import InferRequest


def metadata(model: Model) -> dict[str, Any]:
    """A model as the protocol describes one."""
    card = model.card

    def tensor(port: str, channels: int) -> dict[str, Any]:
        return {"name": port, "datatype": "FP32", "shape": [-1, channels, -1, -1]}

    def tensors(ports: Iterable[Port]) -> list[dict[str, Any]]:
        kinds = {"label": "INT64"}
        return [
            {"name": each.name, "datatype": kinds.get(each.kind, "FP32"), "shape": [-1, *each.shape]} for each in ports
        ]

    return {
        "name": model.name,
        "versions": [str(model.version)],
        "platform": "onnxruntime_onnx",
        "inputs": tensors(card.inputs) if card.image is None else [tensor(IMAGE, card.input_channels)],
        "outputs": tensors(card.outputs) if card.image is None else [tensor(TRANSLATION, card.output_channels)],
    }


def model_of(name: str, version: str | None, services: Mapping[str, ModelService]) -> str:
    """The name of a model, where the version is that of the file that is served now; raises UnknownNameError."""
    now = str(services[known_model(name, services)].model.version)
    if version not in (None, now):
        raise UnknownNameError("version", str(version), [now])
    return name


def image_of(asked: InferRequest, card: Card) -> FloatArray:
    """The one picture tensor; raises RequestError on others, and on settings that mean nothing."""
    if card.image is None:
        raise RequestError(f"{card.name} makes pictures from noise: POST /v1/generate asks for them.")
    if list(asked.inputs) != [IMAGE]:
        given = ", ".join(repr(name[:40]) for name in [*asked.inputs][:4]) or "nothing"
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
            require("output", name[:99], [TRANSLATION])
        resolve_controls(card, asked.settings, image.shape[2:])
    except UnknownNameError as error:  # of a value, not of an address
        raise RequestError(str(error)) from error
    return image
