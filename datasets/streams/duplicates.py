"""Files that are there twice, byte for byte: a picture that is trained on and scored on, or that is in two domains."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..layouts.items import Item, Single


@dataclasses.dataclass(frozen=True)
class DuplicateFiles:
    """Groups of items with equal files; each is named by its first two."""

    across_splits: tuple[tuple[Item, Item], ...] = ()
    """In `train` and in another split too, so that figures look better than they are."""
    across_domains: tuple[tuple[Item, Item], ...] = ()
    """In two domains, so that each is asked to look like the other; or in two classes."""

    def notes(self, root: Path, domains: int = 2) -> list[str]:
        """One sentence for each kind that there is, with files named below `root`, which has so many domains."""
        shared = "in both domains" if domains == 2 else "in two domains"
        kinds = ((self.across_splits, "both in train and in another split"), (self.across_domains, shared))
        return [
            f"{len(groups)} {'file is' if len(groups) == 1 else 'files are'} {where}, byte for byte (as "
            f"{' and '.join(str(item.files[0].relative_to(root)) for item in groups[0])}); `i2i data check` lists them."
            for groups, where in kinds
            if groups
        ]


def find_duplicates(splits: Mapping[str, Sequence[Item]], digests: Mapping[Item, str]) -> DuplicateFiles:
    """The duplicates among the items of these splits; `digests` are those of their files' contents."""
    where: dict[Item, set[str]] = defaultdict(set)
    for split, items in splits.items():
        for item in items:
            where[item].add(split)
    groups: dict[tuple[str, int | None], list[Item]] = defaultdict(list)
    for item in where:
        half = item.domain if isinstance(item, Single) and item.half else None
        groups[digests[item], half].append(item)
    across_splits, across_domains = [], []
    for group in groups.values():
        trained = [item for item in group if "train" in where[item]]
        others = [item for item in group if "train" not in where[item]]
        if trained and others:
            across_splits.append((trained[0], others[0]))
        singles = sorted((item for item in group if isinstance(item, Single)), key=lambda item: item.domain)
        if singles and singles[0].domain != singles[-1].domain:
            across_domains.append((singles[0], next(s for s in singles if s.domain != singles[0].domain)))
    return DuplicateFiles(tuple(across_splits), tuple(across_domains))
