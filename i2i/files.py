"""Files that are either whole or absent: written beside their place, then renamed. Standard library only."""

from __future__ import annotations

import contextlib
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from .errors import StorageError


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; raises StorageError when the disk is full or not writable."""
    with being_written(path) as part:
        part.write_bytes(data)


def write_whole(path: Path, data: bytes) -> None:
    """The same, for callers that tell one OSError from another; raises OSError."""
    with _beside(path) as part:
        part.write_bytes(data)


def append(path: Path, data: bytes) -> None:
    """Add `data` to the end of a file; raises StorageError."""
    with _as_storage_error(path), path.open("ab") as file:
        file.write(data)


@contextlib.contextmanager
def being_written(path: Path) -> Iterator[Path]:
    """A place beside `path` for a file or a folder, renamed to `path` at the end, removed on any failure.

    Raises StorageError for what the operating system refuses.
    """
    with _as_storage_error(path), _beside(path) as part:
        yield part


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
def _beside(path: Path) -> Iterator[Path]:
    # Short, so that a name at the file system's limit still fits; hidden, so that no listing takes it.
    part = path.parent / f".i2i-{uuid.uuid4().hex[:12]}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except BaseException:
        _remove(part)
        raise


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
