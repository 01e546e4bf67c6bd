"""Large pictures on the way into a model and out of it: floats, 12 bytes a pixel, only where they are computed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]
Window = tuple[slice, slice, slice, slice]
"""Of (N, C, H, W)."""

LARGE = 4_000_000
"""Pixels from which on a picture goes in and out by parts."""
ROWS = 2**20
"""Pixels that are converted at once, about."""


class Planes:
    """A picture as the (1, C, H, W) float32 in [0, 1] that a model is fed, made of its pixels where it is cut."""

    dtype = np.dtype(np.float32)
    ndim = 4

    def __init__(self, pixels: Array, channels: int, convert: Callable[[Array], FloatArray]) -> None:
        """`convert` makes (h, w, `channels`) of any part of `pixels`, (H, W, C)."""
        self.pixels, self.convert = pixels, convert
        self.shape = (1, channels, *pixels.shape[:2])

    @property
    def nbytes(self) -> int:
        """Of the pixels as they are held."""
        return int(self.pixels.nbytes)

    def __len__(self) -> int:
        return 1

    def __getitem__(self, window: Window | slice) -> Any:
        """The part, as an array; a slice of the batch alone is the whole picture, still to be made."""
        if isinstance(window, slice):
            return self
        part = self.convert(self.pixels[window[2], window[3]])
        return np.ascontiguousarray(part.transpose(2, 0, 1))[None]

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> FloatArray:
        whole: FloatArray = self[:, :, :, :]
        return whole


class Canvas:
    """The answer to one picture, (1, C', H', W'), taken part by part and kept as the pixels of the result."""

    def __init__(
        self, shape: tuple[int, int, int, int], channels: int, dtype: npt.DTypeLike,
        convert: Callable[[FloatArray], Array],
    ) -> None:  # fmt: skip
        """`convert` makes the result's (h, w, `channels`) of any part of the answer, (h, w, C')."""
        self.shape, self.convert = shape, convert
        self.pixels: Array = np.empty((*shape[2:], channels), dtype)

    def __setitem__(self, window: Window, part: FloatArray) -> None:
        """(1, C', h, w) in [0, 1], which may be changed in place."""
        rows, columns = (range(*where.indices(side)) for where, side in zip(window[2:], self.shape[2:], strict=True))
        step = max(1, ROWS // max(1, len(columns)))
        for start in range(0, len(rows), step):
            piece = part[0, :, start : start + step].transpose(1, 2, 0)
            down = slice(rows.start + start, rows.start + start + piece.shape[0])
            self.pixels[down, columns.start : columns.stop] = self.convert(piece)


def delivered(answer: FloatArray, into: Canvas | None) -> FloatArray:
    """An answer in one piece, or the canvas that has taken it."""
    if into is None:
        return answer
    into[:, :, :, :] = answer
    return into  # type: ignore[return-value]


def is_large(pixels: int) -> bool:
    """Whether a picture of so many pixels goes by parts."""
    return pixels > LARGE
