"""What all streams of samples share: the order of an epoch, crops, and the way to a tensor's range.

A stream is endless, and its sample n is a function of (seed, n) alone, so that a run resumes by asking for the next.
"""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Required, TypedDict

import numpy as np
import numpy.typing as npt

from ...errors import UnknownNameError
from ...images.image import to_float, with_channels
from ...seeding import Purpose, generator
from ..layouts.items import Item
from .augment import Transforms, resize_to
from .cache import PictureCache
from .loading import FILTERS, Array, ResizePolicy, Size, sides_of

Sample = dict[str, npt.NDArray[Any]]
"""Pictures (C, H, W) float32 in [-1, 1], and numbers such as a label () int64, by name."""


class Order:
    """Which of `count` items sample number n shows: each of them once an epoch, reshuffled for the next."""

    def __init__(self, count: int, seed: int, *key: int) -> None:
        """`key` sets apart streams of one seed that are to be drawn independently."""
        self.count, self.seed, self.key = count, seed, key
        self._known: tuple[int, npt.NDArray[np.intp]] = (-1, np.empty(0, np.intp))

    def __call__(self, number: int) -> int:
        """The place of the item, from 0; raises IndexError below sample 0."""
        if number < 0:
            raise IndexError(f"samples are numbered from 0, not {number}")
        epoch, place = divmod(number, self.count)
        known, order = self._known
        if known != epoch:
            order = generator(self.seed, Purpose.SHUFFLE, epoch, *self.key).permutation(self.count)
            self._known = epoch, order
        return int(order[place])


class Options(TypedDict, total=False):
    """What every stream may be told; the defaults are those of `Stream`."""

    size: Required[Size]
    seed: int
    channels: tuple[int, ...]
    augment: Sequence[str]
    interpolation: str
    stretch: bool
    cache: PictureCache | None
    cache_mb: float


class Stream(ABC):
    """Reads pictures through a cache and makes crops of them; which ones a sample shows is a subclass's business."""

    def __init__(
        self,
        items: Sequence[Item],
        *,
        size: Size,
        seed: int = 0,
        channels: tuple[int, ...] = (3, 3),
        augment: Sequence[str] = ("jitter", "flip"),
        interpolation: str = "bicubic",
        stretch: bool = False,
        cache: PictureCache | None = None,
        cache_mb: float = 2048,
    ) -> None:
        """Training samples of `size` pixels a side, or of such a height and width.

        `channels` are those of the sample's pictures, in their order. `augment` are names of AUGMENTATIONS. Pictures
        that are not square keep their proportions (the short side is resized, the long one cropped at random) unless
        `stretch` makes them square. `cache` is one that a scan has filled, by `fit_for` the same arguments; else up to
        `cache_mb` MiB are kept as pictures are read. Raises UnknownNameError for an augmentation or interpolation,
        before anything is read.
        """
        self.items = tuple(items)
        """Everything that samples are made of."""
        self.size: Any = size
        """Side of the crops; height and width where they differ."""
        self.seed = seed
        self.channels = channels
        self.augment = tuple(augment)
        self.interpolation = interpolation
        fit = fit_for(size, augment, interpolation, stretch)
        self.cache = PictureCache(fit, cache_mb) if cache is None else cache
        if self.cache.fit != fit:
            raise ValueError(f"the cache was filled for {self.cache.fit}, not for {fit}")
        self._local = threading.local()

    @abstractmethod
    def __getitem__(self, number: int, /) -> Sample:
        """Sample `number`, 0 or more, as a function of the seed and the number alone."""

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_local": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._local = threading.local()

    @property
    def cached(self) -> bool:
        """Whether every picture is in memory, so that a loader gains nothing by workers."""
        return all(item in self.cache for item in self.items)

    def preload(self, progress: Callable[[int, int], None] | None = None) -> None:
        """Decode everything now, as far as the budget goes, so that forked workers share it."""
        for done, item in enumerate(self.items, 1):
            if item not in self.cache:
                self.cache.read(item)
            if progress:
                progress(done, len(self.items))

    def augmented(self, key: tuple[int, ...], *pictures: Array) -> tuple[Array, ...]:
        """Pictures as they are trained on, changed as the generator with this key says: (size, size, C)."""
        if not hasattr(self._local, "transforms"):  # each thread has its own
            self._local.transforms = Transforms(self.augment, self.size, self.channels[0])
        transforms: Transforms = self._local.transforms
        return transforms(generator(self.seed, Purpose.AUGMENT, *key), *pictures)

    def middle(self, pixels: Array) -> Array:
        """The middle crop, after the short side was resized to the crop's."""
        fit = ResizePolicy(
            None if self.cache.fit.side is None else self.size, self.interpolation, self.cache.fit.stretch
        )
        fitted = fit(pixels)
        height, width = sides_of(self.size)
        y, x = (fitted.shape[0] - height) // 2, (fitted.shape[1] - width) // 2
        return fitted[y : y + height, x : x + width]


def as_augmented(pixels: Array, channels: int) -> Array:
    """(H, W, channels) uint8, or float32 in [0, 1] of deeper files, which augmentations take."""
    pixels = with_channels(pixels, channels)
    return pixels if pixels.dtype == np.uint8 else to_float(pixels)


def fit_for(
    size: Size,
    augment: Sequence[str] = ("jitter", "flip"),
    interpolation: str = "bicubic",
    stretch: bool = False,
) -> ResizePolicy:
    """How a stream with these arguments resizes what it reads; for a cache that a scan fills.

    Raises UnknownNameError for an augmentation or interpolation.
    """
    if interpolation not in FILTERS:
        raise UnknownNameError("interpolation", interpolation, FILTERS)
    return ResizePolicy(resize_to(augment, size), interpolation, stretch)


def to_tensor_range(pixels: Array) -> npt.NDArray[np.float32]:
    """(H, W, C) uint8, uint16 or float32 in [0, 1] to contiguous (C, H, W) float32 in [-1, 1]."""
    return np.ascontiguousarray((to_float(pixels) * 2 - 1).transpose(2, 0, 1))
