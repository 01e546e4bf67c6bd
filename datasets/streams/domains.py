"""Several domains, or the classes of one, as labelled samples: an endless stream in which sample n is a function of
(seed, n) alone.

Samples are {"image": (C, size, size) float32 in [-1, 1], "label": () int64}, the label being the place of the domain.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from ...errors import ConfigError, DataError
from ...images.image import with_channels
from ..layouts.domains import find_domains
from ..layouts.items import Single
from ..layouts.layout import Layout
from .augment import refuse_input_only
from .loading import Array, decode
from .source import Source
from .stream import Options, Order, Sample, Stream, as_augmented, to_tensor_range

TURNS = 1
"""Key of the generator that draws whose turn it is; domain d has d + 2. Numpy seeds (s, n) and (s, n, 0) alike."""


class DomainPictures(Stream):
    """An endless stream that shows every domain equally often, each shuffled by itself.

    Of `k` domains, samples `m * k` to `(m + 1) * k - 1` show each one once, in random order. Every picture comes once
    in each epoch of its own domain, so those of a smaller domain come more often.
    """

    def __init__(self, domains: Sequence[Sequence[Single]], **options: Unpack[Options]) -> None:
        """Samples of the pictures of these domains; `options` are those of Stream, with one number of channels.

        Raises UnknownNameError for an augmentation or interpolation, ConfigError for an augmentation that changes
        inputs alone, DataError when a domain is empty.
        """
        if not domains or not all(domains):
            raise DataError("A domain has no pictures to draw samples from.")
        super().__init__([item for domain in domains for item in domain], **options)
        refuse_input_only(self.augment)
        self.domains = tuple(map(tuple, domains))
        self._turns = Order(len(self.domains), self.seed, TURNS)
        self._orders = tuple(Order(len(domain), self.seed, place + 2) for place, domain in enumerate(self.domains))

    def __len__(self) -> int:
        """Samples until every picture of the largest domain has come once."""
        return len(self.domains) * max(map(len, self.domains))

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more: {"image": (C, size, size) float32 in [-1, 1], "label": () int64}."""
        domain, index = self.index(number)
        (pixels,) = self.cache.read(self.domains[domain][index])
        (crop,) = self.augmented((number,), as_augmented(pixels, self.channels[0]))
        return labelled(crop, domain)

    def index(self, number: int) -> tuple[int, int]:
        """Which domain sample `number` shows, and which picture of it."""
        domain = self._turns(number)
        return domain, self._orders[domain](number // len(self.domains))

    def center_sample(self, index: int) -> Sample:
        """Number `index` of the pictures, the domains taking turns, as a sample without chance: its middle."""
        place, domain = divmod(index, len(self.domains))
        (pixels,) = decode(self.domains[domain][place])
        return labelled(self.middle(with_channels(pixels, self.channels[0])), domain)


def labelled(crop: Array, label: int) -> Sample:
    """A sample of (H, W, C) pixels and a label."""
    return {"image": to_tensor_range(crop), "label": np.array(label, np.int64)}


class DomainsSource(Source[Single]):
    """A folder of two or more domains, a folder each."""

    unit_name = "pictures"
    keys = ("image",)

    @property
    def labels(self) -> tuple[str, ...]:
        """The domains' names."""
        return self.layout.names

    def find(self, root: Path, *names: str | None) -> Layout[Single]:
        """The domains by their folders."""
        return find_domains(root, *names)

    def counts(self, splits: dict[str, tuple[Single, ...]]) -> dict[str, int]:
        """By split what an epoch shows, as `len` of the stream; `train_winter` and so on for each domain."""
        counts: dict[str, int] = {}
        for split, items in splits.items():
            of_each = {
                f"{split}_{name}": sum(item.domain == place for item in items)
                for place, name in enumerate(self.layout.names)
            }
            counts |= {split: len(of_each) * max(of_each.values()), **of_each}
        return counts

    def stream(self, items: Sequence[Single], channels: tuple[int, ...], swap: bool, **options: Any) -> DomainPictures:
        """Samples of the domains among the items; raises ConfigError for a direction."""
        refuse_swap(swap)
        domains = [[item for item in items if item.domain == place] for place in range(len(self.layout.names))]
        return DomainPictures(domains, channels=channels, **options)

    def names(self, stream: DomainPictures) -> list[str]:
        """`domain/name`, the domains taking turns; as many of each as the smallest has."""
        return [
            f"{self.layout.names[item.domain]}/{item.name}"
            for together in zip(*stream.domains, strict=False)
            for item in together
        ]

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Those that change the input of a pair alone."""
        refuse_input_only(augment)


def refuse_swap(swap: bool) -> None:
    """Raise ConfigError where a direction is asked for: there are no two sides."""
    if swap:
        raise ConfigError("Labelled pictures have no sides A and B, so --direction has no place here. Leave it out.")
