"""Which pairs of a folder a model is scored on, seen at which size, and what its baselines may learn from.

A folder of pairs has its own. In a folder of two unpaired domains, pictures of one split that have one name in both
domains are pairs: they tell the truth that the training did without.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import numpy as np

from ... import renamed
from ...card import Card
from ...datasets.layouts.folders import arrange
from ...datasets.layouts.items import Pair, Single, T
from ...datasets.layouts.layout import Layout
from ...datasets.layouts.paired import find_pairs
from ...datasets.layouts.unpaired import find_unpaired, pairs_by_name
from ...datasets.streams.loading import Size, decode
from ...datasets.streams.paired import PairedPictures
from ...datasets.streams.stream import Options
from ...errors import DataError, PictureError, UnknownNameError
from ...evaluation.evaluate import USUAL
from ...images.image import Array, with_channels

MOST_LEARNED = 500
"""Training pairs that a lookup, and pictures a domain that a colour transfer, is learned from, at most."""


@dataclasses.dataclass(frozen=True)
class EvaluationSet:
    """What is scored, and the training pictures that a baseline may see."""

    things: ClassVar[str] = "pairs"
    """What is counted while scoring."""
    usual: ClassVar[tuple[str, ...]] = USUAL
    """Metrics unless others are named."""

    split: str
    pictures: PairedPictures
    """The pairs that are scored: a is the input, b the truth."""
    native: bool
    """At their own size, not at the trained one."""
    unpaired: bool
    """Whether the model knew no pairs, so that its baselines may not learn from any either."""
    training: PairedPictures | None
    """Training pairs; none where `unpaired`."""
    domains: tuple[tuple[Single, ...], tuple[Single, ...]]
    """Where `unpaired`, training pictures of the domains of input and output."""

    @property
    def border(self) -> int:
        """Pixels at each side that count for no metric."""
        return 0

    @property
    def note(self) -> str:
        """What is to be said below the figures, beside their definitions."""
        return ""

    def __len__(self) -> int:
        return len(self.pictures.items)

    def scored(self, broken: list[str]) -> Iterator[tuple[str, Array, Array | None]]:
        """Name, input and truth of every pair that can be read; why another cannot goes to `broken`."""
        return self._read(self.pictures, broken)

    def real(self, broken: list[str]) -> Iterator[Array] | None:  # noqa: ARG002
        """Real pictures that outputs are compared with as a set; None where those are the truths."""
        return None

    @property
    def real_count(self) -> int:
        """How many real pictures outputs are compared with as a set."""
        return len(self)

    def shown(self, name: str) -> tuple[Array, Array | None]:
        """Input and truth of the picture of that name, for the contact sheet."""
        places = {item.name: index for index, item in enumerate(self.pictures.items)}
        return self.pair(self.pictures, places[name])

    def truths(self) -> Iterator[tuple[Array, Array]]:
        """Input and truth of every pair that is scored."""
        return ((x, y) for _, x, y in self._read(self.pictures, []))

    def learned(self) -> Iterator[tuple[Array, Array]]:
        """Input and truth of training pairs, MOST_LEARNED at most."""
        if self.training:
            yield from ((x, y) for _, x, y in self._read(self.training, []))

    def of_domain(self, side: int) -> Iterator[Array]:
        """Training pictures of the domain of the input (0) or output (1), MOST_LEARNED at most."""
        for single in self.domains[side][:MOST_LEARNED]:
            with contextlib.suppress(PictureError):
                yield self.picture(single, side)

    def picture(self, single: Single, side: int) -> Array:
        """A picture of the domain of the input (0) or output (1): at the trained size, or as it is."""
        pixels = with_channels(decode(single)[0], self.pictures.channels[side])
        return pixels if self.native else self.pictures.middle(pixels)

    def pair(self, pictures: PairedPictures, index: int) -> tuple[Array, Array]:
        """Input and truth (H, W, C): at the trained size as float32 in [0, 1], or as they are."""
        if self.native:
            whole = pictures.whole(index)
            return whole["a"], whole["b"]
        sample = pictures.center_sample(index)
        a, b = (np.ascontiguousarray((sample[side].transpose(1, 2, 0) + 1) / 2) for side in ("a", "b"))
        return a, b

    def _read(self, pictures: PairedPictures, broken: list[str]) -> Iterator[tuple[str, Array, Array]]:
        for index, item in enumerate(pictures.items):
            try:
                x, y = self.pair(pictures, index)
            except PictureError as error:
                broken.append(str(error))
                continue
            yield item.name, x, y


def material(
    root: Path, card: Card, split: str | None = None, a: str | None = None, b: str | None = None, native: bool = False
) -> EvaluationSet:
    """What to score a model on; `split`, `a` and `b` as in `i2i evaluate`.

    Raises what the folder or the split's name deserves: DataError too when no picture is known in both domains.
    """
    unpaired = is_unpaired(root, card, a, b)
    singles: tuple[Single, ...] = ()
    if unpaired:
        domains = domains_of(root, a, b)
        singles = domains.splits.get("train", ())
        layout = _by_name(domains)
    else:
        layout = find_pairs(root, a, b)
    layout = without_seen(layout, card)
    split = chosen_split(layout, split, unpaired)
    scored = {file for pair in layout.splits[split] for file in pair.files}
    swap = card.training.get("direction") == "b2a"
    apart = split != "train"  # what is scored, nothing may be learned from
    free = tuple(single for single in singles if apart and single.path not in scored)
    sides = tuple(tuple(single for single in free if single.domain == side) for side in ((1, 0) if swap else (0, 1)))
    pairs = layout.splits.get("train", ()) if apart and not unpaired else ()
    return EvaluationSet(
        split,
        _pictures(card, layout.splits[split], swap),
        native,
        unpaired,
        _pictures(card, pairs[:MOST_LEARNED], swap) if pairs else None,
        (sides[0], sides[1]),
    )


def is_unpaired(root: Path, card: Card, a: str | None = None, b: str | None = None) -> bool:
    """Whether the model knew no pairs, or the folder has none: folders trainA and trainB."""
    return card.supervision == "unpaired" or arrange(root, a, b).kind == "trainA/trainB"


def domains_of(root: Path, a: str | None, b: str | None) -> Layout[Single]:
    """The folder as two domains; pictures side by side in one file are one of each."""
    return find_unpaired(root, a, b, halves=True)


def _by_name(domains: Layout[Single]) -> Layout[Pair]:
    splits = {split: pairs_by_name(domains, split) for split in domains.splits}
    return Layout(domains.root, domains.kind, domains.names, splits, domains.description)


def without_seen(layout: Layout[T], card: Card) -> Layout[T]:
    """A folder without splits: what training held out if it was trained on this one, else all, as test.

    It was when it has every picture that was held out, and beside them as many as were trained on, or somewhat more:
    those that were broken or too small. Cards of old name pictures without their class: that serves where no two
    classes have a picture of one name.
    """
    items = layout.splits.get("train", ())
    if layout.splits.keys() != {"train"}:
        return layout
    held_out = set(card.training.get("held_out", []))
    trained = card.training.get("pictures") or 0
    for names in (list(map(layout.named, items)), [item.name for item in items]):
        held = tuple(item for item, name in zip(items, names, strict=True) if name in held_out)
        if held_out and len(held) == len(held_out) and trained <= len(items) - len(held) < 2 * trained:
            rest = tuple(item for item, name in zip(items, names, strict=True) if name not in held_out)
            return dataclasses.replace(layout, splits={"train": rest, "val": held})
    return dataclasses.replace(layout, splits={"test": items})


def is_ambiguous(layout: Layout[T], card: Card) -> bool:
    """Whether the card names what training held out in this folder without classes, and several have such names."""
    held_out = set(card.training.get("held_out", []))
    named = [item.name for item in layout.splits.get("train", ()) if item.name in held_out]
    return (
        layout.splits.keys() == {"train"} and bool(held_out) and held_out == set(named) and len(named) > len(held_out)
    )


def chosen_split(layout: Layout[T], wanted: str | None, unpaired: bool = False, things: str = "pairs") -> str:
    """The split to score: the wanted one, else test or val; raises UnknownNameError, or DataError without any."""
    if wanted is not None and wanted not in layout.splits:
        raise UnknownNameError(f"split of {layout.root}", wanted, layout.splits)
    for name in ("test", "val") if wanted is None else (wanted,):
        if layout.splits.get(name):
            return name
    if unpaired:
        where = wanted or " or ".join(name for name in ("test", "val") if name in layout.splits) or "test or val"
        raise DataError(
            f"{layout.root} tells no truth to score against: no picture of {where} has the same name in both domains. "
            f"Scoring needs scenes that are known in both, under one name, as in i2i data sample seasons."
        )
    raise DataError(
        f"{layout.root} has no test or val {things} to score on. Score the training {things} with --split train."
    )


def _pictures(card: Card, pairs: tuple[Pair, ...], swap: bool) -> PairedPictures:
    return PairedPictures(pairs, swap=swap, **picture_options(card))


def picture_options(card: Card, size: Size | None = None, channels: tuple[int, ...] = ()) -> Options:
    """How the model saw pictures in training: size and channels, unless others are given, and how they were made to
    fit.
    """
    return {
        "size": size or int(card.training.get("size", 256)),
        "channels": channels or (card.input_channels, card.output_channels),
        "stretch": bool(renamed.training_facts(card.training).get("stretch", False)),
        "interpolation": str(card.training.get("interpolation", "bicubic")),
        "cache_mb": 0,
    }
