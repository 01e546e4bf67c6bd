"""Whether a picture in parts is the picture whole: receptive field, overlap and difference, measured."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...errors import RequestError
from ...images.image import Picture
from ..inference.by_size import BySize
from ..inference.engine import Engine
from ..inference.executors import IMAGE, Executor, Feeds, FloatArray, Tiled
from ..inference.tiles import USUAL, halo, halved

LEVEL = 1 / 255
"""A difference up to which two pictures count as the same."""
AROUND = 1.25
"""Size of the cut-out in which a changed pixel is followed, in receptive fields."""
GAIN = 64
"""By which the picture of the difference is brightened: four levels are white."""


@dataclasses.dataclass(frozen=True)
class TileCheck:
    """What was found."""

    name: str
    size: tuple[int, int]
    """Height and width of the picture."""
    parts: str
    """In words: `tiles of 512 pixels`, `24 segments in strips`."""
    receptive_field: int | None
    """Input pixels along a side, by the card."""
    seen: int | None
    """As far as a changed pixel was seen, in input pixels along a side; None where all of the picture follows it."""
    overlap: int | None
    """Input pixels that a tile is computed wider on each side."""
    largest: float
    """Difference in levels of 255."""
    mean: float
    seconds_whole: float
    seconds_in_parts: float
    difference: npt.NDArray[np.uint8]
    """(H, W, C'), brightened."""

    @property
    def is_the_same(self) -> bool:
        """Whether no value differs by more than a level."""
        return self.largest <= 1

    def lines(self) -> list[str]:
        """In words, for a terminal."""
        height, width = self.size
        said = "not known" if self.receptive_field is None else f"{self.receptive_field} pixels by the card"
        seen = "a changed pixel changes all of the picture" if self.seen is None else f"seen as far as {self.seen}"
        overlap = "that of each segment's own convolutions" if self.overlap is None else f"{self.overlap} pixels a side"
        verdict = "the same" if self.is_the_same else "NOT the same"
        return [
            f"Model:           {self.name}",
            f"Receptive field: {said}; {seen}",
            f"Overlap:         {overlap}",
            f"Picture:         {width}x{height}, whole in {self.seconds_whole:.1f} s, "
            f"in {self.parts} in {self.seconds_in_parts:.1f} s",
            f"Difference:      at most {self.largest:.4f} of 255, {self.mean:.5f} in the mean: {verdict}",
        ]


def tile_check(engine: Engine, picture: Picture, side: int | None = None) -> TileCheck:
    """Compute the picture whole and in parts (tiles of `side`, or segments), and compare.

    Raises RequestError where the model is never computed in parts, ProviderError where the whole does not fit.
    """
    by_size = engine.executor
    if not isinstance(by_size, BySize):
        raise RequestError(f"{engine.card.name} takes pictures of one size alone; there is nothing to compare with.")
    card, feeds = engine.card, {name: np.asarray(array) for name, array in engine.prepare(picture).feeds.items()}
    height, width = feeds[IMAGE].shape[2:]
    pieces_of, parts, overlap = in_parts(by_size, height, width, side)
    whole, seconds_whole = _timed(by_size.whole, feeds)
    pieces, seconds_in_parts = _timed(pieces_of, feeds)
    difference = np.abs(whole - pieces)[0].transpose(1, 2, 0) * 255
    return TileCheck(
        name=card.name,
        size=(height, width),
        parts=parts,
        receptive_field=card.receptive_field,
        seen=_seen(by_size.whole, feeds, card.receptive_field, card.scale) if card.tiling == "local" else None,
        overlap=overlap,
        largest=float(difference.max()),
        mean=float(difference.mean()),
        seconds_whole=seconds_whole,
        seconds_in_parts=seconds_in_parts,
        difference=np.rint(np.clip(difference * GAIN, 0, 255)).astype(np.uint8),
    )


def in_parts(by_size: BySize, height: int, width: int, side: int | None = None) -> tuple[Executor, str, int | None]:
    """What computes a picture of this size in parts, what they are in words, and their overlap where it is one."""
    if by_size.card.tiling == "local":
        inner = side or halved(by_size.card, height, width, None, "auto") or USUAL
        return Tiled(by_size.whole, by_size.card, inner), f"tiles of {inner} pixels", halo(by_size.card)
    segmented = by_size.segmented()
    return segmented, "segments", None


def _timed(executor: Executor, feeds: Feeds) -> tuple[FloatArray, float]:
    executor.run(feeds)  # once before: the first run of a size prepares it
    began = time.monotonic()
    return executor.run(feeds), time.monotonic() - began


def _seen(whole: Executor, feeds: Feeds, field: int | None, scale: int) -> int:
    """How wide a change of one pixel is seen, in input pixels, in a cut-out of the picture's middle."""
    sides = feeds[IMAGE].shape[2:]
    reach = max(64, int(AROUND * (field or max(sides))))
    top, left = (max(0, (side - reach) // 2) for side in sides)
    before = np.ascontiguousarray(feeds[IMAGE][:, :, top : top + reach, left : left + reach])
    after = before.copy()
    row, column = (side // 2 for side in before.shape[2:])
    after[:, :, row, column] = 1 - np.rint(after[:, :, row, column])
    others = {name: array for name, array in feeds.items() if name != IMAGE}
    changed = (whole.run({**others, IMAGE: before}) != whole.run({**others, IMAGE: after})).any((0, 1))
    extents = [np.flatnonzero(changed.any(axis)) for axis in (0, 1)]
    return max((-(-int(found[-1] - found[0] + 1) // scale) for found in extents if found.size), default=0)


def write_difference(found: TileCheck, path: Path) -> None:
    """The difference as a PNG."""
    shown = found.difference
    Image.fromarray(shown[..., 0] if shown.shape[2] != 3 else shown).save(path)
