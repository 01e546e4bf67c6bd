"""`i2i data check FOLDER`: everything that could spoil a training run, found and listed instead of refused."""

from __future__ import annotations

import dataclasses
import hashlib
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ..errors import DataError, PictureError
from ..pictures import find_pictures
from .alignment import MOST, Edges, edges, judge
from .check_report import CheckReport, Side, Suspect, Twins
from .layouts import Found, Pair, find_layout, hold_out, look_at
from .loading import Array, decode_pair

Progress = Callable[[int, int], None]


@dataclasses.dataclass(frozen=True)
class _Entry:
    """One pair to look at, or one picture that has no partner (`b` is None then)."""

    split: str
    name: str
    a: Path | None
    b: Path | None
    side_by_side: bool = False

    @property
    def title(self) -> str:
        return f"{self.split}/{self.name}"


@dataclasses.dataclass
class _Seen:
    """What one entry was found to be; `sizes` and `digests` by side, None where there is none."""

    entry: _Entry
    sizes: list[tuple[int, int] | None]
    channels: list[int | None]
    depths: list[int | None]
    digests: list[str | None]
    edges: tuple[Edges, Edges] | None
    reason: str | None = None


def check_folder(
    root: Path, a: str | None = None, b: str | None = None, progress: Progress | None = None
) -> CheckReport:
    """Look at every picture of a folder of pairs; `a` and `b` name the sides' folders where several are.

    Raises DataError only when there is no such folder or no picture in it; every other fault is in the report.
    """
    found, trouble = _layout(root, a, b)
    entries = _entries(root, found)
    compared = _to_compare(entries)
    seen = []
    with ThreadPoolExecutor(min(32, os.cpu_count() or 1)) as executor:
        for done, one in enumerate(executor.map(lambda entry: _look(entry, entry in compared), entries), 1):
            seen.append(one)
            if progress:
                progress(done, len(entries))
    matched = list(found.matched.items()) if found else []
    suspects, count, telling = _suspects(seen)
    return CheckReport(
        root=root,
        kind=found.kind if found else "unknown",
        trouble=trouble or _untrainable(root, found, a, b),
        counts=_counts(entries, found),
        sides=tuple(_side(seen, which, name) for which, name in enumerate(_names(found))),
        unmatched=tuple(_below(root, [p for _, m in matched for p in (*m.lonely_a.values(), *m.lonely_b.values())])),
        doubled=tuple(_below(root, [p for _, m in matched for p in m.doubled])),
        corrupt=tuple((one.entry.title, one.reason) for one in seen if one.reason),
        unequal=tuple(
            f"{one.entry.title} ({_times(one.sizes[0])} and {_times(one.sizes[1])})"
            for one in seen
            if one.sizes[0] and one.sizes[1] and one.sizes[0] != one.sizes[1]
        ),
        twins=_twins(seen, _names(found)),
        suspects=suspects,
        compared=count,
        telling=telling,
        pairs={e.title: Pair(e.name, e.a, e.b, e.side_by_side) for e in entries if e.a and e.b},
    )


def _untrainable(root: Path, found: Found | None, a: str | None, b: str | None) -> str | None:
    """Why a folder without lonely pictures would still not be trained on, or None."""
    if found is None or any(m.lonely_a or m.lonely_b or m.doubled for m in found.matched.values()):
        return None
    try:
        hold_out(find_layout(root, a, b))
    except DataError as error:
        return str(error)
    return None


def _layout(root: Path, a: str | None, b: str | None) -> tuple[Found | None, str | None]:
    """The arrangement, or the sentence that says why there is none though there are pictures."""
    if not root.is_dir() or not find_pictures(root):
        look_at(root, a, b)  # has the right sentence
        raise DataError(f"{root} holds no pictures (JPEG, PNG, WebP, TIFF or BMP).")
    try:
        return look_at(root, a, b), None
    except DataError as error:
        return None, str(error)


def _names(found: Found | None) -> tuple[str, ...]:
    return (found.a_name, found.b_name) if found else ("pictures",)


def _entries(root: Path, found: Found | None) -> list[_Entry]:
    if found is None:
        paths = [path.relative_to(root) for path in find_pictures(root)]
        return [_Entry(str(path.parent), path.name, root / path, None) for path in paths]
    entries = []
    for split, matched in found.matched.items():
        entries += [_Entry(split, n, *paths, found.kind == "side by side") for n, paths in matched.pairs.items()]
        entries += [_Entry(split, name, path, None) for name, path in matched.lonely_a.items()]
        entries += [_Entry(split, name, None, path) for name, path in matched.lonely_b.items()]
    return entries


