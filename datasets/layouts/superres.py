"""What a folder is for super-resolution and restoration: HR pictures, or pairs of low and high resolution (LR, HR)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from ...errors import DataError
from ...images.formats import format_titles
from .flat_pairs import match_flat
from .folders import SPLITS, arrange, folder_of, picture_folders, split_folders
from .items import HighRes, Pair
from .layout import Layout, counted
from .matching import Matched, listed, match_sides, named_pictures
from .paired import find_pairs

LOW = re.compile(
    r"((.+[ _-])?lr|lq|low|low[ _-]?res(olution)?|input|small|degraded|noisy|blur(red|ry)?|jpe?g)"
    r"([ _-]?(bicubic|x?\d))*",
    re.IGNORECASE,
)
HIGH = re.compile(r"((.+[ _-])?hr|hq|gt|high|high[ _-]?res(olution)?|target|original|truth|sharp|clean)", re.IGNORECASE)
"""Names of two folders that say what they are to each other."""
NAMED_SPLIT = re.compile(rf"(?:.+[ _-])?({'|'.join(SPLITS)})[ _-][lh]r", re.IGNORECASE)
"""Such a name that says the split, too: `DIV2K_valid_HR`."""
TOKENS = [re.compile(rf"(?<![a-z]){side}(?![a-wyz])", re.IGNORECASE) for side in ("lr", "hr")]
"""What paths of pairs' folders have in them, whatever else is there."""
SCALED = re.compile(r"x\d", re.IGNORECASE)
"""Names of folders that hold LR pictures of one scale, as test sets have them beside `original`."""
SUFFIX = re.compile(r"([ _-]?(lr|hr|x\d))+$", re.IGNORECASE)
"""What the field appends to the name of one side: `0001x4` belongs to `0001`."""


def find_superres(root: Path, a: str | None, b: str | None, scale: int, pipeline: bool) -> Layout[Any]:
    """The layout of a folder of HR pictures, or of pairs where the names of its folders or files say so.

    Raises DataError when there is neither, or no pairs at scale 1 with nothing to make them.
    """
    folders = split_folders(folder_of(root))
    if a is None and b is None:
        a, b = _said(next(iter(folders.values()), root), scale)
    if a is not None and b is not None and not pipeline:
        return _pairs(root, arrange(root, a, b).splits, a, b) if scale > 1 else find_pairs(root, a, b)
    if a is None and b is None and (flat := _flat(folders or {"train": root}, scale)):
        return _flat_layout(root, flat, scale, pipeline)
    if scale == 1 and not pipeline:
        return _pairs_of_any_folders(root)
    named = _by_name(root, scale, pipeline) if not folders and b is None else {}
    if any(len(sides) == 2 for sides in named.values()):
        a, b = (side.relative_to(root).as_posix() for side in next(iter(named.values())))
        return _pairs(root, named, a, b)
    parents = folders or {"train": root}
    high = {split: _of_high(folder, b) for split, folder in parents.items()}
    high = {split: sides[-1] for split, sides in named.items()} or high
    return _high_res(root, high, {*high.values()} - {*parents.values()}, scale, pipeline)


def _said(folder: Path, scale: int) -> tuple[str | None, str | None]:
    """The two folders in `folder` whose names say low and high; of several low ones that with the scale in its name."""
    low, high = _sides(picture_folders(folder), scale)
    return (low[0].relative_to(folder).as_posix(), high[0].name) if len(low) == len(high) == 1 else (None, None)


def _sides(folders: Iterable[Path], scale: int) -> tuple[list[Path], list[Path]]:
    """Those of low resolution among these folders, or in them by scale (`LR_bicubic/X4`), and those of high."""
    low: list[Path] = []
    for folder in folders:
        if LOW.fullmatch(folder.name):
            inside = picture_folders(folder)
            by_scale = bool(inside) and all(SCALED.fullmatch(path.name) for path in inside)
            low += inside if by_scale else [folder]
    high = [folder for folder in folders if HIGH.fullmatch(folder.name)]
    return [path for path in low if path.name.endswith(str(scale))] or low, high


def _by_name(root: Path, scale: int, pipeline: bool) -> dict[str, tuple[Path, ...]]:
    """(low, high), or (high,) where low is made, by the split in the folders' names; empty where that is not clear."""
    inside = picture_folders(root)
    found: dict[str, list[Path]] = {split: [] for split in SPLITS.values()}
    for folder in inside:
        if LOW.fullmatch(folder.name) or HIGH.fullmatch(folder.name):
            said = NAMED_SPLIT.match(folder.name)
            found[SPLITS[said[1].lower()] if said else "train"].append(folder)
    sides = {split: _sides(folders, scale) for split, folders in found.items()}
    sides = {split: (low, high) for split, (low, high) in sides.items() if high}
    if any(len(high) > 1 for _, high in sides.values()):
        return {}
    if not pipeline and any(len(low) == 1 for low, _ in sides.values()):
        clear = all(len(low) == 1 for low, _ in sides.values())
        return {split: (*low, *high) for split, (low, high) in sides.items()} if clear else {}
    others = len(inside) - sum(map(len, found.values()))  # they are HR, too
    alone = len(sides) > 1 and (pipeline or not others)
    return {split: tuple(high) for split, (_, high) in sides.items()} if alone else {}


