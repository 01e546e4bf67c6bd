"""`i2i directions`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..app import app
from ..choices import devices


@app.command()
def directions(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file that makes pictures from noise.")],
    count: Annotated[int, typer.Option(help="Directions, the strongest first.", min=1)] = 10,
    samples: Annotated[int, typer.Option(help="Pictures that are looked at.", min=10)] = 4000,
    seed: Annotated[int, typer.Option(help="Of these pictures.", min=0)] = 0,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Also where the file is there already, with the names in it.")
    ] = False,
) -> None:
    """Find the directions along which pictures change most, and write them beside the model, with a picture of each.

    Of a style net they are principal components of w. Of other nets they are those of early features: the latent is
    regressed on each. Where there is no map before the picture, they are the directions of the latent along which the
    pictures, regressed on it, change most. Give them names in the JSON file: they become
    sliders of the page, and settings of i2i generate.

    \b
    i2i directions runs/emoji
    i2i generate runs/emoji out --with direction.1=2
    """
    from ...serving.generation.generator import Generator
    from ...serving.generation.recording import record_directions
    from ...serving.runtime.resolve import resolve_model
    from ...workflows.progress import Bar

    generator = Generator(resolve_model(model), device=device, is_lenient=True)
    typer.echo(generator.reason, err=True)
    with Bar("Looking at pictures", samples, "pictures") as bar:
        found, files = record_directions(
            generator, count, samples, seed, overwrite=overwrite, progress=lambda done, _total: bar.update(done)
        )
    for each in found:
        typer.echo(f"{each.name}: {100 * each.share:.1f} % of the variance of {generator.varying}")
    for file in files:
        typer.echo(f"  written: {file}")
