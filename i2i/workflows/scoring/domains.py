"""Two domains whose pictures need not show the same scenes, for metrics of sets: outputs beside real pictures."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...card import Card
from ...datasets.streams.unpaired import UnpairedPictures
from ...errors import DataError, PictureError
from ...images.image import Array
from .pairs import EvaluationSet, chosen_split, domains_of, picture_options, without_seen


@dataclasses.dataclass(frozen=True)
class DomainEvaluationSet(EvaluationSet):
    """All pictures of the input's domain, and all of the output's; none is the truth of another."""

    things = "pictures"

    scored_domains: tuple[tuple[Any, ...], tuple[Any, ...]] = ((), ())
    """What is translated, and what the outputs are compared with."""

    def __len__(self) -> int:
        return len(self.scored_domains[0])

    def scored(self, broken: list[str]) -> Iterator[tuple[str, Array, Array | None]]:
        """Name and input of every picture that can be read; why another cannot goes to `broken`."""
        return ((name, picture, None) for name, picture in self._readable(0, broken))

    def real(self, broken: list[str]) -> Iterator[Array] | None:
        """The pictures of the output's domain that can be read; why another cannot goes to `broken`."""
        return (picture for _, picture in self._readable(1, broken))

    @property
    def real_count(self) -> int:
        """Pictures of the output's domain."""
        return len(self.scored_domains[1])

    def _readable(self, domain: int, broken: list[str]) -> Iterator[tuple[str, Array]]:
        for single in self.scored_domains[domain]:
            try:
                yield single.name, self.picture(single, domain)
            except PictureError as error:
                broken.append(str(error))

    def shown(self, name: str) -> tuple[Array, Array | None]:
        """The input of that name."""
        return next((self.picture(single, 0), None) for single in self.scored_domains[0] if single.name == name)


def domain_evaluation_set(
    root: Path, card: Card, split: str | None = None, a: str | None = None, b: str | None = None, native: bool = False
) -> DomainEvaluationSet:
    """What to score a model on by metrics of sets alone; raises what the folder or the split's name deserves."""
    layout = without_seen(domains_of(root, a, b), card)
    split = chosen_split(layout, split, things="pictures")
    order = (1, 0) if card.training.get("direction") == "b2a" else (0, 1)
    inputs, real = (_of(layout.splits[split], side) for side in order)
    if not inputs or not real:
        raise DataError(f"{root} has pictures of one domain alone in {split}; outputs need real ones to compare with.")
    free = layout.splits.get("train", ()) if split != "train" else ()
    learned = tuple(_of(free, side) for side in order)
    options: Any = picture_options(card)
    pictures: Any = UnpairedPictures(inputs, real, **options)
    return DomainEvaluationSet(
        split=split,
        pictures=pictures,
        native=native,
        unpaired=True,
        training=None,
        domains=(learned[0], learned[1]),
        scored_domains=(inputs, real),
    )


def _of(singles: Any, side: int) -> tuple[Any, ...]:
    return tuple(single for single in singles if single.domain == side)
