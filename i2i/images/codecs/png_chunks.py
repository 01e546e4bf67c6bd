"""The chunks of a PNG beside its pixels: those that say its colours, and texts that Pillow would refuse to unpack.

A comment of megabytes is no reason to lose a picture. Nothing is unpacked further than LARGEST_TEXT, so that a bomb
stays one.
"""

from __future__ import annotations

import dataclasses
import io
import itertools
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from ..image import Picture
from ..metadata.iptc import raw_profile

SIGNATURE = b"\x89PNG\r\n\x1a\n"
AFTER_IHDR = 33
"""Bytes of the signature and the first chunk."""
LARGEST_TEXT = 1 << 20
"""Bytes of one text, unpacked; Pillow refuses the file beyond that."""
ALL_TEXT = 32 << 20
"""Bytes of all texts together; Pillow refuses the file beyond 64 MB."""
ALL_WORK = 2 * ALL_TEXT
"""Bytes that are unpacked to see how long texts are; those behind are left out unseen."""
LARGEST_PROFILE = 16 << 20
"""Bytes of a colour profile, unpacked."""
LARGEST_XMP = 7 << 20
"""Bytes of a packet of XMP, unpacked; libpng takes no chunk of more than 8,000,000."""
_XMP = b"XML:com.adobe.xmp\0"
HARMLESS = 1000
"""Bytes that unpack to less than LARGEST_TEXT whatever they are: deflate packs 1032 to 1 at most."""

COLOURS = {b"cICP": 4, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"mDCV": 24, b"cLLI": 8}
"""Chunks that say the colours of a PNG, and how long they are."""

BESIDE = {
    **dict.fromkeys((b"tEXt", b"zTXt", b"iTXt"), "damaged texts"),
    **dict.fromkeys(COLOURS, "damaged colour chunks"),
    **dict.fromkeys((b"pHYs", b"tIME", b"sBIT", b"bKGD", b"hIST", b"sPLT"), "damaged chunks"),
    b"eXIf": "damaged EXIF",
    b"iCCP": "broken colour profile",
}
"""Chunks without which the pixels are the same, and what sentences call one whose checksum is wrong: libpng passes over
it, and Pillow refuses the file."""
LARGEST_CHECKED = 64 << 20
"""Bytes of a chunk whose checksum is proved."""

Chunk = tuple[bytes, int, int]
"""Type, place of its data, length of that."""


@dataclasses.dataclass(frozen=True)
class Seen:
    """What was seen of a PNG that Pillow does not say, or not well."""

    colours: tuple[tuple[bytes, bytes], ...] = ()
    """(type, data) of the chunks that say its colours."""
    lighter: io.BytesIO | None = None
    """The file without the texts that Pillow would refuse, where there are such."""
    profile: bytes | None = None
    xmp: bytes | None = None
    """Where Pillow would not unpack them."""
    left_out: tuple[str, ...] = ()


def looked_through(source: Path | bytes) -> Seen:
    """A PNG's chunks; of any other file nothing."""
    with io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file:
        if file.read(8) != SIGNATURE:
            return Seen()
        every = _chunks(file)
        broken = {chunk for chunk in every if chunk[0] in BESIDE and _is_broken(file, chunk)}
        chunks = [chunk for chunk in every if chunk not in broken]
        # What stands behind the pixels says nothing of them, and of two the first counts.
        first = {kind: (kind, at, length) for kind, at, length in reversed(_before_pixels(chunks))}
        said = [first[kind] for kind, length in COLOURS.items() if kind in first and first[kind][2] == length]
        colours = tuple((chunk[0], _data(file, chunk)) for chunk in said)
        seen = _without_large_texts(file, chunks)
        if broken:
            words = sorted({BESIDE[kind] for kind, _, _ in broken} | set(seen.left_out))
            lighter = seen.lighter or _copied(file, chunks, set())
            seen = dataclasses.replace(seen, lighter=lighter, left_out=tuple(words))
        return dataclasses.replace(seen, colours=colours)


def metadata_chunks(picture: Picture) -> list[tuple[bytes, bytes]]:
    """(type, data) of what a PNG says beside its pixels, in an order that the specification allows."""
    from ..colour.spaces import profile_of_chunks  # which needs readers that need this module

    has_profile = bool(picture.icc) and picture.icc != profile_of_chunks(picture.colour_chunks, picture.pixels.shape[2])
    chunks = [chunk for chunk in picture.colour_chunks if not (has_profile and chunk[0] == b"sRGB")]
    if picture.icc and has_profile:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(picture.icc)))
    if picture.dpi:
        across, down = (min(round(each / 0.0254), 2**31 - 1) for each in picture.dpi)
        chunks.append((b"pHYs", struct.pack(">IIB", across, down, 1)))
    if picture.exif:
        chunks.append((b"eXIf", picture.exif.removeprefix(b"Exif\0\0")))
    if picture.xmp:
        chunks.append((b"iTXt", _XMP + b"\0\0\0\0" + picture.xmp))
    if picture.iptc:
        chunks.append((b"zTXt", b"Raw profile type iptc\0\0" + zlib.compress(raw_profile(picture.iptc))))
    return chunks + [_text(key, text) for key, text in picture.texts]


