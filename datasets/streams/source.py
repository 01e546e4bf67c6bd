"""A folder opened for training: what it holds, and the samples it gives.

Kinds of folders differ in what belongs together and in what a sample shows; whoever trains need not know which it is.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic, Protocol

from ...errors import ConfigError, DataError
from ...images.find import Survey, survey
from ..layouts.holdout import hold_out
from ..layouts.items import T
from ..layouts.layout import Domain, Layout
from .cache import PictureCache
from .loading import ResizePolicy, Size, sides_of
from .scan import SHOWN, Broken, Rule, Scan, scan
from .stream import Sample, fit_for

MOST_VALIDATED = 16
"""Validation pictures that are scored at each sample grid."""

MOST_HELD_OUT = 64
"""Of them and further ones, which are not scored."""


class Samples(Protocol):
    """An endless stream by number: sample n is the same whenever and wherever it is asked for."""

    def __getitem__(self, number: int, /) -> Sample:
        """Sample `number`, 0 or more."""
        ...


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A folder whose every file was looked at."""

    training: Samples
    """The endless stream to train on."""
    validation: tuple[list[str], list[Sample]]
    """Names and samples, at most MOST_VALIDATED; of `train` where nothing is held out."""
    domains: tuple[Domain, ...]
    """The folder's domains with their channels, and what of them can be read."""
    channels: dict[str, int]
    """Channels by the keys of the source: sides `a` and `b` of the folder, or `image`."""
    fingerprint: str
    """SHA-256 over splits, names and contents, in hex."""
    counts: dict[str, int]
    """What could be read, by split."""
    broken: tuple[Broken, ...]
    """What could not, and was left out."""
    notes: list[str]
    """What is no reason to refuse the folder, but good to know: a sentence each."""
    further: Callable[[int], list[Sample]] = lambda _: []
    """(how many) -> held-out samples beyond those that validate, MOST_HELD_OUT with them at most."""


class Opened(Protocol):
    """What trains needs of data: a folder of pictures (Source), or arrays."""

    layout: Layout[Any]
    held_out: list[str]
    """Names of what validates and was taken out of `train`."""

    @property
    def unit(self) -> str:
        """What is looked into, in a sentence."""
        ...

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Of a sample (C, …), where it has one of its own; None of pictures, which are brought to a size."""
        ...

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the classes that a sample's `label` counts from 0; none where samples have no label."""
        ...

    @property
    def count(self) -> int:
        """Samples of an epoch."""
        ...

    @property
    def total(self) -> int:
        """How much is looked into."""
        ...

    @property
    def read(self) -> Callable[..., PreparedData]:
        """Looks into every file and makes the samples; as that of Source."""
        ...


