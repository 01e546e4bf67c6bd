"""A folder opened for training, of pairs or of two unpaired domains: what it holds, and the samples it gives.

The two kinds differ in what belongs together and in what a sample shows; whoever trains need not know which it is.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Generic

from ..layouts.layouts import Layout, Pair, Single, T, find_domains, find_layout, hold_out
from .augment import refuse_input_only
from .cache import PictureCache
from .loading import ResizePolicy
from .paired import PairedPictures
from .scan import Broken, Rule, Scan, scan
from .stream import Sample, Stream, fit_for
from .unpaired import UnpairedPictures

MOST_VALIDATED = 16
"""Validation pictures that are scored at each sample grid."""


@dataclasses.dataclass(frozen=True)
class PreparedData:
    """A folder whose every file was looked at."""

    training: Stream
    """The endless stream to train on."""
    validation: tuple[list[str], list[Sample]]
    """Names and samples, at most MOST_VALIDATED; of `train` where nothing is held out."""
    channels: tuple[int, int]
    """Of sides A and B of the folder."""
    fingerprint: str
    """SHA-256 over splits, names and contents, in hex."""
    counts: dict[str, int]
    """What could be read, by split."""
    broken: tuple[Broken, ...]
    """What could not, and was left out."""
    notes: list[str]
    """What is no reason to refuse the folder, but good to know: a sentence each."""


class Source(ABC, Generic[T]):
    """A folder understood: its layout, with what validates."""

    things: ClassVar[str]
    """What its items are called in a sentence."""
    augment: ClassVar[tuple[str, ...]] = ("jitter", "flip")
    """Names of the usual augmentations."""

    def __init__(
        self, root: Path, a: str | None = None, b: str | None = None, *, holdout: float = 0.05, seed: int = 0
    ) -> None:
        """Looks at names alone, not into files; `a` and `b` name the sides or their folders.

        A share `holdout` of what there is to train on validates, where no split does. Raises DataError when the
        folder holds nothing that this kind of training could use.
        """
        whole = self.find(root, a, b)
        self.layout: Layout[T] = hold_out(whole, holdout, seed)
        """The folder's, with a split `val` unless `holdout` is 0."""
        apart = whole.splits.keys() & {"val", "test"}
        held = () if apart else self.layout.splits.get("val", ())
        self.held_out: list[str] = list(dict.fromkeys(item.name for item in held))
        """Names of what validates and was taken out of `train`."""

    @abstractmethod
    def find(self, root: Path, a: str | None, b: str | None) -> Layout[T]:
        """The layout of the folder."""

    @abstractmethod
    def counts(self, splits: dict[str, tuple[T, ...]]) -> dict[str, int]:
        """How many there are, by split; under the split's own name what an epoch shows."""

    @abstractmethod
    def stream(self, items: Sequence[T], channels: tuple[int, int], swap: bool, **options: Any) -> Any:
        """Stream of samples of these items; `channels` are those of the folder's sides A and B."""

    @abstractmethod
    def names(self, stream: Any) -> list[str]:
        """What the rows of a sample grid are called, in the order of `stream.fixed`."""

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

    rule: Rule | None = None
    """Judges the sizes, where it is another one than that of `scan`."""

    def notes(self) -> list[str]:
        """What the scan showed besides, a sentence each."""
        return []

    def read(
        self,
        *,
        size: int,
        seed: int = 0,
        augment: Sequence[str] | None = None,
        interpolation: str = "bicubic",
        squash: bool = False,
        cache_mb: float = 2048,
        channels: tuple[int | None, int | None] = (None, None),
        swap: bool = False,
        skip_broken: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> PreparedData:
        """Look into every file and make the samples; `swap` makes side B of the folder the samples' a.

        Raises what `scan` and the stream of samples do.
        """
        augment = self.augment if augment is None else augment
        self.refuse_augmentations(augment)
        cache = self.cache(fit_for(size, augment, interpolation, squash), cache_mb)
        found: Scan[T] = scan(
            self.layout,
            size=size,
            skip_broken=skip_broken,
            channels=channels,
            cache=cache,
            progress=progress,
            rule=self.rule,
        )
        options = {
            "size": size,
            "seed": seed,
            "augment": augment,
            "interpolation": interpolation,
            "squash": squash,
            "cache": cache,
        }
        training = self.stream(found.splits["train"], found.channels, swap, **options)
        shown = self.stream(found.splits.get("val") or found.splits["train"], found.channels, swap, **options)
        names = self.names(shown)[:MOST_VALIDATED]
        return PreparedData(
            training,
            (names, [shown.center_sample(index) for index in range(len(names))]),
            found.channels,
            found.fingerprint,
            self.counts(found.splits),
            found.broken,
            [*self.notes(), *found.duplicates.notes(self.layout.root)],
        )


class PairedSource(Source[Pair]):
    """A folder of pairs."""

    things = "pairs"

    def find(self, root: Path, a: str | None, b: str | None) -> Layout[Pair]:
        """Pairs by name, or side by side."""
        return find_layout(root, a, b)

    def counts(self, splits: dict[str, tuple[Pair, ...]]) -> dict[str, int]:
        """Pairs by split."""
        return {split: len(pairs) for split, pairs in splits.items()}

    def stream(self, items: Sequence[Pair], channels: tuple[int, int], swap: bool, **options: Any) -> PairedPictures:
        """Samples of pairs."""
        return PairedPictures(items, channels=channels[::-1] if swap else channels, swap=swap, **options)

    def names(self, stream: PairedPictures) -> list[str]:
        """The pairs' names."""
        return [pair.name for pair in stream.pairs]


class UnpairedSource(Source[Single]):
    """A folder of two domains."""

    things = "pictures"

    def find(self, root: Path, a: str | None, b: str | None) -> Layout[Single]:
        """Two domains, whatever the names in them."""
        return find_domains(root, a, b)

    def counts(self, splits: dict[str, tuple[Single, ...]]) -> dict[str, int]:
        """By split those of the larger domain, which an epoch shows; `train_a`, `train_b` and so on for each."""
        counts: dict[str, int] = {}
        for split, singles in splits.items():
            of_b = sum(single.side for single in singles)
            of_a = len(singles) - of_b
            counts |= {split: max(of_a, of_b), f"{split}_a": of_a, f"{split}_b": of_b}
        return counts

    def stream(
        self, items: Sequence[Single], channels: tuple[int, int], swap: bool, **options: Any
    ) -> UnpairedPictures:
        """Samples of the two domains among the items."""
        domains = [tuple(single for single in items if single.side == side) for side in (0, 1)]
        a, b = reversed(domains) if swap else domains
        return UnpairedPictures(a, b, channels=channels[::-1] if swap else channels, **options)

    def names(self, stream: UnpairedPictures) -> list[str]:
        """`of a | of b`, or the one name where it is the same; as many as the smaller domain has."""
        pairs = zip(*stream.domains, strict=False)
        return [a.name if a.name == b.name else f"{a.name} | {b.name}" for a, b in pairs]

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Those that change the input of a pair alone."""
        refuse_input_only(augment)
