"""What `i2i evaluate` does: which pairs, seen at which size, against which baselines."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ...card import Card
from ...errors import DataError, PictureError, RequestError
from ...evaluation.baselines import ColourLookup, returned_input
from ...evaluation.colour_transfer import Colours, best_affine, monge_kantorovich
from ...evaluation.embedding.cache import trim
from ...evaluation.evaluate import Evaluation, Scored, Translate, evaluate
from ...files import write_atomically
from ...images.image import Array
from ...serving import Engine
from ...text import listed
from ..progress import Bars, Say, silent
from .copies import copies_of, write_copies
from .domains import DomainEvaluationSet, domain_evaluation_set
from .metrics import all_named, check_names, enough, metrics_for, need_no_truth, possible, smallest_side
from .pairs import EvaluationSet, is_unpaired, material
from .sheet import write_sheet
from .superres import high_res_evaluation_set

ENSEMBLED = "The model's pictures are the mean of what eight flips and turns of the input give (self-ensemble)."
MOST_LOOKED_UP = 15
"""Input channels that a map of colours makes sense for."""


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What is to be scored."""

    data: Path
    split: str | None = None
    metrics: tuple[str, ...] | None = None
    """Names of METRICS, or ALL; None is what is usual for the kind of model."""
    a: str | None = None
    b: str | None = None
    native: bool = False
    bicubic: bool = False
    """LR inputs are made by bicubic reduction alone, whatever degradation the model learned to undo."""
    files: tuple[Path | None, ...] = ()
    """Weights of the network that a metric needs."""
    features: str | None = None
    """What pictures become for metrics of sets: a key of EMBEDDINGS, or a file of weights."""
    copies_of: str | None = None
    """The training pictures that outputs are searched in: a folder, or `train`, those of `data`."""
    usual: tuple[str, ...] | None = None
    """Of pictures from noise, those that are taken where none is named; None is what is usual."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """What came out."""

    result: Evaluation
    broken: list[str]
    """Why each picture that was left out was."""
    things: str
    """What was counted."""
    note: str
    """How the pictures were seen, where that needs saying."""
    subject: str = "model"
    """What the figures are of."""
    sheet: str = "Worst, median and best"
    """What the sheet shows."""


def score(
    engine: Engine, scoring: Scoring, folder: Path | None = None, say: Say = silent, back: Engine | None = None
) -> Scores:
    """Score, and leave scores.csv and sheet.png in `folder` if there is one; `say` gets what is good to know before;
    `back` is the translator of the other direction, for the error of cycles.

    Raises what the folder or a name deserves.
    """
    card = engine.card
    check_names(scoring.metrics)
    found = _material(card, scoring)
    named, usual = scoring.metrics, found.usual
    if all_named(named):
        named, usual = None, _all(card, found, back is not None)
    metrics = metrics_for(named, usual, card, scoring.files, say, scoring.features)
    if "cycle" in metrics and back is None:
        raise RequestError(
            "cycle needs the translator of the other direction: score a run that has a2b.onnx and b2a.onnx, or name "
            "it with --back FILE."
        )
    copies = copies_of(scoring.copies_of, found) if scoring.copies_of else None
    if copies:
        metrics["copies"] = copies.metric()
    metrics, refused = enough(metrics, len(found), found.real_count)
    baselines = _baselines(card, found)
    broken: list[str] = []
    side, needed_by = smallest_side(metrics)
    pairs = large_enough(found.scored(broken), side + 2 * found.border, needed_by, broken)
    real = found.real(broken)
    with Bars() as bars:
        result = evaluate(
            engine,
            bars.counted(pairs, f"Scoring {found.split}", len(found), found.things),
            metrics,
            baselines,
            found.border,
            None if real is None else bars.counted(real, "Real pictures", found.real_count, "pictures"),
            on_figure=bars.of_figures,
            back=back,
        )
    trim()
    result = dataclasses.replace(result, refused={**refused, **result.refused})
    if folder is not None:
        write_atomically(folder / "scores.csv", result.to_csv().encode("utf-8", "backslashreplace"))
        write_sheet(engine, baselines.get("bicubic"), found, result, folder / "sheet.png")
    said = write_copies(copies, result, folder / "copies.png") if copies and folder and "copies" in result.sets else ""
    note = " ".join(filter(None, [said, found.note, ENSEMBLED if engine.ensemble else ""]))
    return Scores(result, broken, found.things, note)


def table(scores: Scores) -> str:
    """The figures beside the baselines, the gain where there is but one, and below what each figure is."""
    result, text = scores.result, io.StringIO()
    console = Console(file=text, width=120)
    grid = Table(title=f"{len(result.rows)} {scores.things}", title_justify="left")
    headings = ["", scores.subject, "95 % interval", *(f"baseline: {name}" for name in result.baselines)]
    only = result.baselines[0] if len(result.baselines) == 1 else None
    for heading in [*headings, *([f"gain over {only}"] if only else [])]:
        grid.add_column(heading, justify="right" if heading else "left", no_wrap=True)
    for name, metric in result.metrics.items():
        unit = f" in {metric.unit}" if metric.unit else ""
        found = result.interval(name)
        cells = [f"{result.value(name):#.4g}", f"[{found[0]:#.4g}, {found[1]:#.4g}]" if found else "too few"]
        theirs = [result.value(name, baseline) for baseline in result.baselines]
        cells += ["" if math.isnan(value) else f"{value:#.4g}" for value in theirs]
        if only:
            gain = result.value(name) - theirs[0]
            cells.append("" if math.isnan(gain) else f"{gain:+.2f}" if metric.unit else f"{gain:+.4f}")
        grid.add_row(f"{name}{unit} {'↑' if metric.higher_is_better else '↓'}", *cells)
    console.print(grid)
    console.print("↓ lower is better, ↑ higher is better.", highlight=False)
    for name, metric in result.metrics.items():
        console.print(f"{name}: {metric.definition}.", highlight=False)
    for sentence in _too_few(result):
        console.print(sentence, highlight=False)
    for reason in result.refused.values():
        console.print(f"Refused: {reason}", highlight=False)
    if any(one.metrics for one in result.classes.values()):
        console.print(_by_class(result))
    for name, one in result.classes.items():
        if not one.metrics:
            console.print(f"Class {name}: {one.refused['all']}", highlight=False)
    if scores.note:
        console.print(scores.note, highlight=False)
    return text.getvalue().rstrip()


def _too_few(result: Evaluation) -> list[str]:
    """Of the figures without an interval, how many pictures it takes."""
    names: dict[str, list[str]] = {}
    for name, row in result.metrics.items():
        if result.interval(name) is None and row.interval_least:
            of = " of each set" if name in result.sets else ""
            names.setdefault(f"{row.interval_least} pictures{of}", []).append(name)
    return [f"With fewer than {n} there is no interval of {listed(*some, last='and')}." for n, some in names.items()]


def _by_class(result: Evaluation) -> Table:
    """A row for each class, with the half of its interval's length."""
    names = [name for name in result.metrics if any(name in one.metrics for one in result.classes.values())]
    grid = Table(title="By class", title_justify="left")
    for heading in ("class", "pictures", *names):
        grid.add_column(heading, justify="left" if heading == "class" else "right")
    for label, one in result.classes.items():
        values = [(one.value(name), one.interval(name)) if name in one.metrics else None for name in names]
        cells = [
            "" if v is None else f"{v[0]:#.3g}" + (f" ± {(v[1][1] - v[1][0]) / 2:.2g}" if v[1] else "") for v in values
        ]
        if one.metrics:
            grid.add_row(label, str(len(one.rows)), *cells)
    return grid


