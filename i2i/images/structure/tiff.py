"""TIFF and BigTIFF: directories, their tags, and the strips or tiles of the pixels (Adobe, TIFF 6.0)."""

from __future__ import annotations

import dataclasses
import math
import struct

from .counted import Counted
from .exif import SIZES

PUBLIC = {1: "none", 5: "LZW", 8: "Deflate", 32773: "PackBits", 32946: "Deflate (old)"}
"""Compressions that strangers may use; each of the others is another decoder, and some are whole formats."""
OVERLAP = 2
"""Times the file that the values of one directory may be; those of strangers do not overlap."""

WIDTH, HEIGHT, COMPRESSION, OFFSETS, SAMPLES, ROWS, LENGTHS, PLANAR = 256, 257, 259, 273, 277, 278, 279, 284
TILE_WIDTH, TILE_HEIGHT, TILE_OFFSETS, TILE_LENGTHS = 322, 323, 324, 325
SMALL_RING = 10
"""Directories that may name one another in a circle, as damaged files do; each is followed once."""
WIDEST_TILE = 1 << 14
"""Pixels a side of a tile of any picture, where the bounds are not strict."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """How numbers lie in the file."""

    order: str
    big: bool

    @property
    def entry(self) -> int:
        """Bytes of one."""
        return 20 if self.big else 12

    def number(self, data: bytes) -> int:
        """An unsigned one of any length."""
        return int.from_bytes(data, "little" if self.order == "<" else "big")


@dataclasses.dataclass(frozen=True)
class Value:
    """Where a tag's values lie."""

    kind: int
    count: int
    place: int


def look(file: Counted) -> None:
    """Raises PictureError on more directories, tags or tiles than are allowed, and on values beyond the file.

    Where the bounds are strict also on compressions that PUBLIC does not name, on tags that come twice, and on strips
    and tiles that are larger than the picture, overlap, or are more than it needs.
    """
    head = file.at(0, 16)
    layout = Layout("<" if head[:2] == b"II" else ">", 43 in head[2:4])
    place, seen = layout.number(head[8:16] if layout.big else head[4:8]), set[int]()
    while place and place not in seen and place < file.size:
        seen.add(place)
        file.count("TIFF directories")
        place = _directory(file, layout, place)
    if place in seen and (file.bounds.strict or len(seen) > SMALL_RING):
        raise file.refused("has TIFF directories in a ring")


def _directory(file: Counted, layout: Layout, place: int) -> int:
    """Looks at one; gives the place of the next, or 0."""
    wide = 8 if layout.big else 2
    count, start = layout.number(file.at(place, wide)), place + wide
    most = file.bounds.most["tags in a directory"]
    if count > most:
        raise file.refused(f"has more than {most:,} tags in a directory")
    block = file.at(start, count * layout.entry)
    tags, values = dict[int, Value](), 0
    inline = 8 if layout.big else 4
    for n, row in enumerate(
        struct.iter_unpack(layout.order + ("HHQQ" if layout.big else "HHII"), _whole(block, layout))
    ):
        tag, kind, length, at = row
        size = SIZES.get(kind, 1) * length
        if size > inline and size <= file.size:  # longer ones are not read
            values += size
        if file.bounds.strict and tag in tags:
            raise file.refused(f"has the TIFF tag {tag} twice")
        tags[tag] = Value(kind, length, at if size > inline else start + n * layout.entry + layout.entry - inline)
    if values > (1 if file.bounds.strict else OVERLAP) * file.size:
        raise file.refused("has TIFF tags whose values are longer than it")
    _grid(file, layout, tags)
    return layout.number(file.at(start + count * layout.entry, inline))


def _whole(block: bytes, layout: Layout) -> bytes:
    return block[: len(block) // layout.entry * layout.entry]


def _grid(file: Counted, layout: Layout, tags: dict[int, Value]) -> None:
    """The strips or tiles."""

    def first(tag: int, default: int) -> int:
        return next(iter(_numbers(file, layout, tags[tag], 1)), default) if tag in tags else default

    width, height = first(WIDTH, 0), first(HEIGHT, 0)
    is_tiled = TILE_WIDTH in tags or TILE_OFFSETS in tags
    tile = (first(TILE_WIDTH, 0), first(TILE_HEIGHT, 0)) if is_tiled else (width, min(first(ROWS, height), height))
    parts = [tags[tag] for tag in (OFFSETS, LENGTHS, TILE_OFFSETS, TILE_LENGTHS) if tag in tags]
    for part in parts:
        if part.count > file.bounds.most["strips or tiles"]:
            raise file.refused(f"has more than {file.bounds.most['strips or tiles']:,} strips or tiles")
    grid = [-(-side // 16) * 16 if is_tiled else side for side in (width, height)]
    widest = grid if file.bounds.strict else [max(side, WIDEST_TILE) for side in grid]
    if any(side > most for side, most in zip(tile, widest, strict=True)):
        raise file.refused(f"has tiles of {tile[0]}x{tile[1]} pixels, which are larger than it")
    if file.bounds.strict:
        compression = first(COMPRESSION, 1)
        if compression not in PUBLIC:
            raise file.refused(f"is a TIFF of compression {compression}, where {', '.join(PUBLIC.values())} are taken")
        planes = first(SAMPLES, 1) if first(PLANAR, 1) == 2 else 1
        _strict(
            file,
            layout,
            tags,
            math.prod(-(-a // max(b, 1)) for a, b in zip((width, height), tile, strict=True)) * planes,
        )


def _strict(file: Counted, layout: Layout, tags: dict[int, Value], needed: int) -> None:
    """As many as the picture needs, with no more bytes than the file."""
    for tag in (OFFSETS, LENGTHS, TILE_OFFSETS, TILE_LENGTHS):
        if tag in tags and tags[tag].count > max(needed, 1):
            raise file.refused(f"has {tags[tag].count:,} strips or tiles, where it needs {needed:,}")
    for tag in (LENGTHS, TILE_LENGTHS):
        if tag in tags and sum(_numbers(file, layout, tags[tag], tags[tag].count)) > file.size:
            raise file.refused("has strips or tiles that are longer than it")


def _numbers(file: Counted, layout: Layout, value: Value, count: int) -> tuple[int, ...]:
    """The first `count` of them, or fewer."""
    letter = {1: "B", 3: "H", 4: "I", 16: "Q", 13: "I", 18: "Q"}.get(value.kind)
    if letter is None:
        return ()
    size = struct.calcsize("<" + letter)
    data = file.at(value.place, size * min(count, value.count))
    return struct.unpack(f"{layout.order}{len(data) // size}{letter}", data[: len(data) // size * size])
