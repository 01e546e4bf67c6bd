"""What several runs of one kind show together: sensitivity to seeds and settings, and scores that disagree."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

LAST = 5
"""Last lines with the figure, whose spread says how far a single run's figure is to be trusted."""

FACTOR, SHARE = 3.0, 0.25
"""Runs are sensitive where they spread 3 times as wide as a run by itself, and by a quarter of their mean."""


class Across(NamedTuple):
    """A failure that shows in several runs together."""

    name: str
    sentence: str
    remedy: str


def ailments_across(runs: Mapping[str, Sequence[Mapping[str, Any]]], key: str) -> list[Across]:
    """What the runs' logs say of the figure `key`; nothing below three runs that have it.

    Sensitivity: the standard deviation between runs, of each one's mean over its last lines, is beyond FACTOR times
    what a run usually spreads by itself (the median over runs), and beyond SHARE of their mean.
    """
    ends = {name: _last(records, key) for name, records in runs.items()}
    ends = {name: values for name, values in ends.items() if len(values) >= 2}
    if len(ends) < 3:
        return []
    means = {name: statistics.fmean(values) for name, values in ends.items()}
    between = statistics.stdev(means.values())
    within = statistics.median(statistics.stdev(values) for values in ends.values())  # one restless run hides nothing
    middle = abs(statistics.fmean(means.values()))
    if between <= FACTOR * within or between <= SHARE * middle:
        return []
    best, worst = min(means, key=lambda one: means[one]), max(means, key=lambda one: means[one])
    return [
        Across(
            "sensitivity",
            f"Runs of one kind end far apart: {key} is {means[best]:.3g} in {best} and {means[worst]:.3g} in {worst}, "
            f"a standard deviation of {between:.2g} between runs against {within:.2g} within one. A single run says "
            "little of these settings.",
            "Compare settings by at least three seeds each, and train where seeds agree: a lower rate "
            "(--set optimizer.lr=0.0001) and a bounded gradient (--set gan.r1=1).",
        )
    ]


def _last(records: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    found = [float(record[key]) for record in records if isinstance(record.get(key), int | float)]
    return [value for value in found if math.isfinite(value)][-LAST:]