def large_enough(pictures: Scored, side: int, metric: str, broken: list[str]) -> Scored:
    """Those that a metric's network can look at: `side` pixels a side or more, of the truth."""
    for name, x, y in pictures:
        found = min((x if y is None else y).shape[:2])
        if found >= side or not metric:
            yield name, x, y
        else:
            broken.append(
                f"{name}: {metric} needs {side} pixels a side, here are {found}. --metrics without {metric} scores it "
                "too."
            )


def _material(card: Card, scoring: Scoring) -> EvaluationSet:
    if card.keeps_content:
        return high_res_evaluation_set(scoring.data, card, scoring.split, scoring.a, scoring.b, scoring.bicubic)
    where = (scoring.data, card, scoring.split, scoring.a, scoring.b, scoring.native)
    if need_no_truth(scoring.metrics) and is_unpaired(scoring.data, card, scoring.a, scoring.b):
        return domain_evaluation_set(*where)
    try:
        return material(*where)
    except DataError:
        if not (all_named(scoring.metrics) and is_unpaired(scoring.data, card, scoring.a, scoring.b)):
            raise
        return domain_evaluation_set(*where)  # no scene is known in both domains


def _all(card: Card, found: EvaluationSet, both_ways: bool) -> tuple[str, ...]:
    """Every metric that there can be of these pictures."""
    against = {
        "truth": not isinstance(found, DomainEvaluationSet),
        "cycle": both_ways,
        "input": card.scale == 1 and _comparable(card),
    }
    return possible(*(name for name, is_there in against.items() if is_there))


def _baselines(card: Card, found: EvaluationSet) -> dict[str, Translate]:
    """By name, each learned from what `found` lets it see."""
    baselines: dict[str, Translate] = {}
    if _comparable(card):
        name = "bicubic" if card.scale > 1 else "input"
        baselines[name] = lambda x: returned_input(_enlarged(x, card.scale), card.output_channels)
    if card.keeps_content or card.input_channels > MOST_LOOKED_UP:
        return baselines
    if found.training:
        baselines["lookup"] = ColourLookup.learned(found.learned())
    if found.unpaired:
        if all(found.domains) and card.input_channels == card.output_channels:
            baselines["transfer"] = monge_kantorovich(*(Colours(found.of_domain(side)) for side in (0, 1)))
        if not isinstance(found, DomainEvaluationSet):
            baselines["best transfer"] = best_affine(found.truths(), len(found))
    return baselines


def _comparable(card: Card) -> bool:
    """Whether the input can stand for the output at all."""
    try:
        returned_input(np.zeros((1, 1, card.input_channels), np.uint8), card.output_channels)
    except PictureError:
        return False
    return True


def _enlarged(picture: Array, scale: int) -> Array:
    """(H, W, C) -> (H * scale, W * scale, C) of its type by MATLAB's bicubic: what every enlarger must beat."""
    if scale == 1:
        return picture
    from ...datasets.streams.imresize import imresize

    enlarged = imresize(picture, scale)
    return np.clip(enlarged, 0, 1) if enlarged.dtype == np.float32 else enlarged
