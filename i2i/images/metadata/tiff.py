"""What a TIFF says beside its pixels, out of its directory and into another's.

In a TIFF the tags of EXIF stand among those that say how the file is laid out, which are another file's.
"""

from __future__ import annotations

import io
import struct
from typing import IO, TYPE_CHECKING, Any

from PIL import Image
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from ..image import Picture
from . import iptc
from .exif_block import EXIF, GPS, INTEROPERABILITY, ExifBlock
from .read import by_aspect, exif_block, plausible, xmp_packet

if TYPE_CHECKING:
    import tifffile  # loaded for TIFFs alone, as it takes long

TEXTS = {11, 269, 270, 271, 272, 285, 305, 306, 315, 316, 33432}
"""Tags of a directory that say something of the picture in words: software, names, description, maker, model, date,
author, computer, rights."""
NUMBERS = {18246, 18249}
"""A rating of one to five, and in per cent."""
WINDOWS = {40091, 40092, 40093, 40094, 40095}
"""Title, comment, author, keywords and subject, as Windows writes them: UTF-16 in bytes."""
RESOLUTION = {282, 283, 296}
DIRECTORIES = (EXIF, GPS)
DESCRIBING = TEXTS | NUMBERS | WINDOWS | RESOLUTION
"""All tags of the first directory that say something of the picture."""
_ICC, _XMP, _IPTC, _INCH = 34675, 700, 33723, 2.54


def metadata_of_tiff(source: IO[bytes], page: tifffile.TiffPage, orientation: int) -> dict[str, Any]:
    """Fields of a `Picture` beside the pixels and the profile, of one page of a file that is open."""
    lost: list[str] = []
    said: dict[str, Any] = {}
    for name, read in (("EXIF", _exif), ("XMP", _xmp), ("IPTC", _iptc)):
        try:
            said[name.lower()] = read(source, page)
        except Exception:  # Pillow's and tifffile's readers raise anything on damaged tags
            lost.append(f"damaged {name}")
    dpi = _dpi(page)
    said["dpi"] = dpi[::-1] if dpi and orientation in (5, 6, 7, 8) else dpi
    return {**said, "left_out": tuple(lost)}


def orientation_of_page(page: tifffile.TiffPage) -> int:
    """1 to 8; 1 where the tag is damaged."""
    said = page.tags.valueof(274, 1)
    return said if isinstance(said, int) else 1


def tags_for_tiff(picture: Picture) -> list[tuple[int, int, int, Any, bool]]:
    """What stands in the first directory itself, as tifffile takes it."""
    tags: list[tuple[int, int, int, Any, bool]] = []
    if picture.xmp:
        tags.append((_XMP, 1, len(picture.xmp), picture.xmp, True))
    if picture.iptc:
        tags.append((_IPTC, 7, len(picture.iptc), picture.iptc, True))
    block = ExifBlock(picture.exif or b"")
    for tag, kind, count, value in block.values(TEXTS | NUMBERS | WINDOWS):
        if tag in TEXTS and kind == 2:
            tags.append((tag, 2, count, value, True))
        elif tag in WINDOWS and kind == 1:
            tags.append((tag, 1, count, value, True))
        elif tag in NUMBERS and (kind, count) == (3, 1):
            tags.append((tag, 3, 1, struct.unpack(block.order + "H", value)[0], True))
    return tags


def directories_for_tiff(exif: bytes | None) -> dict[int, dict[int, Any]]:
    """Those of EXIF and GPS, by tag; raises anything where they are damaged."""
    given = Image.Exif()
    given.load(exif or b"")
    found = {tag: dict(given.get_ifd(tag)) for tag in DIRECTORIES if tag in given}
    if INTEROPERABILITY in found.get(EXIF, {}):
        found[EXIF][INTEROPERABILITY] = dict(given.get_ifd(INTEROPERABILITY))
    directories = {tag: values for tag, values in found.items() if values}
    for tag, values in directories.items():
        _directory(tag, values, 0)
    return directories


