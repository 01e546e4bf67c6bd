"""Two unpaired domains as training samples: an endless stream in which item n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]; their a and b have nothing to do with
each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Unpack

from ...errors import DataError
from ...images.image import with_channels
from ..layouts.layouts import Single
from .augment import refuse_input_only
from .loading import decode
from .stream import Options, Order, Sample, Stream, as_drawn_from, to_tensor_range

KEYS = (1, 2)
"""What sets the draws of domains A and B apart. Not from 0: numpy's seeding takes (s, n) and (s, n, 0) for the same."""


class UnpairedPictures(Stream):
    """An endless stream of a picture of each domain, each shuffled, cropped and mirrored by draws of its own.

    Every picture comes once in each epoch of its own domain; as the domains may differ in length, so do their epochs.
    """

    def __init__(
        self,
        a: Sequence[Single],
        b: Sequence[Single],
        **options: Unpack[Options],
    ) -> None:
        """Samples of pictures of the domains a and b; `options` are those of Stream.

        Raises UnknownNameError for an augmentation or interpolation, ConfigError for an augmentation that changes
        inputs alone, DataError when a domain is empty.
        """
        if not a or not b:
            raise DataError(f"Domain {'a' if not a else 'b'} has no pictures to draw samples from.")
        super().__init__((*a, *b), **options)
        refuse_input_only(self.augment)
        self.domains = tuple(a), tuple(b)
        self._orders = tuple(Order(len(one), self.seed, key) for one, key in zip(self.domains, KEYS, strict=True))

    def __len__(self) -> int:
        """Pictures of the larger domain: an epoch, in which each of them comes once."""
        return max(map(len, self.domains))

    def __getitem__(self, draw: int) -> Sample:
        """Sample number `draw`, 0 or more: {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]."""
        sample = {}
        for side, index in enumerate(self.index(draw)):
            (pixels,) = self.cache.read(self.domains[side][index])
            (crop,) = self.drawn((draw, KEYS[side]), as_drawn_from(pixels, self.channels[side]))
            sample["ab"[side]] = to_tensor_range(crop)
        return sample

    def index(self, draw: int) -> tuple[int, int]:
        """Which pictures of a and of b sample number `draw` shows."""
        a, b = (order(draw) for order in self._orders)
        return a, b

    def center_sample(self, index: int) -> Sample:
        """Picture `index` of each domain as a sample without chance: the middles, the short sides resized to `size`."""
        sample = {}
        for side, domain in enumerate(self.domains):
            (pixels,) = decode(domain[index])
            sample["ab"[side]] = to_tensor_range(self.middle(with_channels(pixels, self.channels[side])))
        return sample
