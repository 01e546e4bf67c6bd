"""`i2i verify`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .app import app


@app.command()
def verify(
    target: Annotated[Path, typer.Argument(help="Folder that i2i convert wrote.")],
    report: Annotated[
        Path | None, typer.Option(help="Write every name, by what became of it, to this file as JSON.")
    ] = None,
) -> None:
    """Check that every file of a converted folder is there and is what was written, byte by byte.

    The exit status is 0 when all are, 1 when any is missing or changed, 2 when the folder has no journal.

    \b
    i2i verify out
    i2i verify out --report checked.json
    """
    from ..files import write_atomically
    from ..serving.conversion.verify import verify_folder
    from ..workflows.conversion_summary import Meter, verified

    with Meter("Verifying", "files") as meter:
        found = verify_folder(target, meter)
    if report is not None:
        write_atomically(report, found.to_json().encode())
    typer.echo(verified(found, target))
    raise typer.Exit(found.status)