def _counts(entries: Iterable[_Entry], found: Found | None) -> dict[str, int]:
    return dict(Counter(e.split for e in entries if found is None or (e.a and e.b)))


def _to_compare(entries: list[_Entry]) -> set[_Entry]:
    """Which pairs have their edges compared: a random part of a very large folder, for memory's sake."""
    pairs = [entry for entry in entries if entry.a and entry.b]
    if len(pairs) <= MOST:
        return set(pairs)
    return {pairs[number] for number in np.random.default_rng(0).choice(len(pairs), MOST, replace=False)}


def _look(entry: _Entry, compare: bool) -> _Seen:
    sides: list[Array | None] = [None, None]
    reason = None
    try:
        if entry.a and entry.b:
            sides = list(decode_pair(Pair(entry.name, entry.a, entry.b, entry.side_by_side)))
        else:
            alone = entry.a or entry.b
            assert alone is not None
            sides[entry.a is None] = decode_pair(Pair(entry.name, alone, alone, False))[0]
    except PictureError as error:
        reason = str(error)
    a, b = sides
    comparable = a is not None and b is not None and a.shape[:2] == b.shape[:2] and min(a.shape[:2]) >= 16
    return _Seen(
        entry,
        [None if side is None else (side.shape[1], side.shape[0]) for side in sides],
        [None if side is None else side.shape[2] for side in sides],
        [None if side is None else side.dtype.itemsize * 8 for side in sides],
        [None if side is None else _digest(side) for side in sides],
        (edges(a), edges(b)) if compare and comparable and a is not None and b is not None else None,
        reason,
    )


def _digest(pixels: Array) -> str:
    """Of the pixels, so that a picture saved twice without loss counts as the same."""
    head = f"{pixels.dtype}{pixels.shape}".encode()
    return hashlib.sha256(head + np.ascontiguousarray(pixels).tobytes()).hexdigest()


def _side(seen: list[_Seen], which: int, name: str) -> Side:
    sizes = Counter(size for one in seen if (size := one.sizes[which]))
    channels = Counter(count for one in seen if (count := one.channels[which]))
    depths = Counter(bits for one in seen if (bits := one.depths[which]))
    return Side(name, dict(sizes), dict(channels), dict(depths))


def _twins(seen: list[_Seen], names: tuple[str, ...]) -> tuple[Twins, ...]:
    """Groups of equal pairs first, then of equal pictures that are not in such a group alone."""
    by_pair: dict[tuple[str, str], list[_Seen]] = defaultdict(list)
    by_picture: dict[str, list[tuple[_Seen, int]]] = defaultdict(list)
    for one in seen:
        first, second = one.digests
        if first and second:
            by_pair[first, second].append(one)
        for which, digest in enumerate(one.digests):
            if digest:
                by_picture[digest].append((one, which))
    groups, told = [], set()
    for pair, alike in by_pair.items():
        if len(alike) > 1:
            titles = tuple(one.entry.title for one in alike)
            told.add(frozenset(titles))
            groups.append(Twins("pair", titles, len({one.entry.split for one in alike}) > 1))
        if pair[0] == pair[1]:
            groups += [Twins("sides", (one.entry.title,), False) for one in alike]
    for members in by_picture.values():
        titles = tuple(dict.fromkeys(one.entry.title for one, _ in members))
        if len(titles) > 1 and frozenset(titles) not in told:
            said = " and ".join(sorted({names[min(which, len(names) - 1)] for _, which in members}))
            groups.append(Twins(said, titles, len({one.entry.split for one, _ in members}) > 1))
    return tuple(sorted(groups, key=lambda group: (not group.across, group.titles)))


def _suspects(seen: list[_Seen]) -> tuple[tuple[Suspect, ...], int, bool]:
    """Pairs whose sides seem not to belong together, how many were compared and whether that told anything."""
    pairs = [one for one in seen if one.edges is not None]
    judged = judge([one.edges for one in pairs if one.edges is not None])
    suspects = []
    for doubt in judged.doubts:
        one = pairs[doubt.number]
        width, height = one.sizes[0] or (0, 0)
        shift = (round(doubt.shift[0] * width), round(doubt.shift[1] * height))
        suspects.append(Suspect(one.entry.title, doubt.kind, shift))
    return tuple(suspects), judged.compared, judged.telling


def _below(root: Path, paths: Iterable[Path]) -> list[str]:
    return [str(path.relative_to(root)) for path in paths]


def _times(size: tuple[int, int] | None) -> str:
    return f"{size[0]}x{size[1]}" if size else "?"
