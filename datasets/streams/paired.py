"""Pairs of pictures as training samples: an endless stream in which item n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ...errors import DataError
from ..layouts.layouts import Pair
from .loading import Array, load_pair
from .stream import Options, Order, Sample, Stream, as_drawn_from, to_tensor_range


class PairedPictures(Stream):
    """An endless, reshuffled stream of pairs; a run resumes by asking for the next number.

    Draws `k * len(self)` to `(k + 1) * len(self) - 1` are epoch k, in which every pair comes once.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        swap: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Samples of pairs; `swap` makes side B of the folder the samples' a, and `options` are those of Stream.

        Raises UnknownNameError for an augmentation or interpolation, DataError when there are no pairs.
        """
        if not pairs:
            raise DataError("There are no pairs to draw samples from.")
        super().__init__(pairs, **options)
        self.pairs = tuple(pairs)
        self.swap = swap
        self._order = Order(len(self.pairs), self.seed)

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, draw: int) -> Sample:
        """Sample number `draw`, 0 or more: {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]."""
        sides = self.cache.read(self.pairs[self.index(draw)])
        a, b = reversed(sides) if self.swap else sides
        return _sample(*self.drawn((draw,), as_drawn_from(a, self.channels[0]), as_drawn_from(b, self.channels[1])))

    def index(self, draw: int) -> int:
        """Which pair sample number `draw` shows."""
        return self._order(draw)

    def whole(self, index: int) -> dict[str, Array]:
        """Pair number `index` at its own size, untouched: {"a": (H, W, C), "b": …} of the file's type."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return {"a": a, "b": b}

    def center_sample(self, index: int) -> Sample:
        """Pair `index` as a sample without chance: its middle, after resizing the short side to `size`."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return _sample(self.middle(a), self.middle(b))


def _sample(a: Array, b: Array) -> Sample:
    return {"a": to_tensor_range(a), "b": to_tensor_range(b)}
