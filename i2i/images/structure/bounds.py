"""What a picture may ask of who decodes it, as data: wide for one's own folders, narrow for what strangers send."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

MB = 1 << 20


@dataclasses.dataclass(frozen=True)
class Bounds:
    """Limits of one file, beside those of its pixels."""

    most: Mapping[str, int]
    """How many there may be, by what sentences call them (a column of MOST)."""
    strict: bool
    """Whether only the formats that FORMATS calls public are read, and of TIFF only what `structure.tiff` lists."""


MOST: dict[str, tuple[int, int]] = {
    "bytes of metadata": (256 * MB, 16 * MB),
    "bytes of EXIF": (16 * MB, 4 * MB),
    "blocks of EXIF": (64, 64),
    "headers before its EXIF": (4, 4),
    "entries of EXIF": (20_000, 2_000),
    "JPEG segments": (20_000, 500),
    "bytes between its JPEG segments": (200_000, 500),
    "JPEG scans": (500, 100),
    "PNG chunks beside its pixels": (20_000, 500),
    "texts": (2_000, 100),
    "frames": (200_000, 500),
    "GIF extensions": (200_000, 500),
    "bytes between GIF blocks": (200_000, 500),
    "RIFF chunks": (200_000, 500),
    "boxes": (20_000, 500),
    "items": (20_000, 500),
    "TIFF directories": (20_000, 1),
    "tags in a directory": (65_535, 500),
    "strips or tiles": (10_000_000, 40_000),
}
"""For a folder of one's own, for strangers. No camera and no program that we know of comes near the second."""

OWN = Bounds({what: own for what, (own, _) in MOST.items()}, strict=False)
STRANGERS = Bounds({what: strangers for what, (_, strangers) in MOST.items()}, strict=True)
