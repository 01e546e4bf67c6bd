"""GIF: its frames, extensions and the blocks that they are cut into (CompuServe, GIF89a)."""

from __future__ import annotations

import struct

from .counted import Counted

FEW, EACH = 500, 64
"""Sub-blocks that any file may have, and bytes of it for each further one: writers fill them with 255."""


def look(file: Counted) -> None:
    """Raises PictureError on more of them than are allowed, and in strict bounds on a frame beyond the picture."""
    head = file.at(6, 7)
    if len(head) < 7:
        return
    wide, high, flags = struct.unpack("<HHB", head[:5])
    left = FEW + file.size // EACH
    place = 13 + _table(flags)
    while kind := file.at(place, 1):
        metadata = kind == b"\x21"
        if metadata:
            file.count("GIF extensions")
            place += 2
        elif kind == b"\x2c":
            file.count("frames")
            x, y, width, height, flags = struct.unpack("<HHHHB", file.at(place + 1, 9).ljust(9, b"\0"))
            if file.bounds.strict and (x + width > wide or y + height > high):
                raise file.refused("has a frame that is larger than it")
            place += 11 + _table(flags)
        elif kind == b";":
            return
        else:  # decoders look for the next block, byte by byte
            file.count("bytes between GIF blocks")
            place += 1
            continue
        while length := file.at(place, 1):
            left -= 1
            if left < 0:
                raise file.refused(f"is cut into more blocks than its {file.size:,} bytes need")
            place += 1 + length[0]
            if metadata:
                file.count("bytes of metadata", length[0])
            if not length[0]:
                break


def _table(flags: int) -> int:
    """Bytes of the table of colours that these say."""
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0
