"""The samples that `i2i data sample NAME OUT` makes: name -> write(out, count, size, seed, progress) -> out."""

from __future__ import annotations

import dataclasses

from .facades.scenes import write_facades
from .seasons.scenes import write_seasons
from .shapes import write_shapes
from .textures.scenes import write_textures

SAMPLES = {"facades": write_facades, "seasons": write_seasons, "shapes": write_shapes, "superres": write_textures}


@dataclasses.dataclass(frozen=True)
class Use:
    """How a sample is meant to be used."""

    things: str
    """What `count` counts: `pairs`, or `pictures` of each domain."""
    size: int
    """Side of a picture in pixels, unless another is wanted."""
    method: str
    """What to train on it, as in `i2i train METHOD`."""
    preset: str | None
    """And with which preset."""


USES = {
    "facades": Use("pairs", 256, "pix2pix", "fast"),
    "seasons": Use("pictures", 256, "cyclegan", "fast"),
    "shapes": Use("pictures", 64, "discogan", "pose"),
    "superres": Use("pictures", 256, "srgan", "fast"),
}
"""A row for each of SAMPLES."""