def with_metadata(png: bytes, picture: Picture) -> bytes:
    """A whole PNG with the picture's metadata behind its first chunk."""
    return png[:AFTER_IHDR] + joined(metadata_chunks(picture)) + png[AFTER_IHDR:]


def joined(chunks: Sequence[tuple[bytes, bytes | bytearray]]) -> bytes:
    """(type, data) as they stand in a file."""
    parts = [
        (struct.pack(">I", len(data)), kind, data, struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
        for kind, data in chunks
    ]
    return b"".join(itertools.chain.from_iterable(parts))


def _text(key: str, text: str) -> tuple[bytes, bytes]:
    """As Latin-1 where that is enough, which every program reads."""
    name = key.encode("latin-1", "replace")[:79] + b"\0"
    try:
        return b"tEXt", name + text.encode("latin-1").replace(b"\0", b"")
    except UnicodeEncodeError:
        return b"iTXt", name + b"\0\0\0\0" + text.encode().replace(b"\0", b"")


def _before_pixels(chunks: list[Chunk]) -> list[Chunk]:
    kinds = [kind for kind, _, _ in chunks]
    return chunks[: kinds.index(b"IDAT")] if b"IDAT" in kinds else chunks


def _without_large_texts(file: BinaryIO, chunks: list[Chunk]) -> Seen:
    texts = [chunk for chunk in chunks if chunk[0] in (b"tEXt", b"zTXt", b"iTXt", b"iCCP")]
    packed = any(kind != b"tEXt" and length > HARMLESS for kind, _, length in texts)
    if not packed and sum(length for _, _, length in texts) + len(texts) * LARGEST_TEXT < ALL_TEXT:
        return Seen()
    left_out, words, found, total, work = set[Chunk](), dict[str, None](), dict[bytes, bytes](), 0, 0
    for chunk in texts:
        if work > ALL_WORK:
            left_out.add(chunk)
            words["texts of more than 1 MB"] = None
            continue
        size = _unpacked(file, chunk, LARGEST_TEXT)
        total += size
        work += size
        if size > LARGEST_TEXT or total > ALL_TEXT:
            left_out.add(chunk)
            total -= size
            kept = _kept(file, chunk)
            found |= kept
            words |= {} if kept else {_word(file, chunk): None}
    if not left_out:
        return Seen()
    return Seen((), _copied(file, chunks, left_out), found.get(b"iCCP"), found.get(_XMP), tuple(words))


def _chunks(file: BinaryIO) -> list[Chunk]:
    """Those that are there whole or in part, in order, without reading their data."""
    found: list[Chunk] = []
    while len(head := file.read(8)) == 8:
        length, kind = struct.unpack(">I4s", head)
        found.append((kind, file.tell(), length))
        if kind == b"IEND":
            break
        file.seek(length + 4, io.SEEK_CUR)
    return found


def _is_broken(file: BinaryIO, chunk: Chunk) -> bool:
    """Whether its checksum is wrong; not where a part of it is missing, as of a file that is cut."""
    kind, at, length = chunk
    if length > LARGEST_CHECKED:
        return False
    file.seek(at)
    data, checksum = file.read(length), file.read(4)
    return len(checksum) == 4 and zlib.crc32(data, zlib.crc32(kind)) != int.from_bytes(checksum)


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
    """What stands behind the keyword, without the further words of an iTXt; at most `most` bytes of it."""
    _, _, rest = data.partition(b"\0")
    if kind == b"iTXt":
        *_, text = rest[2:].split(b"\0", 2)  # its language, and the keyword in it
        if rest[:1] != b"\1":
            return text[:most]
        rest = b"\0" + text
    try:
        return zlib.decompressobj().decompress(rest[1:], most)
    except zlib.error:
        return b""


def _kept(file: BinaryIO, chunk: Chunk) -> dict[bytes, bytes]:
    """A profile or a packet of XMP, of which there may be more than of texts; nothing of other chunks."""
    kind, data = chunk[0], _data(file, chunk)
    if kind == b"iCCP":
        profile = _inflated(data, kind, LARGEST_PROFILE + 1)
        return {kind: profile} if len(profile) <= LARGEST_PROFILE else {}
    packet = _inflated(data, kind, LARGEST_XMP + 1) if kind == b"iTXt" and data.startswith(_XMP) else b""
    return {_XMP: packet} if 0 < len(packet) <= LARGEST_XMP else {}


def _word(file: BinaryIO, chunk: Chunk) -> str:
    kinds = {b"iCCP": "colour profile", b"iTXt": "XMP" if _data(file, chunk).startswith(_XMP) else ""}
    return kinds.get(chunk[0]) or "texts of more than 1 MB"


def _copied(file: BinaryIO, chunks: list[Chunk], left_out: set[Chunk]) -> io.BytesIO:
    copy = io.BytesIO()
    copy.write(SIGNATURE)
    for chunk in chunks:
        if chunk not in left_out:
            file.seek(chunk[1] - 8)
            copy.write(file.read(chunk[2] + 12))
    copy.seek(0)
    return copy
