"""Samples beside RGB and grey, and how each is shown: RGBA, points of the plane (2, 1, 1), volumes (1, S, S, S)."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ...errors import ConfigError
from ...images.scatter import GENERATED, PALE, REAL, scatter
from ...images.voxels import rendered
from .config import FromNoiseConfig

POINT = (2, 1, 1)
RGBA = 4
"""Channels of a picture with alpha."""
FOR: dict[str, tuple[tuple[str, ...], str]] = {
    "points": (("mlp", "maxout", "conditional_mlp"), "points"),
    "volumes": (("voxels",), "3dgan-small"),
    "pictures": ((), "dcgan-small"),
}
"""Networks of such samples (of pictures: all but those of volumes), and a preset."""


def for_samples(config: FromNoiseConfig, shape: tuple[int, ...] | None) -> FromNoiseConfig:
    """The configuration for samples of that shape; None: pictures. Raises ConfigError for networks of others."""
    held = "pictures" if shape is None else "points" if shape == POINT else "volumes"
    able, preset = FOR[held]
    for kind, name in (("generator", config.generator.name), ("discriminator", config.discriminator.name)):
        if (name not in able) if able else (name in FOR["volumes"][0]):
            raise ConfigError(
                f"{config.data.path} holds {held}, and the {kind} {name!r} is for others. Use --preset {preset}."
            )
    if shape is None:
        return config
    if shape == POINT:
        return config.model_copy(update={"size": 1, "aspect": None})
    if shape[1] % config.size or config.aspect is not None:
        raise ConfigError(
            f"The volumes of {config.data.path} have {shape[1]} voxels a side, and {config.size} is no whole part of "
            f"it. Use --size {shape[1]}."
        )
    return config


def fakes(columns: Mapping[str, Tensor]) -> Tensor:
    """What of `sample_columns` was generated, of all columns."""
    return torch.cat([column for name, column in columns.items() if name != "real"])


def seed_of(x: Tensor) -> int:
    """Another for other pictures, so that no two batches are compared with the same samples."""
    return zlib.crc32(x.float().cpu().numpy().tobytes())


def views(x: Tensor) -> Tensor:
    """Pictures as they are; volumes (N, 1, S, S, S) as their means along each axis, (N, 3, S, S)."""
    return x if x.dim() == 4 else torch.cat([x.mean(axis) for axis in (2, 3, 4)], 1)


def _drawn(volumes: Tensor) -> Tensor:
    """(N, 1, S, S, S) -> (N, 3, H, W): their surfaces."""
    occupancies = ((volumes[:, 0] + 1) / 2).float().cpu().numpy()
    pictures = np.stack([np.moveaxis(rendered(one), 2, 0) for one in occupancies])
    return torch.from_numpy(pictures / np.float32(127.5) - 1)


def on_white(x: Tensor) -> Tensor:
    """(N, 4, H, W): RGB times alpha, and alpha, all in [-1, 1] -> (N, 3, H, W)."""
    return (x[:, :3] + 1 - x[:, 3:]).clamp(-1, 1)


def as_shown(columns: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
    """`sample_columns` as the grid has them, (N, C, H, W) in [-1, 1]: RGBA on white; of points all in one plane."""
    if columns["real"].dim() == 5:
        return {name: _drawn(column[:rows]) for name, column in columns.items()}
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
