"""`i2i export` and `i2i upgrade`: a run, or an older file, as the ONNX file of today."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..app import app


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Run directory.")],
    out: Annotated[Path | None, typer.Option(help="File to write; by default in the run.")] = None,
    checkpoint: Annotated[str, typer.Option(help="last or best (by the validation error).")] = "last",
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two.")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or fp16.")] = "fp32",
    triton: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Put it into a Triton model repository as well.")
    ] = None,
) -> None:
    """Write a run's generator as one ONNX file, checked against torch.

    \b
    i2i export runs/facades --checkpoint best --out facades.onnx
    i2i export runs/facades --triton repository
    """
    from ...export.from_run import export_run
    from ...export.triton import add_to_repository
    from ...training.run_directory import Run

    def note(sentence: str) -> None:
        typer.echo(f"Note: {sentence}", err=True)

    for path in export_run(Run(run), checkpoint, direction=direction, out=out, precision=precision, say=note):
        typer.echo(f"{path} ({path.stat().st_size / 2**20:.1f} MB)")
        if triton is not None:
            typer.echo(f"{add_to_repository(path, triton)} for Triton")


@app.command()
def upgrade(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file.")],
    out: Annotated[Path | None, typer.Option(help="File to write; by default the file itself is replaced.")] = None,
) -> None:
    """End an older ONNX file as today's export does, so that OpenVINO runs all of it in bf16; its results stay.

    \b
    i2i upgrade runs/facades
    i2i upgrade old.onnx --out new.onnx
    """
    from ...serving.runtime.upgrade import upgrade_model

    for done in upgrade_model(model, out):
        if done.count:
            typer.echo(f"{done.path}: can run in bf16 to its end now; the results differ by {done.difference:.1e}.")
        else:
            typer.echo(f"{done.path}: needs nothing, and is as it was.")
