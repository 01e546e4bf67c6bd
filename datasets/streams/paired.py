"""Pairs of pictures as training samples: an endless stream in which sample n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from ...errors import DataError
from ..layouts.items import Pair
from ..layouts.layout import Layout
from ..layouts.paired import find_pairs
from .loading import Array, load_pair
from .source import Source, two
from .stream import Options, Order, Sample, Stream, as_augmented, to_tensor_range


class PairedPictures(Stream):
    """An endless, reshuffled stream of pairs; a run resumes by asking for the next number.

    Samples `k * len(self)` to `(k + 1) * len(self) - 1` are epoch k, in which every pair comes once.
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

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more: {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]."""
        sides = self.cache.read(self.pairs[self.index(number)])
        a, b = reversed(sides) if self.swap else sides
        return _sample(*self.augmented((number,), as_augmented(a, self.channels[0]), as_augmented(b, self.channels[1])))

    def index(self, number: int) -> int:
        """Which pair sample `number` shows."""
        return self._order(number)

    def whole(self, index: int) -> dict[str, Array]:
        """Pair number `index` at its own size, as models see it: {"a": (H, W, C), "b": …} of the file's type."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return {"a": a, "b": b}

    def center_sample(self, index: int) -> Sample:
        """Pair `index` as a sample without chance: its middle, after resizing the short side to `size`."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return _sample(self.middle(a), self.middle(b))


def _sample(a: Array, b: Array) -> Sample:
    return {"a": to_tensor_range(a), "b": to_tensor_range(b)}


class PairedSource(Source[Pair]):
    """A folder of pairs."""

    unit_name = "pairs"

    def find(self, root: Path, *names: str | None) -> Layout[Pair]:
        """Pairs by name, or side by side."""
        return find_pairs(root, *two(names))

    def counts(self, splits: dict[str, tuple[Pair, ...]]) -> dict[str, int]:
        """Pairs by split."""
        return {split: len(pairs) for split, pairs in splits.items()}

    def stream(self, items: Sequence[Pair], channels: tuple[int, ...], swap: bool, **options: Any) -> PairedPictures:
        """Samples of pairs."""
        return PairedPictures(items, channels=channels[::-1] if swap else channels, swap=swap, **options)

    def names(self, stream: PairedPictures) -> list[str]:
        """The pairs' names."""
        return [pair.name for pair in stream.pairs]
