"""`i2i convert`."""

from __future__ import annotations

import contextlib
import functools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from ..images.formats import lossy_titles, written
from ..images.metadata.policy import METADATA
from ..text import listed
from .app import app
from .choices import devices, names_of, policies


@app.command()
def convert(
    model: Annotated[
        Path, typer.Argument(help="Run directory or ONNX file; several, with commas, one after the other.")
    ],
    source: Annotated[
        Path, typer.Argument(help="Folder of pictures, one picture, or - for standard input; a URL with --engine ray.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            help="Folder to write: same tree, same names. Or - for standard output; a URL with --engine ray."
        ),
    ],
    with_: Annotated[
        list[str] | None,
        typer.Option(
            "--with",
            metavar="PORT=VALUE",
            help="Set what else the model takes, as in label=winter; i2i info lists it; repeatable.",
        ),
    ] = None,
    existing: Annotated[str, typer.Option(help=f"What is there already: {policies()}.")] = "skip",
    format: Annotated[str, typer.Option(help=f"{listed('keep', *written())}.")] = "keep",
    quality: Annotated[int | None, typer.Option(help=f"1 to 100, for {lossy_titles()}.")] = None,
    metadata: Annotated[
        str, typer.Option(help=f"What goes along of EXIF, XMP and the like: {listed(*METADATA)}.")
    ] = "keep",
    include: Annotated[
        list[str] | None,
        typer.Option(metavar="GLOB", help="Only pictures whose path below SOURCE fits, as in '**/*.jpg'; repeatable."),
    ] = None,
    exclude: Annotated[
        list[str] | None, typer.Option(metavar="GLOB", help="No pictures whose path below SOURCE fits; repeatable.")
    ] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a, where a run has two; by default a2b.")] = None,
    device: Annotated[str, typer.Option(help=f"{devices()}.")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16; auto keeps deep pictures in fp32.")] = "auto",
    tile: Annotated[
        str, typer.Option(help="Pixels a side of the tiles that large pictures are computed in, auto or off.")
    ] = "auto",
    memory: Annotated[
        str | None,
        typer.Option(
            metavar="SIZE", help="The most that the process takes, as in 2GB; by default 3/4 of what is free."
        ),
    ] = None,
    maps: Annotated[
        str, typer.Option(help="fp32, or bf16: feature maps of pictures too large for a whole run, in half the memory.")
    ] = "fp32",
    ensemble: Annotated[
        bool, typer.Option("--ensemble", help="The mean of eight flips and turns, in 8 times.")
    ] = False,
    workers: Annotated[
        int | None, typer.Option(help="Threads that decode and encode; with --engine ray, engines.")
    ] = None,
    engine_: Annotated[
        str, typer.Option("--engine", help="local, or ray: engines in the processes of a Ray cluster.")
    ] = "local",
    ray_address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster; by default RAY_ADDRESS, or one is started here.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Plan and check, write nothing.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Go on with what comes into the folder or changes, until Ctrl-C.")
    ] = False,
    progress: Annotated[
        str, typer.Option(help=f"{listed(*names_of('workflows/conversion_summary.py', 'METERS'))}: what is told of it.")
    ] = "bar",
    report: Annotated[
        Path | None, typer.Option(help="Write what is done to this file, as JSON lines, while it is done.")
    ] = None,
) -> None:
    """Translate every picture of a folder into another folder: same tree, same names, upright.

    A broken picture does not stop the rest: it is listed, and the exit status is 1.

    \b
    i2i convert runs/facades sketches out
    i2i convert facades.onnx sketches out --format jpg --quality 92 --report done.jsonl
    i2i convert runs/x4 small large --tile 256
    i2i convert runs/monet panoramas out --memory 2GB
    i2i convert runs/seasons photos out --with label=winter --with latent.seed=3
    i2i convert runs/monet,runs/x4 photos out
    i2i convert runs/facades sketches out --engine ray
    i2i convert facades.onnx - - --format png < sketch.jpg > photo.png
    """
    from ..errors import RequestError, require
    from ..serving import convert_folder
    from ..serving.inference.chain import open_models
    from ..serving.inference.controls import parse_controls
    from ..serving.inference.memory import fit_stacks, parse_memory
    from ..serving.inference.tiles import parse_tile
    from ..workflows.conversion_summary import METERS, summary
    from ..workflows.convert import ENGINES, PIPE, check_engine, through_pipe, watch_and_convert

    require("progress", progress, METERS)
    if watch and dry_run:
        raise RequestError("--watch and --dry-run make no sense together. Leave one of them out.")
    check_engine(engine_, ray_address, watch=watch, piped=PIPE in (str(source), str(target)))
    controls = parse_controls(with_ or ())
    loading: dict[str, Any] = {"device": device, "precision": precision, "tile": parse_tile(tile)}
    loading |= {"ensemble": ensemble, "memory": parse_memory(memory), "maps": maps}
    fit_stacks()
    engine = open_models(model, direction, **loading)
    typer.echo(engine.reason, err=True)
    options: dict[str, Any] = {"format": format, "quality": quality, "metadata": metadata, "controls": controls}
    if PIPE in (str(source), str(target)):
        if dry_run or watch or report or include or exclude:
            raise RequestError("--dry-run, --watch, --report, --include and --exclude are of folders; leave them out.")
        return through_pipe(engine, source, target, existing=existing, **options)
    options |= {"include": include or (), "exclude": exclude or (), "workers": workers}
    say = functools.partial(typer.echo, err=True)
    options |= {"spread": ENGINES[engine_](engine, loading, ray_address, workers, say)}
    with ended_by_sigterm():
        if watch:
            result = watch_and_convert(engine, source, target, existing=existing, report=report, say=say, **options)
        else:
            with METERS[progress]() as meter:
                result = convert_folder(
                    engine,
                    source,
                    target,
                    existing=existing,
                    dry_run=dry_run,
                    progress=meter,
                    report=report,
                    **options,
                )
    typer.echo(summary(result, dry_run))
    raise typer.Exit(result.status)


@contextlib.contextmanager
def ended_by_sigterm() -> Iterator[None]:
    """SIGTERM ends the work as Ctrl-C does: begun files are finished, and the report is written."""
    before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
