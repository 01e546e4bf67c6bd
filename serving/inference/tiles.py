"""A large picture in tiles that give what the whole would give, for models that look at a neighbourhood alone.

A tile is computed with a halo of half the receptive field, so that its inner part sees all that it would see in the
whole picture. It ends where the picture ends: there the network goes on as it does for a whole one. Tiles begin on the
grid of the network's multiple, as the whole picture does.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from ...card import Card
from ...errors import RequestError

LARGEST_WHOLE = 2**20
"""Input pixels up to which `auto` computes a picture whole."""
USUAL = 512
"""Inner side of the tiles of `auto`, in input pixels."""
SMALLEST = 64
"""Inner side below which no tile goes for want of memory."""
WIDEST_HALO = 128
"""Pixels of halo at most. Very deep networks could see further, by weights so small that no output level changes; with
all they could see, a tile would cost many times its inner part."""

Tile = int | str
"""Inner side in input pixels, `auto` or `off`."""


@dataclasses.dataclass(frozen=True)
class Window:
    """One tile along one axis, in input pixels."""

    outer: slice
    """What is computed."""
    inner: slice
    """What is kept of it, in the picture's own pixels."""

    def kept(self, scale: int) -> slice:
        """What is kept, in pixels of the computed part's result."""
        return slice((self.inner.start - self.outer.start) * scale, (self.inner.stop - self.outer.start) * scale)

    def place(self, scale: int) -> slice:
        """Where it goes, in pixels of the whole result."""
        return slice(self.inner.start * scale, self.inner.stop * scale)


def side_for(card: Card, height: int, width: int, tile: Tile) -> int | None:
    """Inner side of the tiles for a picture of this size; None: the picture is computed whole."""
    if tile == "off" or card.tiling != "local":
        return None
    if tile == "auto":
        return USUAL if height * width > LARGEST_WHOLE else None
    return int(tile) if max(height, width) > int(tile) else None


def halved(card: Card, height: int, width: int, side: int | None, tile: Tile) -> int | None:
    """A smaller inner side, when memory did not suffice for this one (None: the whole); None when there is none."""
    if tile == "off" or card.tiling != "local":
        return None
    smaller = min(USUAL, max(height, width)) // 2 if side is None else side // 2
    return smaller if smaller >= max(SMALLEST, card.smallest) else None


def halo(card: Card) -> int:
    """Pixels around a tile that its inner part depends on, on the grid of the model's multiple."""
    half = min(-(-(card.receptive_field or 2 * WIDEST_HALO) // 2), WIDEST_HALO)
    return -(-half // card.multiple) * card.multiple


def windows(length: int, side: int, card: Card) -> list[Window]:
    """A line of `length` input pixels in parts of about `side`, of like length, that begin at multiples."""
    step = max(card.multiple, -(-max(side, card.smallest) // card.multiple) * card.multiple)
    count = -(-length // step)
    units = -(-length // card.multiple)
    starts = [n * units // count * card.multiple for n in range(count)]
    around = halo(card)
    return [
        Window(slice(max(0, start - around), min(length, stop + around)), slice(start, stop))
        for start, stop in zip(starts, [*starts[1:], length], strict=True)
    ]


def grid(height: int, width: int, side: int, card: Card) -> Iterator[tuple[Window, Window]]:
    """The tiles of a picture, row by row: (vertical, horizontal)."""
    across = windows(width, side, card)
    return ((down, right) for down in windows(height, side, card) for right in across)


def parse_tile(text: str) -> Tile:
    """`auto`, `off` or a side in pixels as the user typed it; raises RequestError."""
    if text in ("auto", "off"):
        return text
    if not text.isdigit() or int(text) < 16:
        raise RequestError(f"--tile is auto, off or a number of pixels from 16 on, not {text!r}.")
    return int(text)


def refuse_tiles(card: Card, tile: Tile) -> None:
    """Raises RequestError when tiles of a size are asked for, and the model needs to see the whole picture."""
    if isinstance(tile, int) and card.fixed_size is not None:
        height, width = card.fixed_size
        raise RequestError(f"{card.name} takes pieces of {width}x{height} pixels alone. Leave --tile out.")
    if isinstance(tile, int) and card.tiling != "local":
        raise RequestError(
            f"{card.name} normalises with statistics of the whole picture, so that tiles would differ in colour. "
            "Leave --tile out: large pictures are computed in segments, which are exact (--memory says how large)."
        )
