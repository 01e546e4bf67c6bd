"""What a folder is for super-resolution and restoration: sharp pictures, or pairs of low and high resolution."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from ..errors import DataError
from .arrangement import arrange, picture_folders, split_folders
from .layouts import Layout, Pair, Sharp, counted, find_layout
from .matching import match_sides, named_pictures

LOW = re.compile(
    r"(lr|lq|low|low[ _-]?res(olution)?|input|small|degraded|noisy|blur(red|ry)?|jpe?g)([ _-]?(bicubic|x?\d))*",
    re.IGNORECASE,
)
HIGH = re.compile(r"(hr|hq|gt|high|high[ _-]?res(olution)?|target|original|truth|sharp|clean)", re.IGNORECASE)
"""Names of two folders that say what they are to each other."""
SCALED = re.compile(r"x\d", re.IGNORECASE)
"""Names of folders that hold small pictures of one scale, as test sets have them beside `original`."""
SUFFIX = re.compile(r"([ _-]?(lr|hr|x\d))+$", re.IGNORECASE)
"""What the field appends to the name of one side: `0001x4` belongs to `0001`."""


def find_sharp(root: Path, a: str | None, b: str | None, scale: int, pipeline: bool) -> Layout[Any]:
    """The layout of a folder of sharp pictures, or of pairs where its folders say that they are some.

    Raises DataError when there is neither, or no pairs at scale 1 with nothing to make them.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder {root}." if not root.exists() else f"{root} is a file; name its folder.")
    folders = split_folders(root)
    if a is None and b is None:
        a, b = _said(next(iter(folders.values()), root), scale)
    if a is not None and b is not None and not pipeline:
        return _pairs(root, a, b) if scale > 1 else find_layout(root, a, b)
    if scale == 1 and not pipeline:
        return _pairs_of_any_folders(root)
    parents = folders or {"train": root}
    high = {split: _of_high(folder, b) for split, folder in parents.items()}
    splits = {
        split: tuple(Sharp(name, path) for name, path in named_pictures(folder).items())
        for split, folder in high.items()
    }
    inside = sorted({folder.name for split, folder in high.items() if folder != parents[split]})
    if not any(splits.values()):
        raise DataError(f"{root} holds no pictures (JPEG, PNG, WebP, TIFF or BMP).")
    made = "damaged while training" if pipeline else f"made {scale} times smaller bicubically, as MATLAB does"
    of = f" of {' and '.join(map(repr, inside))}" if inside else ""
    said = f"Sharp pictures{of} in {counted(splits)}; the inputs are {made}."
    return Layout(
        root,
        "sharp",
        "low resolution" if scale > 1 else "damaged",
        "high resolution" if scale > 1 else "clean",
        splits,
        said,
    )


def _said(folder: Path, scale: int) -> tuple[str | None, str | None]:
    """The two folders in `folder` whose names say low and high; of several low ones that with the scale in its name."""
    names = [path.name for path in picture_folders(folder)]
    low, high = ([name for name in names if pattern.fullmatch(name)] for pattern in (LOW, HIGH))
    if len(low) > 1:
        low = [name for name in low if name.endswith(str(scale))] or low
    return (low[0], high[0]) if len(low) == len(high) == 1 else (None, None)


def _of_high(folder: Path, name: str | None) -> Path:
    """The folder in `folder` called `name`; without a name the one that is sharp among small ones; else `folder`."""
    if name is not None:
        return folder / name if (folder / name).is_dir() else folder
    inside = picture_folders(folder)
    high = [path for path in inside if HIGH.fullmatch(path.name)]
    small = [path for path in inside if LOW.fullmatch(path.name) or SCALED.fullmatch(path.name)]
    return high[0] if len(high) == 1 and small and len(inside) == 1 + len(small) else folder


def _pairs(root: Path, a: str, b: str) -> Layout[Pair]:
    """Pairs of two folders, matched by what is left of their names without the field's suffixes."""
    arranged = arrange(root, a, b)
    splits = {}
    for split, (low, high) in arranged.splits.items():
        matched = match_sides(low, high)
        if matched.lonely_a or matched.lonely_b:
            matched = match_sides(low, high, lambda name: SUFFIX.sub("", name))
        matched.refuse_leftovers(root, split, a, b)
        splits[split] = tuple(Pair(name, *paths, False) for name, paths in matched.pairs.items())
    said = f"Pairs from two folders, {a!r} is low and {b!r} is high resolution, in {counted(splits)}."
    return Layout(root, "two folders", a, b, splits, said)


def _pairs_of_any_folders(root: Path) -> Layout[Pair]:
    """Pairs of two folders; pictures that lie in no two folders could be halves, or sharp, and are neither here."""
    way_out = "If these are sharp pictures alone, say how they are to be damaged: --set degradation.kind=pipeline."
    try:
        if arrange(root).kind != "side by side":
            return find_layout(root)
    except DataError as error:
        raise DataError(f"{error} {way_out}") from error
    raise DataError(f"{root} holds no two folders of pictures, damaged and clean, to learn restoring from. {way_out}")
