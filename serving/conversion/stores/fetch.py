"""A picture out of a store: fetched once, for its digest and for the decoder."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from ....errors import PictureError
from ....images.source import source_name
from ..journal import Source
from .url import Url


def fetched(url: Url) -> tuple[bytes, Source]:
    """The bytes of a file, and what they are by size, time and digest; raises PictureError."""
    try:
        found, data = url.stat(), url.read_bytes()
    except OSError as error:
        raise PictureError(f"{url} cannot be opened ({error.strerror}).") from error
    return data, Source(len(data), found.st_mtime_ns, hashlib.sha256(data).hexdigest())


@contextlib.contextmanager
def named(place: Path) -> Iterator[None]:
    """What is said of bytes is said of the place in a store that they came from."""
    try:
        yield
    except PictureError as error:
        if isinstance(place, Url):
            error.args = (str(error).replace(source_name(b""), str(place), 1),)
        raise
