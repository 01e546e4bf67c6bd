"""`i2i data check`, `i2i data sample`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..errors import RequestError
from .app import app
from .choices import samples

data = typer.Typer(
    help="Look at folders of pictures, and make sample ones.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(data, name="data")


@data.command()
def check(
    folder: Annotated[Path, typer.Argument(help="Folder of pairs, of two domains, or of HR pictures.")],
    html: Annotated[Path | None, typer.Option(help="Write a page with a contact sheet to this file.")] = None,
    a: Annotated[str | None, typer.Option(help="Name of the folder of side A.")] = None,
    b: Annotated[str | None, typer.Option(help="Name of the folder of side B.")] = None,
    unpaired: Annotated[bool, typer.Option("--unpaired", help="Two domains: no picture needs a partner.")] = False,
    scale: Annotated[
        int | None,
        typer.Option(help="For super-resolution: HR pictures, or LR and HR ones; 1 is restoration.", min=1, max=4),
    ] = None,
    degradation: Annotated[
        str | None, typer.Option(help="Show what real, mild, noise, blur or jpeg makes of HR pictures.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the degradation.")
    ] = None,
    sheet: Annotated[Path, typer.Option(help="Where that picture goes.")] = Path("degradation.png"),
) -> None:
    """Say what a folder holds and what is wrong with it, before training on it.

    Exit status 1 when something is wrong.

    \b
    i2i data check facades --html check.html
    i2i data check seasons --unpaired
    i2i data check photos --scale 4 --degradation real --sheet degraded.png
    i2i data check photos --degradation mild --set degradation.first.noise.sigma=[1,20]
    """
    if scale is not None or degradation is not None:
        if html is not None or unpaired:
            raise RequestError("--html and --unpaired are for pairs and domains; leave them out with --scale.")
        if set_ and degradation is None:
            raise RequestError("--set is a setting of the degradation: name one, as in --degradation mild.")
        usual = _usual_scale(degradation) if scale is None else scale
        _check_high_res(folder, a, b, usual, degradation, set_ or [], sheet)
    from ..datasets.checks.check import check_folder

    report = check_folder(folder, a, b, unpaired=unpaired)
    for sentence in report.sentences():
        typer.echo(sentence)
    if html is not None:
        from ..datasets.checks.page import write_page

        write_page(report, html)
        typer.echo(f"Page: {html}")
    raise typer.Exit(1 if report.problems else 0)


def _usual_scale(degradation: str | None) -> int:
    """That of the preset of the degradation's name, where there is one."""
    from ..methods import METHODS

    srgan = METHODS["srgan"]
    default: int = srgan.Config.model_fields["scale"].default
    scale: int = srgan.PRESETS.get(degradation or "", {}).get("scale", default)
    return scale


def _check_high_res(
    folder: Path, a: str | None, b: str | None, scale: int, degradation: str | None, assignments: list[str], sheet: Path
) -> None:
    """The check of a folder for super-resolution or restoration; ends the command."""
    from ..datasets.checks.superres import check_high_res
    from ..workflows.progress import Bar

    with Bar("Looking", 0, "pictures") as bar:

        def looked(done: int, total: int) -> None:
            bar.total = total
            bar.update(done)

        report = check_high_res(folder, a, b, scale, pipeline=degradation is not None, progress=looked)
    for sentence in report.sentences():
        typer.echo(sentence)
    if degradation is not None and report.middle is not None:
        from ..settings import parse_assignments
        from ..workflows.degradation_sheet import degradation_sheet

        settings, side = parse_assignments(assignments), min(report.middle.sizes[-1])
        rows = degradation_sheet(folder, degradation, sheet, scale=scale, side=side, a=a, b=b, assignments=settings)
        typer.echo(f"What {degradation!r} makes of {rows} of them: {sheet}")
    raise typer.Exit(1 if report.problems else 0)


@data.command()
def sample(
    name: Annotated[str, typer.Argument(help=f"What to make: {samples()}.")],
    out: Annotated[Path, typer.Argument(help="Folder to write.")],
    count: Annotated[
        int, typer.Option(help="Training pairs, or pictures of each domain; a tenth more for val and for test.")
    ] = 400,
    size: Annotated[
        int | None, typer.Option(help="Side of a picture, in pixels; by default 256, of shapes 64.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Another seed paints other pictures.")] = 0,
) -> None:
    """Paint sample pictures by program: free of any licence, as many as wanted.

    \b
    i2i data sample facades samples/facades --count 400 --size 128
    i2i data sample seasons samples/seasons --count 600 --size 64
    i2i data sample superres samples/textures --count 200
    """
    from ..datasets.synthetic.samples import SAMPLES
    from ..errors import UnknownNameError
    from ..workflows.progress import Bar

    if name not in SAMPLES:
        raise UnknownNameError("sample", name, SAMPLES)
    chosen = SAMPLES[name]
    side = chosen.size if size is None else size
    with Bar("Painting", count, chosen.unit_name) as bar:

        def painted(done: int, total: int) -> None:
            bar.total = total
            bar.update(done)

        chosen.write(out, count, side, seed, painted)
    preset = f" --preset {chosen.preset}" if chosen.preset else ""
    smaller = f" --size {side // 16 * 16}" if side < 128 else ""
    typer.echo(
        f"{chosen.unit_name.capitalize()} are in {out}. "
        f"Next: i2i train {chosen.method} {out} --run runs/{out.name}{preset}{smaller}"
    )
