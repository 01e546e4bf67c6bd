"""`i2i compare`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from .app import app


@app.command()
def compare(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN RUN...", help="Run directories, two or more.")],
    html: Annotated[Path | None, typer.Option(help="Write the page of the comparison to this file.")] = None,
) -> None:
    """Compare runs: speed, scores with intervals, and whether their differences on the same pictures exclude zero.

    The page has besides their curves over images and over time, the settings that differ, and the same validation
    pictures side by side. Runs may be of different methods, unfinished or damaged.

    \b
    i2i compare runs/pix2pix runs/pix2pix-lsgan --html comparison.html
    """
    from ..report.comparison.page import terminal_table, write_comparison
    from ..report.comparison.runs import read_runs

    found = read_runs(runs)
    typer.echo(terminal_table(found, shutil.get_terminal_size((120, 40)).columns))
    if html is not None:
        write_comparison(found, html)
        typer.echo(f"Page: {html}")
