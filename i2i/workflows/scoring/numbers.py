"""What `i2i evaluate MODEL DATA` does for points and volumes: sets of plain numbers, by the figures of sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ...datasets.arrays.arrange import arranged
from ...datasets.arrays.files import check_range, holds_arrays
from ...datasets.arrays.samples import ArraySamples, Row, Store
from ...errors import DataError, RequestError, require
from ...evaluation.embedding.bind import bind
from ...evaluation.embedding.rows import Embedding
from ...evaluation.embedding.rows import Row as Features
from ...evaluation.evaluate import evaluate
from ...evaluation.metrics import METRICS, FeatureMetric, Metric
from ...images.image import Array, Doubles, Floats
from ...serving.generation.generator import BATCH, Generator
from ...serving.generation.picks import Pick
from ..progress import Bars
from .evaluate import Scores, Scoring
from .metrics import all_named, enough

if TYPE_CHECKING:
    from .generated import Sampling

OF_NUMBERS = tuple(
    name for name, row in METRICS.items() if isinstance(row, FeatureMetric) and not (row.only or row.figure.logits)
)
"""Metrics that need nothing but numbers."""
MOST_CELLS = 8
"""Cells a side whose means stand for a volume, as 8 x 8 pixels do for a picture."""
CACHE_MB = 2048


class Numbers(Embedding):
    """Samples as their own features: the numbers of a point, of a volume the means of its cells."""

    def __init__(self, shape: Sequence[int]) -> None:
        """`shape` is (2,) of a point, (S, S, S) of a volume."""
        self.cells = max(n for n in range(1, MOST_CELLS + 1) if shape[0] % n == 0)
        if len(shape) == 1:
            self.name, self.row = "points", Features("the numbers of a point", shape[0], "")
        else:
            words = f"voxels, means of {self.cells} cells a side"
            self.name, self.row = "voxels", Features(words, self.cells**3, "")
        self.digest, self.classes, self.genuine = "", False, False

    def __call__(self, picture: Floats) -> Doubles:
        """(1, 1, 2) or (S, S, S) -> (d,) float64."""
        if self.name == "voxels":
            n, by = self.cells, len(picture) // self.cells
            picture = picture.reshape(n, by, n, by, n, by).mean((1, 3, 5))
        return picture.ravel().astype(np.float64)


def score_numbers(generator: Generator, scoring: Scoring, sampling: Sampling) -> Scores:
    """Score `sampling.count` samples against as many real ones at most, of the arrays below `scoring.data`.

    Raises RequestError for what numbers cannot be asked, DataError for a folder of others.
    """
    names = _names(generator, scoring, sampling)
    embedding = Numbers([side or 0 for side in generator.card.outputs[0].shape])
    split, rows = _real(generator, scoring)
    chosen = sorted(np.random.default_rng(0).permutation(len(rows))[: sampling.count])
    real = [rows[n] for n in chosen]
    picks = [Pick(sampling.seed, n, truncation=sampling.truncation) for n in range(sampling.count)]
    bound: dict[str, Metric] = {}
    for name in names:
        row = METRICS[name]
        assert isinstance(row, FeatureMetric)
        bound |= dict([bind(name, row, embedding)])
    metrics, refused = enough(bound, len(picks), len(real))
    things = f"{generator.kind}s"
    with Bars() as bars:
        result = evaluate(
            lambda x: x,
            bars.counted(_generated(generator, picks), f"Generated {things}", len(picks), things),
            metrics,
            real=bars.counted(_samples(generator, real), f"Real {things}", len(real), things),
            on_figure=bars.of_figures,
        )
    result = dataclasses.replace(result, refused={**refused, **result.refused})
    note = f"{things.capitalize()} 0 to {len(picks) - 1:,} of seed {sampling.seed}, beside {len(real):,} real ones of "
    note += f"{split}." + (f" Truncation {sampling.truncation:g}." if sampling.truncation is not None else "")
    return Scores(result, [], things, note, generator.card.name)


def _names(generator: Generator, scoring: Scoring, sampling: Sampling) -> tuple[str, ...]:
    """The metrics that are asked for."""
    asked = {
        "--features": scoring.features,
        "--classifier": sampling.classifier,
        "--copies-of": scoring.copies_of,
        "--lpips-weights": scoring.files and scoring.files[0],
    }
    for option, value in asked.items():
        if value:
            raise RequestError(f"{option} is for pictures, and {generator.card.name} makes {generator.kind}s.")
    if scoring.metrics is None or all_named(scoring.metrics):
        return OF_NUMBERS
    for name in scoring.metrics:
        if name not in OF_NUMBERS:
            raise RequestError(
                f"{name} is of pictures, and {generator.card.name} makes {generator.kind}s, which are compared as sets "
                f"of numbers: --metrics {','.join(OF_NUMBERS)}."
            )
    return scoring.metrics


def _real(generator: Generator, scoring: Scoring) -> tuple[str, tuple[Row, ...]]:
    """The split's name and its samples: the wanted one, else test or val, else what training held out, else all."""
    root, kind = scoring.data, generator.kind
    if not root.exists() or not holds_arrays(root):
        raise DataError(f"{root} holds no .npy or .npz files, and {generator.card.name} makes {kind}s.")
    splits, labels, broken = arranged(root, ())
    for one in broken:
        raise DataError(one.reason)
    if scoring.split is not None:
        require(f"split of {root}", scoring.split, splits)
    split = scoring.split or next((name for name in ("test", "val", "train") if name in splits), "train")
    rows = splits.get(split, ())
    if splits.keys() == {"train"} and scoring.split is None:
        held_out = set(generator.card.training.get("held_out", []))
        named = [f"{labels[row.label]}/{row.name}" if len(labels) > 1 else row.name for row in rows]
        held = tuple(row for row, name in zip(rows, named, strict=True) if name in held_out)
        split, rows = ("val", held) if held_out and len(held) == len(held_out) else ("all", rows)
    side = generator.card.outputs[0].shape[0] or 0
    for file in {row.file: None for row in rows}:
        if file.kind != f"{kind}s" or (kind == "volume" and file.shape[0] % side):
            sides = f" of {side} voxels a side" if kind == "volume" else ""
            raise DataError(
                f"{file.path} holds {file.kind} of shape {file.shape}, and {generator.card.name} makes {kind}s{sides}."
            )
        check_range(file, file.rows())
    return split, rows


def _samples(generator: Generator, rows: Sequence[Row]) -> Iterator[Array]:
    """The real samples as the generator makes its own: points in [-1, 1], (1, 1, 2); volumes in [0, 1], (S, S, S)."""
    store = Store(CACHE_MB)
    for file in {row.file: None for row in rows}:
        store.hold(file, file.rows())
    samples = ArraySamples(rows, store, generator.card.outputs[0].shape[0] or 0, 0, classes=False)
    for n in range(len(samples)):
        x = samples.sample(n)["image"]
        yield x.reshape(1, 1, 2) if generator.kind == "point" else (x[0] + 1) / 2


def _generated(generator: Generator, picks: Sequence[Pick]) -> Iterator[tuple[str, Array, None]]:
    """Name and sample of every pick."""
    for first in range(0, len(picks), BATCH):
        part = picks[first : first + BATCH]
        for pick, sample in zip(part, generator.pictures(part), strict=True):
            yield f"{pick.number:06d}", sample.reshape(1, 1, 2) if generator.kind == "point" else sample, None
