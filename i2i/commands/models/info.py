"""`i2i info` and `i2i tile-check`: what a model is, by its card and by measurement."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..app import app
from ..choices import devices


@app.command()
def info(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file.")],
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The card as JSON.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Run it once, on its probe or a small picture.")] = False,
) -> None:
    """Say what a model is, what it takes and gives, and how it was checked.

    \b
    i2i info runs/facades
    i2i info facades.onnx --check
    """
    from ...serving import read_card, resolve_model
    from ...serving.runtime.resolve import exported_models
    from ...workflows.describe import describe, run_here

    path = resolve_model(model, direction)
    card = read_card(path)
    ran = {"ran": run_here(path)} if check else {}
    if as_json:
        typer.echo(json.dumps(card.to_dict(), ensure_ascii=False, indent=1))
    else:
        typer.echo(describe(path, card, **ran))
        for other in exported_models(model) if model.is_dir() else ():
            if other != path:
                typer.echo(f"Beside it:  {other} (--direction {other.stem})")


@app.command("tile-check")
def tile_check(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file.")],
    picture: Annotated[Path, typer.Argument(help="Picture that fits into memory as a whole.")],
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto or fp32.")] = "auto",
    tile: Annotated[int | None, typer.Option(help="Pixels a side of the tiles.", min=16)] = None,
    maps: Annotated[str, typer.Option(help="fp32, or bf16: feature maps between segments.")] = "fp32",
    difference: Annotated[
        Path | None, typer.Option(help="Write the difference, brightened 64 times, to this PNG.")
    ] = None,
) -> None:
    """Compute a picture whole and in parts (tiles, or segments where tiles would not do), and compare.

    The exit status is 1 when any value differs by more than one level of 255.

    \b
    i2i tile-check runs/x4 photo.png --difference seams.png
    """
    from ...images.decode import read_picture
    from ...serving import Engine, resolve_model
    from ...serving.tuning.tile_check import tile_check as checked
    from ...serving.tuning.tile_check import write_difference

    engine = Engine(resolve_model(model, direction), device=device, precision=precision, maps=maps)
    typer.echo(engine.reason, err=True)
    found = checked(engine, read_picture(picture), tile)
    for line in found.lines():
        typer.echo(line)
    if difference is not None:
        write_difference(found, difference)
    raise typer.Exit(0 if found.is_the_same else 1)
