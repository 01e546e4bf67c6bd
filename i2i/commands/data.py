"""`i2i data check`, `i2i data sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from . import app

data = typer.Typer(
    help="Look at folders of pictures, and make sample ones.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(data, name="data")


@data.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of pairs.")],
    html: Annotated[Path | None, typer.Option(help="Write a page with a contact sheet to this file.")] = None,
    a: Annotated[str | None, typer.Option(help="Name of the folder of side A.")] = None,
    b: Annotated[str | None, typer.Option(help="Name of the folder of side B.")] = None,
) -> None:
    """Say what a folder holds and what is wrong with it, before training on it.

    Exit status 1 when something is wrong.

    \b
    i2i data check facades --html check.html
    """
    from ..datasets.check import check_folder

    report = check_folder(folder, a, b)
    for sentence in report.sentences():
        typer.echo(sentence)
    if html is not None:
        from ..datasets.check_page import write_page

        write_page(report, html)
        typer.echo(f"Page: {html}")
    raise typer.Exit(1 if report.problems else 0)


@data.command()
def sample(
    name: Annotated[str, typer.Argument(help="What to make: facades.")],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[int, typer.Option(help="Training pairs; a tenth more for val and for test.")] = 400,
    size: Annotated[int, typer.Option(help="Side of a picture, in pixels.")] = 256,
    seed: Annotated[int, typer.Option(help="Another seed paints other pictures.")] = 0,
) -> None:
    """Paint sample pictures by program: free of any licence, as many as wanted.

    \b
    i2i data sample facades samples/facades --count 400 --size 128
    """
    from ..datasets.sample import SAMPLES
    from ..errors import UnknownNameError
    from .progress import Bar

    if name not in SAMPLES:
        raise UnknownNameError("sample", name, SAMPLES)
    with Bar("Painting", count, "pairs") as bar:

        def painted(done: int, total: int) -> None:
            bar.total = total
            bar.update(done)

        SAMPLES[name](out, count, size, seed, painted)
    smaller = f" --size {size // 16 * 16}" if size < 128 else ""
    typer.echo(f"Pairs are in {out}. Next: i2i train pix2pix {out} --run runs/{out.name} --preset fast{smaller}")
