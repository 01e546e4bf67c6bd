"""The logs of several runs on common axes, and which charts they make."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from ...training.best import higher_is_better
from ..text import Tick
from .runs import Compared

MOST_POINTS = 600
"""Along an axis; denser logs are averaged."""

AXES = {"images": ("images", 1.0), "minutes": ("seconds", 60.0)}
"""The axes of the page: the column of the log, and what it is divided by."""

SECTIONS = {"validation": ("val_",), "losses": ("g_", "d_"), "other": ("p_", "fail_", "ada_", "lr_", "")}
"""Where a figure's chart stands, by the beginning of its key."""
SHARES = ("d_accuracy", "d_rested")
"""Of the keys that begin like losses, those of none."""

TITLES = {"images_per_s": "Images per second", "memory_mb": "Memory, MiB"}
LEFT_OUT = ("images", "step", "seconds")


def tables(runs: Sequence[Compared]) -> dict[str, dict[str, list[float | None]]]:
    """For each axis a table: its own column, and `RUN:KEY` for each figure of each run, null where it has none."""
    return {axis: _table(runs, axis, *AXES[axis]) for axis in AXES}


def charts(runs: Sequence[Compared]) -> list[dict[str, Any]]:
    """A chart for each figure that any run has: title, note, section, and the runs that have it."""
    keys = dict.fromkeys(key for one in runs for tick in one.ticks for key in tick if key not in LEFT_OUT)
    mixed = len({one.config.get("method") for one in runs}) > 1
    found = []
    for key in keys:
        section = "other" if key.startswith(SHARES) else next(n for n, s in SECTIONS.items() if key.startswith(s))
        having = [n for n, one in enumerate(runs) if any(key in tick for tick in one.ticks)]
        better = ("higher" if higher_is_better(key) else "lower") + " is better"
        notes = {"validation": better, "losses": "not on one scale where the methods' losses differ" if mixed else ""}
        title = TITLES.get(key, key.removeprefix("val_").replace("_", " "))
        found.append({"key": key, "title": title, "note": notes.get(section, ""), "section": section, "runs": having})
    order = {key: n for n, key in enumerate(sorted(keys))}
    rank = list(SECTIONS)
    return sorted(found, key=lambda chart: (rank.index(chart["section"]), order[chart["key"]]))


def _table(runs: Sequence[Compared], axis: str, column: str, divisor: float) -> dict[str, list[float | None]]:
    places = [[_place(tick, column, divisor) for tick in one.ticks] for one in runs]
    known = sorted({place for of_run in places for place in of_run if place is not None})
    width = known[-1] / MOST_POINTS if known and len(known) > MOST_POINTS else 0.0
    columns: dict[str, dict[float, list[float]]] = {}
    for number, (one, of_run) in enumerate(zip(runs, places, strict=True)):
        for tick, place in zip(one.ticks, of_run, strict=True):
            if place is None:
                continue
            at = round(math.ceil(place / width) * width, 6) if width else place
            for key, value in tick.items():
                if key not in LEFT_OUT and math.isfinite(value):
                    columns.setdefault(f"{number}:{key}", {}).setdefault(at, []).append(value)
    along = sorted({at for values in columns.values() for at in values})
    table: dict[str, list[float | None]] = {axis: [*along]}
    for name, values in columns.items():
        table[name] = [_mean(values[at]) if at in values else None for at in along]
    return table


def _place(tick: Tick, column: str, divisor: float) -> float | None:
    value = tick.get(column, math.nan) / divisor
    return value if math.isfinite(value) and value >= 0 else None


def _mean(values: list[float]) -> float:
    return float(f"{sum(values) / len(values):.5g}")
