"""Files into arrays: the one decoder that training, conversion and the server share (numpy and Pillow only).

How each kind of file is read is decided here, on purpose, and docs/pictures.md says the same in words:
EXIF orientation is applied; palettes become RGB; one-bit becomes grey; CMYK becomes sRGB (through its ICC profile
when it has one); alpha is kept apart; depth follows the file's type, never its values; animations are refused.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

from ..errors import PictureError, PictureTooLargeError, first_line
from .colour.spaces import with_profile
from .formats import FORMATS, HEAD, claimed
from .from_pillow import from_pil
from .image import Header, Opened, Picture
from .orientation import orientation_of
from .quiet import quiet
from .source import MAX_PIXELS, first_bytes, opened, several_frames, source_name
from .structure.bounds import OWN, Bounds
from .structure.look import look_through

__all__ = ["MAX_PIXELS", "read_header", "read_picture"]


def read_header(source: Path | bytes, bounds: Bounds = OWN) -> Header:
    """Size and channels, read without decoding; raises PictureError when the file is no picture, or beyond `bounds`."""
    with as_picture_error(source):
        look_through(source, source_name(source), bounds)
        special = _by_reader(source)
        if special is not None:
            return _checked(source, special.header)
        with opened(source) as image:
            return _checked(source, _header(image))


def read_picture(source: Path | bytes, max_pixels: int = MAX_PIXELS, bounds: Bounds = OWN) -> Picture:
    """Decode a file or its bytes; raises PictureError, or PictureTooLargeError before decoding.

    `bounds` are of what stands beside the pixels: of lists whose length the file says, and of metadata.
    """
    with as_picture_error(source):
        look_through(source, source_name(source), bounds)
        special = _by_reader(source)
        if special is not None:
            header = _checked(source, special.header)
            _check_size(source, header.width, header.height, max_pixels, header.channels)
            return _filled(source, special.decode())
        with opened(source) as image:
            _check_size(source, *image.size, max_pixels)
            single_frame(source, image)
            return _filled(source, from_pil(image))


def single_frame(source: Path | bytes, image: Image.Image) -> None:
    """Raises PictureError for an animation or several pages; the further frames of a JPEG are previews."""
    may_be_several = any(row.frames for row in FORMATS.values() if row.pillow == image.format)
    frames = getattr(image, "n_frames", 1) if may_be_several else 1
    if frames > 1:
        raise several_frames(source, frames)


def _by_reader(source: Path | bytes) -> Opened | None:
    """The file by the first reader of the rows that claim it; None where Pillow reads it whole."""
    found = (row.reader(source) for row in claimed(first_bytes(source, HEAD)) if row.reader)
    return next((special for special in found if special is not None), None)


def _header(image: Image.Image) -> Header:
    width, height = image.size
    # Pillow turns the size of a TIFF itself
    if image.format != "TIFF" and orientation_of(image) in (5, 6, 7, 8):
        width, height = height, width
    grey = image.mode in ("1", "L", "LA", "I;16", "I;16B", "I;16L", "I", "F")
    return Header(width, height, 1 if grey else 3, 16 if image.mode.startswith("I;16") else 8)


@contextlib.contextmanager
def as_picture_error(source: Path | bytes) -> Iterator[None]:
    """Whatever a decoder raises becomes a PictureError of one sentence."""
    try:
        with quiet:
            yield
    except PictureError:
        raise
    except MemoryError as error:  # a damaged header can ask for any size
        raise PictureError(f"{source_name(source)} is damaged, or there is not enough memory for it.") from error
    except Exception as error:  # decoders raise anything: OSError, SyntaxError, struct.error, TypeError, ValueError …
        raise PictureError(f"{source_name(source)} is damaged or cut short ({first_line(error)}).") from error


def _checked(source: Path | bytes, header: Header) -> Header:
    if min(header.width, header.height, header.channels) < 1:
        raise PictureError(
            f"{source_name(source)} is damaged: it says it has {header.width}x{header.height} pixels of "
            f"{header.channels} channels."
        )
    return header


def _filled(source: Path | bytes, picture: Picture) -> Picture:
    if not picture.pixels.size:
        raise PictureError(f"{source_name(source)} is damaged: it holds no pixels.")
    return with_profile(picture)


def _check_size(source: Path | bytes, width: int, height: int, max_pixels: int, channels: int = 3) -> None:
    """Many channels count: four may lie in each pixel of the largest picture."""
    if width * height * max(channels, 4) > 4 * max_pixels:
        of_bands = f" of {channels} channels" if channels > 4 else ""
        raise PictureTooLargeError(
            f"{source_name(source)} has {width}x{height} = {width * height / 1e6:.0f} megapixels{of_bands}; "
            f"the limit is {max_pixels / 1e6:.0f}."
        )
