"""Two unpaired domains as training samples: an endless stream in which sample n is a function of (seed, n) alone.

Samples are {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]; their a and b have nothing to do with
each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

from ...errors import DataError
from ...images.image import with_channels
from ..layouts.items import Single
from ..layouts.layout import Layout
from ..layouts.unpaired import find_unpaired
from .augment import refuse_input_only
from .loading import decode
from .source import Source, two
from .stream import Options, Order, Sample, Stream, as_augmented, to_tensor_range

KEYS = (1, 2)
"""What sets the generators of domains A and B apart. Not from 0: numpy seeds (s, n) and (s, n, 0) alike."""


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

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more: {"a": (C, size, size), "b": (C, size, size)} float32 in [-1, 1]."""
        sample = {}
        for place, index in enumerate(self.index(number)):
            (pixels,) = self.cache.read(self.domains[place][index])
            (crop,) = self.augmented((number, KEYS[place]), as_augmented(pixels, self.channels[place]))
            sample["ab"[place]] = to_tensor_range(crop)
        return sample

    def index(self, number: int) -> tuple[int, int]:
        """Which pictures of a and of b sample `number` shows."""
        a, b = (order(number) for order in self._orders)
        return a, b

    def center_sample(self, index: int) -> Sample:
        """Picture `index` of each domain as a sample without chance: the middles, the short sides resized to `size`."""
        sample = {}
        for place, domain in enumerate(self.domains):
            (pixels,) = decode(domain[index])
            sample["ab"[place]] = to_tensor_range(self.middle(with_channels(pixels, self.channels[place])))
        return sample


class UnpairedSource(Source[Single]):
    """A folder of two domains."""

    unit_name = "pictures"

    def find(self, root: Path, *names: str | None) -> Layout[Single]:
        """Two domains, whatever the names in them."""
        return find_unpaired(root, *two(names))

    def counts(self, splits: dict[str, tuple[Single, ...]]) -> dict[str, int]:
        """By split those of the larger domain, which an epoch shows; `train_a`, `train_b` and so on for each."""
        counts: dict[str, int] = {}
        for split, singles in splits.items():
            of_b = sum(single.domain for single in singles)
            of_a = len(singles) - of_b
            counts |= {split: max(of_a, of_b), f"{split}_a": of_a, f"{split}_b": of_b}
        return counts

    def stream(
        self, items: Sequence[Single], channels: tuple[int, ...], swap: bool, **options: Any
    ) -> UnpairedPictures:
        """Samples of the two domains among the items."""
        domains = [tuple(single for single in items if single.domain == place) for place in (0, 1)]
        a, b = reversed(domains) if swap else domains
        return UnpairedPictures(a, b, channels=channels[::-1] if swap else channels, **options)

    def names(self, stream: UnpairedPictures) -> list[str]:
        """`of a | of b`, or the one name where it is the same; as many as the smaller domain has."""
        pairs = zip(*stream.domains, strict=False)
        return [a.name if a.name == b.name else f"{a.name} | {b.name}" for a, b in pairs]

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Those that change the input of a pair alone."""
        refuse_input_only(augment)
