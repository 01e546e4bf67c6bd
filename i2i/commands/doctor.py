"""`i2i doctor` and `i2i tune`: what ails a training or this machine, and what runs a model best on it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app


@app.command()
def doctor(
    runs: Annotated[list[Path] | None, typer.Argument(help="Run directories; none to look at this machine.")] = None,
) -> None:
    """Say what ails a training: which failure, since when, what to change. Without RUNS, examine this machine.

    Of several runs of one kind it also says whether they agree. Of the machine it shows devices, providers and
    versions, what is wrong, and the command that mends it. Exit status 1 when something is wrong.

    \b
    i2i doctor runs/facades
    i2i doctor runs/seed0 runs/seed1 runs/seed2
    i2i doctor
    """
    if runs:
        from ..workflows.diagnose import diagnose

        lines, sick = diagnose(runs)
        for line in lines:
            typer.echo(line)
        raise typer.Exit(1 if sick else 0)

    from ..workflows.doctor import doctor as examine

    facts, troubles = examine()
    for name, text in facts:
        typer.echo(f"{name + ':':<14} {text}")
    for trouble in troubles:
        typer.echo(f"\nWrong: {trouble}")
    typer.echo("\nNothing is wrong." if not troubles else "")
    raise typer.Exit(1 if troubles else 0)


@app.command()
def tune(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file.")],
    pictures: Annotated[
        Path | None, typer.Argument(help="Folder of pictures to measure with; made by program without one.")
    ] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    floor: Annotated[
        float | None,
        typer.Option(help="Least PSNR against fp32 that reduced precision must reach, in dB; by default 45.", min=0),
    ] = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Forget what was found before, and measure nothing.")
    ] = False,
) -> None:
    """Measure what runs a model best on this machine: provider, precision (int8 for enlargers), tiles and batch.

    convert and serve take what is found from then on, where they are not told otherwise.

    \b
    i2i tune runs/facades
    i2i tune runs/x4 photos --floor 50
    """
    from ..images.find import find_pictures
    from ..serving import resolve_model
    from ..serving.runtime.profiles import forget_profile
    from ..serving.tuning.report import told
    from ..serving.tuning.tune import digest_of
    from ..serving.tuning.tune import tune as measure

    path = resolve_model(model, direction)
    if forget:
        typer.echo("Forgotten." if forget_profile(digest_of(path)) else "There is nothing to forget.")
        return
    found = measure(path, find_pictures(pictures) if pictures else (), floor, lambda text: typer.echo(text, err=True))
    typer.echo(told(found, floor))
