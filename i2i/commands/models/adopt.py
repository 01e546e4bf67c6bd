"""`i2i adopt`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ...text import listed
from ..app import app
from ..choices import names_of

RANGES = listed(*names_of("serving/adopt/declared.py", "RANGES"))
ORDERS = listed(*names_of("serving/adopt/adopt.py", "ORDERS"))


@app.command()
def adopt(
    foreign: Annotated[Path, typer.Argument(metavar="FOREIGN", help="ONNX file that another program wrote.")],
    out: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    input_range: Annotated[
        str | None, typer.Option(help=f"Values of its pictures: {RANGES}; asked for where the file does not tell.")
    ] = None,
    scale: Annotated[
        int | None, typer.Option(help="How many times it enlarges, where one fixed size leaves it open.")
    ] = None,
    channels: Annotated[str | None, typer.Option(help=f"{ORDERS}; rgb, or y for one, unless the file tells.")] = None,
    output: Annotated[str | None, typer.Option(help="Which output is the picture, where it gives several.")] = None,
    name: Annotated[str | None, typer.Option(help="Short name of the model; by default that of OUT.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the card.")] = "unspecified",
) -> None:
    """Bring somebody's image-to-image ONNX file into i2i's form: what it takes is found out, bridged and proved.

    \b
    i2i adopt realesr-animevideov3-x4.onnx anime.onnx
    """
    from ...serving.adopt.adopt import Told
    from ...serving.adopt.adopt import adopt as adopted
    from ...serving.adopt.finding import as_table

    told = Told(
        input_range=input_range, scale=scale, channels=channels, output=output, name=name, licence=licence
    )  # fmt: skip
    result = adopted(foreign, out, told)
    typer.echo(as_table(result.findings))
    card = result.card
    sizes = ", ".join(dict.fromkeys(size for figures in card.parity.values() for size in figures))
    typer.echo(f"{out} ({out.stat().st_size / 2**20:.1f} MB) gives the same as {foreign.name} to "
               f"{255 * (card.worst_parity or 0):.2g} of 255, at {sizes}.")  # fmt: skip