def append_directories(tiff: io.BytesIO, directories: dict[int, dict[int, Any]]) -> None:
    """EXIF and GPS behind a whole TIFF of little endian, whose first directory is written anew to point at them.

    tifffile writes neither, and libtiff, which Pillow compresses with, does not take them.
    """
    if not directories or bytes(tiff.getbuffer()[:4]) != b"II*\0":  # a BigTIFF has other directories
        return
    (first,) = struct.unpack_from("<I", tiff.getbuffer(), 4)
    (count,) = struct.unpack_from("<H", tiff.getbuffer(), first)
    whole = bytes(tiff.getbuffer()[first + 2 : first + 2 + 12 * count + 4])
    entries = [whole[at : at + 12] for at in range(0, 12 * count, 12)]
    for tag, values in directories.items():
        place = _even(tiff)
        tiff.write(_directory(tag, values, place))
        entries.append(struct.pack("<HHII", tag, 4, 1, place))
    place = _even(tiff)
    entries.sort(key=lambda entry: int.from_bytes(entry[:2], "little"))
    tiff.write(struct.pack("<H", len(entries)) + b"".join(entries) + whole[12 * count :])
    tiff.seek(4)
    tiff.write(struct.pack("<I", place))


def _directory(tag: int, values: dict[int, Any], place: int) -> bytes:
    directory = ImageFileDirectory_v2(b"II*\0\0\0\0\0", group=tag)
    for key, value in values.items():
        directory[key] = value
        if tag == EXIF and isinstance(value, bytes):  # makers' notes, comments: Pillow would call them BYTE
            directory.tagtype[key] = 7
    return bytes(directory.tobytes(place))


def _even(file: io.BytesIO) -> int:
    end = file.seek(0, io.SEEK_END)
    return end + file.write(b"\0" * (end % 2))


def _exif(source: IO[bytes], page: tifffile.TiffPage) -> bytes | None:
    """The tags that say something of the picture, with their directories, as a block of EXIF."""
    given = Image.Exif()
    given.bigtiff, given.endian = page.parent.is_bigtiff, page.parent.byteorder
    given.load_from_fp(source, page.offset)
    said = Image.Exif()  # a new one: that of a BigTIFF has another layout, which no other file takes
    said.update({tag: given[tag] for tag in set(given) & DESCRIBING})
    # One that is empty or damaged is left out, as asking a new Exif for it would put it in.
    directories = {tag: found for tag in set(given) & set(DIRECTORIES) if (found := given.get_ifd(tag))}
    for tag, found in directories.items():
        said.get_ifd(tag).update(found)
    if INTEROPERABILITY in directories.get(EXIF, {}):
        said.get_ifd(EXIF)[INTEROPERABILITY] = dict(given.get_ifd(INTEROPERABILITY))
    return (exif_block(said.tobytes()) or None) if len(said) or directories else None


def _xmp(_source: IO[bytes], page: tifffile.TiffPage) -> bytes | None:
    packet = page.tags.valueof(_XMP)
    if not packet:
        return None
    found = xmp_packet(packet.encode() if isinstance(packet, str) else bytes(packet))
    if found is None:
        raise ValueError("no packet of XMP")
    return found


def _iptc(_source: IO[bytes], page: tifffile.TiffPage) -> bytes | None:
    value = page.tags.valueof(_IPTC)
    if not value:
        return None
    found = iptc.from_tiff(value, page.parent.byteorder)
    if found is None:
        raise ValueError("no records of IPTC")
    return found


def _dpi(page: tifffile.TiffPage) -> tuple[float, float] | None:
    unit = page.tags.valueof(296, 2)
    try:
        sides = [over / under for over, under in (page.tags.valueof(tag) for tag in (282, 283))]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return plausible([side * (_INCH if unit == 3 else 1) for side in sides]) if unit in (2, 3) else by_aspect(sides)
