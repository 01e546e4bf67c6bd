"""`i2i verify-resume`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import run_options as options
from .app import app


@app.command("verify-resume")
def verify_resume(
    method: options.MethodName,
    data: options.Data,
    size: options.Size = None,
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
    steps: Annotated[int, typer.Option(min=4, help="Length of the short run, in steps.")] = 24,
    kills: Annotated[int, typer.Option(min=1, help="How often it is killed.")] = 2,
    kill_seed: Annotated[int, typer.Option(min=0, help="Of the moments at which it is killed.")] = 0,
) -> None:
    """Prove on your own pictures that a killed run goes on exactly.

    Makes a short run with your settings in a temporary folder, once unbroken and once killed (kill -9) and resumed,
    each time with another number of workers, and compares the final weights. Status 0: equal to the byte; 1: not, or
    never killed.

    \b
    i2i verify-resume pix2pix photos/facades
    i2i verify-resume cyclegan photos/seasons --preset season --size 128 --kills 5
    i2i verify-resume srgan photos --set ema.images=1000 --steps 40
    """
    from ..workflows.resuming import Trial, reason, verify_resume

    flags = {"size": size, "batch": batch, "scale": scale, "direction": direction}
    flags |= {"accumulate": accumulate, "device": device, "precision": precision, "workers": workers, "seed": seed}
    request = options.request_of(method, data, Path("none"), preset, config, set_, flags)
    trial = Trial.of(request, typer.echo, steps)
    verdict = verify_resume(trial, kills, kill_seed)
    typer.echo(f"Unbroken: {verdict.unbroken}")
    half = f", {verdict.while_saving} of them while something was being written" if verdict.while_saving else ""
    typer.echo(f"Resumed:  {verdict.resumed}  (killed {verdict.kills} times{half})")
    if verdict.equal and not verdict.kills:
        typer.echo("Equal, but the run was over before it could be killed, so this proves nothing. Try more --steps.")
        raise typer.Exit(1)
    if verdict.equal:
        typer.echo("Equal to the byte: a run with these settings goes on exactly where it was.")
        return
    names = list(verdict.differ)
    typer.echo(f"{len(names)} tensors differ: {', '.join(names[:5])}{', …' if len(names) > 5 else ''}")
    typer.echo(reason(trial, verdict))
    raise typer.Exit(1)
