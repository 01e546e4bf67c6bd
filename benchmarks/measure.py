"""How two ways are timed: warmed up, then in turns, so that a busy moment of the machine falls on both."""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections.abc import Callable

Say = Callable[[str], None]
Work = Callable[[], object]

FASTER = "theirs / ours"
"""The ratio of most rows: how many times as fast ours is."""
OVERHEAD = "ours / theirs"
"""The ratio of what is to be small: beside the least that the work can cost, or of memory."""

SETTLE = 0.05
"""Seconds between two timings, for threads that still wait for work to fall asleep."""


@dataclasses.dataclass(frozen=True)
class Timings:
    """Seconds of each round, or what the unit says; entry n of both was taken in round n."""

    ours: list[float]
    theirs: list[float]


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a row found."""

    what: str
    """The work, in words."""
    unit: str
    timings: Timings
    note: str
    """What ran each side: device, precision, provider."""
    ratio_is: str = FASTER

    @property
    def ours(self) -> float:
        """Median of our rounds."""
        return statistics.median(self.timings.ours)

    @property
    def theirs(self) -> float:
        """Median of their rounds."""
        return statistics.median(self.timings.theirs)

    @property
    def ratio(self) -> float:
        """Of the medians."""
        return self._divide(self.ours, self.theirs)

    @property
    def spread(self) -> tuple[float, float]:
        """Least and largest ratio of a single round."""
        ratios = [self._divide(a, b) for a, b in zip(self.timings.ours, self.timings.theirs, strict=True)]
        return min(ratios), max(ratios)

    def _divide(self, ours: float, theirs: float) -> float:
        return theirs / ours if self.ratio_is == FASTER else ours / theirs


def compare(ours: Work, theirs: Work, *, rounds: int, seconds: float, say: Say, warmups: int = 2) -> Timings:
    """Time both in turns for `rounds` rounds, or for two or more that fit into `seconds` after the warm-up."""
    for _ in range(warmups):
        ours()
        theirs()
    timings, started = Timings([], []), time.perf_counter()
    for number in range(1, rounds + 1):
        timings.ours.append(_time(ours))
        timings.theirs.append(_time(theirs))
        say(f"round {number}: ours {timings.ours[-1]:.3g} s, theirs {timings.theirs[-1]:.3g} s")
        spent = time.perf_counter() - started
        if number >= 2 and spent * (number + 1) / number > seconds:
            break
    return timings


def _time(work: Work) -> float:
    time.sleep(SETTLE)
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
