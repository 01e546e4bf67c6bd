"""`i2i data check FOLDER`: everything that could spoil a training run, found and listed instead of refused."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...hardware.system import available_threads
from ...images.find import Survey, survey
from ...images.formats import format_titles
from ..layouts.folders import folder_of
from ..layouts.holdout import hold_out
from ..layouts.items import Pair, Single
from ..layouts.paired import Found, find_pairs, look_at
from ..layouts.unpaired import find_unpaired
from .alignment import MOST, compare_edges
from .colours import compare
from .duplicates import find_duplicates
from .entry import Entry, Seen, entries_of, entries_of_domains, look
from .report import CheckReport, Side, Suspect

Progress = Callable[[int, int], None]

MOST_NOTED = 10
"""Links that are told of, at most."""


def check_folder(
    root: Path,
    a: str | None = None,
    b: str | None = None,
    progress: Progress | None = None,
    *,
    unpaired: bool = False,
) -> CheckReport:
    """Look at every picture of a folder; `a` and `b` name the sides' folders where several are.

    It is checked as pairs, or as two domains when it is laid out so (`trainA`, `trainB`) or `unpaired` says so.
    Raises DataError only when there is no such folder or no picture in it; every other fault is in the report.
    """
    around = survey(root)
    found, trouble = _layout(root, a, b, around)
    unpaired = found is not None and (unpaired or found.kind == "trainA/trainB")
    domains = find_unpaired(root, a, b, halves=True) if unpaired else None
    entries = entries_of_domains(domains) if domains and domains.kind != "side by side" else entries_of(root, found)
    compared = set() if unpaired else _to_compare(entries)
    seen = []
    with ThreadPoolExecutor(min(32, available_threads())) as executor:
        for done, one in enumerate(executor.map(lambda entry: look(entry, entry in compared), entries), 1):
            seen.append(one)
            if progress:
                progress(done, len(entries))
    matched = list(found.matched.items()) if found and not unpaired else []
    suspects, count, representative = _suspects(seen)
    names = _names(found)
    return CheckReport(
        root=root,
        kind=found.kind if found else "unknown",
        description=domains.description if domains else None,
        trouble=trouble or _untrainable(root, found, a, b, unpaired),
        counts=_counts(entries, found),
        sides=tuple(_side(seen, which, name) for which, name in enumerate(names)),
        unmatched=tuple(
            _below(root, [p for _, m in matched for p in (*m.unmatched_a.values(), *m.unmatched_b.values())])
        ),
        duplicate_names=tuple(_below(root, [p for _, m in matched for p in m.duplicate_names])),
        corrupt=(
            *((_title(root, path), f"{path} cannot be opened ({why}).") for path, why in around.unreadable.items()),
            *((one.entry.title, one.reason) for one in seen if one.reason),
        ),
        unequal=tuple(
            f"{one.entry.title} ({_times(one.sizes[0])} and {_times(one.sizes[1])})"
            for one in seen
            if one.sizes[0] and one.sizes[1] and one.sizes[0] != one.sizes[1]
        ),
        duplicates=find_duplicates(seen, names, unpaired),
        suspects=suspects,
        compared=count,
        representative=representative,
        notes=(*_notes(found, seen, unpaired), *around.notes(MOST_NOTED)),
        pairs=_sheet(entries),
    )


def _notes(found: Found | None, seen: list[Seen], unpaired: bool) -> Iterator[str]:
    """What is no fault, but good to know."""
    if found is None:
        return
    if not unpaired:
        if found.kind == "two folders" and not any(m.pairs for m in found.matched.values()):
            yield "No names match; if these are two unpaired domains, check them with --unpaired."
        return
    of_a, of_b = ([t for one in seen if (t := one.tints[which])] for which in (0, 1))
    yield compare(of_a, of_b, *found.names)
    for split in ("val", "test"):
        many = len(found.matched[split].pairs) if split in found.matched else 0
        if many:
            said = "1 name is" if many == 1 else f"{many} names are"
            yield f"{said} in both domains of {split}, so i2i evaluate can take side B as the truth of side A there."


def _sheet(entries: list[Entry]) -> dict[str, Pair]:
    """What is shown side by side: the pairs, or of two domains a picture each, for they have no partners."""
    shown = {entry.title: entry.item for entry in entries if isinstance(entry.item, Pair)}
    singles: dict[tuple[str, int], list[Entry]] = defaultdict(list)
    for entry in entries:
        if isinstance(entry.item, Single):
            singles[entry.split, entry.item.domain].append(entry)
    for split in dict.fromkeys(split for split, _ in singles):
        for of_a, of_b in zip(singles[split, 0], singles[split, 1], strict=False):
            title = f"{of_a.title} | {of_b.title}"
            shown[title] = Pair(title, of_a.item.files[0], of_b.item.files[0], side_by_side=False)
    return shown


def _untrainable(root: Path, found: Found | None, a: str | None, b: str | None, unpaired: bool) -> str | None:
    """Why a folder without unmatched pictures would still not be trained on, or None."""
    if found is None or (
        not unpaired and any(m.unmatched_a or m.unmatched_b or m.duplicate_names for m in found.matched.values())
    ):
        return None
    try:
        if unpaired:
            hold_out(find_unpaired(root, a, b))
        else:
            hold_out(find_pairs(root, a, b))
    except DataError as error:
        return str(error)
    return None


def _layout(root: Path, a: str | None, b: str | None, around: Survey) -> tuple[Found | None, str | None]:
    """The arrangement, or the sentence that says why there is none though there are pictures."""
    if not around.pictures:
        folder_of(root)  # has the right sentence where there is no such folder
        told = around.sentences(MOST_NOTED)
        raise DataError(" ".join([f"{root} holds no pictures ({format_titles()}).", *told]))
    try:
        return look_at(root, a, b), None
    except DataError as error:
        return None, str(error)


def _names(found: Found | None) -> tuple[str, ...]:
    return found.names if found else ("pictures",)


def _counts(entries: Iterable[Entry], found: Found | None) -> dict[str, int]:
    return dict(Counter(e.split for e in entries if found is None or isinstance(e.item, Pair)))


def _to_compare(entries: list[Entry]) -> set[Entry]:
    """Which pairs have their edges compared: a random part of a very large folder, for memory's sake."""
    pairs = [entry for entry in entries if isinstance(entry.item, Pair)]
    if len(pairs) <= MOST:
        return set(pairs)
    return {pairs[number] for number in np.random.default_rng(0).choice(len(pairs), MOST, replace=False)}


def _side(seen: list[Seen], which: int, name: str) -> Side:
    sizes = Counter(size for one in seen if (size := one.sizes[which]))
    channels = Counter(count for one in seen if (count := one.channels[which]))
    depths = Counter(bits for one in seen if (bits := one.depths[which]))
    return Side(name, dict(sizes), dict(channels), dict(depths))


def _suspects(seen: list[Seen]) -> tuple[tuple[Suspect, ...], int, bool]:
    """Pairs whose sides seem not to belong together, how many were compared and whether that told anything."""
    pairs = [one for one in seen if one.edges is not None]
    agreement = compare_edges([one.edges for one in pairs if one.edges is not None])
    suspects = []
    for doubt in agreement.doubts:
        one = pairs[doubt.number]
        width, height = one.sizes[0] or (0, 0)
        shift = (round(doubt.shift[0] * width), round(doubt.shift[1] * height))
        suspects.append(Suspect(one.entry.title, doubt.kind, shift))
    return tuple(suspects), agreement.compared, agreement.representative


def _title(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


def _below(root: Path, paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def _times(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else "?"
