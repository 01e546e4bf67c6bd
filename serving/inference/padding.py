"""Growing a picture to a size that a network takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def pad(batch: Array, multiple: int, smallest: int) -> Array:
    """(N, C, H, W) grown at the right and bottom to multiples of `multiple`, at least `smallest`."""
    return grown(batch, *(padded_side(side, multiple, smallest) for side in batch.shape[2:]))


def grown(batch: Array, height: int, width: int) -> Array:
    """(N, C, H, W) grown at the right and bottom to this height and width.

    By reflection, which can give at most size - 1 pixels, then by repeating the edge (the rule of spandrel).
    """
    more = [(0, 0), (0, 0), (0, height - batch.shape[2]), (0, width - batch.shape[3])]
    mirrored = [(0, min(wanted, side - 1)) for (_, wanted), side in zip(more, batch.shape, strict=True)]
    repeated = [(0, wanted - part) for (_, wanted), (_, part) in zip(more, mirrored, strict=True)]
    if any(part for _, part in mirrored):
        batch = np.pad(batch, mirrored, mode="reflect")
    if any(part for _, part in repeated):
        batch = np.pad(batch, repeated, mode="edge")
    return batch


def padded_side(side: int, multiple: int, smallest: int) -> int:
    """The least multiple of `multiple` that is no smaller than `side` and `smallest`."""
    return -(-max(side, smallest) // multiple) * multiple
