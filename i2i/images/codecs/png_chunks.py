"""A PNG without the texts that Pillow would refuse to unpack: a comment of megabytes is no reason to lose a picture.

Nothing is unpacked further than LARGEST_TEXT, so that a bomb stays one.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LARGEST_TEXT = 1 << 20
"""Bytes of one text, unpacked; Pillow refuses the file beyond that."""
ALL_TEXT = 32 << 20
"""Bytes of all texts together; Pillow refuses the file beyond 64 MB."""
LARGEST_PROFILE = 16 << 20
"""Bytes of a colour profile, unpacked."""
HARMLESS = 1000
"""Bytes that unpack to less than LARGEST_TEXT whatever they are: deflate packs 1032 to 1 at most."""

Chunk = tuple[bytes, int, int]
"""Type, place of its data, length of that."""


def without_large_texts(source: Path | bytes) -> tuple[io.BytesIO, bytes | None] | None:
    """The PNG without them, and its profile where Pillow would not unpack that; None for any other file."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(8) != SIGNATURE:
            return None
        chunks = _chunks(file)
        texts = [chunk for chunk in chunks if chunk[0] in (b"tEXt", b"zTXt", b"iTXt", b"iCCP")]
        packed = any(kind != b"tEXt" and length > HARMLESS for kind, _, length in texts)
        if not packed and sum(length for _, _, length in texts) + len(texts) * LARGEST_TEXT < ALL_TEXT:
            return None
        left_out, profile, total = set(), None, 0
        for chunk in texts:
            size = _unpacked(file, chunk, LARGEST_TEXT)
            total += size
            if size > LARGEST_TEXT or total > ALL_TEXT:
                left_out.add(chunk)
                total -= size
                profile = _profile(file, chunk) if chunk[0] == b"iCCP" else profile
        return (_copied(file, chunks, left_out), profile) if left_out else None


def _chunks(file: BinaryIO) -> list[Chunk]:
    """Those that are there whole or in part, in order, without reading their data."""
    found: list[Chunk] = []
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        found.append((kind, file.tell(), length))
        file.seek(length + 4, io.SEEK_CUR)
    return found


def _data(file: BinaryIO, chunk: Chunk) -> bytes:
    file.seek(chunk[1])
    return file.read(chunk[2])


def _unpacked(file: BinaryIO, chunk: Chunk, most: int) -> int:
    """Bytes that the text or profile unpacks to, at most `most` + 1."""
    kind, _, length = chunk
    if kind == b"tEXt":
        return 0 if length == 0 else min(length, most)  # Pillow counts these in the sum alone
    return len(_inflated(_data(file, chunk), kind, most + 1))


def _inflated(data: bytes, kind: bytes, most: int) -> bytes:
    _, _, rest = data.partition(b"\0")
    if kind == b"iTXt":
        if rest[:1] != b"\1":
            return rest[:most]
        rest = rest[1:].split(b"\0", 2)[-1]
    try:
        return zlib.decompressobj().decompress(rest[1:], most)
    except zlib.error:
        return b""


def _profile(file: BinaryIO, chunk: Chunk) -> bytes | None:
    profile = _inflated(_data(file, chunk), b"iCCP", LARGEST_PROFILE + 1)
    return profile if len(profile) <= LARGEST_PROFILE else None


def _copied(file: BinaryIO, chunks: list[Chunk], left_out: set[Chunk]) -> io.BytesIO:
    copy = io.BytesIO()
    copy.write(SIGNATURE)
    for chunk in chunks:
        if chunk not in left_out:
            file.seek(chunk[1] - 8)
            copy.write(file.read(chunk[2] + 12))
    copy.seek(0)
    return copy
