"""What `i2i evaluate MODEL DATA` does for a file that makes pictures from noise: they are compared as sets."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import DataError, RequestError
from ...evaluation.classifier import Classifier, bind, words_of
from ...evaluation.embedding.cache import trim
from ...evaluation.evaluate import MODEL, Evaluation, evaluate
from ...evaluation.metrics import METRICS, Metric, NoiseMetric, PairMetric, SeenMetric, SetMetric
from ...files import write_atomically
from ...images.alpha import on_white
from ...images.image import Array, to_float
from ...ports import Port
from ...serving.generation.folder import classes_of
from ...serving.generation.generator import Generator
from ...serving.generation.picks import Pick
from ...serving.generation.sheet import columns_of, made, sheet_file
from ..progress import Bars, Say, silent
from .copies import copies_of, write_copies
from .evaluate import Scores, Scoring
from .folders import OF_SETS
from .metrics import all_named, check_names, enough, possible, ready
from .numbers import score_numbers
from .real import RealPictures
from .smoothness import smoothness

USUAL = (*OF_SETS, "path_length")
SEEN = tuple(name for name, row in METRICS.items() if isinstance(row, SeenMetric))
"""Metrics besides, where there is a classifier."""
BY_CLASS = ("mind", "frechet", "precision", "recall")
"""Metrics of features that are measured of each class as well, where they are measured at all; beside ASKED."""
ASKED = "label_accuracy"
Known = dict[str, tuple[list[Any], list[Any]]]
"""By metric, what it knows of each output and of each real picture."""
SHOWN = 64
"""Pictures of the sheet."""


@dataclasses.dataclass(frozen=True)
class Sampling:
    """Which pictures of the generator are scored, and by which classifier."""

    count: int = 1000
    seed: int = 0
    truncation: float | None = None
    classifier: Path | None = None


def score_generator(
    generator: Generator, scoring: Scoring, sampling: Sampling, out: Path | None = None, say: Say = silent
) -> Scores:
    """Score `sampling.count` pictures against as many real ones, classes taking turns; `out` gets sheet and copies.
    Points and volumes are scored as numbers (numbers.py).

    Raises RequestError and DataError for what the file, the folder or a name deserves.
    """
    check_names(scoring.metrics)
    if generator.kind != "image":
        for drawn in () if out is None else (out / "scores.csv", out / "sheet.png", out / "copies.png"):
            drawn.unlink(missing_ok=True)  # of an evaluation before
        return score_numbers(generator, scoring, sampling)
    if all_named(scoring.metrics):
        scoring = dataclasses.replace(scoring, metrics=None, usual=possible(others=(NoiseMetric,)))
    _check(scoring)
    real = RealPictures.find(generator, scoring.data, scoring.split, sampling.count)
    asks = classes_of(generator)
    if sampling.classifier is None and (named := [name for name in scoring.metrics or () if name in SEEN]):
        raise RequestError(f"{', '.join(named)} is seen by a classifier: add --classifier FILE, ONNX or TorchScript.")
    picks = [Pick(sampling.seed, n, truncation=sampling.truncation) for n in range(sampling.count)]
    broken: list[str] = []
    with Bars() as bars:
        metrics, judge = _metrics(generator, scoring, sampling, real, say, bars)
        copies = copies_of(scoring.copies_of) if scoring.copies_of else None
        if copies:
            metrics["copies"] = copies.metric()
        metrics, refused = enough(metrics, len(picks), len(real))
        labels: list[int] = []
        known: Known = {}

        def real_pictures() -> Iterator[Array]:
            for picture, label in real.labelled(broken):
                labels.append(label)
                yield picture

        result = evaluate(
            lambda x: x,
            bars.counted(generated(generator, picks, asks), "Generated pictures", len(picks), "pictures"),
            _kept(metrics, known),
            real=bars.counted(real_pictures(), "Real pictures", len(real), "pictures"),
            on_figure=bars.of_figures,
        )
        result = dataclasses.replace(result, refused={**refused, **result.refused})
        if asks is not None and real.classes:
            classes = _by_class(asks, real, labels, result, metrics, known, judge, bars)
            result = dataclasses.replace(result, classes=classes)
    trim()
    said = ""
    if out is not None:
        shown = list(made(generator, picks[:SHOWN]))
        kinds = 0 if asks is None else len(asks.choices)
        write_atomically(out / "sheet.png", sheet_file(shown, columns_of(len(shown), kinds)))
        said = write_copies(copies, result, out / "copies.png") if copies and "copies" in result.sets else ""
    note = (
        f"{said} {real.note} Pictures 0 to {len(picks) - 1:,} of seed {sampling.seed}, beside {len(real):,} real ones "
    )
    note += f"of {real.split}." + (f" Truncation {sampling.truncation:g}." if sampling.truncation is not None else "")
    return Scores(
        result,
        broken,
        "pictures",
        " ".join(note.split()),
        generator.card.name,
        f"First {min(SHOWN, len(picks))} samples",
    )


def _check(scoring: Scoring) -> None:
    """Raises RequestError for what pictures from noise cannot be asked."""
    if paired := [name for name in scoring.metrics or () if isinstance(METRICS[name], PairMetric)]:
        raise RequestError(
            f"{', '.join(paired)} compares an output with its truth or its input, and pictures from noise have none. "
            f"Take metrics of sets: {', '.join(USUAL[:3])} and others."
        )
    if scoring.copies_of == "train":
        raise RequestError("--copies-of train is for translators. Name the folder of training pictures.")


@dataclasses.dataclass(frozen=True)
class ClassifierOnReal:
    """A classifier of known accuracy beside the classes that are asked for."""

    classifier: Classifier
    said: str
    """What it is, with its accuracy."""
    places: tuple[int, ...]
    """Of each class that the generator can be asked for, its place among the real ones; -1 where they lack it."""

    def metrics(self, rows: dict[str, SeenMetric], real: list[int], numbers: list[int]) -> dict[str, SetMetric]:
        """The rows of real pictures of these classes and of the pictures of these numbers."""
        asked = [self.places[number % len(self.places)] for number in numbers]
        return bind(rows, self.classifier, real, asked, self.said)


def _metrics(
    generator: Generator, scoring: Scoring, sampling: Sampling, real: RealPictures, say: Say, bars: Bars
) -> tuple[dict[str, Metric], ClassifierOnReal | None]:
    """Those that are asked for, else the usual ones; where there is a classifier also what it sees, and the judge."""
    names = list(scoring.metrics or (*(scoring.usual or USUAL), *(SEEN if sampling.classifier else ())))
    if classes_of(generator) is None and ASKED in names:
        if scoring.metrics:
            raise RequestError(f"label_accuracy is of files that are told a class, and {generator.card.name} is not.")
        names.remove(ASKED)
    plain = [name for name in names if not isinstance(METRICS[name], SeenMetric | NoiseMetric)]
    found: dict[str, Metric] = {}
    if plain:
        channels = 1 if generator.size[0] == 1 else 3
        found |= ready(plain if scoring.metrics else None, plain, channels, scoring.files, say, scoring.features)
    if any(isinstance(METRICS[name], NoiseMetric) for name in names):

        def bar(done: int, total: int) -> None:
            if bars.open is None or bars.open.unit != "steps":
                bars.begin("Path length", total, "steps")
            assert bars.open is not None
            bars.open.update(done)

        weights = (scoring.features, scoring.files)
        found |= smoothness(generator, sampling.count, sampling.seed, sampling.truncation, *weights, bar, say)
    rows = {name: row for name in names if isinstance(row := METRICS[name], SeenMetric)}
    if not rows or sampling.classifier is None:
        return found, None
    judge, labels = _judge(Classifier(sampling.classifier), generator, real, bars)
    if ASKED in rows and (without := _without(judge, generator, real)):
        if max(judge.places) < 0 and scoring.metrics:
            raise RequestError(f"label_accuracy has no figure: {without}")
        if max(judge.places) < 0:
            del rows[ASKED]
        say(f"{'label_accuracy is of the other classes' if ASKED in rows else 'Without label_accuracy'}: {without}")
    return found | judge.metrics(rows, labels, list(range(sampling.count))), judge


def _judge(
    classifier: Classifier, generator: Generator, real: RealPictures, bars: Bars
) -> tuple[ClassifierOnReal, list[int]]:
    """With its accuracy, which is measured on the real pictures; and their classes, of those that can be read."""
    if not real.classes:
        raise RequestError(
            f"{real.root} has no two class folders, so it cannot be measured on it how often {classifier.path.name} is "
            "right. Put the pictures of each class into a folder of its own, or leave --classifier out."
        )
    pairs = list(bars.counted(real.labelled([]), "The classifier on real pictures", len(real), "pictures"))
    if not pairs:
        raise DataError(f"No picture of {real.root} can be read.")
    labels = [label for _, label in pairs]
    said = words_of(classifier, [picture for picture, _ in pairs], labels, real.classes)
    asks = classes_of(generator)
    names = () if asks is None else asks.choices
    places = tuple(real.classes.index(name) if name in real.classes else -1 for name in names)
    return ClassifierOnReal(classifier, said, places or (-1,)), labels


def _without(judge: ClassifierOnReal, generator: Generator, real: RealPictures) -> str:
    """Which of the generator's classes the real pictures lack; "" where they have all."""
    asks = classes_of(generator)
    names = () if asks is None else asks.choices
    if not (lacking := [name for name, place in zip(names, judge.places, strict=False) if place < 0]):
        return ""
    return (
        f"{generator.card.name} makes {_listed(lacking)}, and {real.root} has no such folder, but "
        f"{_listed(real.classes)}. Name the folders as the model's classes are."
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:8]) + (", …" if len(names) > 8 else "")