def _of_high(folder: Path, name: str | None) -> Path:
    """The folder in `folder` called `name`; without a name the one of HR pictures beside LR ones; else `folder`."""
    if name is not None:
        return folder / name if (folder / name).is_dir() else folder
    inside = picture_folders(folder)
    high = [path for path in inside if HIGH.fullmatch(path.name)]
    small = [path for path in inside if LOW.fullmatch(path.name) or SCALED.fullmatch(path.name)]
    return high[0] if len(high) == 1 and small and len(inside) == 1 + len(small) else folder


def _high_res(root: Path, high: Mapping[str, Path], chosen: set[Path], scale: int, pipeline: bool) -> Layout[HighRes]:
    """The HR pictures of these folders by split, of which those `chosen` among others are named."""
    splits = {split: _truths(folder, scale) for split, folder in high.items()}
    if not any(splits.values()):
        raise DataError(f"{root} holds no pictures ({format_titles()}).")
    inside = sorted({folder.name for folder in chosen})
    of = f" of {' and '.join(map(repr, inside))}" if inside else ""
    return _of_truths(root, splits, of, scale, pipeline)


def _of_truths(
    root: Path, splits: dict[str, tuple[HighRes, ...]], of: str, scale: int, pipeline: bool
) -> Layout[HighRes]:
    """HR pictures, described with where they are from and what becomes of them."""
    become = "degraded while training" if pipeline else f"made {scale} times smaller bicubically, as MATLAB does"
    said = f"HR pictures{of} in {counted(splits)}; the inputs are {become}."
    names = ("low resolution", "high resolution") if scale > 1 else ("degraded", "clean")
    return Layout(root, "high resolution", names, splits, said)


def _flat(folders: Mapping[str, Path], scale: int) -> dict[str, Matched]:
    """LR and HR files of one folder a split; nothing where not all splits are so."""
    found = {split: match_flat(folder, scale) for split, folder in folders.items()}
    return {split: matched for split, matched in found.items() if matched} if all(found.values()) else {}


def _flat_layout(root: Path, flat: Mapping[str, Matched], scale: int, pipeline: bool) -> Layout[Any]:
    """LR and HR files of one folder as pairs; of a pipeline the HR ones alone."""
    if pipeline:
        truths = {split: {n: high for n, (_, high) in m.pairs.items()} | m.unmatched_b for split, m in flat.items()}
        return _of_truths(
            root, {s: tuple(HighRes(*named) for named in some.items()) for s, some in truths.items()}, "", scale, True
        )
    for split, matched in flat.items():
        matched.refuse_leftovers(root, split, "LR", "HR")
    splits = {s: tuple(Pair(name, *paths, False) for name, paths in m.pairs.items()) for s, m in flat.items()}
    said = f"Pairs of LR and HR files in one folder, told apart by their names, in {counted(splits)}."
    return Layout(root, "one folder", ("LR", "HR"), splits, said)


def _truths(folder: Path, scale: int) -> tuple[HighRes, ...]:
    """The pictures below a folder; raises DataError where folders of low resolution among them lie beside high."""
    pictures = named_pictures(folder)
    inside = sorted({PurePosixPath(name).parent.as_posix() for name in pictures})
    if all(any(map(token.search, inside)) for token in TOKENS):
        such = [path for path in inside if any(token.search(path) for token in TOKENS)]
        raise DataError(
            f"{folder} holds folders of low and of high resolution ({listed(such)}), which look like pairs, but it is "
            f"not clear which belong together at scale {scale}; name them (--set data.a=LOW --set data.b=HIGH), or the "
            f"HR ones alone (--set data.b=HIGH), of which the LR ones are made."
        )
    return tuple(HighRes(name, path) for name, path in pictures.items())


def _pairs(root: Path, folders: Mapping[str, tuple[Path, ...]], a: str, b: str) -> Layout[Pair]:
    """Pairs of two folders by split, matched by what is left of their names without the field's suffixes."""
    splits = {}
    for split, (low, high) in folders.items():
        matched = match_sides(low, high)
        if matched.unmatched_a or matched.unmatched_b:
            matched = match_sides(low, high, lambda name: SUFFIX.sub("", name))
        matched.refuse_leftovers(root, split, a, b)
        splits[split] = tuple(Pair(name, *paths, False) for name, paths in matched.pairs.items())
    said = f"Pairs from two folders, {a!r} is low and {b!r} is high resolution, in {counted(splits)}."
    return Layout(root, "two folders", (a, b), splits, said)


def _pairs_of_any_folders(root: Path) -> Layout[Pair]:
    """Pairs of two folders; pictures that lie in no two folders could be halves, or HR, and are neither here."""
    way_out = "HR pictures alone can be degraded while training: --preset noise, blur or jpeg."
    try:
        if arrange(root).kind != "side by side":
            return find_pairs(root)
    except DataError as error:
        raise DataError(f"{error} {way_out}") from error
    raise DataError(f"{root} holds no two folders of pictures, degraded and clean, to learn restoring from. {way_out}")
