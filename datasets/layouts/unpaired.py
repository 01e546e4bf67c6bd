"""A folder of two unpaired domains, A and B, which share nothing: names need not match, and pairs will do too."""

from __future__ import annotations

from pathlib import Path

from ...errors import DataError
from .folders import arrange
from .items import Pair, Single
from .layout import Kind, Layout, in_words
from .matching import named_pictures


def find_unpaired(root: Path, a: str | None = None, b: str | None = None, *, halves: bool = False) -> Layout[Single]:
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
    return Layout(root, arranged.kind, arranged.names, splits, _describe(arranged.kind, arranged.names, splits))


def pairs_by_name(layout: Layout[Single], split: str) -> tuple[Pair, ...]:
    """Pairs of the pictures that have one name in both domains of a split, by name.

    That is how a split of an unpaired folder serves to score against a known truth; the others have none.
    """
    a, b = ({item.name: item for item in layout.splits.get(split, ()) if item.domain == side} for side in (0, 1))
    return tuple(Pair(name, single.path, b[name].path, single.half) for name, single in a.items() if name in b)


def _describe(kind: Kind, names: tuple[str, str], splits: dict[str, tuple[Single, ...]]) -> str:
    counts = {split: [sum(s.domain == side for s in some) for side in (0, 1)] for split, some in splits.items()}
    listed = in_words([f"{split} ({a} and {b})" for split, (a, b) in counts.items()])
    said = f"Two unpaired domains, A is {names[0]!r} and B is {names[1]!r}, in {listed}"
    by_name = [{(s.name, s.domain) for s in some} for some in splits.values()]
    paired = all(
        {name for name, side in some if side == 0} == {name for name, side in some if side} for some in by_name
    )
    if kind == "side by side":
        return f"{said}; they lie side by side, but their pairing is not used."
    return f"{said}; their names match, but their pairing is not used." if paired else f"{said}."