class Source(ABC, Generic[T]):
    """A folder understood: its layout, with what validates."""

    unit_name: ClassVar[str]
    """What its items are called in a sentence."""
    keys: ClassVar[tuple[str, ...]] = ("a", "b")
    """The pictures of a sample, of which each has channels of its own: one for each domain, or one for all."""
    augment: ClassVar[tuple[str, ...]] = ("jitter", "flip")
    """Names of the usual augmentations."""

    def __init__(self, root: Path, *names: str | None, holdout: float = 0.05, seed: int = 0) -> None:
        """Looks at names alone, not into files; `names` are those of the domains, or choose their folders.

        A share `holdout` of what there is to train on validates, where no split does. Raises DataError when the
        folder holds nothing that this kind of training could use.
        """
        whole = _told(self.find, root, *names)
        self.layout: Layout[T] = hold_out(whole, holdout, seed)
        """The folder's, with a split `val` unless `holdout` is 0."""
        apart = whole.splits.keys() & {"val", "test"}
        held = () if apart else self.layout.splits.get("val", ())
        self.held_out: list[str] = list(dict.fromkeys(self.layout.named(item) for item in held))
        """Names of what validates and was taken out of `train`, below their classes."""

    @abstractmethod
    def find(self, root: Path, *names: str | None) -> Layout[T]:
        """The layout of the folder."""

    @abstractmethod
    def counts(self, splits: dict[str, tuple[T, ...]]) -> dict[str, int]:
        """How many there are, by split; under the split's own name what an epoch shows."""

    @abstractmethod
    def stream(self, items: Sequence[T], channels: tuple[int, ...], swap: bool, **options: Any) -> Any:
        """Stream of samples of these items; `channels` are those of `keys`, in the order of the folder's domains."""

    @abstractmethod
    def names(self, stream: Any) -> list[str]:
        """What the rows of a sample grid are called, in the order of `stream.center_sample`."""

    @property
    def labels(self) -> tuple[str, ...]:
        """Names of the domains or classes that a sample's `label` counts from 0; none where samples have no label."""
        return ()

    @property
    def count(self) -> int:
        """How many samples an epoch of training has, if every file can be read."""
        return self.counts(self.layout.splits)["train"]

    @property
    def total(self) -> int:
        """How many items there are in all splits."""
        return len({item for split in self.layout.splits.values() for item in split})

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Raise ConfigError for augmentations that make no sense here."""

    def cache(self, fit: ResizePolicy, budget_mb: float) -> PictureCache:
        """What decoded pictures are kept in."""
        return PictureCache(fit, budget_mb)

    shape: tuple[int, ...] | None = None

    @property
    def unit(self) -> str:
        """The same of this one."""
        return self.unit_name

    rule: Rule | None = None
    """What checks the sizes, where it is another one than that of `scan`."""

    def notes(self) -> list[str]:
        """What the scan showed besides, a sentence each."""
        return []

    def read(
        self,
        *,
        size: Size,
        seed: int = 0,
        augment: Sequence[str] | None = None,
        interpolation: str = "bicubic",
        stretch: bool = False,
        cache_mb: float = 2048,
        channels: Mapping[str, int] | None = None,
        swap: bool = False,
        skip_broken: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> PreparedData:
        """Look into every file and make the samples; `swap` makes side B of the folder the samples' a.

        `channels` overrides what is found, by key. Raises what `scan` and the stream of samples do, DataError for
        folders that cannot be opened (unless `skip_broken`), and ConfigError for channels of what is none of the keys.
        """
        augment = self.augment if augment is None else augment
        self.refuse_augmentations(augment)
        around: Survey = survey(self.layout.root)
        if around.unreadable and not skip_broken:
            _refuse_unreadable(around)
        wanted = _of_keys(channels or {}, self.keys)
        cache = self.cache(fit_for(size, augment, interpolation, stretch), cache_mb)
        found: Scan[T] = scan(
            self.layout,
            size=min(sides_of(size)),
            skip_broken=skip_broken,
            channels=wanted,
            alike=len(self.keys) == 1,
            cache=cache,
            progress=progress,
            rule=self.rule,
        )
        options = {
            "size": size,
            "seed": seed,
            "augment": augment,
            "interpolation": interpolation,
            "stretch": stretch,
            "cache": cache,
        }
        by_key = found.channels[: len(self.keys)]
        training = self.stream(found.splits["train"], by_key, swap, **options)
        shown = self.stream(found.splits.get("val") or found.splits["train"], by_key, swap, **options)
        read = dataclasses.replace(self.layout, splits=found.splits)
        names = self.names(shown)[:MOST_VALIDATED]
        held_out = min(len(self.names(shown)), MOST_HELD_OUT) if found.splits.get("val") else 0
        return PreparedData(
            training,
            (names, [shown.center_sample(index) for index in range(len(names))]),
            tuple(dataclasses.replace(d, channels=n) for d, n in zip(read.domains, found.channels, strict=True)),
            dict(zip(self.keys, by_key, strict=True)),
            found.fingerprint,
            self.counts(found.splits),
            found.broken,
            [
                *around.sentences(SHOWN),
                *self.notes(),
                *found.duplicates.notes(self.layout.root, len(self.layout.names)),
            ],
            lambda most: [shown.center_sample(n) for n in range(MOST_VALIDATED, min(held_out, MOST_VALIDATED + most))],
        )


def _told(find: Callable[..., Layout[T]], root: Path, *names: str | None) -> Layout[T]:
    """What `find` gives; where the folder is refused, links and closed folders are told too: they may be the reason."""
    try:
        return find(root, *names)
    except DataError as error:
        around: Survey = survey(root)
        if not (around.links or around.unreadable):
            raise
        raise DataError(" ".join([str(error), *around.sentences(SHOWN)])) from error


def _refuse_unreadable(around: Survey) -> None:
    way_out = "Give yourself the right to read it, or leave its pictures out with --set data.skip_broken=true."
    raise DataError(" ".join([*around.refusals(1), way_out]))


def _of_keys(channels: Mapping[str, int], keys: tuple[str, ...]) -> list[int | None]:
    """The channels in the order of the keys; raises ConfigError for others."""
    for name in channels:
        if name not in keys:
            raise ConfigError(
                f"data.channels.{name} is of no use here: the pictures of a sample are {' and '.join(keys)}."
            )
    return [channels.get(key) for key in keys]


def two(names: Sequence[str | None]) -> tuple[str | None, str | None]:
    """The names of sides A and B; raises ConfigError where there are more."""
    if len(names) > 2:
        raise ConfigError(f"There are two sides here, so data.domains cannot name {len(names)}.")
    a, b = (*names, None, None)[:2]
    return a, b
