"""What Linux's control groups leave to this process: processors and memory, the least over all groups it is in.

A limit may stand at any level: a batch queue or a service sets it on the process's own group, a container on one above.
Version 2 and version 1 are read, wherever they are mounted. Standard library only; `root` is for tests.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

USUAL = {"": "sys/fs/cgroup", "cpu": "sys/fs/cgroup/cpu", "memory": "sys/fs/cgroup/memory"}
"""Where the groups of version 2 and of version 1's controllers lie when nothing says so."""
UNLIMITED = 2**60
"""Version 1 writes a number beyond any machine's memory where there is no limit."""


def quota(root: Path) -> float | None:
    """Processors that the process may use at a time, such as 0.5; None without a limit."""
    return min((*_quotas(root),), default=None)


def free_memory(root: Path) -> int | None:
    """Bytes that the process may still take before some group's limit is reached; None without a limit.

    What a group holds of files that were read, and would give up, counts as free.
    """
    return min((max(0, free) for free in _free(root)), default=None)


def _quotas(root: Path) -> Iterator[float]:
    for group in _groups("", root):
        with contextlib.suppress(OSError, ValueError, IndexError):
            share, period = (group / "cpu.max").read_text().split()[:2]
            if share != "max":
                yield int(share) / int(period)
    for group in _groups("cpu", root):
        with contextlib.suppress(OSError, ValueError):
            allowed = _number(group / "cpu.cfs_quota_us")
            if allowed > 0:
                yield allowed / _number(group / "cpu.cfs_period_us")


def _free(root: Path) -> Iterator[int]:
    for group in _groups("", root):
        for limit in ("memory.max", "memory.high"):  # beyond the second it is slowed down to a standstill
            with contextlib.suppress(OSError, ValueError):  # `max` is no number
                yield _number(group / limit) - _number(group / "memory.current") + _of_files(group, "inactive_file")
    for group in _groups("memory", root):
        with contextlib.suppress(OSError, ValueError):
            limit_bytes = _number(group / "memory.limit_in_bytes")
            if limit_bytes < UNLIMITED:
                used = _number(group / "memory.usage_in_bytes")
                yield limit_bytes - used + _of_files(group, "total_inactive_file")


def _groups(controller: str, root: Path) -> list[Path]:
    """The folders of the groups that the process is in, its own first; `""` is version 2, else one of version 1."""
    inside = _path_of(controller, root)
    found = []
    for top, shown in _mounts(controller, root):
        path = Path(os.path.normpath(inside))
        if shown != "/" and path.is_relative_to(shown):  # a container may see its part of the tree alone
            path = Path("/") / path.relative_to(shown)
        below = top / path.relative_to("/")
        found += [folder for folder in (below, *below.parents) if folder == top or top in folder.parents]
    return found


def _path_of(controller: str, root: Path) -> str:
    """The process's group, `/` where that cannot be told."""
    for number, controllers, path in _lines(root / "proc/self/cgroup", ":", 2):
        if (controller in controllers.split(",")) if controller else (number == "0" and not controllers):
            return path if path.startswith("/") else "/"
    return "/"


def _mounts(controller: str, root: Path) -> list[tuple[Path, str]]:
    """Where the groups are mounted, and which part of their tree that is."""
    found = []
    for _, _, _, shown, place, rest in _lines(root / "proc/self/mountinfo", " ", 5):
        kind, _, about = rest.partition(" - ")[2].partition(" ")
        named = not controller or controller in about.rpartition(" ")[2].split(",")
        if kind == ("cgroup" if controller else "cgroup2") and named:
            found.append((root / place.lstrip("/"), shown))
    return found or [(root / USUAL[controller], "/")]


def _lines(file: Path, mark: str, times: int) -> Iterator[list[str]]:
    """Each line of so many parts, cut at the mark; none where there is no file."""
    with contextlib.suppress(OSError):
        for line in file.read_text().splitlines():
            parts = line.split(mark, times)
            if len(parts) == times + 1:
                yield parts


def _number(file: Path) -> int:
    return int(file.read_text())


def _of_files(group: Path, name: str) -> int:
    """Bytes of files in memory that nobody looked at lately."""
    with contextlib.suppress(OSError, ValueError):
        for line in (group / "memory.stat").read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0
