"""What of a picture a kind of file can hold: the rest is left out and named; sizes in the metadata are made true."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ..codecs.png_chunks import LARGEST_XMP
from ..colour.by_exif import as_srgb
from ..colour.managed import at_depth, in_srgb
from ..colour.spaces import hdr_of
from ..formats import FORMATS
from ..image import Picture
from . import extended_xmp, xmp
from .exif_block import X_RESOLUTION, ExifBlock
from .read import DAMAGED
from .tiff import directories_for_tiff

WORDS = {"icc": "colour profile", "exif": "EXIF", "xmp": "XMP", "iptc": "IPTC", "dpi": "resolution", "texts": "texts"}
"""What sentences and reports call the fields of a `Picture` beside its pixels."""


def fitted(picture: Picture, name: str) -> Picture:
    """The picture as a file of the format `name` holds it; its `left_out` names what that does not.

    Pixels stay as they are: the format's writer makes them its own.
    """
    row = FORMATS[name]
    lost = [*picture.left_out, *_of_pixels(picture, name)]
    changes: dict[str, Any] = _truthful(picture, lost)
    if picture.dpi and "exif" in row.metadata and "dpi" not in row.metadata:
        changes["exif"] = _with_resolution(changes["exif"], picture.dpi)
    if picture.icc and SPACES.get(picture.icc[16:20]) != picture.pixels.shape[2]:
        changes["icc"] = None  # it is of other colours
        lost.append(WORDS["icc"])
    changes["texts"] = _texts(picture, row.metadata)
    if picture.icc and changes.get("icc", picture.icc) and "icc" not in row.metadata:
        managed = in_srgb(picture.pixels, picture.icc)
        changes["pixels"] = at_depth(managed, picture.pixels.dtype)
    if hdr_of(picture) and "colour_chunks" not in row.metadata:
        lost.append(f"HDR ({hdr_of(picture)})")  # which no profile says
    fits = FITS.get(name, {})
    for field, word in WORDS.items():
        value = changes.get(field, getattr(picture, field))
        held = field in row.metadata or field == "texts" or (field == "dpi" and "exif" in row.metadata)
        if value and not (held and fits.get(field, bool)(value)):
            changes[field] = () if field == "texts" else None
            lost.append(word)
    if changes["exif"] and not changes.get("icc", picture.icc):
        changes["exif"] = as_srgb(changes["exif"])  # as it is, without a profile
    if len(changes["texts"]) < len(picture.texts):
        lost.append(WORDS["texts"])
    changes["colour_chunks"] = picture.colour_chunks if "colour_chunks" in row.metadata else ()
    return dataclasses.replace(picture, **changes, left_out=tuple(dict.fromkeys(lost)))


def _of_pixels(picture: Picture, name: str) -> list[str]:
    row, depth = FORMATS[name], picture.pixels.dtype.itemsize * 8
    lost = []
    if depth not in row.depths:
        lost.append("floats" if picture.pixels.dtype == np.float32 else f"{depth} bits")
    if picture.alpha is not None and not row.alpha:
        lost.append("alpha")
    return lost


def _truthful(picture: Picture, lost: list[str]) -> dict[str, Any]:
    """EXIF and XMP with the sizes that the picture has; what is damaged goes into `lost` by its name."""
    height, width = picture.pixels.shape[:2]
    changes: dict[str, Any] = {"exif": picture.exif, "xmp": picture.xmp}
    if picture.exif:
        try:
            block = ExifBlock(picture.exif)
            block.set_sizes(width, height)
            changes["exif"] = bytes(block)
        except DAMAGED:
            changes["exif"] = None
            lost.append("damaged EXIF")
    if picture.xmp:
        changes["xmp"] = xmp.with_sizes(picture.xmp, width, height)
    return changes


def _with_resolution(exif: bytes | None, dpi: tuple[float, float]) -> bytes | None:
    """In EXIF, where that does not say one itself."""
    try:
        block = ExifBlock(exif or b"")
        if block.rational(X_RESOLUTION) is None:
            block.add_resolution(dpi)
        return bytes(block)
    except DAMAGED:
        return exif


def _texts(picture: Picture, held: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    if "texts" in held:
        return picture.texts
    return tuple(each for each in picture.texts if each[0] == "Comment")[:1] if "comment" in held else ()


def _has_whole_directories(exif: bytes) -> bool:
    try:
        directories_for_tiff(exif)
    except Exception:  # values of other types than their tags have: struct.error, TypeError, KeyError …
        return False
    return True


SPACES = {b"GRAY": 1, b"RGB ": 3}
"""Channels by a profile's own word for its colours; those of other profiles are converted when they are read."""
FITS: Mapping[str, Mapping[str, Callable[[Any], bool]]] = {
    "jpg": {
        "exif": lambda exif: len(exif) <= 65_533,
        "xmp": lambda packet: extended_xmp.split(packet) is not None,
        "texts": lambda texts: all(len(text.encode()) <= 65_533 for _, text in texts),
    },
    "png": {"xmp": lambda packet: len(packet) <= LARGEST_XMP},
    "tiff": {"exif": _has_whole_directories},
}
"""Whether a field that a format holds fits into it: a segment of a JPEG has 64 KB, of which XMP alone takes several."""
