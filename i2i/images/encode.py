"""Pictures into files: PNG, JPEG, WebP, TIFF and BMP.

What a format cannot hold is decided here: JPEG gets alpha composited on white and 8 bits; WebP and BMP get 8 bits;
only TIFF holds other counts of bands than grey and RGB. 16 bits stay 16 bits in PNG and TIFF, floats in TIFF alone
(PNG rounds them to 16 bits).
"""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image

from ..errors import PictureError, UnknownNameError
from .image import Picture, to_float, to_uint8

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Format:
    """One way to write a picture."""

    suffixes: tuple[str, ...]
    """File names that have this format; the first is used for new ones."""
    encode: Callable[[Picture, int], bytes]
    """From a picture and a quality from 1 to 100."""
    bands: bool = False
    """Whether it holds other counts of channels than grey and RGB."""


def format_of(suffix: str) -> str:
    """The name in FORMATS of a suffix such as `.JPEG`; raises UnknownNameError on others."""
    for name, row in FORMATS.items():
        if suffix.lower() in row.suffixes:
            return name
    raise UnknownNameError("picture format", suffix, [s for row in FORMATS.values() for s in row.suffixes])


def encode(picture: Picture, name: str, quality: int | None = None) -> bytes:
    """A picture as the bytes of a file; `name` is a key of FORMATS, `quality` 1 to 100 (95 unless given).

    Raises PictureError when the format cannot hold the picture.
    """
    channels = picture.pixels.shape[2]
    if channels not in (1, 3) and not FORMATS[name].bands:
        raise PictureError(f"The result has {channels} bands, which {name} cannot hold. Use --format tiff.")
    try:
        return FORMATS[name].encode(picture, 95 if quality is None else quality)
    except (ValueError, OSError, struct.error) as error:  # WebP beyond 16383 pixels a side, TIFF beyond 4 GB
        height, width = picture.pixels.shape[:2]
        raise PictureError(f"The result of {width}x{height} cannot be written as {name} ({error}).") from error


def _whole(picture: Picture) -> Array:
    """(H, W) or (H, W, C) with alpha as the last channel."""
    pixels, alpha = picture.pixels, picture.alpha
    whole = pixels if alpha is None else np.dstack([pixels, alpha])
    return whole[..., 0] if whole.shape[2] == 1 else whole


def _notes(picture: Picture) -> dict[str, bytes]:
    """The metadata, as Pillow's writers take it."""
    return {k: v for k, v in (("icc_profile", picture.icc), ("exif", picture.exif)) if v}


def _saved(image: Image.Image, pillow: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, pillow, **options)
    return buffer.getvalue()


def _png(picture: Picture, _quality: int) -> bytes:
    whole = _whole(picture)
    if whole.dtype != np.uint8:
        return _deep_png(whole, picture)
    # Level 3 is several times as fast as 6 and a few per cent larger; the pixels are the same.
    return _saved(Image.fromarray(whole), "PNG", compress_level=3, **_notes(picture))


def _deep_png(whole: Array, picture: Picture) -> bytes:
    """PNG of 16 bits a channel, which Pillow writes for grey alone (PNG specification, third edition)."""
    if whole.dtype == np.float32:
        whole = np.rint(np.clip(whole, 0, 1) * 65535).astype(np.uint16)
    height, width = whole.shape[:2]
    channels = 1 if whole.ndim == 2 else whole.shape[2]
    rows = np.ascontiguousarray(whole, dtype=">u2").view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))  # filter 2: the row above is subtracted
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), rows], axis=1)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    if picture.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)))
    if picture.exif:
        chunks.append((b"eXIf", picture.exif.removeprefix(b"Exif\0\0")))
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 3)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _jpeg(picture: Picture, quality: int) -> bytes:
    pixels = picture.pixels
    if picture.alpha is not None:  # on white, as paper is
        alpha = to_float(picture.alpha)[..., None]
        pixels = to_float(pixels) * alpha + (1 - alpha)
    plain = dataclasses.replace(picture, pixels=to_uint8(pixels), alpha=None)
    chroma = 0 if quality >= 90 else 2  # 4:4:4 where quality is asked for
    image = Image.fromarray(_whole(plain))
    return _saved(image, "JPEG", quality=quality, subsampling=chroma, **_notes(picture))


def _eight_bits(picture: Picture) -> Image.Image:
    alpha = None if picture.alpha is None else to_uint8(picture.alpha)
    return Image.fromarray(_whole(Picture(to_uint8(picture.pixels), alpha)))


def _webp(picture: Picture, quality: int) -> bytes:
    return _saved(_eight_bits(picture), "WEBP", quality=quality, lossless=quality == 100, exact=True, **_notes(picture))


def _bmp(picture: Picture, _quality: int) -> bytes:
    image = _eight_bits(picture)
    return _saved(image.convert("RGBA") if image.mode == "LA" else image, "BMP")


def _tiff(picture: Picture, _quality: int) -> bytes:
    whole = _whole(picture)
    if whole.dtype == np.uint8 and picture.pixels.shape[2] in (1, 3):
        return _saved(Image.fromarray(whole), "TIFF", compression="tiff_deflate", **_notes(picture))
    buffer = io.BytesIO()
    options: dict[str, Any] = {"photometric": "rgb" if picture.pixels.shape[2] == 3 else "minisblack"}
    if whole.ndim == 3:
        extra = whole.shape[2] - (3 if picture.pixels.shape[2] == 3 else 1)
        kinds = ["unspecified"] * extra if picture.alpha is None else ["unspecified"] * (extra - 1) + ["unassalpha"]
        options |= {"planarconfig": "contig", "extrasamples": kinds}
    tifffile.imwrite(buffer, whole, compression="zlib", iccprofile=picture.icc, metadata=None, **options)
    return buffer.getvalue()


FORMATS: dict[str, Format] = {
    "png": Format((".png",), _png),
    "jpg": Format((".jpg", ".jpeg"), _jpeg),
    "webp": Format((".webp",), _webp),
    "tiff": Format((".tiff", ".tif"), _tiff, bands=True),
    "bmp": Format((".bmp",), _bmp),
}
