"""What `i2i evaluate` left in a run, and whether two runs differ in it on the same pictures.

RUN/evaluation/scores.csv has a line a picture, for metrics of pairs; RUN/evaluation/scores.json, where it is, has the
metrics of sets with their intervals. `evaluation-b2a` has the same of the other direction.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...evaluation.metrics import PairMetric

FOLDERS = {"evaluation": "", "evaluation-b2a": " (b2a)"}
"""Where they are in a run, and what the metric's name then ends with."""

TELLING = frozenset(f"{baseline}_{metric}" for baseline in ("input", "bicubic") for metric in ("l1", "psnr", "ssim"))
"""Columns that tell pictures apart: figures of the pictures alone, whatever weights a run was scored with."""

INTERVAL = PairMetric(measure=float, definition="a mean over pictures").interval


@dataclasses.dataclass(frozen=True)
class Scored:
    """One metric of one run."""

    value: float
    interval: tuple[float, float] | None
    values: dict[str, float] = dataclasses.field(default_factory=dict)
    """By picture; nothing for a metric of sets."""
    pictures: dict[str, dict[str, str]] = dataclasses.field(default_factory=dict)
    """What tells one picture from another of its name: the figures of the input itself as an output, by column."""

    def over(self, names: Sequence[str]) -> Scored:
        """The same over these pictures alone."""
        values = {name: self.values[name] for name in names}
        numbers = list(values.values())
        return Scored(float(np.mean(numbers)), INTERVAL(numbers), values, self.pictures)


@dataclasses.dataclass(frozen=True)
class Difference:
    """The second run less the first, over the pictures that both were scored on."""

    mean: float
    interval: tuple[float, float] | None
    count: int

    @property
    def excludes_zero(self) -> bool:
        """Whether chance alone would hardly give it."""
        return self.interval is not None and not self.interval[0] <= 0 <= self.interval[1]


def read_scores(run: Path) -> dict[str, Scored]:
    """By metric, in the order of the files; nothing where nothing was scored, or its files are damaged."""
    found: dict[str, Scored] = {}
    for folder, ending in FOLDERS.items():
        by_picture = _by_picture(run / folder / "scores.csv")
        of_sets = _of_sets(run / folder / "scores.json")
        for name, scored in (of_sets | by_picture).items():
            found[name + ending] = scored
    return found


def difference(first: Scored, second: Scored) -> Difference | None:
    """Of a metric of pairs; None where the runs were not scored on the same pictures.

    Pictures are the same when their names are, and the baseline that returns the input has the same figures on them.
    """
    common = in_common([first, second])
    if not common:
        return None
    values = [second.values[name] - first.values[name] for name in common]
    return Difference(float(np.mean(values)), INTERVAL(values), len(common))


def in_common(scored: Sequence[Scored]) -> list[str]:
    """The pictures that all were scored on, in the order of the first."""
    first, *others = scored
    return [name for name in first.values if all(name in one.values and _agree(name, first, one) for one in others)]


def _agree(name: str, one: Scored, other: Scored) -> bool:
    """By the columns that both have: runs may have been scored with other metrics."""
    mine, theirs = one.pictures.get(name, {}), other.pictures.get(name, {})
    return all(theirs[column] == value for column, value in mine.items() if column in theirs)


def _by_picture(path: Path) -> dict[str, Scored]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            lines = list(csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return {}
    columns = [column for column in (lines[0] if lines else {}) if column and column != "name"]
    metrics = _own(columns)
    known = [column for column in columns if column in TELLING]
    pictures = {line["name"]: {column: str(line[column]) for column in known} for line in lines if line.get("name")}
    scored = {}
    for metric in metrics:
        read = {line["name"]: _number(line[metric]) for line in lines if line.get("name")}
        values = {name: value for name, value in read.items() if value is not None}
        if values:
            numbers = list(values.values())
            scored[metric] = Scored(float(np.mean(numbers)), INTERVAL(numbers), values, pictures)
    return scored


def _own(columns: list[str]) -> list[str]:
    """The model's columns: those before the first of a baseline, which repeats the first metric's name at its end."""
    for place, column in enumerate(columns):
        if place and column.endswith(f"_{columns[0]}"):
            return columns[:place]
    return columns


def _of_sets(path: Path) -> dict[str, Scored]:
    try:
        content: Any = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, Mapping) or not isinstance(content.get("metrics"), Mapping):
        return {}
    intervals = content.get("intervals")
    scored = {}
    for name, value in content["metrics"].items():
        if (number := _number(value)) is not None:
            ends = intervals.get(name) if isinstance(intervals, Mapping) else None
            known = [_number(end) for end in ends] if isinstance(ends, list) and len(ends) == 2 else [None]
            low, high = known[0], known[-1]
            scored[str(name)] = Scored(number, None if low is None or high is None else (low, high))
    return scored


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
