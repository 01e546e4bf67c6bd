"""Several domains, one folder each, or the classes of one domain; a picture's label is the place of its folder.

The folders lie below the splits (`train/winter`) or make up a folder without splits; `trainA` and `trainB` are two.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ...errors import DataError, require
from ...images.find import composed, has_pictures_itself
from ...images.formats import format_titles
from .folders import folder_of, picture_folders, split_folders, split_letters
from .items import Single
from .layout import Layout, counted, in_words
from .matching import listed, named_pictures

SHOWN = 8
"""Domains or classes that a sentence names."""


def find_domains(root: Path, *names: str | None) -> Layout[Single]:
    """The layout of two or more domains, a folder each; the label of a picture is the place of its domain.

    `names` chooses domains and gives their order, which is the alphabet's without. Raises DataError with one sentence
    when there are fewer than two, when pictures lie beside them, or when a split lacks one.
    """
    folders = _by_split(folder_of(root))
    wanted = _wanted(names)
    for folder, inside in folders.values():
        if has_pictures_itself(folder):
            raise DataError(
                f"{folder} holds pictures that lie in no folder of a domain; move them into one, or train on the "
                f"folder as a single domain."
            )
        if len(inside) < 2:
            holds = f"one folder of pictures ({next(iter(inside))})" if inside else "no folder of pictures"
            raise DataError(f"{folder} holds {holds}; several domains are a folder each, so at least two are needed.")
        for name in wanted or next(iter(folders.values()))[1]:
            if name not in inside:
                raise DataError(
                    f"{folder} holds no folder {name!r} of pictures; it holds {listed(list(inside))}. Every split "
                    f"needs every domain: --set data.domains=[{','.join(inside)}] chooses some."
                )
    labels = wanted or tuple(next(iter(folders.values()))[1])
    if len(labels) < 2:
        raise DataError(f"Several domains are wanted of {root}, but data.domains names {labels[0]!r} alone.")
    _refuse_others(root, folders, labels, wanted)
    splits = {split: _labelled(inside, labels) for split, (_, inside) in folders.items()}
    each = [" and ".join(_counts(items, labels)) if len(labels) < 4 else str(len(items)) for items in splits.values()]
    said = in_words([f"{split} ({many})" for split, many in zip(splits, each, strict=True)])
    return Layout(root, "domains", labels, splits, f"{len(labels)} domains, {_named(labels)}, in {said}.")


def find_single(root: Path, *names: str | None) -> Layout[Single]:
    """The layout of one domain: every picture below a folder; folders in it are classes, where there are several.

    `names` chooses classes and gives their order. Raises DataError with one sentence when there are no pictures, when
    some lie in folders and some do not, or when a split has a class that `train` lacks.
    """
    folders = _by_split(folder_of(root))
    wanted = _wanted(names)
    labels: tuple[str, ...] = ()
    for split, (folder, inside) in folders.items():
        if inside and has_pictures_itself(folder):
            raise DataError(
                f"{folder} holds pictures and folders of pictures ({listed(list(inside))}), so it is not clear whether "
                f"the folders are classes; keep either."
            )
        if not labels:
            for name in wanted:
                require(f"class in {folder}", name, inside)
            labels = wanted or tuple(inside)
        if extra := [name for name in inside if name not in labels and not wanted]:
            raise DataError(
                f"{folder} holds {listed(extra)}, which {next(iter(folders))} lacks; {split} needs no other."
            )
    splits = {
        split: _labelled(inside, labels) if labels else _labelled({"": folder}, ("",))
        for split, (folder, inside) in folders.items()
    }
    if not any(splits.values()):
        raise DataError(f"{root} holds no pictures ({format_titles()}), and no points or volumes (.npy, .npz).")
    said = f" of {len(labels)} classes, {_named(labels)}," if len(labels) > 1 else ""
    names_ = labels if len(labels) > 1 else (root.resolve().name,)
    return Layout(root, "single", names_, splits, f"Pictures{said} in {counted(splits)}.")


def _by_split(root: Path) -> dict[str, tuple[Path, dict[str, Path]]]:
    """By split the folder that holds it, and the folders of pictures in there by name, in order."""
    if letters := split_letters(root):
        return {split: (sides[0].parent, dict(zip("AB", sides, strict=True))) for split, sides in letters.items()}
    parents = split_folders(root) or {"train": root}
    return {
        split: (parent, {composed(path.name): path for path in picture_folders(parent)})
        for split, parent in parents.items()
    }


def _wanted(names: Sequence[str | None]) -> tuple[str, ...]:
    """The names that were given; raises DataError where one is there twice."""
    wanted = tuple(composed(name) for name in names if name is not None)
    if len(set(wanted)) < len(wanted):
        raise DataError(f"The folders {', '.join(wanted)} are named, one of them twice; name each once.")
    return wanted


def _refuse_others(
    root: Path, folders: dict[str, tuple[Path, dict[str, Path]]], labels: Sequence[str], wanted: Sequence[str]
) -> None:
    """Raise DataError for a folder of `val` or `test` that is no domain of `train`, unless the domains were named."""
    for split, (_, inside) in folders.items():
        if extra := [name for name in inside if name not in labels and not wanted]:
            raise DataError(
                f"{root} holds {listed(extra)} in {split}, which {next(iter(folders))} lacks; the splits need the same "
                f"domains."
            )


def _labelled(folders: dict[str, Path], labels: Sequence[str]) -> tuple[Single, ...]:
    return tuple(
        Single(name, path, label)
        for label, folder in enumerate(labels)
        if folder in folders
        for name, path in named_pictures(folders[folder]).items()
    )


def _counts(items: Sequence[Single], labels: Sequence[str]) -> list[str]:
    return [str(sum(item.domain == label for item in items)) for label in range(len(labels))]


def _named(labels: Sequence[str]) -> str:
    """`autumn, summer and winter`."""
    shown = [*labels[:SHOWN], *([f"{len(labels) - SHOWN} more"] if len(labels) > SHOWN else [])]
    return in_words(shown)
