"""One picture or pair as `i2i data check` sees it: what is to be looked at, and what a look finds."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np

from ...errors import PictureError
from ...images.find import find_pictures
from ..layouts.items import Item, Pair, Single
from ..layouts.layout import Layout
from ..layouts.paired import Found
from ..streams.loading import Array, decode
from .alignment import Edges, edges
from .colours import Tint, tint


@dataclasses.dataclass(frozen=True)
class Entry:
    """A pair or a single picture to look at, and what it is called."""

    split: str
    item: Item
    title: str


@dataclasses.dataclass
class Seen:
    """What one entry was found to be; `sizes` and `digests` by side, None where there is none."""

    entry: Entry
    sizes: list[tuple[int, int] | None]
    channels: list[int | None]
    depths: list[int | None]
    digests: list[str | None]
    tints: list[Tint | None]
    edges: tuple[Edges, Edges] | None
    reason: str | None = None


def entries_of(root: Path, found: Found | None) -> list[Entry]:
    """Pairs, and pictures without partner; every picture below `root` where nothing else is known."""
    if found is None:
        paths = [path.relative_to(root) for path in find_pictures(root)]
        return [Entry(str(p.parent), Single(p.name, root / p, 0), f"{p.parent}/{p.name}") for p in paths]
    entries = []
    for split, matched in found.matched.items():
        items: list[Item] = [Pair(n, *paths, found.kind == "side by side") for n, paths in matched.pairs.items()]
        items += [Single(name, path, 0) for name, path in matched.unmatched_a.items()]
        items += [Single(name, path, 1) for name, path in matched.unmatched_b.items()]
        entries += [Entry(split, item, f"{split}/{item.name}") for item in items]
    return entries


def entries_of_domains(domains: Layout[Single]) -> list[Entry]:
    """Every picture on its own, called by its place: the two domains may have the same names."""
    return [
        Entry(split, single, single.path.relative_to(domains.root).as_posix())
        for split, singles in domains.splits.items()
        for single in singles
    ]


def look(entry: Entry, compare: bool) -> Seen:
    """Decode an entry and take its measures, those of its edges when they are to be compared."""
    sides: list[Array | None] = [None, None]
    reason = None
    try:
        for side, pixels in zip(entry.item.domains, decode(entry.item), strict=True):
            sides[side] = pixels
    except PictureError as error:
        reason = str(error)
    a, b = sides
    comparable = a is not None and b is not None and a.shape[:2] == b.shape[:2] and min(a.shape[:2]) >= 16
    return Seen(
        entry,
        [None if side is None else (side.shape[1], side.shape[0]) for side in sides],
        [None if side is None else side.shape[2] for side in sides],
        [None if side is None else side.dtype.itemsize * 8 for side in sides],
        [None if side is None else _digest(side) for side in sides],
        [None if side is None else tint(side) for side in sides],
        (edges(a), edges(b)) if compare and comparable and a is not None and b is not None else None,
        reason,
    )


def _digest(pixels: Array) -> str:
    """Of the pixels, so that a picture saved twice without loss counts as the same."""
    head = f"{pixels.dtype}{pixels.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).hexdigest()
