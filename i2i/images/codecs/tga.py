"""TGA, which begins with nothing that tells it: it is known by its name, or by what version 2 ends with.

(Truevision TGA File Format Specification, version 2.0.)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ..formats import FORMATS
from ..from_pillow import from_pil
from ..image import Header, Opened, Picture
from ..source import first_bytes, last_bytes, opened

ENDS = b"TRUEVISION-XFILE.\0"


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
    kind, descriptor = first_bytes(source, 18)[2], first_bytes(source, 18)[17]
    has_palette = kind in (1, 9)
    return picture if descriptor & 0x0F or has_palette else dataclasses.replace(picture, alpha=None)
