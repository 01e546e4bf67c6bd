"""Which pictures of a folder are trained on as what, found without a flag and said in one sentence.

A folder is read for one of two kinds of training. `find_layout` wants pairs: matched by name (the path below the
side's folder, without its suffix), or side by side in one picture. `find_domains` wants two sets of pictures, side A
and side B, which share nothing; names need not match, and a folder of pairs is as good as any. Where the pictures
lie is the business of `arrangement`.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from ...errors import DataError
from .arrangement import arrange
from .matching import Matched, match_sides, match_single, named_pictures

MOST_HELD_OUT = 16


@dataclasses.dataclass(frozen=True)
class Pair:
    """Two pictures that belong together, or the two halves of one."""

    name: str
    """Path below the folder, without suffix, with `/` between its parts."""
    a: Path
    b: Path
    """The same file as `a` where they lie side by side."""
    side_by_side: bool

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of its sides."""
        return self.a, self.b

    @property
    def sides(self) -> tuple[int, ...]:
        """The sides whose pictures it has: 0 is A, 1 is B."""
        return 0, 1

    @property
    def key(self) -> str:
        """What it is called among all of a split."""
        return self.name


@dataclasses.dataclass(frozen=True)
class Single:
    """A picture of one of two unpaired domains."""

    name: str
    """Path below the domain's folder, without suffix, with `/` between its parts; other domains may have it too."""
    path: Path
    side: int
    """Which domain: 0 is A, 1 is B."""
    half: bool = False
    """Whether it is only that side's half of the file: left for A, right for B."""

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def sides(self) -> tuple[int, ...]:
        """Its one side."""
        return (self.side,)

    @property
    def key(self) -> str:
        """What it is called among all of a split."""
        return f"{'ab'[self.side]}\0{self.name}"


@dataclasses.dataclass(frozen=True)
class HighRes:
    """A picture from which both sides of a pair are made: B is the picture, A a smaller or a damaged one."""

    name: str
    """Path below the folder, without suffix, with `/` between its parts."""
    path: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """The one file."""
        return (self.path,)

    @property
    def sides(self) -> tuple[int, ...]:
        """Both sides, which come from it."""
        return 0, 1

    @property
    def key(self) -> str:
        """What it is called among all of a split."""
        return self.name


Item = Pair | Single | HighRes
T = TypeVar("T", Pair, Single, HighRes)


@dataclasses.dataclass(frozen=True)
class Layout(Generic[T]):
    """A folder, understood as pairs or as two domains of single pictures."""

    root: Path
    kind: str
    """`side by side`, `two folders`, `lettered` or `sharp`."""
    a_name: str
    """What side A is called: the folder's name, or `left` or `A` unless it was given a name."""
    b_name: str
    splits: dict[str, tuple[T, ...]]
    """By split (`train`, `val`, `test`), by side and name; a folder without splits is all `train`."""
    description: str
    """One sentence to print."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder of pairs holds, matched as far as it can be; `find_layout` refuses what is left over."""

    root: Path
    kind: str
    a_name: str
    b_name: str
    matched: dict[str, Matched]


def find_layout(root: Path, a: str | None = None, b: str | None = None) -> Layout[Pair]:
    """The layout of a folder of pairs; `a` and `b` name the folders of the sides where several could be meant.

    Where pairs lie side by side, `a` and `b` are what the halves are called.

    Raises DataError with one sentence when there are no pairs, when the folders are ambiguous, when a picture has
    no partner or when two have the same name.
    """
    found = look_at(root, a, b)
    if found.kind == "lettered":
        one, other = (folder.name for folder in next(iter(arrange(root, a, b).splits.values())))
        raise DataError(
            f"{root} holds unpaired pictures ({one}, {other}, …); train it with an unpaired method "
            f"(i2i train cyclegan), or say which two folders match by name: --set data.a={one} --set data.b={other}."
        )
    for split, matched in found.matched.items():
        matched.refuse_leftovers(root, split, found.a_name, found.b_name)
    splits = {split: _pairs(matched, found.kind) for split, matched in found.matched.items()}
    if sum(map(len, splits.values())) == 1:
        raise DataError(f"{root} holds one pair only; training needs at least two, and some hundred to learn well.")
    return Layout(root, found.kind, found.a_name, found.b_name, splits, _describe_pairs(found, splits))


def look_at(root: Path, a: str | None = None, b: str | None = None) -> Found:
    """The folder's pictures, matched as far as they can be; raises DataError when its folders have no clear meaning."""
    arranged = arrange(root, a, b)
    matched = {
        split: match_sides(*folders) if len(folders) == 2 else match_single(*folders)
        for split, folders in arranged.splits.items()
    }
    return Found(root, arranged.kind, arranged.a_name, arranged.b_name, matched)


def find_domains(root: Path, a: str | None = None, b: str | None = None, *, halves: bool = False) -> Layout[Single]:
    """The layout of a folder of two unpaired domains; `a` and `b` name the domains, or choose their folders.

    Counts, sizes and names may differ between the two. Pictures that lie in no two folders are cut into halves only
    when both halves are named, or with `halves`: they might as well be one domain. Raises DataError with one sentence
    when there are no two domains, or the folders are ambiguous.
    """
    arranged = arrange(root, a, b)
    half = arranged.kind == "side by side"
    if half and not halves and (a is None or b is None):
        raise DataError(
            f"{root} holds pictures but no two folders of them, which unpaired training needs. Name the folder above, "
            f"if this is one domain; if each picture holds a pair side by side, say what its halves are: "
            f"--set data.a=NAME --set data.b=NAME."
        )
    splits = {
        split: tuple(
            Single(name, path, side, half)
            for side in (0, 1)
            for name, path in named_pictures(folders[0 if half else side]).items()
        )
        for split, folders in arranged.splits.items()
    }
    names = (arranged.a_name, arranged.b_name)
    return Layout(root, arranged.kind, *names, splits, _describe_domains(arranged.kind, names, splits))


