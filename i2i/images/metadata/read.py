"""What Pillow found beside the pixels, as a `Picture` has it: EXIF, XMP, IPTC, resolution, texts.

Nothing here costs a picture: what is damaged is left out, and `left_out` says so.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Any

from PIL import Image

from . import extended_xmp, iptc, xmp
from .exif_block import HEAD, ORIENTATION, RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION, ExifBlock
from .parts import without_parts

DAMAGED = (struct.error, ValueError, KeyError, IndexError, OverflowError)
"""What parsing a damaged block raises."""
FOUND_AHEAD = "i2i"
"""Key of Pillow's `info` under which `opened` puts what it saw itself in a file: fields of `Picture`."""
_INCH = 2.54
_RAW = "Raw profile type "
"""How ImageMagick names EXIF, IPTC and XMP among the texts of a PNG."""


def metadata_of(image: Image.Image, orientation: int) -> dict[str, Any]:
    """Fields of a `Picture` beside the pixels and the profile; the picture is decoded by now, so that all is there.

    `orientation` is the one that has been applied.
    """
    info, ahead = image.info, dict(image.info.get(FOUND_AHEAD, {}))
    app1 = _raw(info, "APP1") or b""  # what ImageMagick took from a JPEG, whichever of the two it was
    packet, is_whole = info.get("xmp") or _raw(info, "xmp") or _behind(app1, extended_xmp.HEAD), True
    if parts := extended_xmp.parts_of(image):
        packet, is_whole = extended_xmp.joined(packet or b"", parts)
    exif = info.get("exif") or _raw(info, "exif") or _behind(app1, HEAD)
    said = blocks(exif, packet, _photoshop(info) or _raw(info, "iptc"))
    dpi = _dpi(image) or said["dpi"] or by_aspect(image.info.get("aspect") or image.info.get("jfif_density"))
    said["dpi"] = dpi[::-1] if dpi and orientation in (5, 6, 7, 8) else dpi
    said["left_out"] = (*ahead.pop("left_out", ()), *said["left_out"], *(() if is_whole else ("extended XMP",)))
    return {**ahead, **said, "texts": _texts(image)}


def blocks(exif: bytes | None, packet: bytes | None, records: bytes | None = None) -> dict[str, Any]:
    """Fields of a `Picture` from what stands in a file: EXIF, XMP, IPTC; the resolution is that of EXIF."""
    said: dict[str, Any] = {}
    lost = []
    given = (
        ("EXIF", "exif", exif_block, exif),
        ("XMP", "xmp", xmp_packet, packet),
        ("IPTC", "iptc", iptc.clean, records),
    )
    for name, field, read, raw in given:
        found = _read(read, raw) if raw else b""
        said[field] = found or None
        if found is None:
            lost.append(f"damaged {name}")
    said["xmp"], parts = without_parts(said["xmp"]) if said["xmp"] else (None, ())
    said["dpi"] = _dpi_of_exif(said["exif"]) if said["exif"] else None
    return {**said, "left_out": (*lost, *parts)}


def exif_block(raw: bytes) -> bytes:
    """A file's block without orientation and thumbnail; empty where that leaves nothing."""
    block = ExifBlock(raw)
    block.remove((ORIENTATION,))
    block.remove_thumbnail()
    return b"" if block.is_empty() else bytes(block)


def xmp_packet(raw: bytes) -> bytes | None:
    """A file's packet, in UTF-8 and of an upright picture."""
    packet = xmp.clean(raw if isinstance(raw, bytes) else str(raw).encode())
    return None if packet is None else xmp.upright(extended_xmp.without_note(packet))


def plausible(dpi: Any) -> tuple[float, float] | None:
    """(across, down) in pixels an inch, where that is what it is."""
    try:
        across, down = (float(each) for each in dpi)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    good = all(math.isfinite(each) and 1 <= each < 1e6 for each in (across, down))
    return (across, down) if good else None


def by_aspect(sides: Any) -> tuple[float, float] | None:
    """(across, down) without a unit, where they differ, as if the lesser were 72 to the inch: pixels stay as wide."""
    found = plausible(sides)
    return None if found is None or found[0] == found[1] else plausible([72 * each / min(found) for each in found])


def _read(read: Callable[[Any], bytes | None], raw: Any) -> bytes | None:
    try:
        return read(raw)
    except DAMAGED:
        return None


def _dpi(image: Image.Image) -> tuple[float, float] | None:
    """By the file itself; of a JPEG Pillow says 72 where neither that nor EXIF says it."""
    if image.format not in ("JPEG", "MPO"):
        return plausible(image.info.get("dpi"))
    unit, density = image.info.get("jfif_unit"), image.info.get("jfif_density")
    return plausible([each * (_INCH if unit == 2 else 1) for each in density]) if density and unit in (1, 2) else None


def _dpi_of_exif(exif: bytes) -> tuple[float, float] | None:
    block = ExifBlock(exif)
    try:
        sides = [block.rational(tag) for tag in (X_RESOLUTION, Y_RESOLUTION)]
        unit = block.number(RESOLUTION_UNIT, 2)
    except DAMAGED:
        return None
    if None in sides or unit not in (2, 3):
        return by_aspect(sides)
    return plausible([(each or 0) * (_INCH if unit == 3 else 1) for each in sides])


def _photoshop(info: dict[Any, Any]) -> bytes | None:
    resources = info.get("photoshop")
    found = resources.get(iptc.RESOURCE) if isinstance(resources, dict) else None
    return found if isinstance(found, bytes) else None


def _raw(info: dict[Any, Any], name: str) -> bytes | None:
    """A block that ImageMagick wrote into a text: a line break, its name, its length, hexadecimal digits."""
    text = info.get(_RAW + name)
    try:
        return bytes.fromhex("".join(text.split("\n")[3:])) if isinstance(text, str) else None
    except ValueError:
        return None


def _behind(block: bytes, head: bytes) -> bytes | None:
    return block[len(head) :] if block.startswith(head) else None


def _texts(image: Image.Image) -> tuple[tuple[str, str], ...]:
    """Of a PNG; of a JPEG its comment."""
    comment = image.info.get("comment")
    if image.format in ("JPEG", "MPO") and isinstance(comment, bytes) and comment:
        return (("Comment", comment.decode("utf-8", "replace")),)
    found = getattr(image, "text", {}) if image.format == "PNG" else {}
    ours = ((key, str(text)) for key, text in found.items() if not key.startswith((_RAW, "XML:com.adobe")))
    return tuple(ours)
