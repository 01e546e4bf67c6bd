"""`i2i info`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .app import app


@app.command()
def info(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file.")],
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
) -> None:
    """Say what a model is, what it takes and gives, and how it was checked.

    \b
    i2i info runs/facades
    """
    from ..serving import read_card, resolve_model
    from ..serving.runtime.resolve import exported_models
    from ..workflows.describe import describe

    path = resolve_model(model, direction)
    card = read_card(path)
    if as_json:
        typer.echo(json.dumps(card.to_dict(), ensure_ascii=False, indent=1))
    else:
        typer.echo(describe(path, card))
        for other in exported_models(model) if model.is_dir() else ():
            if other != path:
                typer.echo(f"Beside it:  {other} (--direction {other.stem})")
