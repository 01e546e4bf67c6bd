"""TGA, which begins with nothing that tells it: it is known by its name, or by what version 2 ends with.

(Truevision TGA File Format Specification, version 2.0.)
"""

from __future__ import annotations

import dataclasses
import io
import struct
from pathlib import Path

from ..formats import FORMATS
from ..from_pillow import from_pil
from ..image import Header, Opened, Picture
from ..metadata.read import by_aspect
from ..source import first_bytes, last_bytes, opened, reading

ENDS = b"TRUEVISION-XFILE.\0"
FOOTER, EXTENSION, ASPECT = 26, 495, 474
"""Bytes of the end, of the extension that it points at, and where in that the shape of a pixel stands."""


def open_tga(source: Path | bytes) -> Opened | None:
    """A TGA by its name or its end; None for any other file. Raises PictureError."""
    named = isinstance(source, Path) and source.suffix.lower() in FORMATS["tga"].suffixes
    if not named and last_bytes(source, len(ENDS)) != ENDS:
        return None
    with opened(source, ("TGA",)) as image:
        grey = image.mode in ("1", "L", "LA")
        return Opened(Header(*image.size, 1 if grey else 3, 8), lambda: _decoded(source))


def _decoded(source: Path | bytes) -> Picture:
    """Alpha where the descriptor counts bits of it; many programs leave a fourth byte that is nothing."""
    with opened(source, ("TGA",)) as image:
        picture = from_pil(image)
    picture = dataclasses.replace(picture, dpi=by_aspect(_pixel(source)))
    kind, descriptor = first_bytes(source, 18)[2], first_bytes(source, 18)[17]
    has_palette = kind in (1, 9)
    return picture if descriptor & 0x0F or has_palette else dataclasses.replace(picture, alpha=None)


def _pixel(source: Path | bytes) -> tuple[int, int] | None:
    """Height and width of a pixel, which the extension of version 2 says; those of pixels an inch are in that order."""
    with reading(source) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(max(0, size - FOOTER))
        footer = file.read()
        place = int.from_bytes(footer[:4], "little")
        if len(footer) < FOOTER or not footer.endswith(ENDS) or not 18 <= place <= size - EXTENSION:
            return None
        file.seek(place + ASPECT)
        width, height = struct.unpack("<HH", file.read(4))
    return height, width
