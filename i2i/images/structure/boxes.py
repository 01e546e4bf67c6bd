"""AVIF and HEIC: boxes, items and where these lie (ISO/IEC 14496-12 and 23008-12)."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from .counted import Counted
from .exif import HEAD

WITHIN = {b"meta": 4, b"iprp": 0, b"ipco": 0, b"moov": 0, b"trak": 0, b"mdia": 0, b"minf": 0, b"stbl": 0, b"iinf": None}
"""Boxes of boxes, and the bytes before the first; of `iinf` its version says how many."""
TABLES = {b"stsz": 8, b"stts": 4, b"stsc": 4, b"stco": 4, b"co64": 4, b"stss": 4, b"ctts": 4, b"ipma": 4, b"elst": 4}
"""Tables, and where they say how many rows they have."""
OVERLAP = 4
"""Times the file that the parts of all items together may be."""
DEEPEST = 8
REPEATED = HEAD * 8
"""What no EXIF begins with."""


def look(file: Counted) -> None:
    """Raises PictureError on more boxes, items or parts of items than are allowed."""
    _within(file, 0, file.size, 0)
    file.file.seek(0)
    if REPEATED in file.file.read():  # in whichever item it is
        raise file.refused("has EXIF that begins again and again")


def _within(file: Counted, place: int, end: int, depth: int) -> None:
    while place + 8 <= end and len(head := file.at(place, 16)) >= 8:
        size, kind = struct.unpack(">I4s", head[:8])
        skip = 8
        if size == 1 and len(head) == 16:
            size, skip = struct.unpack(">Q", head[8:])[0], 16
        size = end - place if size == 0 else size
        if size < skip:
            return
        file.count("boxes")
        inner, last = place + skip, min(place + size, end)
        if kind != b"mdat" and depth == 0:
            file.count("bytes of metadata", last - place)
        if kind in TABLES:
            file.count("items", int.from_bytes(file.at(inner + TABLES[kind], 4)))
        elif kind == b"iloc":
            _locations(file, file.at(inner, last - inner))
        elif kind in WITHIN and depth < DEEPEST:
            before = WITHIN[kind]
            if before is None:
                before = 6 if file.at(inner, 1) == b"\0" else 8
            _within(file, inner + before, last, depth + 1)
        place += size


def _locations(file: Counted, box: bytes) -> None:
    """Where items lie: each in any number of parts, any of which may be the whole file."""
    try:
        total = sum(_extents(file, box))
    except (struct.error, IndexError):
        return  # cut short: the decoder says so
    if total > OVERLAP * file.size:
        raise file.refused("has items that are larger than it")


def _extents(file: Counted, box: bytes) -> Iterator[int]:
    version, sizes = box[0], box[4:6]
    offset, length, base = sizes[0] >> 4, sizes[0] & 15, sizes[1] >> 4
    index = sizes[1] & 15 if version else 0
    wide = version == 2
    items, place = int.from_bytes(box[6 : 10 if wide else 8]), 10 if wide else 8
    file.count("items", items)
    for _ in range(items):
        place += (4 if wide else 2) + (2 if version else 0) + 2 + base
        (parts,) = struct.unpack_from(">H", box, place)
        place += 2
        file.count("items", parts)
        for _ in range(parts):
            place += index + offset
            yield int.from_bytes(box[place : place + length]) if length else file.size
            place += length
