"""Adobe RGB of cameras that embed no profile: EXIF alone names it, beside a file name that begins with `_`.

(DCF 2.0, CIPA DC-009, 3.1.3: the optional file; Exif 2.32, ColorSpace. Some makers write 2 as ColorSpace.)
"""

from __future__ import annotations

import functools

import imagecodecs

from ..codecs.jxl_colour import DATE
from ..metadata.exif_block import EXIF, INTEROPERABILITY, ExifBlock
from ..metadata.read import DAMAGED

COLOUR_SPACE, INDEX = 0xA001, 0x0001
"""Tags of EXIF's own directory, and of that of interoperability."""
_SRGB, _ADOBE, _ANY = 1, 2, 0xFFFF
_HINTS = (b"R03", b"\x01\xa0\x03\0\x01\0\0\0\x02\0", b"\xa0\x01\0\x03\0\0\0\x01\0\x02")
"""One of which stands in the block where it is Adobe RGB."""


@functools.cache
def adobe_rgb() -> bytes:
    """Its profile."""
    profile = bytes(imagecodecs.cms_profile("adobergb"))
    return profile[:24] + DATE + profile[36:]


def is_adobe_rgb(exif: bytes | None) -> bool:
    """Whether EXIF says that the picture is Adobe RGB; a damaged block says nothing."""
    if not exif or not any(hint in exif for hint in _HINTS):
        return False
    try:
        block = ExifBlock(exif)
        space = block.number(COLOUR_SPACE, _ANY, block.directory(EXIF))
        index = block.text(INDEX, block.directory(INTEROPERABILITY))
    except DAMAGED:
        return False
    return space == _ADOBE or (space == _ANY and index == b"R03")


def as_srgb(exif: bytes) -> bytes:
    """The block of a picture whose values are sRGB, whatever the camera made of them."""
    if not is_adobe_rgb(exif):
        return exif
    block = ExifBlock(exif)
    block.set_short(COLOUR_SPACE, block.directory(EXIF), _SRGB)
    block.set_short_text(INDEX, block.directory(INTEROPERABILITY), b"R98")
    return bytes(block)
