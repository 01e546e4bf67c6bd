"""Files that are either whole or absent: written beside their place, synced, then renamed. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import StorageError

PART = ".part"
"""Ends the name of a file that is being written into a folder that one process has to itself; others end in `.tmp`."""


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; raises StorageError when the disk is full or not writable."""
    with being_written(path) as part:
        write_synced(part, data)


def write_whole(path: Path, data: bytes, *, suffix: str = ".tmp", ready: Callable[[], object] | None = None) -> None:
    """The same, for callers that tell one OSError from another; raises OSError.

    `suffix` is PART where the folder is the caller's alone, so that `remove_parts` may clear up after its end.
    `ready` is called when all of the file is on the disk and has only to be renamed.
    """
    with _beside(path, suffix) as part:
        write_synced(part, data)
        if ready is not None:
            ready()


def write_beside(path: Path, data: bytes, suffix: str) -> Path:
    """Write `data` beside `path`, synced, for somebody who renames it, and give its place; raises OSError."""
    part = _part(path, suffix)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        write_synced(part, data)
    except BaseException:
        _remove(part)
        raise
    return part


def append(path: Path, data: bytes) -> None:
    """Add `data` to the end of a file, all of it or nothing; raises StorageError."""
    with _as_storage_error(path), path.open("ab", buffering=0) as file:
        before = file.tell()
        try:
            while data:
                data = data[file.write(data) :]
        except OSError:
            with contextlib.suppress(OSError):  # a disk that is full may have taken a part of it
                file.truncate(before)
            raise


@contextlib.contextmanager
def being_written(path: Path) -> Iterator[Path]:
    """A place beside `path` for a file or a folder, renamed to `path` at the end, removed on any failure.

    Raises StorageError for what the operating system refuses.
    """
    with _as_storage_error(path), _beside(path, ".tmp") as part:
        yield part


def remove_parts(folder: Path) -> int:
    """Remove what a process that is no more left unfinished in `folder`, and say how many files that were."""
    removed = 0
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".i2i-") and entry.name.endswith(PART):
                with contextlib.suppress(OSError):
                    Path(entry.path).unlink()
                    removed += 1
    return removed


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process left half-written directly in `folder`, which it had to itself."""
    with contextlib.suppress(OSError):
        for part in folder.glob(".i2i-*.tmp"):
            _remove(part)


def sync_folder(folder: Path) -> None:
    """See to it that the names in `folder` outlive a power cut, where the system can say so."""
    with contextlib.suppress(OSError):  # Windows opens no folder, some network drives sync none
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


@contextlib.contextmanager
def _as_storage_error(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}{_free_megabytes(path)}. "
            "Nothing that was there is lost."
        ) from error


@contextlib.contextmanager
def _beside(path: Path, suffix: str) -> Iterator[Path]:
    part = _part(path, suffix)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except BaseException:
        _remove(part)
        raise


def _part(path: Path, suffix: str) -> Path:
    """Short, so that a name at the file system's limit still fits; hidden, so that no listing takes it."""
    return path.parent / f".i2i-{uuid.uuid4().hex[:12]}{suffix}"


def write_synced(path: Path, data: bytes | memoryview) -> None:
    """Write `data` to a file that has no reader yet; raises OSError.

    Without the sync a power cut could leave the new name with nothing in it.
    """
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        with contextlib.suppress(OSError):  # its folder may never have come to be
            part.unlink(missing_ok=True)


def _free_megabytes(path: Path) -> str:
    with contextlib.suppress(OSError):
        return f" ({shutil.disk_usage(path.parent).free / 2**20:.0f} MB free there)"
    return ""
