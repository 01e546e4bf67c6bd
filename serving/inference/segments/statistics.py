"""Reductions of a map over the picture, gathered strip by strip and settled in double precision."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .cut import Statistic
from .side_by_side import for_channels

Values = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

IN_CACHE = 2**15
"""Values that are gone through several times while they lie in a cache of 256 KB."""


class Gathering:
    """One statistic on its way: `add` each part of the map once, then `settle`."""

    def __init__(self, statistic: Statistic, channels: int) -> None:
        self.statistic = statistic
        self._count = 0
        self._shift: Values | None = None
        self._sum: Doubles = np.zeros(channels)
        self._squares: Doubles = np.zeros(channels)

    def add(self, part: Values) -> None:
        """(C, h, w) of the map. A row is summed in float32, many values side by side, which loses its last bits at
        most; what is many, the rows, in double.
        """
        kind = self.statistic.kind
        if kind in ("max", "min"):
            found = part.max(axis=(1, 2)) if kind == "max" else part.min(axis=(1, 2))
            if self._shift is not None:
                found = np.maximum(found, self._shift) if kind == "max" else np.minimum(found, self._shift)
            self._shift = found
            return
        values = part.astype(np.float32, copy=False)
        if self._shift is None:  # near the mean, so that the squares do not drown the variance
            self._shift = values[:, ::8, ::8].mean(axis=(1, 2), dtype=np.float64).astype(np.float32)
        self._count += values.shape[1] * values.shape[2]
        for_channels(len(values), values.size, lambda some: self._sum_up(values[some], some))

    def _sum_up(self, values: Values, channels: slice) -> None:
        """Sums of what lies around the shift, a few rows at a time, which stay in the processor's cache."""
        assert self._shift is not None
        rows = max(1, IN_CACHE // values.shape[2])
        around = np.empty((min(rows, values.shape[1]), values.shape[2]), np.float32)
        ones = np.ones(values.shape[2], np.float32)
        for channel, map_ in enumerate(values, channels.start):
            for start in range(0, len(map_), rows):
                some = map_[start : start + rows]
                part = np.subtract(some, self._shift[channel], out=around[: len(some)])
                self._sum[channel] += np.vecdot(part, ones).sum(dtype=np.float64)
                if self.statistic.kind == "moments":
                    self._squares[channel] += np.vecdot(part, part).sum(dtype=np.float64)

    def settle(self, shapes: dict[str, tuple[int, ...]], dtype: npt.DTypeLike) -> dict[str, npt.NDArray[np.generic]]:
        """The statistic's tensors by name, in the shapes that the graph has them."""
        assert self._shift is not None
        kind, names = self.statistic.kind, self.statistic.names
        if kind in ("max", "min"):
            found = self._shift.astype(np.float64)
            if self.statistic.over_channels:
                found = np.max(found, keepdims=True) if kind == "max" else np.min(found, keepdims=True)
            return {names[0]: found.reshape(shapes[names[0]]).astype(dtype)}
        off = self._sum / self._count
        mean = self._shift.astype(np.float64) + off
        if kind == "moments":
            variance = np.maximum(self._squares / self._count - off**2, 0)
            return {names[0]: mean.astype(dtype), names[1]: variance.astype(dtype)}
        if self.statistic.over_channels:
            mean = np.mean(mean, keepdims=True) if kind == "mean" else np.sum(mean, keepdims=True)
        total = mean if kind == "mean" else mean * self._count
        return {names[0]: total.reshape(shapes[names[0]]).astype(dtype)}
