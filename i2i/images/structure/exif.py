"""EXIF: a directory whose entries may all name the same megabytes, which a reader would copy for each of them.

(CIPA DC-008, TIFF 6.0.) Pillow drops repeated headers one by one, copying what is left each time (CVE-2026-96643).
"""

from __future__ import annotations

import struct

from .counted import Counted

HEAD = b"Exif\0\0"
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
"""Bytes of a value, by its type."""
POINTERS = (34665, 34853, 40965)
"""Tags that are the place of a further directory."""
SPARE = 1 << 16
"""Bytes that the values may have beyond those of the block, as damaged ones overlap."""


def look(file: Counted, block: bytes) -> None:
    """Raises PictureError where reading the block would cost more than its size."""
    file.count("blocks of EXIF")
    file.count("bytes of EXIF", len(block))
    begin = 0
    while block.startswith(HEAD, begin):
        file.count("headers before its EXIF")
        begin += len(HEAD)
    order = {b"II": "<", b"MM": ">"}.get(block[begin : begin + 2])
    if order is None or len(block) < begin + 8:
        return
    waiting, seen, values = [struct.unpack_from(order + "I", block, begin + 4)[0]], set[int](), 0
    while waiting:
        place = waiting.pop()
        if place in seen or begin + place + 2 > len(block):
            continue
        seen.add(place)
        (entries,) = struct.unpack_from(order + "H", block, begin + place)
        start = begin + place + 2
        there = min(entries, (len(block) - start) // 12)
        file.count("entries of EXIF", there)
        whole = block[start : start + 12 * there]
        for tag, kind, count, value in struct.iter_unpack(order + "HHII", whole):
            values += SIZES.get(kind, 1) * count if SIZES.get(kind, 1) * count <= len(block) else 0
            if tag in POINTERS:
                waiting.append(value)
        end = start + 12 * entries
        if end + 4 <= len(block):
            waiting.append(struct.unpack_from(order + "I", block, end)[0])
        if values > 2 * len(block) + SPARE:
            raise file.refused("has EXIF whose values are longer than it")
