"""Files that are there twice, byte for byte: a picture that is trained on and scored on, or that is in both domains."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ..layouts.layouts import Item, Single


@dataclasses.dataclass(frozen=True)
class DuplicateFiles:
    """Groups of items with equal files; each is named by its first two."""

    across_splits: tuple[tuple[Item, Item], ...] = ()
    """In `train` and in another split too, so that figures look better than they are."""
    across_domains: tuple[tuple[Item, Item], ...] = ()
    """In both of two unpaired domains, so that each is asked to look like the other."""

    def notes(self, root: Path) -> list[str]:
        """One sentence for each kind that there is, with files named below `root`."""
        kinds = ((self.across_splits, "both in train and in another split"), (self.across_domains, "in both domains"))
        return [
            f"{len(groups)} {'file is' if len(groups) == 1 else 'files are'} {where}, byte for byte (as "
            f"{' and '.join(str(item.files[0].relative_to(root)) for item in groups[0])}); `i2i data check` lists them."
            for groups, where in kinds
            if groups
        ]


def find_duplicates(splits: Mapping[str, Sequence[Item]], digests: Mapping[Item, str]) -> DuplicateFiles:
    """The repeats among the items of these splits; `digests` are those of their files' contents."""
    where: dict[Item, set[str]] = defaultdict(set)
    for split, items in splits.items():
        for item in items:
            where[item].add(split)
    groups: dict[tuple[str, int | None], list[Item]] = defaultdict(list)
    for item in where:
        half = item.side if isinstance(item, Single) and item.half else None
        groups[digests[item], half].append(item)
    across_splits, across_domains = [], []
    for group in groups.values():
        trained = [item for item in group if "train" in where[item]]
        others = [item for item in group if "train" not in where[item]]
        if trained and others:
            across_splits.append((trained[0], others[0]))
        of_a = [item for item in group if item.sides == (0,)]
        of_b = [item for item in group if item.sides == (1,)]
        if of_a and of_b:
            across_domains.append((of_a[0], of_b[0]))
    return DuplicateFiles(tuple(across_splits), tuple(across_domains))
