"""`i2i import`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ..app import app


@app.command(name="import")
def import_(
    weights: Annotated[Path, typer.Argument(help="Weights of a generator: a .pth or .safetensors file.")],
    out: Annotated[Path, typer.Argument(help="ONNX file to write.")],
    name: Annotated[str | None, typer.Option(help="Short name of the model; by default that of OUT.")] = None,
    method: Annotated[str | None, typer.Option(help="pix2pix, cyclegan, cut, …; by default by the network.")] = None,
    source: Annotated[str | None, typer.Option(help="What goes in, in words; a, or low resolution.")] = None,
    target: Annotated[str | None, typer.Option(help="What comes out, in words; b, or high resolution.")] = None,
    size: Annotated[int | None, typer.Option(help="Side of the pictures it was trained on, in pixels.")] = None,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the card.")] = "unspecified",
    statistics: Annotated[
        str, typer.Option(help="What batch norm uses: picture, as that code tests; or running, as its --eval.")
    ] = "picture",
    norm: Annotated[str | None, typer.Option(help="instance or none, where the weights leave it open.")] = None,
    precision: Annotated[str, typer.Option(help="fp32 or fp16.")] = "fp32",
) -> None:
    """Turn generator weights of the PyTorch CycleGAN/pix2pix code, CUT or (Real-)ESRGAN into an ONNX file.

    The file is checked against torch.

    \b
    i2i import latest_net_G.pth zebras.onnx --source horses --target zebras --size 256
    i2i import RealESRGAN_x4plus.pth photos.onnx
    """
    from ...export.import_weights import ImportOptions, import_weights

    told = ImportOptions(
        name=name, method=method, source=source, target=target, size=size, licence=licence,
        statistics=statistics, norm=norm, precision=precision,
    )  # fmt: skip
    known, card = import_weights(weights, out, told)
    typer.echo(f"{weights} is a {known.words}, from {card.input_meaning} to {card.output_meaning}.")
    typer.echo(f"{out} ({out.stat().st_size / 2**20:.1f} MB), at most {card.worst_parity or 0:.1e} from torch.")
