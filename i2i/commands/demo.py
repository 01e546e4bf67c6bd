"""`i2i demo`, which `make demo` runs: from pictures to a served model, on sample pairs or on the user's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app


@app.command()
def demo(
    data: Annotated[Path | None, typer.Argument(help="Folder of pairs; by default sample pairs are painted.")] = None,
    run: Annotated[Path, typer.Option(help="Folder of the run.")] = Path("runs/demo"),
    minutes: Annotated[float, typer.Option(help="Time to train for, about.")] = 4,
    direction: Annotated[str, typer.Option(help="a2b or b2a: which side is the input.")] = "a2b",
) -> None:
    """Train, export, convert and score in about ten minutes, and say where to look.

    \b
    i2i demo
    i2i demo photos/facades --run runs/mine --minutes 8
    """
    from ..workflows.demo import demo as run_demo

    stopped_by = run_demo(data, run, minutes, direction, typer.echo)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
