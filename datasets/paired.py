"""Pairs of pictures as training samples: an endless stream in which item n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import DataError
from .cache import PictureCache
from .layouts import Pair
from .loading import Array, load_pair
from .stream import Order, Sample, Stream, as_drawn_from, to_tensor_range


class PairedPictures(Stream):
    """An endless, reshuffled stream of pairs; a run resumes by asking for the next number.

    Draws `k * len(self)` to `(k + 1) * len(self) - 1` are epoch k, in which every pair comes once.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        size: int,
        seed: int = 0,
        channels: tuple[int, int] = (3, 3),
        augment: Sequence[str] = ("jitter", "flip"),
        interpolation: str = "bicubic",
        squash: bool = False,
        swap: bool = False,
        cache_mb: float = 2048,
        cache: PictureCache | None = None,
    ) -> None:
        """Training samples of `size` pixels a side.

        `channels` are those of the samples' a and b; `swap` makes side B of the folder the samples' a. `augment`
        are names of AUGMENTATIONS. Pictures that are not square keep their proportions (the short side is
        resized, the long one cropped at random) unless `squash` makes them square. `cache` is one that a scan has
        filled, by `fit_for` the same arguments; else up to `cache_mb` MiB are kept as pictures are read.
        Raises UnknownNameError for an augmentation or interpolation, DataError when there are no pairs.
        """
        if not pairs:
            raise DataError("There are no pairs to draw samples from.")
        super().__init__(
            pairs,
            size=size,
            seed=seed,
            channels=channels,
            augment=augment,
            interpolation=interpolation,
            squash=squash,
            cache=cache,
            cache_mb=cache_mb,
        )
        self.pairs = tuple(pairs)
        self.swap = swap
        self._order = Order(len(self.pairs), seed)

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

    def fixed(self, index: int) -> Sample:
        """Pair `index` as a sample without chance: its middle, after resizing the short side to `size`."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return _sample(self.middle(a), self.middle(b))


def _sample(a: Array, b: Array) -> Sample:
    return {"a": to_tensor_range(a), "b": to_tensor_range(b)}
