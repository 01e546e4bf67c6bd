"""How files of arrays lie: below splits or not, and in a folder for each class or not, as pictures may."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import DataError, require
from ...images.find import folders_in
from ..layouts.folders import Things, split_folders
from ..layouts.items import Single
from ..layouts.layout import in_words
from ..streams.scan import Broken
from .files import ArrayFile, arrays_in, has_arrays, read_header
from .samples import Row

ARRAYS = Things("arrays", has_arrays, lambda folder: bool(arrays_in(folder)))


def arranged(
    root: Path, wanted: Sequence[str]
) -> tuple[dict[str, tuple[Row, ...]], tuple[str, ...], tuple[Broken, ...]]:
    """The samples by split, the names of the classes, and the files that hold no samples.

    Classes are those of `train`, or the `wanted`, in their order; another split need not have all. Raises DataError
    where arrays lie at a place that has no meaning, and UnknownNameError for a class that `train` has not.
    """
    broken: list[Broken] = []
    if root.is_file():
        return {"train": _rows([root], 0, broken)}, (), tuple(broken)
    folders = split_folders(root, ARRAYS) or {"train": root}
    by_split = {split: _classes(parent) for split, parent in folders.items()}
    known = by_split.get("train", {})
    labels = tuple(wanted) or tuple(known)
    for name in labels if "train" in folders else ():
        require(f"class in {folders['train']}", name, known or (name,))
    found: dict[str, tuple[Row, ...]] = {}
    for split, classes in by_split.items():
        parent = folders[split]
        if "train" in folders and bool(classes) != bool(known):
            with_, without = (folders["train"], parent) if known else (parent, folders["train"])
            raise DataError(
                f"{with_} holds a folder for each class and {without} has its arrays without; arrange both in one way."
            )
        if extra := [name for name in classes if name not in labels and not wanted and "train" in folders]:
            raise DataError(f"{parent} holds {in_words(extra)}, which {folders['train']} lacks; it needs no other.")
        each = (
            [_rows(classes.get(name, []), n, broken) for n, name in enumerate(labels)]
            if classes
            else [_rows(arrays_in(parent), 0, broken)]
        )
        found[split] = tuple(row for rows in each for row in rows)
    return {split: rows for split, rows in found.items() if rows}, labels if known else (), tuple(broken)


def _classes(parent: Path) -> dict[str, list[Path]]:
    """The files of each class of a split, none where it has none; raises DataError for what is in no class."""
    folders = [folder for folder in folders_in(parent) if has_arrays(folder)]
    names = in_words([folder.name for folder in folders][:4])
    if folders and arrays_in(parent):
        raise DataError(
            f"{parent} holds arrays and folders of arrays ({names}), so it is not clear whether the folders are "
            "classes; keep either."
        )
    for folder in folders:
        if deeper := [below.name for below in folders_in(folder) if has_arrays(below)]:
            raise DataError(
                f"{folder} is the folder of a class and holds folders of arrays itself ({in_words(deeper[:4])}); "
                f"bring its files together in {folder.name}, so that none is lost."
            )
    return {folder.name: arrays_in(folder) for folder in folders}


def _rows(paths: Sequence[Path], label: int, broken: list[Broken]) -> tuple[Row, ...]:
    """Of all files of that class; those that hold no samples join the `broken`."""
    files: list[ArrayFile] = []
    for path in paths:
        try:
            files.append(read_header(path))
        except DataError as error:
            broken.append(Broken(Single(path.stem, path, 0), str(error)))
    return tuple(Row(file, n, label) for file in files for n in range(file.count))
