"""`i2i generate`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Annotated

import typer

from ...images.formats import lossy_titles, written
from ...text import listed
from ..app import app
from ..choices import devices, policies
from ..convert import ended_by_sigterm


@app.command()
def generate(
    model: Annotated[Path, typer.Argument(help="Run directory or ONNX file that makes pictures from noise.")],
    out: Annotated[Path, typer.Argument(help="Folder to write; a folder in it for each class, where there are any.")],
    count: Annotated[int, typer.Option(help="Pictures, from number 0 on.", min=1)] = 16,
    seed: Annotated[int, typer.Option(help="Picture n is a function of the seed and n alone.", min=0)] = 0,
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="PORT=VALUE",
            help="Set what the model takes, as in label=3, latent.5=1.2 or direction.smile=2; i2i info lists it; "
            "repeatable.",
        ),
    ] = None,
    truncation: Annotated[
        float | None,
        typer.Option(
            help="Nearer to what is usual, less varied: of a style net how far w keeps from its average, of others "
            "the size beyond which latent numbers are drawn again."
        ),
    ] = None,
    mix: Annotated[
        int | None, typer.Option(metavar="SEED", help="Style nets: fine layers by the pictures of this seed.", min=0)
    ] = None,
    mix_layer: Annotated[
        int | None, typer.Option(metavar="N", help="From which layer on --mix holds; by default the middle.", min=0)
    ] = None,
    interpolate: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            help="Also walk.png, walk.gif, walk.webp (and walk.webm with i2i's extra video): N frames between two "
            "pictures.",
            min=1,
        ),
    ] = None,
    grid: Annotated[Path | None, typer.Option(metavar="FILE", help="Also a contact sheet, as a PNG.")] = None,
    format: Annotated[
        str | None,
        typer.Option(
            help=f"{listed(*written())}; png unless given. Of volumes npz, of points npy.", show_default=False
        ),
    ] = None,
    quality: Annotated[int | None, typer.Option(help=f"1 to 100, for {lossy_titles()}.")] = None,
    existing: Annotated[str, typer.Option(help=f"What is there already: {policies()}.")] = "skip",
    flat: Annotated[bool, typer.Option("--flat", help="No folders for classes.")] = False,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    batch: Annotated[
        int | None, typer.Option(help="Pictures computed together at most, where that changes no byte.", min=1)
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Threads that encode and write.", min=1)] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write what is done to this file, as JSON lines, while it is done.")
    ] = None,
) -> None:
    """Make pictures from noise: 000000.png, 000001.png, …, each a function of the seed and its number alone.

    Volumes are 000000.npz, …, or pictures of them with --format png; points are all in points.npy.

    The same command again makes what is not there yet; i2i verify OUT re-checks what is. Labels go round the classes
    unless one is set.

    \b
    i2i generate runs/digits out --count 1000
    i2i generate digits.onnx out --with label=3 --truncation 0.7 --grid sheet.png
    i2i generate runs/emoji out --count 8 --seed 5 --interpolate 30
    i2i generate runs/emoji out --mix 7 --with direction.1=2
    """
    from ...serving.generation.generator import Generator
    from ...serving.generation.outputs import generate_all
    from ...serving.inference.controls import parse_controls
    from ...serving.runtime.resolve import resolve_model
    from ...workflows.conversion_summary import Meter, summary
    from ...workflows.progress import Bars

    generator = Generator(resolve_model(model), device=device)
    if batch is not None:
        generator.largest = batch
    typer.echo(generator.reason, err=True)
    with ended_by_sigterm(), Bars() as bars, Meter("Generating", "pictures") as meter:
        result, more = generate_all(
            generator,
            out,
            count=count,
            seed=seed,
            controls=parse_controls(with_ or ()),
            truncation=truncation,
            mix=mix,
            layer=mix_layer,
            between=interpolate,
            grid=grid,
            format=format,
            quality=quality,
            existing=existing,
            is_flat=flat,
            workers=workers,
            progress=meter,
            walked=functools.partial(bars.at, "Walking", "frames"),
            report=report,
        )
    typer.echo(summary(result, dry_run=False))
    for file in more:
        typer.echo(f"  also: {file}")
    raise typer.Exit(result.status)
