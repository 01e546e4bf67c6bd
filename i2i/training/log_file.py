"""The lines of log.jsonl, for the run directory alone: whole ones, new ones, and those that make one series."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

Record = dict[str, Any]
"""A line of log.jsonl."""


class LogPlace(NamedTuple):
    """How far a log was read: which file, for a rewound log is another one, and how many of its bytes."""

    inode: int = 0
    offset: int = 0


def lines(path: Path) -> Iterator[Record]:
    """Every line that is whole; none where there is no file."""
    try:
        text = path.read_text("utf-8", errors="replace")
    except OSError:
        return
    yield from _objects(text)


def new_lines(path: Path, after: LogPlace) -> tuple[list[Record], LogPlace]:
    """Whole lines written since that place, and the place behind them; all where the file is another one by now."""
    try:
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            start = after.offset if inode == after.inode else 0
            file.seek(start)
            text = file.read()
    except OSError:
        return [], after
    whole = text[: text.rfind(b"\n") + 1]
    return list(_objects(whole.decode("utf-8", "replace"))), LogPlace(inode, start + len(whole))


def _objects(text: str) -> Iterator[Record]:
    for line in text.splitlines():
        try:
            fields = json.loads(line)
        except ValueError:  # the last line of a killed run
            continue
        if isinstance(fields, dict):
            yield fields


def one_series(found: list[Record]) -> list[Record]:
    """Lines with rising `images`, numbers alone."""
    series: list[Record] = []
    for line in found:
        if not isinstance(line.get("images"), int):
            continue
        numbers = {k: float(v) for k, v in line.items() if isinstance(v, int | float) and not isinstance(v, bool)}
        while series and series[-1]["images"] > numbers["images"]:
            series.pop()
        if series and series[-1]["images"] == numbers["images"]:
            series[-1].update(numbers)
        else:
            series.append(numbers)
    return series
