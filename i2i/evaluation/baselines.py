"""What a translator must beat: returning the input, and the best lookup from colour to colour.

Pictures are (H, W, C) uint8 or float32 in [0, 1] as named; outputs are float32 in [0, 1].
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from ..images.image import Array, Floats, to_float, to_uint8, with_channels


def returned_input(picture: Array, channels: int) -> Floats:
    """The input itself, in the channels of the output; raises PictureError where that means nothing."""
    return to_float(with_channels(picture, channels))


class ColourLookup:
    """The best output colour for each input colour: the median, which no lookup beats in mean absolute error.

    Colours are binned: `bins` a channel, as many as keep the table under about 2**15 rows. A colour that the
    training pictures never show gets the median of all.
    """

    def __init__(self, input_channels: int, output_channels: int) -> None:
        self.bins = max(2, min(256, int(2 ** (15 / input_channels))))
        rows = self.bins**input_channels
        self.counts = np.zeros((rows, output_channels, 256), np.uint32)
        self.table: Floats | None = None

    @classmethod
    def learned(cls, pairs: Iterable[tuple[Array, Array]]) -> ColourLookup:
        """From training pairs (input, truth) of equal size; raises ValueError when there is none."""
        lookup: ColourLookup | None = None
        for x, y in pairs:
            lookup = lookup or cls(x.shape[2], y.shape[2])
            lookup.add(x, y)
        if lookup is None:
            raise ValueError("No training pairs to learn a lookup from.")
        return lookup

    def add(self, x: Array, y: Array) -> None:
        """Count one pair."""
        colours, values = self._index(x).ravel(), to_uint8(y).reshape(-1, y.shape[2])
        for channel in range(values.shape[1]):
            flat = colours * 256 + values[:, channel]
            seen, times = np.unique(flat, return_counts=True)
            self.counts[seen // 256, channel, seen % 256] += times.astype(np.uint32)
        self.table = None

    def __call__(self, x: Array) -> Floats:
        """(H, W, C) -> (H, W, output channels) in [0, 1]."""
        if self.table is None:
            self.table = self._medians()
        return self.table[self._index(x)]

    def _index(self, x: Array) -> npt.NDArray[np.int64]:
        binned = to_uint8(x).astype(np.int64) * self.bins // 256
        index = np.zeros(x.shape[:2], np.int64)
        for channel in range(x.shape[2]):
            index = index * self.bins + binned[..., channel]
        return index

    def _medians(self) -> Floats:
        overall = self.counts.sum(0, dtype=np.int64)
        known = self.counts.any(axis=(1, 2))
        medians = np.tile(_median(overall[None]), (len(self.counts), 1))
        medians[known] = _median(self.counts[known].astype(np.int64))
        return medians


def _median(counts: npt.NDArray[np.int64]) -> Floats:
    """(rows, channels, 256) counts -> (rows, channels) medians in [0, 1]."""
    below = counts.cumsum(-1)
    median: Floats = (below * 2 >= below[..., -1:]).argmax(-1).astype(np.float32) / np.float32(255)
    return median
