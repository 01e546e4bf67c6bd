"""Steps on batches that are divided, or not; what processes are told to do in tests."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tiny_runs import SIZE, begun, noise, train, weights
from torch import nn

BATCH = 4
SMALLEST: dict[str, dict[str, Any]] = {
    "pix2pix": {"generator": {"name": "unet16", "width": 2}, "discriminator": {"width": 2}},
    "cyclegan": {
        "size": 32,
        "generator": {"name": "resnet6", "width": 2, "blocks": 1},
        "discriminator": {"width": 2, "layers": 1},
    },
    "discogan": {"generator": {"width": 2}, "discriminator": {"width": 2}, "curriculum": 5},
    "srgan": {"generator": {"name": "compact", "width": 4, "blocks": 1}, "discriminator": {"width": 2}},
    "gan": {"size": 16, "generator": {"width": 2}, "discriminator": {"width": 2}},
}

Numbers = dict[str, np.ndarray]


def settings_of(name: str, extra: dict[str, Any]) -> dict[str, Any]:
    """The smallest networks with `extra` on top."""
    base = SMALLEST[name]
    return {**base, **{k: {**base.get(k, {}), **v} if isinstance(v, dict) else v for k, v in extra.items()}}


def steps(name: str, extra: dict[str, Any], count: int = 20, double: bool = True) -> tuple[Numbers, list[float]]:
    """The weights after `count` steps and the mean of each step's scalars, of this process's part of every batch.

    In double precision, as a GAN doubles a difference of rounding at nearly every step.
    """
    torch.set_num_threads(1)
    images = count * BATCH
    settings = settings_of(name, extra)
    size = settings.get("size", SIZE)
    method = begun(name, batch=BATCH, images=images, **settings)
    if double:
        for network in method.networks.values():
            network.double()
    means = []
    for first in range(0, images, BATCH):
        method.at(first, BATCH)
        numbers = [first + place for place in method.division.places(BATCH)]
        batch = {key: value.double() if double else value for key, value in noise(*numbers, size=size).items()}
        scalars = method.step({**batch, "label": torch.tensor(numbers) % 2})
        losses = [value.detach().float() for key, value in scalars.items() if key[:2] in ("g_", "d_")]
        means.append(float(torch.stack(losses).mean()))
    return {k: v.detach().numpy().copy() for k, v in weights(method).items()}, means


def beginning(name: str, extra: dict[str, Any]) -> Numbers:
    """The weights that these steps begin with."""
    method = begun(name, batch=BATCH, images=BATCH, **settings_of(name, extra))
    return {key: value.numpy().copy() for key, value in weights(method).items()}


def run(folder: str, name: str, total: int, until: int | None, extra: dict[str, Any]) -> Numbers:
    """The weights after a run of `total` images, or of `until`, in a folder that the first process alone sees."""
    torch.set_num_threads(1)
    method, _ = train(Path(folder), name, total, until=until, batch=BATCH, **settings_of(name, extra))
    return {k: v.detach().numpy().copy() for k, v in weights(method).items()}


def without_effect(name: str, extra: dict[str, Any]) -> set[str]:
    """Names of biases that the norm behind takes away again; they move by rounding alone, as far as others."""
    found = set()
    for network_name, network in begun(name, batch=BATCH, **settings_of(name, extra)).networks.items():
        layers = [(key, module) for key, module in network.named_modules() if not list(module.children())]
        for (key, layer), (_, behind) in pairwise(layers):
            if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d) and "Norm" in type(behind).__name__:
                found.add(f"{network_name}.{key}.bias")
    return found
