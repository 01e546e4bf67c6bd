"""PNG: its chunks (W3C, third edition, 2025)."""

from __future__ import annotations

import struct

from . import exif
from .counted import Counted

PIXELS = (b"IDAT", b"fdAT")
TEXTS = (b"tEXt", b"zTXt", b"iTXt")
FEW, EACH = 500, 1024
"""Chunks of pixels that any file may have, and bytes of it for each further one."""


def look(file: Counted) -> None:
    """Raises PictureError on more chunks or metadata than are allowed."""
    place, pixels, most = 8, 0, FEW + file.size // EACH
    while len(head := file.at(place, 8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        if kind == b"IEND":
            return
        if kind in PIXELS:
            pixels += 1
            if pixels > most:
                raise file.refused(f"has more than {most:,} chunks of pixels for its {file.size:,} bytes")
        else:
            file.count("PNG chunks beside its pixels")
            file.count("bytes of metadata", min(length, file.size))
        if kind in TEXTS:
            file.count("texts")
        elif kind == b"fcTL":
            file.count("frames")
        elif kind == b"eXIf":
            exif.look(file, file.at(place + 8, length))
        place += 12 + length
