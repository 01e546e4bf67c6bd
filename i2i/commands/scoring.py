"""What `i2i evaluate` does: which pairs, seen at which size, against which baselines."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ..baselines import ColourLookup, returned_input
from ..card import Card
from ..colour_transfer import Colours, best_affine, monge_kantorovich
from ..errors import PictureError, RequestError, UnknownNameError
from ..evaluation import Evaluation, Translate, contact_sheet, evaluate
from ..files import write_atomically
from ..metrics import METRICS
from ..serving import Engine
from .progress import Bar
from .scored_pairs import Material, material

MOST_LOOKED_UP = 15
"""Input channels that a map of colours makes sense for."""


@dataclasses.dataclass(frozen=True)
class Scoring:
    """What is to be scored."""

    data: Path
    split: str | None = None
    metrics: tuple[str, ...] = ("l1", "psnr", "ssim")
    a: str | None = None
    b: str | None = None
    native: bool = False


def score(engine: Engine, scoring: Scoring, folder: Path) -> tuple[Evaluation, list[str]]:
    """Score, and leave scores.csv and sheet.png in `folder`; gives why each picture that was left out was.

    Raises what the folder or a name deserves.
    """
    if not scoring.metrics:
        raise RequestError(f"No metric is named. Known: {', '.join(METRICS)}.")
    for name in scoring.metrics:
        if name not in METRICS:
            raise UnknownNameError("metric", name, METRICS)
    found = material(scoring.data, engine.card, scoring.split, scoring.a, scoring.b, scoring.native)
    baselines = _baselines(engine.card, found)
    broken: list[str] = []
    count = len(found.pictures)
    with Bar(f"Scoring {found.split}", count, "pairs") as bar:
        done = iter(range(1, count + 1))
        result = evaluate(
            engine,
            found.scored(broken),
            scoring.metrics,
            baselines,
            on_picture=lambda _: bar.update(next(done)),
        )
    write_atomically(folder / "scores.csv", result.to_csv().encode())
    _write_sheet(engine, found, result, folder / "sheet.png")
    return result, broken


def table(result: Evaluation) -> str:
    """The figures beside the baselines, with what each figure is."""
    text = io.StringIO()
    console = Console(file=text, width=110)
    grid = Table(title=f"{len(result.rows)} pairs", title_justify="left")
    grid.add_column("")
    for name in result.metrics:
        metric = METRICS[name]
        unit = f" in {metric.unit}" if metric.unit else ""
        grid.add_column(f"{name}{unit} {'↑' if metric.higher_is_better else '↓'}", justify="right", no_wrap=True)
    ours = []
    for name in result.metrics:
        low, high = result.interval(name)
        ours.append(f"{result.mean(name):.4g} [{low:.4g}, {high:.4g}]")
    grid.add_row("model [95 % interval]", *ours)
    for baseline in result.baselines:
        grid.add_row(f"baseline: {baseline}", *(f"{result.mean(m, baseline):.4g}" for m in result.metrics))
    console.print(grid)
    console.print("↓ lower is better, ↑ higher is better.", highlight=False)
    for name in result.metrics:
        console.print(f"{name}: {METRICS[name].definition}.", highlight=False)
    return text.getvalue().rstrip()


def _baselines(card: Card, found: Material) -> dict[str, Translate]:
    """By name, each learned from what `found` lets it see."""
    baselines: dict[str, Translate] = {}
    if _comparable(card):
        baselines["input"] = lambda x: returned_input(x, card.output_channels)
    if card.input_channels > MOST_LOOKED_UP:
        return baselines
    if found.training:
        baselines["lookup"] = ColourLookup.learned(found.learned())
    if found.unpaired:
        if all(found.domains) and card.input_channels == card.output_channels:
            baselines["transfer"] = monge_kantorovich(*(Colours(found.of_domain(side)) for side in (0, 1)))
        count = len(found.pictures)
        baselines["best transfer"] = best_affine(((x, y) for _, x, y in found.scored([])), count)
    return baselines


def _comparable(card: Card) -> bool:
    """Whether the input can stand for the output at all."""
    try:
        returned_input(np.zeros((1, 1, card.input_channels), np.uint8), card.output_channels)
    except PictureError:
        return False
    return card.scale == 1


def _write_sheet(engine: Engine, found: Material, result: Evaluation, path: Path) -> None:
    first = result.metrics[0]
    places = {pair.name: index for index, pair in enumerate(found.pictures.pairs)}
    rows = []
    for label, index in result.telling():
        row = result.rows[index]
        x, y = found.pair(found.pictures, places[row.name])
        rows.append((f"{label}: {row.name}, {first} {row.values[first]:.4g}", [x, engine(x), y]))
    buffer = io.BytesIO()
    contact_sheet(rows, ("input", "output", "truth")).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