def generated(generator: Generator, picks: list[Pick], asks: Port | None) -> Iterator[tuple[str, Array, None]]:
    """Name, pixels (H, W, 1 or 3) in [0, 1] as their files have them, on white where they have alpha."""
    for pick, picture in zip(picks, made(generator, picks), strict=True):
        label = "" if asks is None else f"{asks.choices[pick.number % len(asks.choices)]}/"
        yield f"{label}{pick.number:06d}", to_float(on_white(picture)), None


def _kept(metrics: Mapping[str, Metric], known: Known) -> dict[str, Metric]:
    """The metrics, of which those that are told by class leave in `known` what they know of each picture."""

    def kept(name: str, row: SetMetric) -> SetMetric:
        def compute(outputs: Any, reals: Any) -> float:
            known[name] = outputs, reals
            return row.compute(outputs, reals)

        return dataclasses.replace(row, compute=compute)

    return {n: kept(n, row) if _is_by_class(n) and isinstance(row, SetMetric) else row for n, row in metrics.items()}


def _is_by_class(name: str) -> bool:
    return name == ASKED or name.rpartition("_")[0] in BY_CLASS


def _by_class(
    asks: Port,
    real: RealPictures,
    labels: list[int],
    result: Evaluation,
    metrics: Mapping[str, Metric],
    known: Known,
    judge: ClassifierOnReal | None,
    bars: Bars,
) -> dict[str, Evaluation]:
    """The figures of each class that real pictures have, too, as far as it has pictures enough: of what is known of
    them already. `labels` are the classes of the real ones.
    """
    rows = {name: row for name, row in metrics.items() if name in known and isinstance(row, SetMetric)}
    found: dict[str, Evaluation] = {}
    for place, name in enumerate(bars.counted(asks.choices, "Figures by class", len(asks.choices), "classes")):
        mine = range(place, len(result.rows), len(asks.choices))
        theirs = [n for n, label in enumerate(labels) if label >= 0 and real.classes[label] == name]
        if not mine or not theirs:
            continue
        if judge is not None and ASKED in rows and isinstance(row := METRICS[ASKED], SeenMetric):
            rows |= judge.metrics({ASKED: row}, [labels[n] for n in theirs], list(mine))
        try:
            kept, why = enough(dict(rows), len(mine), len(theirs))
        except DataError as error:
            found[name] = Evaluation({}, (), refused={"all": str(error)})
            continue
        of = {m: ([known[m][0][n] for n in mine], [known[m][1][n] for n in theirs]) for m in kept}
        values = {m: {MODEL: rows[m].compute(*of[m])} for m in kept}
        intervals = {m: rows[m].interval(*of[m]) for m in kept}
        found[name] = Evaluation(kept, tuple(result.rows[n] for n in mine), values, intervals, why)
    return found
