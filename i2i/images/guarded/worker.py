"""A worker: takes bytes from its socket, gives a header or pixels back, within what the job allows it.

The time is that of the processor: a timer that nothing in this process handles ends it. Memory is its addresses:
what goes beyond is refused to the decoder, which fails, or ends the process.
"""

from __future__ import annotations

import functools
import math
import os
import resource
import signal
import socket
from pathlib import Path
from typing import Any

from ...errors import PictureError
from ..colour.managed import from_srgb, in_srgb
from ..decode import as_picture_error, read_header, read_picture
from ..image import Picture, to_float
from ..source import source_name
from ..structure.bounds import STRANGERS
from ..structure.look import look_through
from . import wire

LARGEST_PROFILE = 4 << 20
"""Bytes; the largest that we know of have two megabytes."""
GROWN = 64 << 20
"""Bytes of addresses kept from jobs before from which on a worker makes room for a fresh one."""


def run(connection: socket.socket) -> None:
    """Jobs until the other side closes."""
    base = addresses()
    while True:
        try:
            said = wire.receive(connection)
            size = int(said["bytes"])
            file = None if size <= wire.INLINE else wire.receive_file(connection)
            data = bytes(wire.receive_bytes(connection, size)) if file is None else b""
        except (wire.GoneError, KeyError):
            return
        if addresses() > base + GROWN:
            wire.send(connection, {"again": True})
            return
        _limit(base + int(said["memory"]), float(said["seconds"]))
        try:
            _answer(connection, said, data if file is None else _looked_through(file, size))
        except wire.GoneError:
            return
        except PictureError as error:
            wire.send_error(connection, None, error)
        except Exception as error:  # e.g. memory that ran out outside the decoder
            text = "The picture is damaged, or there is not enough memory for it."
            wire.send(connection, {"error": PictureError.__name__, "text": text, "of": type(error).__name__})
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            if file is not None:
                os.close(file)
        del data


def _looked_through(file: int, size: int) -> bytes:
    """The bytes of a large file, which are read once it is known to be within the bounds; raises PictureError."""
    with as_picture_error(b""):
        look_through(Path(f"/proc/self/fd/{file}"), source_name(b""), STRANGERS)
    return os.pread(file, size, 0)


def _answer(connection: socket.socket, said: dict[str, Any], data: bytes) -> None:
    """The header, and the picture where it is asked for or has no more pixels than the job says."""
    header, most = None, int(said["max_pixels"])
    try:
        header = read_header(data, STRANGERS)
        is_wanted = said["whole"] or header.width * header.height <= most
        picture = _proved(read_picture(data, most, STRANGERS)) if is_wanted else None
    except PictureError as error:
        wire.send_error(connection, header, error)
    else:
        wire.send_picture(connection, header, picture)


def _proved(picture: Picture) -> Picture:
    """The same, once its profile was used both ways here, as it is used in the server."""
    if picture.icc is not None and len(picture.icc) > LARGEST_PROFILE:
        raise PictureError(f"The picture has a colour profile of more than {LARGEST_PROFILE >> 20} MiB.")
    if picture.icc is not None and picture.pixels.shape[2] in (1, 3):
        from_srgb(to_float(in_srgb(picture.pixels[:1, :1], picture.icc)), picture.icc)
    return picture


def _limit(memory: int, seconds: float) -> None:
    _, hardest = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (memory, hardest))
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hardest = resource.getrlimit(resource.RLIMIT_CPU)
    whole = math.ceil(used.ru_utime + used.ru_stime + seconds) + 1  # of whole seconds, should the timer be lost
    resource.setrlimit(resource.RLIMIT_CPU, (whole, hardest))
    signal.setitimer(signal.ITIMER_PROF, seconds)


def addresses() -> int:
    """Bytes of this process's address space."""
    return int(os.pread(_statm(), 100, 0).split()[0]) * resource.getpagesize()


@functools.cache
def _statm() -> int:
    """Opened by the worker itself: it is of the process that opens it."""
    return os.open("/proc/self/statm", os.O_RDONLY | os.O_CLOEXEC)
