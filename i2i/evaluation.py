"""Scores of a translator on pairs, with baselines beside it: a table, JSON, a CSV by picture and a contact sheet.

It takes the translator as a function, so what is scored is what is served.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from .errors import DataError
from .metrics import METRICS, Metric, figures
from .pictures import Array, to_float, to_uint8

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

    def telling(self, each: int = 2) -> list[tuple[str, int]]:
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


def telling_region(guess: Array, truth: Array, side: int, step: int = 1) -> tuple[slice, slice]:
    """Where `guess` is furthest from `truth`, both (H, W, C): rows and columns of a square of `side` pixels.

    Its corner lies at a multiple of `step`, and it is smaller where the picture is.
    """
    error = np.abs(to_float(guess) - to_float(truth)).mean(2, dtype=np.float64)
    height, width = (min(side, length) for length in error.shape)
    summed = np.pad(error.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    boxes = summed[height:, width:] - summed[:-height, width:] - summed[height:, :-width] + summed[:-height, :-width]
    top, left = np.unravel_index(boxes[::step, ::step].argmax(), boxes[::step, ::step].shape)
    return slice(int(top) * step, int(top) * step + height), slice(int(left) * step, int(left) * step + width)


def contact_sheet(rows: Sequence[tuple[str, Sequence[Array]]], columns: Sequence[str]) -> Image.Image:
    """A labelled sheet: for each row a caption and one picture (H, W, C) a column.

    Wide pictures are made smaller; small ones are enlarged by whole numbers, so that their pixels show as squares.
    """
    cell, gap, head = 256, 8, 22
    font = ImageFont.load_default(14)
    strips = []
    for caption, pictures in rows:
        shown = [_thumbnail(picture, cell) for picture in pictures]
        strips.append((caption, shown, max(p.height for p in shown)))
    width = len(columns) * (cell + gap) + gap
    height = head + gap + sum(h + head + gap for _, _, h in strips)
    sheet = Image.new("RGB", (width, height), "white")
    draw = ImageDraw.Draw(sheet)
    for c, name in enumerate(columns):
        draw.text((gap + c * (cell + gap), 4), name, "black", font)
    top = head
    for caption, shown, tall in strips:
        draw.text((gap, top + 4), caption, "#444", font)
        for c, picture in enumerate(shown):
            sheet.paste(picture, (gap + c * (cell + gap), top + head))
        top += head + tall + gap
    return sheet


def _thumbnail(picture: Array, cell: int) -> Image.Image:
    array = to_uint8(picture)
    array = array[..., :3] if array.shape[2] >= 3 else np.repeat(array[..., :1], 3, axis=2)
    image = Image.fromarray(array)
    scale = cell / max(image.size)
    scale = scale if scale < 1 else int(scale)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS if scale < 1 else Image.Resampling.NEAREST)
