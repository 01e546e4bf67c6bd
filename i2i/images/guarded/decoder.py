"""The decoder of this process for what strangers send: guarded where processes can be forked and limited."""

from __future__ import annotations

import atexit
import os
import sys
import threading

from ..decode import read_header, read_picture
from ..image import Picture
from ..structure.bounds import STRANGERS
from .seen import Decoder, Seen


class Unguarded:
    """The same in this process, with the bounds alone: where there are no processes to fork (Windows, macOS)."""

    def start(self) -> None:
        """Nothing to start."""

    def look(self, data: bytes) -> Seen:
        """As `Guard.look`, without the picture."""
        return Seen(read_header(data, STRANGERS), None, None)

    def picture(self, data: bytes, seen: Seen, max_pixels: int) -> Picture:  # noqa: ARG002
        """As `Guard.picture`."""
        return read_picture(data, max_pixels, STRANGERS)

    def close(self) -> None:
        """Nothing to end."""


_decoders: dict[int, Decoder] = {}
_making = threading.Lock()


def decoder(workers: int) -> Decoder:
    """The one of this process, which has `workers` when this is the first call."""
    with _making:
        pid = os.getpid()  # a fork has none of its parent's
        if pid not in _decoders:
            _decoders.clear()
            _decoders[pid] = _made(workers)
            atexit.register(_decoders[pid].close)
        return _decoders[pid]


def _made(workers: int) -> Decoder:
    if sys.platform != "linux":
        return Unguarded()
    from .guard import Guard  # which needs what only Linux has

    return Guard(workers)
