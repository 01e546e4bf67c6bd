"""`i2i data check FOLDER --scale N`: what a folder is for super-resolution and restoration, and what would spoil it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import DataError, PictureError
from ...images.find import survey
from ..layouts.items import HighRes
from ..layouts.matching import listed
from ..streams.imresize import imresize
from ..streams.loading import Array, decode
from ..streams.scan import Facts, times
from ..streams.superres import SuperResSource, check_scale

SOFT = 2.0
"""Levels of 255: a picture that half its size keeps to within this, on average where it has edges, was enlarged or is
out of focus. Of T91, BSDS100 and Set14 none is under 3.6; enlarged four times nearly all are under 1.5."""
EDGE = 12
"""Levels between neighbours from which on a place counts as an edge."""

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class HighResReport:
    """What was found."""

    description: str
    counts: dict[str, int]
    smallest: Facts | None
    middle: Facts | None
    """One that is no larger than half of them."""
    largest: Facts | None
    broken: tuple[str, ...]
    misfits: tuple[str, ...]
    """Pairs whose second is not `scale` times as large as the first."""
    soft: tuple[str, ...]
    """Truths that look enlarged or out of focus."""
    small: tuple[str, ...]
    """Truths smaller than the usual crop."""
    notes: tuple[str, ...]
    """What is no fault, but good to know: a sentence each."""

    @property
    def problems(self) -> bool:
        """Whether training would stop at it."""
        return bool(self.broken or self.misfits)

    def sentences(self) -> list[str]:
        """The report, a sentence a line."""
        said = [self.description]
        if self.smallest and self.largest:
            ends = [times(fact.sizes[-1]) for fact in (self.smallest, self.largest)]
            said.append(f"Sizes from {ends[0]} to {ends[1]} pixels.")
        said += [f"Cannot be read: {reason}" for reason in self.broken]
        said += [f"Wrong size: {misfit}" for misfit in self.misfits]
        if self.soft:
            said.append(
                f"Soft, as if enlarged or out of focus, so there is little to learn from: {listed(list(self.soft))}."
            )
        if self.small:
            said.append(f"Smaller than a crop of {CROP} pixels, and left out when one trains at that size: "
                        f"{listed(list(self.small))}.")  # fmt: skip
        if len(said) == 2:
            said.append("Nothing is wrong with it.")
        return [*said, *self.notes]


CROP = 96
"""Side of the crops that the presets train on, in pixels, or less."""


def check_high_res(
    root: Path, a: str | None, b: str | None, scale: int, *, pipeline: bool = False, progress: Progress | None = None
) -> HighResReport:
    """Look at every picture; raises DataError when the folder is nothing of the kind."""
    around = survey(root)
    source = SuperResSource(root, a, b, holdout=0, scale=scale, pipeline=pipeline)
    items = list(dict.fromkeys(item for split in source.layout.splits.values() for item in split))
    facts, broken, misfits, soft = [], [], [], []
    for done, item in enumerate(items, 1):
        try:
            fact, is_soft = _look(item)
        except PictureError as error:
            broken.append(str(error))
        else:
            facts.append(fact)
            if is_soft:
                soft.append(item.name)
            if not isinstance(item, HighRes):
                try:
                    check_scale([fact], scale)
                except DataError as error:
                    misfits.append(str(error))
        if progress:
            progress(done, len(items))
    by_side = sorted(facts, key=lambda fact: min(fact.sizes[-1]))
    return HighResReport(
        description=source.layout.description,
        counts={split: len(some) for split, some in source.layout.splits.items()},
        smallest=by_side[0] if by_side else None,
        middle=by_side[(len(by_side) - 1) // 2] if by_side else None,
        largest=by_side[-1] if by_side else None,
        broken=(*around.refusals(), *broken),
        misfits=tuple(misfits),
        soft=tuple(soft),
        small=tuple(fact.item.name for fact in by_side if min(fact.sizes[-1]) < CROP),
        notes=around.notes(10),
    )


def _look(item: Any) -> tuple[Facts, bool]:
    arrays = decode(item)
    sizes = tuple((pixels.shape[1], pixels.shape[0]) for pixels in arrays)
    depths = tuple(pixels.dtype.itemsize * 8 for pixels in arrays)
    return Facts(item, sizes, tuple(p.shape[2] for p in arrays), depths, ""), is_soft(arrays[-1])


def is_soft(pixels: Array) -> bool:
    """Whether (H, W, C) has edges, and loses next to nothing there when it is made half as large and enlarged again."""
    levels = pixels.mean(2, keepdims=True, dtype=np.float32) * (
        255 / np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 255
    )
    levels = np.asarray(levels[: len(levels) // 2 * 2, : levels.shape[1] // 2 * 2], np.float32)
    if min(levels.shape[:2]) < 16:
        return False
    edges = np.zeros(levels.shape[:2], bool)
    edges[:, 1:] |= np.abs(np.diff(levels[..., 0], axis=1)) > EDGE
    edges[1:] |= np.abs(np.diff(levels[..., 0], axis=0)) > EDGE
    if edges.mean() < 0.002:
        return False
    lost = np.abs(imresize(imresize(levels, 0.5), 2) - levels)[..., 0]
    return bool(lost[edges].mean() < SOFT)
