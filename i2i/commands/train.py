"""`i2i train`."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from . import run_options as options
from .app import app


@app.command()
def train(
    method: options.MethodName,
    data: options.Data,
    run: Annotated[Path, typer.Option(help="Folder of the run; the same command again resumes it.")],
    size: options.Size = None,
    images: options.Images = None,
    epochs: Annotated[float | None, typer.Option(help="Length of the run, in passes over the pictures.")] = None,
    batch: options.Batch = None,
    accumulate: options.Accumulate = None,
    scale: options.Scale = None,
    direction: options.Direction = None,
    preset: options.Preset = None,
    device: options.Device = None,
    precision: options.Precision = None,
    workers: options.Workers = None,
    seed: options.Seed = None,
    config: options.Config = None,
    set_: options.Assignments = None,
    budget: Annotated[
        str | None, typer.Option(help="Time for all of it, as 2h or 30m: finds size, batch and images that fit.")
    ] = None,
    forecast: Annotated[
        bool, typer.Option("--forecast", help="Say what time, memory and disk the run will take, and stop.")
    ] = False,
    no_forecast: Annotated[bool, typer.Option("--no-forecast", help="Begin without measuring that.")] = False,
    on_unhealthy: Annotated[
        str, typer.Option(help="warn, pause or rollback, when the doctor names a failure (docs/training/doctor.md).")
    ] = "warn",
    show_config: Annotated[bool, typer.Option("--show-config", help="Print the settings and stop.")] = False,
    no_export: Annotated[bool, typer.Option("--no-export", hidden=True, help="End with the last checkpoint.")] = False,
) -> None:
    """Train a translator, or a GAN that makes pictures from noise, on a folder of pictures.

    Leaves in RUN: config.yaml, log.jsonl, checkpoints, a sample grid over time, report.html and model.onnx
    (a2b.onnx and b2a.onnx where both directions are trained).
    Ctrl-C stops with a checkpoint; the same command again goes on from there.

    \b
    i2i train pix2pix photos/facades --run runs/facades
    i2i train pix2pix facades --run runs/f --size 128 --images 4000 --direction b2a
    i2i train pix2pix facades --run runs/f --preset fast --set generator.name=resnet6 --set lambda_l1=50
    i2i train cyclegan photos/seasons --run runs/seasons --preset season
    i2i train pix2pix facades --run runs/f --budget 2h
    i2i train srgan photos --run runs/x4 --preset x4
    i2i train gan mnist --run runs/digits --preset dcgan-small
    """
    from ..workflows.forecast.budget import seconds_of
    from ..workflows.forecast.planning import Wishes
    from ..workflows.request import config_text
    from ..workflows.train import train_run
    from ..workflows.unhealthy import on_unhealthy_of

    flags = {"size": size, "images": images, "epochs": epochs, "batch": batch, "scale": scale, "direction": direction}
    flags |= {"accumulate": accumulate, "device": device, "precision": precision, "workers": workers, "seed": seed}
    request = options.request_of(method, data, run, preset, config, set_, flags)
    request = dataclasses.replace(request, on_unhealthy=on_unhealthy_of(on_unhealthy))
    if show_config:
        typer.echo(config_text(request, say=typer.echo), nl=False)
        return
    wishes = Wishes(not no_forecast, forecast, seconds_of(budget) if budget is not None else None)
    request = dataclasses.replace(request, wishes=wishes)
    stopped_by = train_run(request, typer.echo, export=not no_export)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
