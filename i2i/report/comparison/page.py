"""The comparison as one static page that opens offline, and as a table for the terminal."""

from __future__ import annotations

import io
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ...files import write_atomically
from ...text import render, script_data, verbatim
from .curves import charts, tables
from .pictures import side_by_side
from .runs import UNKNOWN, Compared, settings_that_differ
from .scores import Scored
from .words import Against, against_first, unscored, verdict

REPORT = files("i2i.report")


def write_comparison(runs: Sequence[Compared], target: Path) -> None:
    """Write the page, whole or not at all; raises StorageError."""
    page = render(
        files(__package__) / "compare.html",
        style=verbatim(REPORT / "style.css"),
        charts_script=verbatim(REPORT / "charts.js"),
        title=" · ".join(one.name for one in runs),
        names=[one.name for one in runs],
        verdict=verdict(runs),
        facts=_facts(runs),
        scores=_scores(runs),
        unscored=unscored(runs),
        settings=settings_that_differ(runs),
        written=time.strftime("%Y-%m-%d %H:%M"),
        data=script_data(
            {
                "runs": [one.name for one in runs],
                "tables": tables(runs),
                "charts": charts(runs),
                "pictures": side_by_side(runs),
            }
        ),
    )
    write_atomically(target, page.encode("utf-8", "replace"))


def terminal_table(runs: Sequence[Compared], width: int = 120) -> str:
    """A column a run: facts, scores with intervals, how each stands to the first; below it the verdict."""
    text = io.StringIO()
    console = Console(file=text, width=max(width, 24 + 28 * len(runs)))
    grid = Table(show_lines=False)
    for heading in ["", *(one.name for one in runs)]:
        grid.add_column(heading, overflow="fold")
    for name, values in _facts(runs):
        grid.add_row(name, *values)
    for name, figures, stands in _scores(runs):
        grid.add_row(name, *figures, end_section=not any(stands))
        if any(stands):
            grid.add_row(f"  against {runs[0].name}", *(_stands_in_words(one) for one in stands), end_section=True)
    console.print(grid)
    lines = [verdict(runs), *(f"Not scored yet: {command}" for command in unscored(runs))]
    return text.getvalue() + "\n".join(lines)


def _facts(runs: Sequence[Compared]) -> list[tuple[str, list[str]]]:
    found = [one.facts() for one in runs]
    return [(name, [facts[name] for facts in found]) for name in found[0]]


def _scores(runs: Sequence[Compared]) -> list[tuple[str, list[str], list[Against | None]]]:
    """(metric, figure of each run, how it stands to the first)."""
    metrics = dict.fromkeys(name for one in runs for name in one.scores)
    return [
        (name, [_figure(one.scores.get(name)) for one in runs], against_first(runs, name)) for name in metrics
    ]  # fmt: skip


def _figure(scored: Scored | None) -> str:
    if scored is None:
        return UNKNOWN
    interval = "" if scored.interval is None else f" [{scored.interval[0]:#.4g}, {scored.interval[1]:#.4g}]"
    return f"{scored.value:#.4g}{interval}"


def _stands_in_words(against: Against | None) -> str:
    if against is None:
        return ""
    found = against.difference
    if found is None or found.interval is None:
        return against.words
    return f"{found.mean:+.3g} [{found.interval[0]:+.3g}, {found.interval[1]:+.3g}], {against.words}"
