"""`i2i doctor`."""

from __future__ import annotations

import typer

from .app import app


@app.command()
def doctor() -> None:
    """Show devices, providers and versions; say what is wrong, with the command that mends it.

    Exit status 1 when something is wrong.
    """
    from ..workflows.doctor import doctor as examine

    facts, troubles = examine()
    for name, text in facts:
        typer.echo(f"{name + ':':<14} {text}")
    for trouble in troubles:
        typer.echo(f"\nWrong: {trouble}")
    typer.echo("\nNothing is wrong." if not troubles else "")
    raise typer.Exit(1 if troubles else 0)
