"""How the folders of a data folder lie: the splits, and the one or two folders of pictures in each.

Four arrangements are known, each with or without splits: side-by-side pictures; two folders (`A` and `B`, `low` and
`high`, or any two), below the splits or above them; and split and side in one word (`trainA`, `trainB`, `testA`, …),
which says that the pictures of the two sides do not belong together.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError
from ...images.find import composed, folders_in, has_pictures, has_pictures_itself
from ...images.formats import format_titles
from .layout import Kind

SPLITS = {"train": "train", "val": "val", "validation": "val", "valid": "val", "test": "test"}
"""Names of split folders, in any case, and the split that each means."""

SIDES = (("a", "b"), ("input", "target"), ("source", "target"), ("low", "high"), ("labels", "photos"),
         ("label", "photo"), ("sketch", "photo"), ("lr", "hr"), ("before", "after"))  # fmt: skip
"""Two folders with one of these pairs of names have an order of their own; others go by the alphabet."""

SPLIT_AND_LETTER = re.compile(rf"({'|'.join(SPLITS)})[ _-]?([ab])", re.IGNORECASE)
"""Names of folders that say split and side in one word."""


class Things(NamedTuple):
    """What the folders are looked through for."""

    name: str
    """What they are called in a sentence."""
    below: Callable[[Path], bool]
    """Whether any lies below a folder."""
    itself: Callable[[Path], bool]
    """Whether any lies in it."""


PICTURES = Things("pictures", has_pictures, has_pictures_itself)


@dataclasses.dataclass(frozen=True)
class Arrangement:
    """Where the pictures of each split are."""

    root: Path
    kind: Kind
    names: tuple[str, str]
    """What sides A and B are called."""
    splits: dict[str, tuple[Path, ...]]
    """By split, in the order train, val, test: the folder of side-by-side pictures, or those of side A and side B."""


def arrange(root: Path, a: str | None = None, b: str | None = None) -> Arrangement:
    """The arrangement of a folder; `a` and `b` name the sides' folders where several could be meant.

    Where no folder is to be chosen (side by side, or `trainA` and `trainB`), `a` and `b` are what the sides are called.
    Raises DataError with one sentence when there are no pictures, or when what is there has no clear meaning.
    """
    a, b = (name and composed(name) for name in (a, b))
    named = {a, b} <= {composed(folder.name) for folder in folders_in(folder_of(root))}
    if not named and (letters := split_letters(root)):
        return Arrangement(root, "trainA/trainB", (a or "A", b or "B"), letters)
    splits = split_folders(root)
    if splits:
        return _with_splits_above(root, splits, a, b)
    sides = _find_sides(root, a, b)
    if sides is None:
        return Arrangement(root, "side by side", (a or "left", b or "right"), {"train": (root,)})
    return Arrangement(
        root, "two folders", (a or composed(sides[0].name), b or composed(sides[1].name)), _splits_below(root, sides)
    )


def folder_of(root: Path) -> Path:
    """`root`; raises DataError when it is no folder, or one that cannot be opened."""
    try:
        next(root.iterdir(), None)
    except FileNotFoundError:
        raise DataError(f"There is no folder {root}.") from None
    except NotADirectoryError:
        raise DataError(f"{root} is a file; name the folder that holds the pictures.") from None
    except OSError as error:
        raise DataError(f"{root} cannot be opened ({error.strerror}).") from error
    return root


def split_letters(root: Path) -> dict[str, tuple[Path, ...]]:
    """`trainA`, `trainB` and their like by split; empty when there are none."""
    found: dict[str, dict[str, Path]] = {}
    for folder in folders_in(root):
        match = SPLIT_AND_LETTER.fullmatch(folder.name)
        if match is None or not has_pictures(folder):
            continue
        sides = found.setdefault(SPLITS[match[1].lower()], {})
        if (letter := match[2].lower()) in sides:
            said = f"{sides[letter].name} and {folder.name}"
            raise DataError(f"{root} holds {said}, which mean the same; keep one.")
        sides[letter] = folder
    for sides in found.values():
        if len(sides) == 1:
            (letter, folder), *_ = sides.items()
            missing = folder.name[:-1] + ("ab" if folder.name[-1].islower() else "AB")[letter == "a"]
            raise DataError(f"{root} holds {folder.name} but no pictures in {missing}; add it, or take both away.")
    if found:
        _refuse_others(root, [folder for sides in found.values() for folder in sides.values()])
    return {split: (sides["a"], sides["b"]) for split, sides in sorted(found.items(), key=_split_order)}


def _with_splits_above(root: Path, splits: dict[str, Path], a: str | None, b: str | None) -> Arrangement:
    sides = {split: _find_sides(folder, a, b) for split, folder in splits.items()}
    kinds: dict[str, Kind] = {split: "side by side" if pair is None else "two folders" for split, pair in sides.items()}
    if len(set(kinds.values())) > 1:
        said = ", ".join(f"{split}: {kind}" for split, kind in kinds.items())
        raise DataError(f"The splits of {root} are arranged differently ({said}); arrange them all in one way.")
    names = {pair and (composed(pair[0].name), composed(pair[1].name)) for pair in sides.values()}
    if len(names) > 1:
        said = ", ".join(f"{split}: {' and '.join(p.name for p in pair or ())}" for split, pair in sides.items())
        raise DataError(f"The splits of {root} name their two folders differently ({said}); rename them alike.")
    a_name, b_name = names.pop() or ("left", "right")
    folders: dict[str, tuple[Path, ...]] = {split: pair or (splits[split],) for split, pair in sides.items()}
    return Arrangement(root, next(iter(kinds.values())), (a or a_name, b or b_name), folders)


def _splits_below(root: Path, sides: tuple[Path, Path]) -> dict[str, tuple[Path, ...]]:
    """Splits that lie in the folders of the sides; all is `train` when there are none."""
    below = [_splits(side) for side in sides]
    own = any(has_pictures_itself(side) for side in sides)
    if below[0].keys() != below[1].keys() and not own:
        said = "; ".join(f"{s.name}: {', '.join(n) or 'none'}" for s, n in zip(sides, below, strict=True))
        raise DataError(f"The two sides of {root} do not have the same splits ({said}).")
    both = [split for split in dict.fromkeys(SPLITS.values()) if all(split in names for names in below)]
    if both and not own:
        return {split: (below[0][split], below[1][split]) for split in both}
    return {"train": sides}


def _find_sides(folder: Path, a: str | None, b: str | None) -> tuple[Path, Path] | None:
    """The folders of the two sides, or None when the pictures of this folder are side by side."""
    folders = picture_folders(folder)
    named = {composed(d.name): d for d in folders}
    direct = has_pictures_itself(folder)
    if not folders and not direct:
        raise DataError(f"{folder} holds no pictures ({format_titles()}).")
    if not folders:
        return None
    if a is not None or b is not None:
        return _named_sides(folder, named, a, b)
    listed = ", ".join(sorted(named))
    if direct:
        raise DataError(
            f"{folder} holds pictures and folders of pictures ({listed}), so the two sides are ambiguous; keep either, "
            f"or say --set data.a=NAME --set data.b=NAME."
        )
    if len(folders) == 1:
        raise DataError(
            f"{folder} holds one folder of pictures ({listed}); training needs two, or "
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
        if name not in named and not _is_below(folder, name):
            known = f"it holds {', '.join(sorted(named))}" if named else "it holds no folder of pictures"
            raise DataError(f"{folder} holds no folder {name!r} of pictures; {known}.")
    return named.get(a, folder / a), named.get(b, folder / b)


def _is_below(folder: Path, name: str) -> bool:
    """Whether `name` is the path of a folder of pictures further down (`LR_bicubic/X4`)."""
    path = Path(name)
    inside = bool(path.parts) and not path.is_absolute() and ".." not in path.parts
    return inside and (folder / path).is_dir() and has_pictures(folder / path)


def _in_order(one: Path, other: Path) -> tuple[Path, Path]:
    if (other.name.lower(), one.name.lower()) in SIDES:
        return other, one
    return one, other


def _splits(folder: Path, things: Things = PICTURES) -> dict[str, Path]:
    """The folders of `folder` that are splits, by the split; raises DataError where two mean the same one."""
    splits: dict[str, Path] = {}
    for found in folders_in(folder):
        split = SPLITS.get(found.name.lower())
        if split is None or not things.below(found):
            continue
        if split in splits:
            raise DataError(f"{folder} holds {splits[split].name} and {found.name}, which mean the same; keep one.")
        splits[split] = found
    return splits


def _refuse_others(root: Path, known: Iterable[Path], things: Things = PICTURES) -> None:
    """Raise DataError when there are pictures, or other `things`, beside the folders that have a meaning."""
    meant = [folder.name for folder in known]
    others = sorted(d.name for d in folders_in(root) if things.below(d) and d.name not in meant)
    own = things.itself(root)
    if others or own:
        said = " and ".join([f"{things.name} of its own"] * own + [f"{things.name} in {name}" for name in others])
        raise DataError(f"{root} holds {', '.join(meant)} and besides {said}; keep either, so that none is lost.")


def split_folders(root: Path, things: Things = PICTURES) -> dict[str, Path]:
    """The folders of `root` that are splits, in their order; raises DataError when there are pictures beside them."""
    splits = _splits(root, things)
    if splits:
        _refuse_others(root, splits.values(), things)
    return dict(sorted(splits.items(), key=_split_order))


def picture_folders(folder: Path) -> list[Path]:
    """The folders of `folder` that hold pictures, by name."""
    return [found for found in folders_in(folder) if has_pictures(found)]


def _split_order(item: tuple[str, object]) -> int:
    return list(SPLITS.values()).index(item[0])
