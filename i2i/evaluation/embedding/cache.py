"""Features on the disk, a file a picture: I2I_CACHE, or XDG_CACHE_HOME/i2i, or ~/.cache/i2i, in `features/`.

A file's name is the digest of the picture's content; its folder's that of code and weights. So nothing that is found
can be of another picture or of another version. A damaged file is as good as none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path

import numpy as np

from ...files import write_whole
from ...images.image import Array

MOST_BYTES = 2**30
"""What the cache may hold; the files that were written first are removed beyond it."""


def root() -> Path:
    """Where features are kept; removing the folder empties the cache."""
    base = os.environ.get("I2I_CACHE")
    if base:
        return Path(base) / "features"
    home = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(home) / "i2i" / "features"


class DiskCache:
    """Vectors of float32 by key, in one folder; whatever the disk refuses only costs time."""

    def __init__(self, key: str) -> None:
        self.folder = root() / key

    def get(self, name: str) -> Array | None:
        """The vector, or None when there is none or its file is damaged."""
        try:
            data = self._path(name).read_bytes()
        except OSError:
            return None
        check, values = data[:16], data[16:]
        if len(values) % 4 or not values or hashlib.blake2b(values, digest_size=16).digest() != check:
            return None
        return np.frombuffer(values, np.float32)

    def __setitem__(self, name: str, vector: Array) -> None:
        values = np.ascontiguousarray(vector, np.float32).tobytes()
        with contextlib.suppress(OSError):
            write_whole(self._path(name), hashlib.blake2b(values, digest_size=16).digest() + values)

    def _path(self, name: str) -> Path:
        return self.folder / name[:2] / name[2:]


def trim(most: int = MOST_BYTES) -> None:
    """Remove the oldest files of all folders until no more than `most` bytes are left."""
    found = []
    for path in root().rglob("*"):
        with contextlib.suppress(OSError):
            if path.is_file():
                found.append((path.stat().st_mtime, path.stat().st_size, path))
    total = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if total <= most:
            break
        with contextlib.suppress(OSError):
            path.unlink()
        total -= size
