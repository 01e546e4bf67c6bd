"""Which pictures of a folder belong together, found without a flag and said in one sentence.

Pairs are matched by name: the path below the side's folder, without its suffix. Two arrangements are known, each
with or without the folders `train`, `val` and `test` above it: side-by-side pictures (left half A, right half B)
and two folders of pictures (`A` and `B`, `low` and `high`, or any two; also `A/train`, `B/train`).
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from ..errors import DataError
from ..pictures import find_pictures, is_picture
from .matching import Matched, match_sides, match_single

SPLITS = {"train": "train", "val": "val", "validation": "val", "valid": "val", "test": "test"}
"""Names of split folders, in any case, and the split that each means."""

SIDES = (("a", "b"), ("input", "target"), ("source", "target"), ("low", "high"), ("labels", "photos"),
         ("label", "photo"), ("sketch", "photo"), ("lr", "hr"), ("before", "after"))  # fmt: skip
"""Two folders with one of these pairs of names have an order of their own; others go by the alphabet."""

UNPAIRED = frozenset({"traina", "trainb", "testa", "testb"})

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


@dataclasses.dataclass(frozen=True)
class Layout:
    """A folder of pairs, understood."""

    root: Path
    kind: str
    """`side by side` or `two folders`."""
    a_name: str
    """What side A is called: the folder's name, or `left` unless it was given a name."""
    b_name: str
    splits: dict[str, tuple[Pair, ...]]
    """Pairs by split (`train`, `val`, `test`), by name; a folder without splits is all `train`."""
    description: str
    """One sentence to print."""


@dataclasses.dataclass(frozen=True)
class Found:
    """What a folder holds, matched as far as it can be; `find_layout` refuses what is left over."""

    root: Path
    kind: str
    a_name: str
    b_name: str
    matched: dict[str, Matched]


def find_layout(root: Path, a: str | None = None, b: str | None = None) -> Layout:
    """The layout of a folder of pairs; `a` and `b` name the folders of the sides where several could be meant.

    Where pairs lie side by side, `a` and `b` are what the halves are called.

    Raises DataError with one sentence when there are no pairs, when the folders are ambiguous, when a picture has
    no partner or when two have the same name.
    """
    found = look_at(root, a, b)
    for split, matched in found.matched.items():
        matched.refuse_leftovers(root, split, found.a_name, found.b_name)
    splits = {
        split: tuple(Pair(name, *paths, found.kind == "side by side") for name, paths in matched.pairs.items())
        for split, matched in found.matched.items()
    }
    if sum(map(len, splits.values())) == 1:
        raise DataError(f"{root} holds one pair only; training needs at least two, and some hundred to learn well.")
    return Layout(root, found.kind, found.a_name, found.b_name, splits, _describe(found, splits))


def hold_out(layout: Layout, fraction: float = 0.05, seed: int = 0) -> Layout:
    """The layout with a `val` split: its own, else `test`, else a part of `train` chosen by hash of (seed, name).

    At least 1 and at most 16 pairs are held out, and none when `fraction` is 0. Raises DataError when fewer than
    two pairs are there to train on.
    """
    train = layout.splits.get("train", ())
    if len(train) < 2:
        raise DataError(
            f"{layout.root} holds {'one pair' if train else 'no pairs'} to train on; at least two are needed, "
            f"in `train` or in a folder without splits."
        )
    if layout.splits.get("val"):
        return layout
    said = layout.description.removesuffix(".")
    if layout.splits.get("test"):
        splits = {**layout.splits, "val": layout.splits["test"]}
        return dataclasses.replace(layout, splits=splits, description=f"{said}; test serves as val.")
    if fraction == 0:
        return layout
    count = min(max(1, round(fraction * len(train))), MOST_HELD_OUT)
    chosen = sorted(train, key=lambda pair: hashlib.sha256(f"{seed}:{pair.name}".encode()).digest())[:count]
    held = {pair.name for pair in chosen}
    splits = {
        "train": tuple(pair for pair in train if pair.name not in held),
        "val": tuple(pair for pair in train if pair.name in held),
    }
    return dataclasses.replace(layout, splits=splits, description=f"{said}; {count} of train held out as val.")


def look_at(root: Path, a: str | None = None, b: str | None = None) -> Found:
    """The folder's arrangement with everything matched that can be; raises DataError when there is none."""
    if not root.exists():
        raise DataError(f"There is no folder {root}.")
    if not root.is_dir():
        raise DataError(f"{root} is a file; name the folder that holds the pairs.")
    splits = _splits(root)
    if splits:
        others = sorted(d.name for d in _folders(root) if _has_pictures(d) and d not in splits.values())
        if others or _pictures_in(root):
            said = " and ".join(
                ["pictures of its own"] * _pictures_in(root) + [f"pictures in {name}" for name in others]
            )
            raise DataError(f"{root} holds {', '.join(splits)} and besides {said}; keep either, so that none is lost.")
        return _look_at_splits(root, splits, a, b)
    sides = _find_sides(root, a, b)
    if sides is None:
        return Found(root, "side by side", a or "left", b or "right", {"train": match_single(root)})
    side_splits = [_splits(side) for side in sides]
    if side_splits[0].keys() != side_splits[1].keys() and not any(_pictures_in(side) for side in sides):
        said = "; ".join(f"{s.name}: {', '.join(n) or 'none'}" for s, n in zip(sides, side_splits, strict=True))
        raise DataError(f"The two sides of {root} do not have the same splits ({said}).")
    both = [split for split in dict.fromkeys(SPLITS.values()) if all(split in names for names in side_splits)]
    if both and not any(_pictures_in(side) for side in sides):
        matched = {split: match_sides(side_splits[0][split], side_splits[1][split]) for split in both}
    else:
        matched = {"train": match_sides(*sides)}
    return Found(root, "two folders", sides[0].name, sides[1].name, matched)


