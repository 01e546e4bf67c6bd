"""Files into arrays: the one decoder that training, conversion and the server share (numpy and Pillow only).

How each kind of file is read is decided here, on purpose, and docs/pictures.md says the same in words:
EXIF orientation is applied; palettes become RGB; one-bit becomes grey; CMYK becomes sRGB (through its ICC profile
when it has one); alpha is kept apart; depth follows the file's type, never its values; animations are refused.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import warnings
from collections.abc import Iterator
from pathlib import Path

import imagecodecs
import numpy as np
from PIL import Image, UnidentifiedImageError

from ..errors import PictureError, PictureTooLargeError, first_line
from .convert import from_pil, orientation_of, upright
from .image import Header, Picture
from .source import file_size, first_bytes, source_name
from .tiff import needs_tifffile, read_tiff, tiff_header

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP")
"""The only decoders that a file may reach; others (PDF, EPS, FITS, …) have a history of holes."""


MAX_PIXELS = 178_000_000
"""Largest picture read unless the caller says otherwise, in pixels."""


def read_header(source: Path | bytes) -> Header:
    """Size and channels, read without decoding; raises PictureError when the file is no picture."""
    with _as_picture_error(source):
        if needs_tifffile(source):
            return tiff_header(source)
        with _opened(source) as image:
            width, height = image.size
            # Pillow turns the size of a TIFF itself
            if image.format != "TIFF" and orientation_of(image) in (5, 6, 7, 8):
                width, height = height, width
            if deep := _deep_png(source):
                return Header(width, height, 1 if deep == "grey with alpha" else 3, 16)
            grey = image.mode in ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")
            return Header(width, height, 1 if grey else 3, 16 if image.mode.startswith("I;16") else 8)


def read_picture(source: Path | bytes, max_pixels: int = MAX_PIXELS) -> Picture:
    """Decode a file or its bytes; raises PictureError, or PictureTooLargeError before decoding."""
    with _as_picture_error(source):
        if needs_tifffile(source):
            header = tiff_header(source)
            _check_size(source, header.width, header.height, max_pixels)
            return read_tiff(source)
        with _opened(source) as image:
            _check_size(source, *image.size, max_pixels)
            frames = getattr(image, "n_frames", 1)
            if frames > 1 and image.format != "MPO":  # MPO: a photograph with its preview
                raise PictureError(f"{source_name(source)} holds {frames} frames; i2i reads single pictures.")
            orientation = orientation_of(image)
            picture = from_pil(image)
            deep = _deep_png(source) and "transparency" not in image.info
            return _at_full_depth(picture, source, orientation) if deep else picture


def _deep_png(source: Path | bytes) -> str:
    """Which kind of 16-bit PNG this is that Pillow would cut to 8 bits, or nothing when it is none."""
    head = first_bytes(source, 26)
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 26 or head[24] != 16:
        return ""
    return {2: "RGB", 4: "grey with alpha", 6: "RGB with alpha"}.get(head[25], "")


def _at_full_depth(picture: Picture, source: Path | bytes, orientation: int) -> Picture:
    """The picture that Pillow has read from a 16-bit PNG, with all 16 bits."""
    array = imagecodecs.png_decode(source if isinstance(source, bytes) else source.read_bytes())
    array = upright(array, orientation)
    alpha = array[..., -1] if array.shape[2] in (2, 4) else None
    pixels = array if alpha is None else array[..., :-1]
    return dataclasses.replace(picture, pixels=np.ascontiguousarray(pixels), alpha=alpha)


@contextlib.contextmanager
def _as_picture_error(source: Path | bytes) -> Iterator[None]:
    try:
        yield
    except PictureError:
        raise
    except MemoryError as error:  # a damaged header can ask for any size
        raise PictureError(f"{source_name(source)} is damaged, or there is not enough memory for it.") from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, TypeError, ValueError …
        raise PictureError(f"{source_name(source)} is damaged or cut short ({first_line(error)}).") from error


@contextlib.contextmanager
def _opened(source: Path | bytes) -> Iterator[Image.Image]:
    """The file as Pillow sees it, undecoded."""
    if (len(source) if isinstance(source, bytes) else file_size(source)) == 0:
        raise PictureError(f"{source_name(source)} is empty (0 bytes).")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit says it better
            image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, formats=FORMATS)
    except Image.DecompressionBombError as error:
        limit = f"the limit is {MAX_PIXELS / 1e6:.0f} megapixels"
        raise PictureTooLargeError(f"{source_name(source)} is too large to be decoded; {limit}.") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{source_name(source)} is not a JPEG, PNG, WebP, TIFF or BMP picture.") from error
    except Exception as error:  # a damaged header can raise nearly anything
        of_the_system = isinstance(error, OSError) and error.errno is not None
        what = "cannot be opened" if of_the_system else "is damaged or cut short"
        raise PictureError(f"{source_name(source)} {what} ({first_line(error)}).") from error
    with image:
        yield image


def _check_size(source: Path | bytes, width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise PictureTooLargeError(
            f"{source_name(source)} has {width}x{height} = {width * height / 1e6:.0f} megapixels; "
            f"the limit is {max_pixels / 1e6:.0f}."
        )
