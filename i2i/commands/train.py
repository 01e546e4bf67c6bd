"""`i2i train`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from .app import app
from .choices import methods


@app.command()
def train(
    method: Annotated[str, typer.Argument(help=f"What to train: {methods()}.")],
    data: Annotated[Path, typer.Argument(help="Folder of training pictures.")],
    run: Annotated[Path, typer.Option(help="Folder of the run; the same command again resumes it.")],
    size: Annotated[int | None, typer.Option(help="Side of the training crops, in pixels.")] = None,
    images: Annotated[int | None, typer.Option(help="Length of the run, in images shown.")] = None,
    epochs: Annotated[float | None, typer.Option(help="Length of the run, in passes over the pictures.")] = None,
    batch: Annotated[int | None, typer.Option(help="Images a step.")] = None,
    scale: Annotated[int | None, typer.Option(help="How much larger results are, 1 to 4 (srgan).")] = None,
    direction: Annotated[str | None, typer.Option(help="a2b or b2a: which side is the input.")] = None,
    preset: Annotated[str | None, typer.Option(help="Named settings, as 'fast' or 'paper'.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda or cuda:N.")] = None,
    precision: Annotated[str | None, typer.Option(help="auto, fp32, bf16 or fp16.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that prepare samples.")] = None,
    seed: Annotated[int | None, typer.Option(help="Of order, augmentation, weights and dropout.")] = None,
    config: Annotated[Path | None, typer.Option(help="A file of settings, like a run's config.yaml.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="One setting; may be repeated.")
    ] = None,
    show_config: Annotated[bool, typer.Option("--show-config", help="Print the settings and stop.")] = False,
) -> None:
    """Train a translator on a folder of pictures.

    Leaves in RUN: config.yaml, log.jsonl, checkpoints, a sample grid over time, report.html and model.onnx
    (a2b.onnx and b2a.onnx where both directions are trained).
    Ctrl-C stops with a checkpoint; the same command again goes on from there.

    \b
    i2i train pix2pix photos/facades --run runs/facades
    i2i train pix2pix facades --run runs/f --size 128 --images 4000 --direction b2a
    i2i train pix2pix facades --run runs/f --preset fast --set generator.name=resnet6 --set lambda_l1=50
    i2i train cyclegan photos/seasons --run runs/seasons --preset season
    i2i train srgan photos --run runs/x4 --preset x4
    """
    from ..settings import parse_assignments
    from ..workflows.train import Request, config_text, train_run

    given: dict[str, Any] = {
        "size": size,
        "images": images,
        "epochs": epochs,
        "batch": batch,
        "scale": scale,
        "direction": direction,
        "device": device,
        "precision": precision,
        "workers": workers,
        "seed": seed,
    }
    flags = {key: value for key, value in given.items() if value is not None}
    request = Request(method, data, run, preset, config, flags, parse_assignments(set_ or []))
    if show_config:
        typer.echo(config_text(request, say=typer.echo), nl=False)
        return
    stopped_by = train_run(request, typer.echo)
    if stopped_by is not None:
        raise typer.Exit(128 + stopped_by)
