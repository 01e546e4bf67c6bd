"""A folder of pairs: matched by name (the path below the side's folder, without suffix), or side by side in one file.

Where the pictures lie is the business of `folders`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ...errors import DataError
from .folders import arrange
from .items import Pair
from .layout import Kind, Layout, counted
from .matching import Matched, match_sides, match_single


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder of pairs holds, matched as far as it can be; `find_pairs` refuses what is left over."""

    root: Path
    kind: Kind
    names: tuple[str, str]
    """What sides A and B are called."""
    matched: dict[str, Matched]


def find_pairs(root: Path, a: str | None = None, b: str | None = None) -> Layout[Pair]:
    """The layout of a folder of pairs; `a` and `b` name the folders of the sides where several could be meant.

    Where pairs lie side by side, `a` and `b` are what the halves are called.

    Raises DataError with one sentence when there are no pairs, when the folders are ambiguous, when a picture has
    no partner or when two have the same name.
    """
    found = look_at(root, a, b)
    if found.kind == "trainA/trainB":
        one, other = (folder.name for folder in next(iter(arrange(root, a, b).splits.values())))
        raise DataError(
            f"{root} holds unpaired pictures ({one}, {other}, …); train it with an unpaired method "
            f"(i2i train cyclegan), or say which two folders match by name: --set data.a={one} --set data.b={other}."
        )
    for split, matched in found.matched.items():
        matched.refuse_leftovers(root, split, *found.names)
    splits = {split: _pairs(matched, found.kind) for split, matched in found.matched.items()}
    if sum(map(len, splits.values())) == 1:
        raise DataError(f"{root} holds one pair only; training needs at least two, and some hundred to learn well.")
    return Layout(root, found.kind, found.names, splits, _describe_pairs(found, splits))


def look_at(root: Path, a: str | None = None, b: str | None = None) -> Found:
    """The folder's pictures, matched as far as they can be; raises DataError when its folders have no clear meaning."""
    arranged = arrange(root, a, b)
    matched = {
        split: match_sides(*folders) if len(folders) == 2 else match_single(*folders)
        for split, folders in arranged.splits.items()
    }
    return Found(root, arranged.kind, arranged.names, matched)


def _pairs(matched: Matched, kind: Kind) -> tuple[Pair, ...]:
    return tuple(Pair(name, *paths, kind == "side by side") for name, paths in matched.pairs.items())


def _describe_pairs(found: Found, splits: dict[str, tuple[Pair, ...]]) -> str:
    listed = counted(splits)
    if found.kind == "side by side":
        return f"Side-by-side pairs in {listed}."
    return f"Pairs from two folders, A is {found.names[0]!r} and B is {found.names[1]!r}, in {listed}."
