"""What the user typed for a run, and the settings that it means."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from .. import renamed
from ..errors import ConfigError, UnknownNameError, require
from ..methods import METHODS
from ..methods.config import TrainConfig
from ..settings import merge, read_yaml, resolve, to_yaml
from ..training.run_directory import Run
from .forecast.planning import Wishes
from .progress import Say, silent
from .unhealthy import OnUnhealthy


@dataclasses.dataclass(frozen=True)
class Request:
    """What the user typed."""

    method: str
    data: Path
    run: Path
    preset: str | None = None
    config_file: Path | None = None
    flags: dict[str, Any] = dataclasses.field(default_factory=dict)
    assignments: dict[str, Any] = dataclasses.field(default_factory=dict)
    """The `--set` values, as a mapping."""
    wishes: Wishes = dataclasses.field(default_factory=Wishes)
    """What is wanted to be known beforehand."""
    on_unhealthy: OnUnhealthy = "warn"
    """What happens when the doctor names a failure."""


def settings(request: Request, say: Say = silent) -> TrainConfig:
    """The configuration that the request means, before the folder is looked at; names that are old are told."""
    require("method", request.method, METHODS)
    method = METHODS[request.method]
    layers: list[dict[str, Any]] = []
    if request.preset is not None:
        if request.preset not in method.PRESETS:
            raise UnknownNameError(f"preset of {request.method}", request.preset, method.PRESETS)
        layers.append(method.PRESETS[request.preset])
    if request.config_file is not None:
        layers.append(read_yaml(request.config_file))
    typed = merge(request.flags, request.assignments)
    layers += [typed, {"method": request.method, "data": {"path": str(request.data)}}]
    told = [sentence for layer in layers for sentence in renamed.settings(layer)[1]]
    told += Run(request.run).old_names()
    for sentence in dict.fromkeys(told):
        say(f"Note: {sentence}", err=True)
    layers = [renamed.settings(layer)[0] for layer in layers]
    _refuse_others_settings(request.method, layers)
    return resolve(method.Config, _with_one_length(layers, typed))


def _with_one_length(layers: list[dict[str, Any]], typed: dict[str, Any]) -> list[dict[str, Any]]:
    """Layers of which `epochs` takes the place of `images` in weaker ones; raises ConfigError where both were typed."""
    if {"images", "epochs"} <= typed.keys():
        raise ConfigError("Both images and epochs say how long the run is. Give one of them.")
    said = [n for n, layer in enumerate(layers) if "epochs" in layer and "images" not in layer]
    return [
        {key: value for key, value in layer.items() if key != "images" or n > max(said, default=-1)}
        for n, layer in enumerate(layers)
    ]


def _refuse_others_settings(name: str, layers: list[dict[str, Any]]) -> None:
    """Raises ConfigError for a setting that another method has; what none has is told by `resolve`."""
    for key in sorted({key for layer in layers for key in layer} - METHODS[name].Config.model_fields.keys()):
        owners = [other for other, method in METHODS.items() if key in method.Config.model_fields]
        if owners:
            raise ConfigError(f"{name} has no setting {key!r}; it belongs to {' and '.join(owners)}.")


def config_text(request: Request, say: Say = silent) -> str:
    """The complete settings, as config.yaml would hold them."""
    return to_yaml(settings(request, say))
