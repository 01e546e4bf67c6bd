"""Scores of a translator on pairs, with baselines beside it: a table, JSON, a CSV by picture and a contact sheet.

It takes the translator as a function, so what is scored is what is served.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..images.image import Array, to_float
from .metrics import METRICS, Metric, figures

Floats = npt.NDArray[np.float32]


Translate = Callable[[Array], Array]


USUAL = ("l1", "psnr", "ssim")
"""Metrics of a translation."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One picture's figures and what is needed to show it."""

    name: str
    values: dict[str, float]
    baselines: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Figures of every picture, in the order of the pairs."""

    metrics: Mapping[str, Metric]
    rows: tuple[Row, ...]

    def mean(self, metric: str, baseline: str | None = None) -> float:
        """Mean over the pictures, of the model or of a baseline."""
        return float(np.mean(self._values(metric, baseline)))

    def interval(self, metric: str) -> tuple[float, float]:
        """95 % bootstrap interval of the model's mean over pictures: 1000 resamples, seed 0."""
        values = np.array(self._values(metric, None))
        draws = np.random.default_rng(0).integers(0, len(values), (1000, len(values)))
        low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
        return float(low), float(high)

    @property
    def first(self) -> str:
        """Name of the metric that the pictures are put in order by."""
        return next(iter(self.metrics))

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines."""
        return tuple(self.rows[0].baselines)

    def to_dict(self, model: str, data: str) -> dict[str, Any]:
        """The design's JSON: model, data, count, metrics, intervals, baselines."""
        return {
            "model": model,
            "data": data,
            "count": len(self.rows),
            "metrics": {m: self.mean(m) for m in self.metrics},
            "intervals": {m: list(self.interval(m)) for m in self.metrics},
            "baselines": {b: {m: self.mean(m, b) for m in self.metrics} for b in self.baselines},
        }

    def to_csv(self) -> str:
        """A line a picture: its name, the model's figures, then each baseline's."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["name", *self.metrics, *(f"{b}_{m}" for b in self.baselines for m in self.metrics)])
        for row in self.rows:
            theirs = [row.baselines[b][m] for b in self.baselines for m in self.metrics]
            writer.writerow([row.name, *(f"{v:.6f}" for v in [*row.values.values(), *theirs])])
        return text.getvalue()

    def representative(self, each: int = 2) -> list[tuple[str, int]]:
        """Indices of the worst, the median and the best `each` pictures by the first metric, labelled."""
        metric = self.first
        order = np.argsort([row.values[metric] for row in self.rows])
        order = order if self.metrics[metric].higher_is_better else order[::-1]
        count = len(order)
        each = max(1, min(each, count // 3))
        middle = (count - each) // 2
        groups = {"worst": order[:each], "median": order[middle : middle + each], "best": order[count - each :]}
        seen: dict[int, str] = {}
        for label, indices in groups.items():
            for index in indices:
                seen.setdefault(int(index), label)
        return [(label, index) for index, label in seen.items()]

    def _values(self, metric: str, baseline: str | None) -> list[float]:
        return [(row.baselines[baseline] if baseline else row.values)[metric] for row in self.rows]


def evaluate(
    translate: Translate,
    pairs: Iterable[tuple[str, Array, Array]],
    metrics: Mapping[str, Metric] | None = None,
    baselines: Mapping[str, Translate] | None = None,
    border: int = 0,
    on_picture: Callable[[str], None] = lambda _: None,
) -> Evaluation:
    """Score `translate` and every baseline on pairs of (name, input, truth), pictures (H, W, C).

    `metrics` are rows of METRICS by name, USUAL unless given; `border` pixels of each side are left out of all. A truth
    of one channel serves an output of three, and the other way round. Raises DataError when there is no pair, or when
    an output has another size than its truth.
    """
    chosen = metrics or {name: METRICS[name] for name in USUAL}

    def scores(output: Array, truth: Floats, name: str) -> dict[str, float]:
        got = to_float(output)
        comparable = got.shape[2] == truth.shape[2] or {got.shape[2], truth.shape[2]} == {1, 3}
        if got.shape[:2] != truth.shape[:2] or not comparable:
            raise DataError(f"{name}: the output is {got.shape} (height, width, channels), the truth {truth.shape}.")
        return figures(got, truth, chosen, border)

    rows = []
    for name, x, y in pairs:
        truth = to_float(y)
        theirs = {b: scores(baseline(x), truth, name) for b, baseline in (baselines or {}).items()}
        rows.append(Row(name, scores(translate(x), truth, name), theirs))
        on_picture(name)
    if not rows:
        raise DataError("There are no pairs to score.")
    return Evaluation(dict(chosen), tuple(rows))
