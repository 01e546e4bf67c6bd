"""Growing a picture to a size that a network takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pad(batch: Array, multiple: int, smallest: int) -> Array:
    """(N, C, H, W) grown at the right and bottom to multiples of `multiple`, at least `smallest`.

    By reflection, which can give at most size - 1 pixels, then by repeating the edge (the rule of spandrel).
    """
    grow = [(0, 0), (0, 0), *((0, padded_side(side, multiple, smallest) - side) for side in batch.shape[2:])]
    mirrored = [(0, min(more, side - 1)) for (_, more), side in zip(grow, batch.shape, strict=True)]
    repeated = [(0, more - part) for (_, more), (_, part) in zip(grow, mirrored, strict=True)]
    if any(more for _, more in mirrored):
        batch = np.pad(batch, mirrored, mode="reflect")
    if any(more for _, more in repeated):
        batch = np.pad(batch, repeated, mode="edge")
    return batch


def padded_side(side: int, multiple: int, smallest: int) -> int:
    """The least multiple of `multiple` that is no smaller than `side` and `smallest`."""
    return -(-max(side, smallest) // multiple) * multiple