def _look_at_splits(root: Path, splits: dict[str, Path], a: str | None, b: str | None) -> Found:
    sides = {split: _find_sides(folder, a, b) for split, folder in sorted(splits.items(), key=_split_order)}
    kinds = {split: "side by side" if pair is None else "two folders" for split, pair in sides.items()}
    if len(set(kinds.values())) > 1:
        said = ", ".join(f"{split}: {kind}" for split, kind in kinds.items())
        raise DataError(f"The splits of {root} are arranged differently ({said}); arrange them all in one way.")
    names = {pair and (pair[0].name, pair[1].name) for pair in sides.values()}
    if len(names) > 1:
        said = ", ".join(f"{split}: {' and '.join(p.name for p in pair or ())}" for split, pair in sides.items())
        raise DataError(f"The splits of {root} name their two folders differently ({said}); rename them alike.")
    matched = {
        split: match_single(splits[split]) if pair is None else match_sides(*pair) for split, pair in sides.items()
    }
    a_name, b_name = names.pop() or (a or "left", b or "right")
    return Found(root, next(iter(kinds.values())), a_name, b_name, matched)


def _find_sides(folder: Path, a: str | None, b: str | None) -> tuple[Path, Path] | None:
    """The folders of the two sides, or None when the pictures of this folder are side by side."""
    folders = [d for d in _folders(folder) if _has_pictures(d)]
    named = {d.name: d for d in folders}
    direct = _pictures_in(folder)
    if not folders and not direct:
        raise DataError(f"{folder} holds no pictures (JPEG, PNG, WebP, TIFF or BMP).")
    if not folders:
        return None
    if a is not None or b is not None:
        return _named_sides(folder, named, a, b)
    listed = ", ".join(sorted(named))
    if UNPAIRED & {name.lower() for name in named}:
        raise DataError(
            f"{folder} holds unpaired pictures ({listed}); train it with an unpaired method (cyclegan), or "
            f"say which two folders match by name: --set data.a=NAME --set data.b=NAME."
        )
    if direct:
        raise DataError(
            f"{folder} holds pictures and folders of pictures ({listed}), so pairs are ambiguous; keep either, "
            f"or say --set data.a=NAME --set data.b=NAME."
        )
    if len(folders) == 1:
        raise DataError(
            f"{folder} holds one folder of pictures ({listed}); pairs need two, or "
            f"side-by-side pictures: then name {folders[0]} itself."
        )
    if len(folders) > 2:
        raise DataError(
            f"{folder} holds {len(folders)} folders of pictures ({listed}); say which are meant: "
            f"--set data.a=NAME --set data.b=NAME."
        )
    return _in_order(folders[0], folders[1])


def _named_sides(folder: Path, named: dict[str, Path], a: str | None, b: str | None) -> tuple[Path, Path]:
    if a is None or b is None or a == b:
        raise DataError(f"data.a is {a!r} and data.b is {b!r}; name two different folders, or neither.")
    for name in (a, b):
        if name not in named:
            known = f"it holds {', '.join(sorted(named))}" if named else "it holds no folder of pictures"
            raise DataError(f"{folder} holds no folder {name!r} of pictures; {known}.")
    return named[a], named[b]


def _in_order(one: Path, other: Path) -> tuple[Path, Path]:
    if (other.name.lower(), one.name.lower()) in SIDES:
        return other, one
    return one, other


def _describe(found: Found, splits: dict[str, tuple[Pair, ...]]) -> str:
    counts = [f"{split} ({len(pairs)})" for split, pairs in splits.items()]
    listed = " and ".join([", ".join(counts[:-1]), counts[-1]] if len(counts) > 1 else counts)
    if found.kind == "side by side":
        return f"Side-by-side pairs in {listed}."
    return f"Pairs from two folders, A is {found.a_name!r} and B is {found.b_name!r}, in {listed}."


def _splits(folder: Path) -> dict[str, Path]:
    """The folders of `folder` that are splits, by the split; raises DataError where two mean the same one."""
    splits: dict[str, Path] = {}
    for found in _folders(folder):
        split = SPLITS.get(found.name.lower())
        if split is None or not _has_pictures(found):
            continue
        if split in splits:
            raise DataError(f"{folder} holds {splits[split].name} and {found.name}, which mean the same; keep one.")
        splits[split] = found
    return splits


def _split_order(item: tuple[str, Path]) -> int:
    return list(SPLITS.values()).index(item[0])


def _folders(folder: Path) -> list[Path]:
    return sorted(d for d in folder.iterdir() if d.is_dir() and not d.name.startswith("."))


def _pictures_in(folder: Path) -> bool:
    return any(is_picture(p) and p.is_file() for p in folder.iterdir())


def _has_pictures(folder: Path) -> bool:
    return bool(find_pictures(folder))
