"""What goes between the server and a worker: a length, a header in JSON, bytes. Nothing in it can run.

A worker has read a stranger's bytes, so that its answers are not trusted either: lengths are bounded, types come from a
list, and memory that it hands over is sealed, so that it can neither change nor shrink under its reader.
"""

from __future__ import annotations

import dataclasses
import fcntl
import json
import math
import mmap
import os
import socket
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import PictureError, PictureTooLargeError, SeveralFramesError
from ..image import Array, Header, Picture
from .seen import Seen

LONGEST = 1 << 16
"""Bytes of a header."""
INLINE = 1 << 18
"""Bytes of pixels up to which they go through the socket; more go in memory of their own, which is copied once less."""
BUFFER = 1 << 19
"""Bytes that a socket takes at once."""
TYPES = {"uint8": np.uint8, "uint16": np.uint16, "float32": np.float32}
ERRORS: dict[str, type[PictureError]] = {
    kind.__name__: kind for kind in (PictureError, PictureTooLargeError, SeveralFramesError)
}
SEALS = (
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    if hasattr(fcntl, "F_SEAL_SEAL")
    else 0
)
Buffer = bytes | memoryview
MOST_BESIDE = 8 << 20
"""Bytes of a profile and the like."""


class GoneError(Exception):
    """The other side has ended, or speaks something else."""


def send(connection: socket.socket, said: dict[str, Any], *parts: Buffer) -> None:
    """One message; raises GoneError."""
    head = json.dumps(said).encode()
    whole: list[Buffer] = [struct.pack("<I", len(head)) + head, *parts]
    try:
        sent = connection.sendmsg(whole)  # at once, as each piece would wake the other side
        for part in whole:
            if sent < len(part):
                connection.sendall(memoryview(part)[sent:])
            sent = max(0, sent - len(part))
    except OSError as error:
        raise GoneError from error


def receive(connection: socket.socket) -> dict[str, Any]:
    """The header of one; raises GoneError, or TimeoutError by the connection's own timeout."""
    (length,) = struct.unpack("<I", receive_bytes(connection, 4))
    if length > LONGEST:
        raise GoneError
    try:
        said = json.loads(receive_bytes(connection, length))
    except ValueError as error:
        raise GoneError from error
    if not isinstance(said, dict):
        raise GoneError
    return said


def receive_bytes(connection: socket.socket, count: int) -> bytearray:
    """Just so many; raises GoneError, or TimeoutError."""
    data = bytearray(count)
    view, have = memoryview(data), 0
    while have < count:
        try:
            got = connection.recv_into(view[have:])
        except TimeoutError:
            raise
        except OSError as error:
            raise GoneError from error
        if not got:
            raise GoneError
        have += got
    return data


def send_error(connection: socket.socket, header: Header | None, error: PictureError) -> None:
    """Why the header could not be read, or the pixels where there is a header."""
    said = {"error": type(error).__name__, "text": str(error)[:1000]}
    send(connection, {"header": None if header is None else dataclasses.astuple(header), **said})


def send_picture(connection: socket.socket, header: Header, picture: Picture | None) -> None:
    """The header; the pixels and what says their colours; of the metadata nothing, which a server gives nobody."""
    said: dict[str, Any] = {"header": dataclasses.astuple(header)}
    if picture is None:
        return send(connection, said)
    arrays = [np.ascontiguousarray(array) for array in (picture.pixels, picture.alpha) if array is not None]
    views = [array.data.cast("B") for array in arrays]
    blobs = [picture.icc or b"", *(data for _, data in picture.colour_chunks)]
    total = sum(map(len, views))
    said["picture"] = {
        "shape": picture.pixels.shape,
        "type": picture.pixels.dtype.name,
        "alpha": picture.alpha is not None,
        "icc": picture.icc is not None,
        "colours": [kind.decode("latin-1") for kind, _ in picture.colour_chunks],
        "blobs": [len(blob) for blob in blobs],
        "inline": total <= INLINE,
    }
    if total <= INLINE:
        return send(connection, said, *blobs, *views)
    send(connection, said, *blobs)
    return send_memory(connection, views, SEALS)


