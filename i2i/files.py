"""Files that are either whole or absent: written beside their place, then renamed. Standard library only."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .errors import StorageError


def write_atomically(path: Path, data: bytes) -> None:
    """Write `data` to `path`, whole or not at all; raises StorageError when the disk is full or not writable."""
    with being_written(path) as part:
        part.write_bytes(data)


@contextlib.contextmanager
def being_written(path: Path) -> Iterator[Path]:
    """A place beside `path` for a file or a folder, renamed to `path` at the end, removed on any failure.

    Raises StorageError for what the operating system refuses.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield part
        part.replace(path)
    except OSError as error:
        _remove(part)
        free = _free_megabytes(path)
        raise StorageError(
            f"{path} could not be written: {error.strerror or error}{free}. Nothing that was there is lost."
        ) from error
    except BaseException:
        _remove(part)
        raise


def _remove(part: Path) -> None:
    if part.is_dir():
        shutil.rmtree(part, ignore_errors=True)
    else:
        part.unlink(missing_ok=True)


def _free_megabytes(path: Path) -> str:
    with contextlib.suppress(OSError):
        return f" ({shutil.disk_usage(path.parent).free / 2**20:.0f} MB free there)"
    return ""