def pairs_by_name(layout: Layout[Single], split: str) -> tuple[Pair, ...]:
    """Pairs of the pictures that have one name in both domains of a split, by name.

    That is how a split of an unpaired folder serves to score against a known truth; the others have none.
    """
    a, b = ({single.name: single for single in of_side(layout, split, side)} for side in (0, 1))
    return tuple(Pair(name, single.path, b[name].path, single.half) for name, single in a.items() if name in b)


def of_side(layout: Layout[Single], split: str, side: int) -> tuple[Single, ...]:
    """The pictures of one domain in a split."""
    return tuple(single for single in layout.splits.get(split, ()) if single.side == side)


def hold_out(layout: Layout[T], fraction: float = 0.05, seed: int = 0) -> Layout[T]:
    """The layout with a `val` split: its own, else `test`, else a part of `train` chosen by hash of (seed, name).

    At least 1 and at most 16 are held out, of each domain where they are unpaired, and none when `fraction` is 0 or
    one has but two.
    Raises DataError when fewer than two are there to train on.
    """
    train = layout.splits.get("train", ())
    groups = [tuple(item for item in train if item.sides[0] == side) for side in _groups(layout)]
    for group, name in zip(groups, (layout.a_name, layout.b_name), strict=False):
        if len(group) < 2:
            _refuse_too_few(layout, name if len(groups) > 1 else None, len(group))
    if layout.splits.get("val"):
        return layout
    said = layout.description.removesuffix(".")
    if layout.splits.get("test"):
        splits = {**layout.splits, "val": layout.splits["test"]}
        return dataclasses.replace(layout, splits=splits, description=f"{said}; test serves as val.")
    if fraction == 0 or min(map(len, groups)) < 3:  # two are needed to train on
        return layout
    chosen = [_chosen(group, fraction, seed) for group in groups]
    held = {item for group in chosen for item in group}
    splits = {
        "train": tuple(item for item in train if item not in held),
        "val": tuple(item for item in train if item in held),
    }
    counts = " and ".join(dict.fromkeys(str(len(group)) for group in chosen))
    of_each = " of each domain" if len(groups) > 1 else ""
    return dataclasses.replace(
        layout, splits=splits, description=f"{said}; {counts} of train{of_each} held out as val."
    )


def _chosen(group: tuple[T, ...], fraction: float, seed: int) -> list[T]:
    """What is held out of a group; the same names in both domains where they have the same."""
    count = min(max(1, round(fraction * len(group))), MOST_HELD_OUT)
    return sorted(group, key=lambda item: hashlib.sha256(f"{seed}:{item.name}".encode()).digest())[:count]


def _groups(layout: Layout[T]) -> tuple[int, ...]:
    """The sides that are drawn from on their own: one stands for both where they are paired."""
    items = [item for split in layout.splits.values() for item in split]
    return (0, 1) if any(isinstance(item, Single) for item in items) else (0,)


def _refuse_too_few(layout: Layout[T], name: str | None, count: int) -> None:
    pictures = name is not None or layout.kind == "sharp"
    thing = "picture" if pictures else "pair"
    where = "" if name is None else f" in {name!r}"
    raise DataError(
        f"{layout.root} holds {f'one {thing}' if count else f'no {thing}s'} to train on{where}; at least two are "
        f"needed, in `train` or in a folder without splits."
    )


def _pairs(matched: Matched, kind: str) -> tuple[Pair, ...]:
    return tuple(Pair(name, *paths, kind == "side by side") for name, paths in matched.pairs.items())


def _describe_pairs(found: Found, splits: dict[str, tuple[Pair, ...]]) -> str:
    listed = counted(splits)
    if found.kind == "side by side":
        return f"Side-by-side pairs in {listed}."
    return f"Pairs from two folders, A is {found.a_name!r} and B is {found.b_name!r}, in {listed}."


def _describe_domains(kind: str, names: tuple[str, str], splits: dict[str, tuple[Single, ...]]) -> str:
    counts = {split: [sum(s.side == side for s in some) for side in (0, 1)] for split, some in splits.items()}
    listed = _in_words([f"{split} ({a} and {b})" for split, (a, b) in counts.items()])
    said = f"Two unpaired domains, A is {names[0]!r} and B is {names[1]!r}, in {listed}"
    by_name = [{(s.name, s.side) for s in some} for some in splits.values()]
    paired = all(
        {name for name, side in some if side == 0} == {name for name, side in some if side} for some in by_name
    )
    if kind == "side by side":
        return f"{said}; they lie side by side, but their pairing is not used."
    return f"{said}; their names match, but their pairing is not used." if paired else f"{said}."


def counted(splits: Mapping[str, Sequence[object]]) -> str:
    """`train (400), val (100) and test (106)`."""
    return _in_words([f"{split} ({len(items)})" for split, items in splits.items()])


def _in_words(counts: list[str]) -> str:
    return " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
