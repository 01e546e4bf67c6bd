"""TIFF; by tifffile what Pillow would cut to 8 bits or refuse: 16-bit colour, floats, many bands."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from PIL import Image

from ..errors import PictureError, first_line
from .encode import interleaved, notes, saved
from .image import Header, Opened, Picture
from .orientation import upright
from .source import first_bytes, several_frames, source_name


def open_deep(source: Path | bytes) -> Opened | None:
    """A TIFF that needs tifffile; None for any other file."""
    return Opened(tiff_header(source), lambda: read_tiff(source)) if needs_tifffile(source) else None


def needs_tifffile(source: Path | bytes) -> bool:
    """Whether this is a TIFF that Pillow would cut to 8 bits or refuse: 16-bit colour, float, many bands."""
    if first_bytes(source) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return False
    page = _tiff_page(source)
    if not isinstance(page.bitspersample, int):
        raise PictureError(
            f"{source_name(source)} has bands of different depths ({page.bitspersample}), which i2i cannot read."
        )
    grey, plain = page.photometric in (0, 1), page.photometric in (0, 1, 2)  # white is zero, black is zero, RGB
    bands = page.samplesperpixel
    many = bands > (2 if grey else 4) or (grey and bands == 2 and not has_alpha(page, bands))
    return plain and (page.bitspersample > 8 or many)


def has_alpha(page: tifffile.TiffPage, channels: int) -> bool:
    """Whether the last channel is alpha: it says so, or stands after RGB; other extra ones are bands."""
    said = bool(page.extrasamples) and page.extrasamples[-1] in (1, 2)
    return channels in (2, 4) and (said or (page.photometric == 2 and channels == 4))


def tiff_header(source: Path | bytes) -> Header:
    """Size, channels and depth of the first page, upright."""
    page = _tiff_page(source)
    shape = page.shape if page.axes == "YX" else _last_channels(page.shape, page.axes)
    channels = 1 if len(shape) == 2 else shape[2]
    alpha = has_alpha(page, channels)
    height, width = shape[:2]
    if page.tags.valueof(274, 1) in (5, 6, 7, 8):  # a quarter turn
        width, height = height, width
    return Header(width, height, channels - alpha, page.bitspersample)


def _tiff_page(source: Path | bytes) -> tifffile.TiffPage:
    try:
        with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
            return tiff.pages.first
    except Exception as error:
        raise PictureError(f"{source_name(source)} is damaged or cut short ({first_line(error)}).") from error


def _last_channels(shape: tuple[int, ...], axes: str) -> tuple[int, ...]:
    """The shape with channels last, for planar files too."""
    return (*shape[1:], shape[0]) if axes.startswith("S") else shape


def read_tiff(source: Path | bytes) -> Picture:
    """The one page as it is; raises PictureError for several, for other depths and for floats outside [0, 1]."""
    with tifffile.TiffFile(io.BytesIO(source) if isinstance(source, bytes) else source) as tiff:
        if len(tiff.pages) > 1:
            raise several_frames(source, len(tiff.pages))
        page = tiff.pages.first
        array = page.asarray()
        if array.ndim == 3 and page.axes.startswith("S"):
            array = np.moveaxis(array, 0, -1)
        if array.ndim == 2:
            array = array[..., None]
        array = upright(array, int(page.tags.valueof(274, 1)))
        icc, last_is_alpha = page.tags.valueof(34675), has_alpha(page, array.shape[2])
        inverted = page.photometric == 0
    if array.dtype not in (np.uint8, np.uint16):
        if array.dtype.kind != "f":
            raise PictureError(f"{source_name(source)} has {array.dtype} values; 8 or 16 bits or floats are read.")
        if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
            raise PictureError(f"{source_name(source)} has float values outside [0, 1]; scale it first.")
        array = array.astype(np.float32)
    if inverted:
        array = (1 if array.dtype == np.float32 else np.iinfo(array.dtype).max) - array
    pixels, alpha = (array[..., :-1], array[..., -1]) if last_is_alpha else (array, None)
    return Picture(np.ascontiguousarray(pixels), alpha, icc)


def write(picture: Picture, _quality: int) -> bytes:
    """Any depth and any count of bands; by Pillow where it can, which carries the metadata."""
    whole = interleaved(picture)
    if whole.dtype == np.uint8 and picture.pixels.shape[2] in (1, 3):
        return saved(Image.fromarray(whole), "TIFF", compression="tiff_deflate", **notes(picture))
    buffer = io.BytesIO()
    options: dict[str, Any] = {"photometric": "rgb" if picture.pixels.shape[2] == 3 else "minisblack"}
    if whole.ndim == 3:
        extra = whole.shape[2] - (3 if picture.pixels.shape[2] == 3 else 1)
        kinds = ["unspecified"] * extra if picture.alpha is None else ["unspecified"] * (extra - 1) + ["unassalpha"]
        options |= {"planarconfig": "contig", "extrasamples": kinds}
    tifffile.imwrite(buffer, whole, compression="zlib", iccprofile=picture.icc, metadata=None, **options)
    return buffer.getvalue()
