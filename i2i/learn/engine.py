"""The page's settings as a configuration of the method `gan`, and that method, as `i2i train gan` has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import torch
from torch import Tensor

from ..hardware.device import place
from ..methods.from_noise.config import FromNoiseConfig
from ..methods.from_noise.gan import Gan, prior
from ..settings import merge, parse_assignments, resolve

LINE, GRID = 5, 15
"""Steps from one line of the log to the next, and from one grid with health figures to the next."""

PAGE_ONLY = ("data", "count", "steps", "optimizer.clip", "conditional")
"""Settings of the page that are no settings of a run, or others there."""

OF_NETWORKS = ("generator.widths", "discriminator.widths", "generator.name", "generator.up", "generator.prior")
WIDTH = 8
"""Channels of the largest map of convolutional networks."""


def settings_of_run(asked: Mapping[str, Any], shape: tuple[int, int, int], names: Sequence[str]) -> dict[str, Any]:
    """What `i2i train gan` is told, as --config has it, for samples (C, H, W); `names` are those of the classes."""
    channels, height, width = shape
    nets = _networks(asked, plane=(height, width) == (1, 1))
    dotted = [f"{name}={_text(value)}" for name, value in asked.items() if name not in (*PAGE_ONLY, *OF_NETWORKS)]
    batch = asked["batch"]
    rest = {
        "size": min(height, width),
        "images": asked["steps"] * batch,
        "optimizer": {"decay_from": 1.0, "clip": asked["optimizer.clip"] or None},
        "log": {"every": LINE * batch, "samples": GRID * batch},
        "data": {"holdout": 0, "channels": {"image": channels}},
        "precision": "fp32",
    }
    found = merge(merge(nets, rest), parse_assignments(dotted))
    found["data"]["augment"] = list(asked["data.augment"]) or ["none"]
    if asked["conditional"]:
        found["data"]["domains"] = list(names)
    return found


def _networks(asked: Mapping[str, Any], *, plane: bool) -> dict[str, Any]:
    """Dense networks, convolutional ones of pictures, or those that know the class."""
    if asked["conditional"]:
        of_g = {"name": "conditional_mlp", "widths": [64, 64, 256], "prior": asked["generator.prior"]}
        return {"conditional": True, "generator": of_g, "discriminator": {"name": "conditional_mlp"}}
    if asked["generator.name"] == "dcgan" and not plane:
        of_g = {"name": "dcgan", "width": WIDTH, "up": asked["generator.up"]}
        return {"generator": of_g, "discriminator": {"name": "dcgan", "width": WIDTH, "norm": False}}
    layers = {side: list(asked[f"{side}.widths"]) for side in ("generator", "discriminator")}
    of_g = {"name": "mlp", "widths": layers["generator"], "activation": "leaky", "bounded": not plane}
    return {
        "generator": of_g | {"prior": asked["generator.prior"]},
        "discriminator": {"name": "mlp", "widths": layers["discriminator"]},
    }


def config_of(asked: Mapping[str, Any], shape: tuple[int, int, int], names: Sequence[str]) -> FromNoiseConfig:
    """The same, complete. Raises ConfigError for settings that exclude each other."""
    told = merge(settings_of_run(asked, shape, names), {"data": {"path": asked["data"]}})
    config = resolve(FromNoiseConfig, [told])
    return cast(FromNoiseConfig, Gan.complete_config(config, asked["count"]))


def method_of(config: FromNoiseConfig) -> Gan:
    """Fresh networks, which torch's random numbers decide."""
    return Gan.from_config(config, place("cpu", "fp32"))


def fixed_latents(method: Gan, count: int) -> Tensor:
    """(count, latent): the same in every training of such a size."""
    return prior(method.G, count, torch.device("cpu"), torch.Generator().manual_seed(1))


def _text(value: Any) -> str:
    """As YAML reads it."""
    return f"[{','.join(map(str, value))}]" if isinstance(value, tuple) else f"{value}"
