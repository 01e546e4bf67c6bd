"""A file or its bytes: its name in sentences, its size, its first bytes, and Pillow's look at it."""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from ..errors import PictureError, PictureTooLargeError, SeveralFramesError, first_line
from .codecs import nclx
from .codecs.other_kinds import BEGINNING, not_read
from .codecs.png_chunks import Seen, looked_through
from .formats import HEAD, claimed
from .metadata.read import FOUND_AHEAD
from .quiet import quiet

MAX_PIXELS = 178_000_000
"""Largest picture read unless the caller says otherwise, in pixels."""


for _library in ("PIL", "tifffile"):
    logging.getLogger(_library).addHandler(logging.NullHandler())
# What they log of a damaged file is said by our sentence; a program that sets up logging hears it still.


def file_size(path: Path) -> int:
    """In bytes; raises PictureError when the file cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise PictureError(f"{path} cannot be opened ({error.strerror}).") from error


@contextlib.contextmanager
def reading(source: Path | bytes) -> Iterator[BinaryIO]:
    """The file, open; raises PictureError when it cannot be opened."""
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError as error:
        raise PictureError(f"{source_name(source)} cannot be opened ({error.strerror}).") from error
    with file:
        yield file


def first_bytes(source: Path | bytes, count: int = 4) -> bytes:
    """The beginning of the file; empty when it cannot be read, which `opened` then says."""
    if isinstance(source, bytes):
        return source[:count]
    try:
        with source.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""


def last_bytes(source: Path | bytes, count: int) -> bytes:
    """The end of the file; raises PictureError when it cannot be opened."""
    with reading(source) as file:
        file.seek(max(0, file.seek(0, io.SEEK_END) - count))
        return file.read()


def read_whole(source: Path | bytes) -> bytes:
    """All of it; raises PictureError when it cannot be opened."""
    with reading(source) as file:
        return file.read()


def source_name(source: Path | bytes) -> str:
    """What sentences call it."""
    return "The picture" if isinstance(source, bytes) else str(source)


def several_frames(source: Path | bytes, count: int | str) -> SeveralFramesError:
    """The refusal of an animation, or of a TIFF of several pages."""
    return SeveralFramesError(f"{source_name(source)} holds {count} frames; i2i reads single pictures.")


@contextlib.contextmanager
def opened(source: Path | bytes, decoders: tuple[str, ...] | None = None) -> Iterator[Image.Image]:
    """The file as Pillow sees it, undecoded, by `decoders` or those of the rows of FORMATS that claim it.

    Raises PictureError.

    Pillow's other decoders (PDF, EPS, FITS, …) have a history of holes.
    """
    if (len(source) if isinstance(source, bytes) else file_size(source)) == 0:
        raise PictureError(f"{source_name(source)} is empty (0 bytes).")
    rows = claimed(first_bytes(source, HEAD)) if decoders is None else ()
    allowed = decoders or [row.pillow for row in rows if row.pillow and (row.begins or not row.reader)]
    try:
        seen = looked_through(source) if "PNG" in allowed else Seen()
        given = seen.lighter or (io.BytesIO(source) if isinstance(source, bytes) else source)
        with quiet:  # of its own limit of pixels, too
            image = Image.open(given, formats=allowed)
        image.info |= {"icc_profile": seen.profile} if seen.profile else {}
        image.info |= {"xmp": seen.xmp} if seen.xmp else {}
        by_numbers = image.format == "AVIF" and "icc_profile" not in image.info
        colours = nclx.chunks_of(first_bytes(source, nclx.HEAD)) if by_numbers else seen.colours
        image.info[FOUND_AHEAD] = {"colour_chunks": colours, "left_out": seen.left_out}
    except Image.DecompressionBombError as error:
        limit = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
        raise PictureTooLargeError(f"{source_name(source)} is too large to be decoded; {limit}.") from error
    except UnidentifiedImageError as error:
        raise PictureError(not_read(source_name(source), first_bytes(source, BEGINNING))) from error
    except Exception as error:  # a damaged header can raise nearly anything
        of_the_system = isinstance(error, OSError) and error.errno is not None
        what = "cannot be opened" if of_the_system else "is damaged or cut short"
        raise PictureError(f"{source_name(source)} {what} ({first_line(error)}).") from error
    with image:
        yield image
