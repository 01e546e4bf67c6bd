"""Pairs of pictures as training samples: an endless stream in which item n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1].
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError, UnknownNameError
from ..pictures import to_float, with_channels
from .augment import Draws, chosen, working_side
from .cache import PairCache
from .layouts import Pair
from .loading import FILTERS, Array, Fit, load_pair

Sample = dict[str, npt.NDArray[np.float32]]

SHUFFLE, CHANGE = 0, 1
"""What a generator keyed by (seed, purpose, number) is for."""


class PairedPictures:
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
        cache: PairCache | None = None,
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
        chosen(augment)  # before anything is read
        self.pairs = tuple(pairs)
        self.size = size
        self.seed = seed
        self.channels = channels
        self.augment = tuple(augment)
        self.interpolation = interpolation
        self.swap = swap
        fit = fit_for(size, augment, interpolation, squash)
        self.cache = PairCache(fit, cache_mb) if cache is None else cache
        if self.cache.fit != fit:
            raise ValueError(f"the cache was filled for {self.cache.fit}, not for {fit}")
        self._order: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, np.intp))
        self._local = threading.local()

    def __len__(self) -> int:
        return len(self.pairs)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_local": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    @property
    def cached(self) -> bool:
        """Whether every pair is in memory, so that a loader gains nothing by workers."""
        return all(pair in self.cache for pair in self.pairs)

    def __getitem__(self, draw: int) -> Sample:
        """Sample number `draw`, 0 or more: {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]."""
        a, b = self._working(self.pairs[self.index(draw)])
        rng = np.random.default_rng((self.seed, CHANGE, draw))
        return self._sample(*self._draws()(rng, a, b))

    def index(self, draw: int) -> int:
        """Which pair sample number `draw` shows."""
        if draw < 0:
            raise IndexError(f"samples are numbered from 0, not {draw}")
        epoch, place = divmod(draw, len(self.pairs))
        known, order = self._order
        if known != epoch:
            order = np.random.default_rng((self.seed, SHUFFLE, epoch)).permutation(len(self.pairs))
            self._order = epoch, order
        return int(order[place])

    def whole(self, index: int) -> dict[str, Array]:
        """Pair number `index` at its own size, untouched: {"a": (H, W, C), "b": …} of the file's type."""
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return {"a": a, "b": b}

    def fixed(self, index: int) -> Sample:
        """Pair `index` as a sample without chance: its middle, after resizing the short side to `size`."""
        fit = Fit(None if self.cache.fit.side is None else self.size, self.interpolation, self.cache.fit.squash)
        a, b = load_pair(self.pairs[index], self.channels, swap=self.swap)
        return self._sample(self._middle(fit(a)), self._middle(fit(b)))

    def preload(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Decode every pair now, as far as the budget goes, so that forked workers share them."""
        for done, pair in enumerate(self.pairs, 1):
            if pair not in self.cache:
                self.cache.read(pair)
            if progress:
                progress(done, len(self.pairs))

    def _working(self, pair: Pair) -> tuple[Array, Array]:
        """Both sides at the size that crops are taken from: uint8, or float32 in [0, 1] of deeper files."""
        sides = self.cache.read(pair)
        a, b = reversed(sides) if self.swap else sides
        a, b = with_channels(a, self.channels[0]), with_channels(b, self.channels[1])
        return (a if a.dtype == np.uint8 else to_float(a)), (b if b.dtype == np.uint8 else to_float(b))

    def _draws(self) -> Draws:
        """The transforms of the thread that asks."""
        if not hasattr(self._local, "draws"):
            self._local.draws = Draws(self.augment, self.size, self.channels[0])
        return self._local.draws  # type: ignore[no-any-return]

    def _middle(self, pixels: Array) -> Array:
        y, x = ((length - self.size) // 2 for length in pixels.shape[:2])
        return pixels[y : y + self.size, x : x + self.size]

    def _sample(self, a: Array, b: Array) -> Sample:
        return {"a": to_tensor_range(a), "b": to_tensor_range(b)}


def fit_for(
    size: int,
    augment: Sequence[str] = ("jitter", "flip"),
    interpolation: str = "bicubic",
    squash: bool = False,
) -> Fit:
    """How `PairedPictures` with these arguments resizes what it reads; for a cache that a scan fills.

    Raises UnknownNameError for an augmentation or interpolation.
    """
    if interpolation not in FILTERS:
        raise UnknownNameError("interpolation", interpolation, FILTERS)
    return Fit(working_side(augment, size), interpolation, squash)


def to_tensor_range(pixels: Array) -> npt.NDArray[np.float32]:
    """(H, W, C) uint8, uint16 or float32 in [0, 1] to contiguous (C, H, W) float32 in [-1, 1]."""
    return np.ascontiguousarray((to_float(pixels) * 2 - 1).transpose(2, 0, 1))
