"""WebP: the chunks of its RIFF container."""

from __future__ import annotations

import struct

from . import exif
from .counted import Counted


def look(file: Counted) -> None:
    """Raises PictureError on more chunks, frames or metadata than are allowed."""
    place = 12
    while len(head := file.at(place, 8)) == 8:
        kind, length = struct.unpack("<4sI", head)
        file.count("RIFF chunks")
        if kind == b"ANMF":
            file.count("frames")
        elif kind not in (b"VP8 ", b"VP8L", b"ALPH"):
            file.count("bytes of metadata", min(length, file.size))
        if kind == b"EXIF":
            exif.look(file, file.at(place + 8, length))
        place += 8 + length + length % 2
