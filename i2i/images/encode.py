"""Pictures into files, by the writers of FORMATS.

What a format cannot hold is decided by its writer: JPEG gets alpha composited on white and 8 bits; WebP and BMP get
8 bits; only TIFF holds other counts of bands than grey and RGB. 16 bits stay 16 bits in PNG and TIFF, floats in TIFF
alone (PNG rounds them to 16 bits).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ..errors import PictureError, first_line, require
from .colour.spaces import hdr_of
from .formats import FORMATS, flag_for_bands, written
from .image import Array, Picture, to_float, to_uint8
from .metadata.extended_xmp import segments as xmp_segments
from .metadata.fitting import fitted
from .metadata.iptc import segment
from .quiet import quiet


def encode(picture: Picture, name: str, quality: int | None = None, *, is_quick: bool = False) -> bytes:
    """A picture as the bytes of a file; `name` is a key of FORMATS, `quality` 1 to 100 (95 unless given).

    `is_quick`: in less time, where the same picture may be written so in more room. Raises UnknownNameError for
    a format that is not written, PictureError when it cannot hold the picture.
    """
    return encoded(picture, name, quality, is_quick=is_quick).data


@dataclasses.dataclass(frozen=True)
class Encoded:
    """A file's bytes, and what of the picture it does not hold."""

    data: bytes
    left_out: tuple[str, ...]
    """`IPTC`, `16 bits`, `alpha`, `damaged EXIF` …"""
    notes: tuple[str, ...] = ()
    """What is good to know of its colours."""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down, as the file says them."""


def told(data: bytes, pictures: Sequence[Picture], fitting: Sequence[Picture]) -> Encoded:
    """A file of these pictures, and what of each it holds."""
    lost = dict.fromkeys(what for picture in fitting for what in picture.left_out)
    hdr = dict.fromkeys(name for picture in pictures if (name := hdr_of(picture)))
    notes = tuple(f"HDR ({name}): the model saw its values as they are" for name in hdr)
    return Encoded(data, tuple(lost), notes, fitting[0].dpi)


@quiet
def encoded(picture: Picture, name: str, quality: int | None = None, *, is_quick: bool = False) -> Encoded:
    """The same as `encode`, with what was left out."""
    require("picture format", name, written())
    row, channels = FORMATS[name], picture.pixels.shape[2]
    assert row.writer is not None
    if channels not in (1, 3) and not row.bands:
        raise PictureError(f"The result has {channels} bands, which {name} cannot hold. Use {flag_for_bands()}.")
    try:
        fitting = fitted(picture, name)
        write = row.quick if is_quick and row.quick is not None else row.writer
        data = write(fitting, 95 if quality is None else quality)
        return told(data, [picture], [fitting])
    except MemoryError:
        raise
    except Exception as error:  # WebP beyond 16383 pixels a side, EXIF that TIFF does not hold: encoders raise anything
        height, width = picture.pixels.shape[:2]
        why = first_line(error)
        raise PictureError(f"The result of {width}x{height} cannot be written as {name} ({why}).") from error


def interleaved(picture: Picture) -> Array:
    """(H, W) or (H, W, C) with alpha as the last channel."""
    pixels, alpha = picture.pixels, picture.alpha
    whole = pixels if alpha is None else np.dstack([pixels, alpha])
    return whole[..., 0] if whole.shape[2] == 1 else whole


def notes(picture: Picture) -> dict[str, Any]:
    """The metadata, as Pillow's writers take it; the picture has what its format holds, and nothing else."""
    given = {"icc_profile": picture.icc, "exif": picture.exif, "xmp": picture.xmp, "dpi": picture.dpi}
    return {name: value for name, value in given.items() if value}


def saved(image: Image.Image, pillow: str, **options: Any) -> bytes:
    """What Pillow's writer of that name gives."""
    buffer = io.BytesIO()
    image.save(buffer, pillow, **options)
    return buffer.getvalue()


def eight_bits(pillow: str, picture: Picture, _quality: int) -> bytes:
    """By Pillow's writer of that name, in 8 bits a channel."""
    image = as_eight_bits(picture)
    return saved(image.convert("RGBA") if image.mode == "LA" else image, pillow, **notes(picture))


def jpeg(picture: Picture, quality: int) -> bytes:
    """8 bits; alpha is laid on white."""
    pixels = picture.pixels
    if picture.alpha is not None:  # on white, as paper is
        alpha = to_float(picture.alpha)[..., None]
        pixels = to_float(pixels) * alpha + (1 - alpha)
    plain = dataclasses.replace(picture, pixels=to_uint8(pixels), alpha=None)
    chroma = 0 if quality >= 90 else 2  # 4:4:4 where quality is asked for
    image = Image.fromarray(interleaved(plain))
    further: dict[str, Any] = notes(picture) | {"xmp": None}
    further["extra"] = xmp_segments(picture.xmp) if picture.xmp else b""
    if picture.iptc:
        further["extra"] += segment(picture.iptc)
    if picture.texts:
        further["comment"] = picture.texts[0][1].encode()
    return saved(image, "JPEG", quality=quality, subsampling=chroma, **further)


def webp(picture: Picture, quality: int) -> bytes:
    """8 bits; lossless at quality 100."""
    image = as_eight_bits(picture)
    return saved(image, "WEBP", quality=quality, lossless=quality == 100, exact=True, **notes(picture))


def as_eight_bits(picture: Picture) -> Image.Image:
    """Interleaved, with its alpha, as Pillow has it."""
    alpha = None if picture.alpha is None else to_uint8(picture.alpha)
    return Image.fromarray(interleaved(Picture(to_uint8(picture.pixels), alpha)))
