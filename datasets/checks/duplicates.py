"""Equal pictures and pairs among what `i2i data check` has seen, within and across splits.

Before a training, streams/duplicates.py looks for files that are equal byte for byte; here the decoded pictures count.
"""

from __future__ import annotations

import dataclasses
from collections import defaultdict

from ..layouts.matching import listed
from .entry import Seen


@dataclasses.dataclass(frozen=True)
class Duplicates:
    """Pictures that are the same, pixel by pixel."""

    what: str
    """`pair`: both sides are; `sides`: the two sides of one pair are; `domains`: pictures of both unpaired domains;
    else the name of the side."""
    titles: tuple[str, ...]
    """`split/name` of each."""
    across: bool
    """Whether they lie in different splits, so that what is trained on is also scored on."""

    def sentence(self) -> str:
        """In words."""
        if self.what == "sides":
            return f"Both sides of {self.titles[0]} are the same picture."
        known = {"pair": "the same pair", "domains": "the same picture, in both domains"}
        what = known.get(self.what, f"the same picture in {self.what!r}")
        return f"{listed(list(self.titles))} are {what}" + (", across splits." if self.across else ".")


def find_duplicates(seen: list[Seen], names: tuple[str, ...], unpaired: bool) -> tuple[Duplicates, ...]:
    """Groups of equal pairs first, then of equal pictures that are not in such a group alone."""
    by_pair: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    by_picture: dict[str, list[tuple[Seen, int]]] = defaultdict(list)
    for one in seen:
        first, second = one.digests
        if first and second:
            by_pair[first, second].append(one)
        for which, digest in enumerate(one.digests):
            if digest:
                by_picture[digest].append((one, which))
    groups, told = [], set()
    for pair, alike in by_pair.items():
        if len(alike) > 1:
            titles = tuple(one.entry.title for one in alike)
            told.add(frozenset(titles))
            groups.append(Duplicates("pair", titles, len({one.entry.split for one in alike}) > 1))
        if pair[0] == pair[1]:
            groups += [Duplicates("sides", (one.entry.title,), False) for one in alike]
    for members in by_picture.values():
        titles = tuple(dict.fromkeys(one.entry.title for one, _ in members))
        if len(titles) > 1 and frozenset(titles) not in told:
            sides = {which for _, which in members}
            said = " and ".join(sorted({names[min(which, len(names) - 1)] for which in sides}))
            said = "domains" if unpaired and len(sides) > 1 else said
            groups.append(Duplicates(said, titles, len({one.entry.split for one, _ in members}) > 1))
    return tuple(sorted(groups, key=lambda group: (not group.across, group.titles)))
