"""What `i2i evaluate` does: which pairs, seen at which size, against which baselines."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ..baselines import ColourLookup, returned_input
from ..card import Card
from ..datasets.layouts import Layout, Pair, find_layout
from ..datasets.paired import PairedPictures
from ..errors import DataError, PictureError, RequestError, UnknownNameError
from ..evaluation import Evaluation, Translate, contact_sheet, evaluate
from ..files import write_atomically
from ..metrics import METRICS
from ..pictures import Array
from ..serving import Engine
from .progress import Bar

MOST_LOOKED_UP = 15
"""Input channels that a lookup by colour makes sense for."""
MOST_LEARNED = 500
"""Training pairs that the lookup is learned from, at most."""


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
    layout = _without_seen(find_layout(scoring.data, scoring.a, scoring.b), engine.card)
    split = _split(layout, scoring.split)
    pictures = _pictures(engine.card, layout.splits[split])
    learned_from = [p for p in layout.splits.get("train", ()) if split != "train"]

    baselines: dict[str, Translate] = {}
    if _comparable(engine.card):
        baselines["input"] = lambda x: returned_input(x, engine.card.output_channels)
    broken: list[str] = []
    if learned_from and engine.card.input_channels <= MOST_LOOKED_UP:
        known = _pictures(engine.card, tuple(learned_from[:MOST_LEARNED]))
        baselines["lookup"] = ColourLookup.learned((x, y) for _, x, y in _pairs(known, scoring.native, []))

    with Bar(f"Scoring {split}", len(pictures), "pairs") as bar:
        done = iter(range(1, len(pictures) + 1))
        result = evaluate(
            engine,
            _pairs(pictures, scoring.native, broken),
            scoring.metrics,
            baselines,
            on_picture=lambda _: bar.update(next(done)),
        )
    write_atomically(folder / "scores.csv", result.to_csv().encode())
    _write_sheet(engine, pictures, result, scoring.native, folder / "sheet.png")
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


def _without_seen(layout: Layout, card: Card) -> Layout:
    """A folder without splits: the pairs that training held out if it was trained on this one, else all, as test."""
    pairs = layout.splits.get("train", ())
    if layout.splits.keys() != {"train"}:
        return layout
    held_out = set(card.training.get("held_out", []))
    held = tuple(pair for pair in pairs if pair.name in held_out)
    trained_here = held_out and len(held) == len(held_out) == len(pairs) - (card.training.get("pictures") or 0)
    if not trained_here:
        return dataclasses.replace(layout, splits={"test": pairs})
    rest = tuple(pair for pair in pairs if pair.name not in held_out)
    return dataclasses.replace(layout, splits={"train": rest, "val": held})


def _split(layout: Layout, wanted: str | None) -> str:
    if wanted is not None:
        if wanted not in layout.splits:
            raise UnknownNameError(f"split of {layout.root}", wanted, layout.splits)
        return wanted
    for name in ("test", "val"):
        if layout.splits.get(name):
            return name
    raise DataError(f"{layout.root} has no test or val pairs to score on. Score the training pairs with --split train.")


def _pictures(card: Card, pairs: tuple[Pair, ...]) -> PairedPictures:
    return PairedPictures(
        pairs,
        size=int(card.training.get("size", 256)),
        channels=(card.input_channels, card.output_channels),
        squash=bool(card.training.get("squash", False)),
        interpolation=str(card.training.get("interpolation", "bicubic")),
        swap=card.training.get("direction") == "b2a",
        cache_mb=0,
    )


def _pairs(pictures: PairedPictures, native: bool, broken: list[str]) -> Iterator[tuple[str, Array, Array]]:
    """Name, input and truth of every pair that can be read; why another cannot goes to `broken`."""
    for index, pair in enumerate(pictures.pairs):
        try:
            x, y = _pair(pictures, index, native)
        except PictureError as error:
            broken.append(str(error))
            continue
        yield pair.name, x, y


def _pair(pictures: PairedPictures, index: int, native: bool) -> tuple[Array, Array]:
    """Input and truth (H, W, C): at the trained size as float32 in [0, 1], or as they are."""
    if native:
        whole = pictures.whole(index)
        return whole["a"], whole["b"]
    sample = pictures.fixed(index)
    a, b = (np.ascontiguousarray((sample[side].transpose(1, 2, 0) + 1) / 2) for side in ("a", "b"))
    return a, b


def _comparable(card: Card) -> bool:
    """Whether the input can stand for the output at all."""
    try:
        returned_input(np.zeros((1, 1, card.input_channels), np.uint8), card.output_channels)
    except PictureError:
        return False
    return card.scale == 1


def _write_sheet(engine: Engine, pictures: PairedPictures, result: Evaluation, native: bool, path: Path) -> None:
    first = result.metrics[0]
    places = {pair.name: index for index, pair in enumerate(pictures.pairs)}
    rows = []
    for label, index in result.telling():
        row = result.rows[index]
        x, y = _pair(pictures, places[row.name], native)
        rows.append((f"{label}: {row.name}, {first} {row.values[first]:.4g}", [x, engine(x), y]))
    buffer = io.BytesIO()
    contact_sheet(rows, ("input", "output", "truth")).save(buffer, "PNG")
    write_atomically(path, buffer.getvalue())
