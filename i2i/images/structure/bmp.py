"""BMP: run-length codes that lead nowhere (Microsoft, BITMAPINFOHEADER)."""

from __future__ import annotations

import struct

from .counted import Counted

SPARE = 1 << 16


def look(file: Counted) -> None:
    """Raises PictureError on run-length codes that are longer than the picture."""
    head = file.at(14, 20)
    if len(head) < 20 or int.from_bytes(head[:4], "little") < 40:
        return
    width, height, _, _, compression = struct.unpack("<iiHHI", head[4:])
    if compression in (1, 2) and file.size > 2 * abs(width) * abs(height) + 2 * abs(height) + SPARE:
        raise file.refused("has run-length codes that are longer than it")
