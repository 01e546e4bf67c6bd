"""What of a picture's metadata goes along into its translation: `--metadata`.

No numpy is imported here, as help texts list the names.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from ...errors import require

if TYPE_CHECKING:
    from ..image import Picture


def kept(picture: Picture, policy: str) -> Picture:
    """The picture with what `policy`, a key of METADATA, lets through; raises UnknownNameError on any other."""
    require("metadata policy", policy, METADATA)
    return METADATA[policy](picture)


def _strip(picture: Picture) -> Picture:
    """The colour profile stays, as the colours depend on it."""
    return dataclasses.replace(picture, exif=None, xmp=None, iptc=None, dpi=None, texts=(), left_out=())


def _strip_gps(picture: Picture) -> Picture:
    """Where something is too damaged for its place to be found, all of it goes."""
    from .exif_block import GPS, ExifBlock
    from .read import DAMAGED
    from .xmp import without_place

    exif, xmp, lost = picture.exif, picture.xmp, picture.left_out
    if exif:
        try:
            block = ExifBlock(exif)
            block.remove((GPS,))
            exif = None if block.is_empty() else bytes(block)
        except DAMAGED:
            exif, lost = None, (*lost, "damaged EXIF")
    if xmp:
        xmp = without_place(xmp)
        lost = lost if xmp else (*lost, "damaged XMP")
    texts = tuple(each for each in picture.texts if not re.search("gps|latitude|longitude", each[0], re.IGNORECASE))
    return dataclasses.replace(picture, exif=exif, xmp=xmp, texts=texts, left_out=lost)


METADATA: dict[str, Callable[[Picture], Picture]] = {
    "keep": lambda picture: picture,
    "strip": _strip,
    "strip-gps": _strip_gps,
}
"""All of it; the colour profile alone; all but the place where the picture was taken (GPS in EXIF and in XMP)."""
