"""Metrics of a translator on pictures, with baselines beside it: a table, JSON, a CSV by picture and a contact sheet.

It takes the translator as a function, so what is scored is what is served.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from ..errors import DataError
from ..images.image import Array, Floats, to_float
from .metrics import METRICS, Metric, PairMetric, SetMetric, inside, pair_values, with_channels_of

Translate = Callable[[Array], Array]
Scored = Iterable[tuple[str, Array, Array | None]]
"""Name, input and truth (H, W, C); no truth where metrics of sets alone are measured."""

USUAL = ("l1", "psnr", "ssim")
"""Metrics of a translation."""
MODEL = ""
"""The model's own name among the baselines'."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One picture's values of the metrics of pairs."""

    name: str
    values: dict[str, float]
    baselines: dict[str, dict[str, float]]


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Values of every picture, in the order of the pairs, and of the whole set."""

    metrics: Mapping[str, Metric]
    rows: tuple[Row, ...]
    sets: Mapping[str, Mapping[str, float]] = dataclasses.field(default_factory=dict)
    """For each SetMetric the value of the model (MODEL) and of each baseline."""
    set_intervals: Mapping[str, tuple[float, float] | None] = dataclasses.field(default_factory=dict)
    """For each SetMetric the model's 95 % interval."""
    refused: Mapping[str, str] = dataclasses.field(default_factory=dict)
    """Why a metric that was asked for has no figure."""
    classes: Mapping[str, Evaluation] = dataclasses.field(default_factory=dict)
    """The same of single classes, where pictures were asked for by class."""

    def value(self, metric: str, baseline: str | None = None) -> float:
        """Of the model or of a baseline: the mean over the pictures, or of the set."""
        if metric in self.sets:
            return self.sets[metric][baseline or MODEL]
        values = self._values(metric, baseline)
        return float(np.mean(values)) if values else math.nan

    def interval(self, metric: str) -> tuple[float, float] | None:
        """95 % interval of the model's value, as the metric's row has it; None where the pictures are too few."""
        if metric in self.sets:
            return self.set_intervals[metric]
        row = self.metrics[metric]
        assert isinstance(row, PairMetric)
        return row.interval(self._values(metric, None))

    @property
    def first(self) -> str | None:
        """Name of the metric that the pictures are put in order by; None where there is none of pairs."""
        measured = {name for row in self.rows for name in row.values}
        return next((name for name in self.metrics if name not in self.sets and name in measured), None)

    @property
    def baselines(self) -> tuple[str, ...]:
        """Names of the baselines."""
        return tuple(self.rows[0].baselines) if self.rows else ()

    def to_dict(self, model: str, data: str) -> dict[str, Any]:
        """The design's JSON: model, data, count, metrics, intervals, baselines."""
        return {
            "model": model,
            "data": data,
            "count": len(self.rows),
            "metrics": {m: _number(self.value(m)) for m in self.metrics},
            "intervals": {m: list(map(_number, found)) if (found := self.interval(m)) else None for m in self.metrics},
            "baselines": {b: self._known(b) for b in self.baselines},
            "definitions": {m: row.definition for m, row in self.metrics.items()},
            **({"refused": dict(self.refused)} if self.refused else {}),
            **({"classes": {name: one.of_class() for name, one in self.classes.items()}} if self.classes else {}),
        }

    def of_class(self) -> dict[str, Any]:
        """What JSON has of a single class."""
        told = self.to_dict("", "")
        return {key: told[key] for key in ("count", "metrics", "intervals", "refused") if key in told}

    def _known(self, baseline: str) -> dict[str, float]:
        """A baseline's figures, as far as it has them: one that translates nothing has none of cycles."""
        found = {metric: self.value(metric, baseline) for metric in self.metrics}
        return {metric: value for metric, value in found.items() if not math.isnan(value)}

    def to_csv(self) -> str:
        """A line a picture: its name, the model's values of the metrics of pairs, then each baseline's."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = [name for name in self.metrics if name not in self.sets]
        writer.writerow(["name", *columns, *(f"{b}_{m}" for b in self.baselines for m in columns)])
        for row in self.rows:
            sides = [row.values, *(row.baselines[b] for b in self.baselines)]
            writer.writerow([row.name, *(f"{side[m]:.6f}" if m in side else "" for side in sides for m in columns)])
        return text.getvalue()

    def representative(self, each: int = 2) -> list[tuple[str, int]]:
        """Indices of the worst, the median and the best `each` pictures by the first metric of pairs, labelled.

        Where there is none, three times as many from the first picture to the last, without labels.
        """
        if self.first is None:
            spread = np.linspace(0, len(self.rows) - 1, min(3 * each, len(self.rows)))
            return [("", int(index)) for index in spread]
        measured = [index for index, row in enumerate(self.rows) if self.first in row.values]
        order = np.array(measured)[np.argsort([self.rows[index].values[self.first] for index in measured])]
        order = order if self.metrics[self.first].higher_is_better else order[::-1]
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
        sides = [row.baselines[baseline] if baseline else row.values for row in self.rows]
        return [side[metric] for side in sides if metric in side]


class _Sets:
    """What the metrics of sets know of the outputs, of the model and of each baseline, and of the real pictures."""

    def __init__(self, metrics: Mapping[str, Metric], names: Iterable[str]) -> None:
        self.metrics = {name: row for name, row in metrics.items() if isinstance(row, SetMetric)}
        self.real: dict[str, Any] = {metric: [] for metric in self.metrics}
        self.outputs: dict[str, dict[str, Any]] = {m: {name: [] for name in (MODEL, *names)} for m in self.metrics}

    def add(self, output: Floats, name: str) -> None:
        for metric, row in self.metrics.items():
            self.outputs[metric][name] = row.update(self.outputs[metric][name], output)

    def add_real(self, picture: Floats) -> None:
        for metric, row in self.metrics.items():
            self.real[metric] = row.update(self.real[metric], picture)

    def refuse(self) -> dict[str, str]:
        """Take out the metrics that need more pictures, and say why of each."""
        refused = {}
        for metric, row in self.metrics.items():
            if why := too_few(metric, row, len(self.outputs[metric][MODEL]), len(self.real[metric])):
                refused[metric] = why
        self.metrics = {metric: row for metric, row in self.metrics.items() if metric not in refused}
        return refused

    def values(self, on_figure: Callable[[], object]) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for metric, row in self.metrics.items():
            found[metric] = {}
            for name, outputs in self.outputs[metric].items():
                found[metric][name] = row.compute(outputs, self.real[metric])
                on_figure()
        return found

    def intervals(self, on_figure: Callable[[], object]) -> dict[str, tuple[float, float] | None]:
        found = {}
        for metric, row in self.metrics.items():
            found[metric] = row.interval(self.outputs[metric][MODEL], self.real[metric])
            on_figure()
        return found


def _number(value: float) -> float | None:
    """As JSON has it, which knows neither NaN nor infinity."""
    return value if math.isfinite(value) else None


def too_few(name: str, row: Metric, generated: int, real: int) -> str:
    """The sentence that refuses a metric of sets for so many pictures; "" where they are enough."""
    if not isinstance(row, SetMetric) or (generated if row.alone else min(generated, real)) >= row.least:
        return ""
    return (
        f"{name} needs {row.least:,} pictures of each set or more, here are {generated:,} outputs and {real:,} real "
        f"ones: below {row.least:,} its interval does not cover the truth as often as it says."
    )


def evaluate(
    translate: Translate,
    pictures: Scored,
    metrics: Mapping[str, Metric] | None = None,
    baselines: Mapping[str, Translate] | None = None,
    border: int = 0,
    real: Iterable[Array] | None = None,
    on_picture: Callable[[str], None] = lambda _: None,
    on_figure: Callable[[int, int], object] = lambda *_: None,
    back: Translate | None = None,
) -> Evaluation:
    """Score `translate` and every baseline on (name, input, truth), pictures (H, W, C).

    `metrics` are rows of METRICS by name, USUAL unless given; `border` pixels of each side are left out of all. A truth
    of one channel serves an output of three, and the other way round. Without truths, `real` are the pictures that
    metrics of sets compare the outputs with, and a picture without a truth has no figures of pairs. `back` translates
    outputs into the domain of the inputs. Raises DataError when there is no picture, when a truth is missing that a
    metric needs, or when an output has another size than its truth.
    """
    chosen = dict(metrics or {name: METRICS[name] for name in USUAL})
    of_pairs = {name: row for name, row in chosen.items() if isinstance(row, PairMetric)}
    sets, models = _Sets(chosen, baselines or {}), {MODEL: translate, **(baselines or {})}
    rows = []
    for name, x, y in pictures:
        truth = None if y is None else to_float(y)
        if truth is None and real is None and any(row.against == "truth" for row in of_pairs.values()):
            raise DataError(f"{name} has no truth, which {', '.join(of_pairs)} need.")
        outputs = {model: to_float(run(x)) for model, run in models.items()}
        values: dict[str, dict[str, float]] = {model: {} for model in models}
        for model, output in outputs.items():
            for against in {row.against for row in of_pairs.values()}:
                asked = {name: row for name, row in of_pairs.items() if row.against == against}
                got, wanted = _compared(against, x, output, truth, back if model == MODEL else None)
                if got is not None and wanted is not None:
                    _check_comparable(name, got, wanted)
                    values[model] |= pair_values(got, wanted, asked, border)
            sets.add(inside(output, border), model)
        if truth is not None and real is None:
            sets.add_real(with_channels_of(outputs[MODEL], inside(truth, border)))
        rows.append(Row(name, values.pop(MODEL), values))
        on_picture(name)
    if not rows:
        raise DataError("There are no pairs to score.")
    for picture in real or ():
        sets.add_real(with_channels_of(outputs[MODEL], inside(to_float(picture), border)))
    refused = sets.refuse()
    chosen = {name: row for name, row in chosen.items() if name not in refused}
    if not chosen:
        raise DataError(" ".join(refused.values()))
    total = len(sets.metrics) * (len(models) + 1)
    done = iter(range(1, total + 1))

    def one_more() -> None:
        on_figure(next(done), total)

    return Evaluation(chosen, tuple(rows), sets.values(one_more), sets.intervals(one_more), refused)


def _compared(
    against: str, x: Array, output: Floats, truth: Floats | None, back: Translate | None
) -> tuple[Floats | None, Floats | None]:
    """What a metric of pairs measures, and by what; None where there is no such thing."""
    if against == "cycle":
        return (None, None) if back is None else (to_float(back(output)), to_float(x))
    if against == "input":
        channels = {output.shape[2], x.shape[2]}
        comparable = output.shape[:2] == x.shape[:2] and (len(channels) == 1 or channels == {1, 3})
        return (output, to_float(x)) if comparable else (None, None)
    return output, truth


def _check_comparable(name: str, output: Floats, truth: Floats) -> None:
    comparable = output.shape[2] == truth.shape[2] or {output.shape[2], truth.shape[2]} == {1, 3}
    if output.shape[:2] != truth.shape[:2] or not comparable:
        raise DataError(f"{name}: the output is {output.shape} (height, width, channels), the truth {truth.shape}.")
