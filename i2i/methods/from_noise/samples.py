"""What samples are beside RGB and grey: RGBA, points of the plane (2, 1, 1); and how each is shown."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ...images.scatter import GENERATED, PALE, REAL, scatter
from .config import FromNoiseConfig

POINT = (2, 1, 1)
RGBA = 4
"""Channels of a picture with alpha."""
FOR_POINTS = ("mlp", "maxout", "conditional_mlp")
"""Networks of samples of any shape."""


def for_samples(config: FromNoiseConfig, shape: tuple[int, ...] | None) -> FromNoiseConfig:
    """The configuration for samples of that shape; None: pictures. Raises ConfigError for networks of others."""
    if shape != POINT:
        return config
    for kind, name in (("generator", config.generator.name), ("discriminator", config.discriminator.name)):
        if name not in FOR_POINTS:
            raise ConfigError(
                f"{config.data.path} holds points, and the {kind} {name!r} is for pictures. Use --preset points, or "
                f"--set {kind}.name=mlp."
            )
    return config.model_copy(update={"size": 1, "aspect": None})


def on_white(x: Tensor) -> Tensor:
    """(N, 4, H, W): RGB times alpha, and alpha, all in [-1, 1] -> (N, 3, H, W)."""
    return (x[:, :3] + 1 - x[:, 3:]).clamp(-1, 1)


def as_shown(columns: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """`sample_columns` as the grid has them, (N, C, H, W) in [-1, 1]: RGBA on white; of points all in one plane."""
    if columns["real"].shape[1] == RGBA:
        return {name: on_white(column[:rows]) for name, column in columns.items()}
    if columns["real"].shape[1:] != POINT:
        return {name: column[:rows] for name, column in columns.items()}
    real, fake = (
        torch.cat([column for name, column in columns.items() if (name == "real") == is_real])[:, :, 0, 0]
        for is_real in (True, False)
    )
    planes = {
        "real": scatter((real.float().cpu().numpy(), REAL)),
        "generated": scatter((real.float().cpu().numpy(), PALE), (fake.float().cpu().numpy(), GENERATED)),
    }
    return {name: torch.from_numpy(np.moveaxis(plane, 2, 0)[None] / 127.5 - 1) for name, plane in planes.items()}
