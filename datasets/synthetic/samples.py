"""The sample data sets that `i2i data sample NAME OUT` paints: a row each."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Protocol

from .facades.scenes import write_facades
from .sample_folder import Progress
from .seasons.scenes import write_seasons
from .shapes import write_shapes
from .textures.scenes import write_textures


class Writer(Protocol):
    """Paints a folder."""

    def __call__(
        self, out: Path, count: int = ..., size: int = ..., seed: int = ..., progress: Progress | None = ...
    ) -> Path:
        """Write `count` training pairs or pictures of `size` pixels a side below `out`, and return it."""
        ...


@dataclasses.dataclass(frozen=True)
class Sample:
    """What a sample is, and how it is meant to be used."""

    write: Writer
    """What paints it."""
    holds: str
    """What it holds, for the help text."""
    unit_name: str
    """What `count` counts: `pairs`, or `pictures` of each domain."""
    size: int
    """Side of a picture in pixels, unless another is wanted."""
    method: str
    """What to train on it, as in `i2i train METHOD`."""
    preset: str | None
    """And with which preset."""


SAMPLES = {
    "facades": Sample(write_facades, "pairs, label maps and houses", "pairs", 256, "pix2pix", "fast"),
    "seasons": Sample(
        write_seasons,
        "landscapes in summer and in winter, unpaired; the test pictures show the same scenes in both",
        *("pictures", 256, "cyclegan", "fast"),
    ),
    "shapes": Sample(
        write_shapes,
        "arrows and lollipops that share a hidden angle, unpaired",
        *("pictures", 64, "discogan", "pose"),
    ),
    "superres": Sample(
        write_textures,
        "HR pictures of surfaces, print, thin lines and foliage, to make small and enlarge again",
        *("pictures", 256, "srgan", "fast"),
    ),
}
"""The samples by name."""
