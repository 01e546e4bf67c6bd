"""A file that is looked through, and how much of each kind was seen in it."""

from __future__ import annotations

import collections
import io
from typing import BinaryIO

from ...errors import PictureError
from .bounds import Bounds


class Counted:
    """An open file. Counting more of anything than its bounds allow raises PictureError."""

    def __init__(self, file: BinaryIO, name: str, bounds: Bounds) -> None:
        """`name` is what sentences call it."""
        self.file, self.name, self.bounds = file, name, bounds
        self.size = file.seek(0, io.SEEK_END)
        self._seen: collections.Counter[str] = collections.Counter()

    def at(self, place: int, count: int) -> bytes:
        """The bytes there; fewer, or none, at the end of the file."""
        if place >= self.size:
            return b""
        self.file.seek(place)
        return self.file.read(count)

    def count(self, what: str, by: int = 1) -> None:
        """One more, or `by`, of a kind that Bounds.most names."""
        self._seen[what] += by
        if self._seen[what] > self.bounds.most[what]:
            raise self.refused(f"has more than {self.bounds.most[what]:,} {what}")

    def refused(self, why: str) -> PictureError:
        """The error that says why the file is not decoded."""
        return PictureError(
            f"{self.name} {why}: it is damaged, or made to be costly, and is not decoded. Save it anew as PNG or JPEG."
        )
