"""The lines of a log so far, and what detectors ask of them."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

Evidence = dict[str, float]
"""The figures that show a failure, by name."""


class History:
    """Lines of log.jsonl, oldest first; `ending` picks one of several discriminators or directions."""

    def __init__(self) -> None:
        self.records: list[Mapping[str, Any]] = []
        self.columns: dict[str, list[float]] = {}

    def add(self, record: Mapping[str, Any]) -> None:
        """One more line."""
        self.records.append(record)
        for key, value in record.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
                self.columns.setdefault(key, []).append(float(value))

    def now(self, key: str, otherwise: float = math.nan) -> float:
        """The last line's value of `key`."""
        value = self.records[-1].get(key, otherwise) if self.records else otherwise
        return float(value) if isinstance(value, int | float) else otherwise

    def latest(self, key: str, otherwise: float = math.nan) -> float:
        """The newest value of `key` in any line."""
        return self.columns[key][-1] if self.columns.get(key) else otherwise

    def column(self, key: str, last: int | None = None) -> Sequence[float]:
        """Every finite value of `key`, or the `last` ones."""
        found = self.columns.get(key, [])
        return found if last is None else found[-last:]

    def endings(self, key: str) -> list[str]:
        """What follows `key` in the last line: "" alone, or `_x` and `_y`, or `_a2b` and `_b2a`."""
        found = [name[len(key) :] for name in self.records[-1] if name.startswith(key)]
        return [ending for ending in found if ending == "" or ending in ENDINGS]


ENDINGS = ("_x", "_y", "_a", "_b", "_a2b", "_b2a")

DIRECTIONS = (("_a2b", "_y", "_b"), ("_b2a", "_x", "_a"))
"""Endings of a direction and of the discriminator that judges it."""


def of_one_direction(ending: str) -> tuple[str, ...]:
    """The endings that tell of the same direction as this one, and "", which tells of all."""
    return next((("", *one) for one in DIRECTIONS if ending in one), (ending,))


def spikes(values: Sequence[float], window: int = 50, least: int = 20) -> float:
    """How many MADs the last of the values lies above the median of those before it; 0 where they are too few."""
    before = values[-window - 1 : -1]
    if len(before) < least:
        return 0.0
    middle = statistics.median(before)
    mad = statistics.median(abs(value - middle) for value in before)
    return (values[-1] - middle) / max(mad, 1e-3 * abs(middle), 1e-9)


def period(values: Sequence[float], shortest: int = 4) -> tuple[float, int]:
    """(height, lag) of the peak in the autocorrelation after its deepest valley; (0, 0) where there is none.

    The values' straight trend is taken out. A peak counts from a lag of `shortest` on, after a valley below -0.25: so
    noise (no valley) and alternation (a lag of two) have none. At twice the lag there must be another, a third as high.
    """
    count = len(values)
    middle, mean = (count - 1) / 2, statistics.fmean(values)
    slope = sum((n - middle) * value for n, value in enumerate(values)) / sum((n - middle) ** 2 for n in range(count))
    rest = [value - mean - slope * (n - middle) for n, value in enumerate(values)]
    power = sum(value * value for value in rest)
    if power <= 1e-12:
        return 0.0, 0
    lags = [sum(a * b for a, b in zip(rest, rest[k:], strict=False)) / power for k in range(count * 3 // 4)]
    valley = min(range(count // 3), key=lags.__getitem__)
    if lags[valley] > -0.25:
        return 0.0, 0
    peak = max(range(valley, count // 2), key=lags.__getitem__)
    if peak < shortest or 2 * peak >= len(lags) or max(lags[2 * peak - 1 : 2 * peak + 2]) < lags[peak] / 3:
        return 0.0, 0
    return lags[peak], peak
