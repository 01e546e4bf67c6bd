"""Whether a file system takes two names for one: those of Windows and macOS do with case, macOS' with accents, too."""

from __future__ import annotations

import os
import tempfile
import unicodedata
from pathlib import Path

from ...images.find import identity
from .stores.url import Url


def plainly(path: Path) -> str:
    """Equal for paths that some file system may take for one."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", os.fspath(path)).casefold())


def folds(one: Path, other: Path) -> bool:
    """Whether two targets are one, which differ as `plainly` does not tell.

    It is tried out where they will be, or in the nearest folder above that is there, in a folder of its own, which is
    removed; where nothing can be written, they are two.
    """
    if isinstance(one, Url):
        return False  # stores tell names apart
    folder = one.parent
    while identity(folder) is None and folder != folder.parent:
        folder = folder.parent
    names = next(pair for pair in zip(one.parts, other.parts, strict=False) if pair[0] != pair[1])
    try:
        with tempfile.TemporaryDirectory(prefix=".i2i-", dir=folder) as tried:
            Path(tried, names[0]).touch()
            return identity(Path(tried, names[1])) is not None
    except OSError:
        return False
