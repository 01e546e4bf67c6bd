"""Converts what comes into a folder, as it comes: looks again and again, and takes a file once it has settled.

It looks with `stat` alone, which works on network drives too.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from ...images.find import survey

POLL = 1.0
"""Seconds between two looks; a file has settled when it is the same in two of them."""

State = tuple[int, int]
"""Size in bytes and time of a file."""

Convert = Callable[[Mapping[Path, State], bool], object]
"""Converts the sources that have settled, each in this state; second: they were tried in an earlier one."""


def watch(convert: Convert, source: Path, target: Path, stop: threading.Event, poll: float = POLL) -> None:
    """Convert each picture below `source`, as it comes or changes, until `stop` is set.

    A file that fails is tried again when it changes. Raises what `convert` raises.
    """
    seen: dict[Path, State] = {}
    tried: dict[Path, State] = {}
    while True:
        pictures = survey(source, without=target).pictures
        now = {path: state for path in pictures if (state := state_of(path)) is not None}
        settled = {path for path, state in now.items() if seen.get(path) == state != tried.get(path)}
        seen = now
        for turn, again in ((settled - tried.keys(), False), (settled & tried.keys(), True)):
            if turn:
                convert({path: now[path] for path in turn}, again)
        tried.update({path: now[path] for path in settled})
        if stop.wait(poll):
            return


def state_of(path: Path) -> State | None:
    """How a file is now; None when it is gone, or empty as one that is only begun."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (found.st_size, found.st_mtime_ns) if found.st_size else None
