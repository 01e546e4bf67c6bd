"""A file or its bytes: its name in sentences, its size, its first bytes."""

from __future__ import annotations

from pathlib import Path

from ..errors import PictureError


def file_size(path: Path) -> int:
    """In bytes; raises PictureError when the file cannot be looked at."""
    try:
        return path.stat().st_size
    except OSError as error:
        raise PictureError(f"{path} cannot be opened ({error.strerror}).") from error


def first_bytes(source: Path | bytes, count: int = 4) -> bytes:
    """The beginning of the file; empty when it cannot be read, which the decoder then says."""
    if isinstance(source, bytes):
        return source[:count]
    try:
        with source.open("rb") as file:
            return file.read(count)
    except OSError:
        return b""  # _opened says why


def source_name(source: Path | bytes) -> str:
    """What sentences call it."""
    return "The picture" if isinstance(source, bytes) else str(source)
