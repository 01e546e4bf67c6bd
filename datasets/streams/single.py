"""One folder of pictures as samples: an endless stream in which sample n is a function of (seed, n) alone.

Samples are {"image": (C, size, size) float32 in [-1, 1]}, and {"label": () int64} where the folder holds classes.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Unpack

from ...errors import DataError
from ...images.alpha import opaque
from ...images.image import with_channels
from ..layouts.domains import find_single
from ..layouts.items import Alpha, Item, Single
from ..layouts.layout import Layout
from .augment import refuse_input_only
from .domains import labelled, refuse_swap
from .loading import Array, decode
from .scan import Facts
from .source import PreparedData, Source
from .stream import Options, Order, Sample, Stream, as_augmented, to_tensor_range


class SinglePictures(Stream):
    """An endless, reshuffled stream of pictures, in which every one comes once an epoch, whatever its class."""

    def __init__(self, pictures: Sequence[Single], *, classes: bool = False, **options: Unpack[Options]) -> None:
        """Samples of pictures, with their `label` where there are `classes`; `options` are those of Stream.

        Raises UnknownNameError for an augmentation or interpolation, ConfigError for an augmentation that changes
        inputs alone, DataError when there are no pictures.
        """
        if not pictures:
            raise DataError("There are no pictures to draw samples from.")
        super().__init__(pictures, **options)
        refuse_input_only(self.augment)
        self.pictures, self.classes = tuple(pictures), classes
        self._order = Order(len(self.pictures), self.seed)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more: {"image": (C, size, size) float32 in [-1, 1]}, with classes also the label."""
        picture = self.pictures[self.index(number)]
        (pixels,) = self.cache.read(picture)
        (crop,) = self.augmented((number,), as_augmented(self._whole(pixels), self.channels[0]))
        return self._sample(crop, picture)

    def index(self, number: int) -> int:
        """Which picture sample `number` shows."""
        return self._order(number)

    def center_sample(self, index: int) -> Sample:
        """Picture `index` as a sample without chance: its middle, after resizing the short side to `size`."""
        picture = self.pictures[index]
        (pixels,) = decode(picture)
        return self._sample(self.middle(with_channels(self._whole(pixels), self.channels[0])), picture)

    def _whole(self, pixels: Array) -> Array:
        """With alpha, where the others have it."""
        return opaque(pixels) if self.channels[0] == 4 else pixels

    def _sample(self, crop: Array, picture: Single) -> Sample:
        return labelled(crop, picture.domain) if self.classes else {"image": to_tensor_range(crop)}


def in_turns(items: Sequence[Single]) -> tuple[Single, ...]:
    """The first of each class, the second of each, and so on."""
    seen: Counter[int] = Counter()
    places = []
    for item in items:
        places.append((seen[item.domain], item.domain))
        seen[item.domain] += 1
    order = sorted(range(len(items)), key=places.__getitem__)
    return tuple(items[n] for n in order)


class SingleSource(Source[Single]):
    """A folder of pictures of one domain, in class folders or not."""

    unit_name = "pictures"
    keys = ("image",)
    augment = ("none",)
    enlarged = ""
    transparent = 0
    """Pictures that are."""
    seen = 0
    _with_alpha = True

    def __init__(self, root: Path, *names: str | None, **options: Any) -> None:
        """As every source; of what is not trained on, classes take turns, so that a few pictures show all."""
        super().__init__(root, *names, **options)
        splits = self.layout.splits
        turns = {split: items if split == "train" else in_turns(items) for split, items in splits.items()}
        self.layout = dataclasses.replace(self.layout, splits=turns)

    @property
    def labels(self) -> tuple[str, ...]:
        """The classes' names, where there are several."""
        return self.layout.names if len(self.layout.names) > 1 else ()

    def rule(self, facts: list[Facts], size: int, unit_name: str) -> Collection[Item]:  # noqa: ARG002
        """What is smaller than the crop is enlarged; a note says how many."""
        small = sum(fact.shortest < size for fact in facts)
        self.transparent = self._with_alpha * sum(fact.channels[0] == 4 for fact in facts)
        self.seen = len(facts)
        self.enlarged = f"{small} of {len(facts)} pictures are smaller than {size} pixels, and are enlarged." * (
            small > 0
        )
        return frozenset()

    def notes(self) -> list[str]:
        """That pictures are enlarged, and that alpha is generated."""
        alpha = (
            f"{self.transparent} of {self.seen} pictures have transparent parts, so alpha is generated, as a fourth "
            "channel. --set data.channels.image=3 lays them on white instead."
        )
        return [*([self.enlarged] if self.enlarged else []), *([alpha] if self.transparent else [])]

    def read(self, *, channels: Mapping[str, int] | None = None, **options: Any) -> PreparedData:
        """As every source; alpha is a channel where any picture is transparent, unless `channels` are 1 or 3."""
        self._with_alpha = (channels or {}).get("image") not in (1, 3)
        alpha: Alpha = "channel" if self._with_alpha else "white"
        splits = {
            split: tuple(dataclasses.replace(item, alpha=alpha) for item in items)
            for split, items in self.layout.splits.items()
        }
        self.layout = dataclasses.replace(self.layout, splits=splits)
        return super().read(channels=channels, **options)

    def find(self, root: Path, *names: str | None) -> Layout[Single]:
        """All pictures of the folder."""
        return find_single(root, *names)

    def counts(self, splits: dict[str, tuple[Single, ...]]) -> dict[str, int]:
        """Pictures by split."""
        return {split: len(items) for split, items in splits.items()}

    def stream(self, items: Sequence[Single], channels: tuple[int, ...], swap: bool, **options: Any) -> SinglePictures:
        """Samples of these pictures; raises ConfigError for a direction."""
        refuse_swap(swap)
        return SinglePictures(items, classes=bool(self.labels), channels=channels, **options)

    def names(self, stream: SinglePictures) -> list[str]:
        """The pictures' names, below their classes."""
        return [self.layout.named(item) for item in stream.pictures]

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Those that change the input of a pair alone."""
        refuse_input_only(augment)
