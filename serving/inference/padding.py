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


class Grown:
    """What `pad` would give, made only where it is cut."""

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, batch: Array, multiple: int, smallest: int) -> None:
        self.batch = batch
        self.places = [_places(side, padded_side(side, multiple, smallest)) for side in batch.shape[2:]]
        self.shape = (*batch.shape[:2], *map(len, self.places))

    def __getitem__(self, window: tuple[slice, slice, slice, slice]) -> Array:
        """The part, as an array."""
        rows, columns = (places[where] for places, where in zip(self.places, window[2:], strict=True))
        top, left = rows.min(), columns.min()
        part = np.asarray(self.batch[:, :, top : rows.max() + 1, left : columns.max() + 1])
        if part.shape[2:] != (len(rows), len(columns)) or not (_is_run(rows) and _is_run(columns)):
            part = part[:, :, rows - top][..., columns - left]
        return np.ascontiguousarray(part)


def _places(side: int, wanted: int) -> npt.NDArray[np.int64]:
    """Where each row of the grown picture lies in the picture."""
    mirrored = min(wanted, 2 * side - 1)
    return np.pad(np.pad(np.arange(side), (0, mirrored - side), mode="reflect"), (0, wanted - mirrored), mode="edge")


def _is_run(places: npt.NDArray[np.int64]) -> bool:
    return bool(places[-1] - places[0] + 1 == len(places) and (np.diff(places) == 1).all())