def send_memory(connection: socket.socket, parts: Sequence[Buffer], seals: int = 0) -> None:
    """Bytes in memory of their own, of which the other side gets the file; raises GoneError."""
    memory = os.memfd_create("picture", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        for each in parts:
            part, written = memoryview(each), 0
            while written < len(part):
                written += os.write(memory, part[written:])
        fcntl.fcntl(memory, fcntl.F_ADD_SEALS, seals)
        socket.send_fds(connection, [b"."], [memory])
    except OSError as error:
        raise GoneError from error
    finally:
        os.close(memory)


def receive_file(connection: socket.socket) -> int:
    """The descriptor of a file; raises GoneError, or TimeoutError."""
    try:
        _, fds, _, _ = socket.recv_fds(connection, 1, 1)
    except TimeoutError:
        raise
    except OSError as error:
        raise GoneError from error
    if len(fds) != 1:
        raise GoneError
    return fds[0]


def receive_seen(connection: socket.socket, said: dict[str, Any]) -> Seen:
    """What was sent, of which `said` is the message. Large pixels are not copied; changing them changes a copy.

    Raises GoneError on an answer that contradicts itself, PictureError where not even the header could be read.
    """
    error = ERRORS.get(said["error"], PictureError)(str(said.get("text", ""))) if "error" in said else None
    if error is not None and not said.get("header"):
        raise error
    try:
        header = Header(*(int(each) for each in said["header"]))
        picture = _picture(connection, said["picture"]) if "picture" in said else None
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise GoneError from wrong
    if min(header.width, header.height, header.channels) < 1 or header.depth not in (8, 16, 32):
        raise GoneError
    return Seen(header, picture, error)


def _picture(connection: socket.socket, said: dict[str, Any]) -> Picture:
    shape, kind, has_alpha = [int(side) for side in said["shape"]], np.dtype(TYPES[said["type"]]), bool(said["alpha"])
    lengths, colours = [int(each) for each in said["blobs"]], [str(each).encode("latin-1") for each in said["colours"]]
    if len(shape) != 3 or min(shape) < 1 or len(lengths) != 1 + len(colours) or min(lengths) < 0:
        raise GoneError
    if sum(lengths) > MOST_BESIDE:
        raise GoneError
    blobs = [bytes(receive_bytes(connection, length)) for length in lengths]
    sizes = [math.prod(shape) * kind.itemsize] + ([math.prod(shape[:2]) * kind.itemsize] if has_alpha else [])
    whole = _inline(connection, sum(sizes)) if said.get("inline") else _mapped(connection, sum(sizes))
    pixels = whole[: sizes[0]].view(kind).reshape(shape)
    alpha = whole[sizes[0] :].view(kind).reshape(shape[:2]) if has_alpha else None
    chunks = tuple(zip(colours, blobs[1:], strict=True))
    return Picture(pixels, alpha, blobs[0] if said.get("icc") else None, colour_chunks=chunks)


def _inline(connection: socket.socket, size: int) -> Array:
    if size > INLINE:
        raise GoneError
    return np.frombuffer(receive_bytes(connection, size), np.uint8)


def _mapped(connection: socket.socket, size: int) -> Array:
    file = receive_file(connection)
    try:
        if os.fstat(file).st_size != size or fcntl.fcntl(file, fcntl.F_GET_SEALS) & SEALS != SEALS:
            raise GoneError
        return np.frombuffer(mmap.mmap(file, size, mmap.MAP_PRIVATE, mmap.PROT_READ | mmap.PROT_WRITE), np.uint8)
    except OSError as error:
        raise GoneError from error
    finally:
        os.close(file)
