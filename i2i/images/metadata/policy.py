"""What of a picture's metadata goes along into its translation: `--metadata`.

No numpy is imported here, as help texts list the names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

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
    from . import place
    from .read import DAMAGED

    changes: dict[str, Any] = {"texts": place.texts_without_place(picture.texts)}
    lost = list(picture.left_out)
    for field, word, clean in (
        ("exif", "EXIF", place.exif_without_place),
        ("xmp", "XMP", place.xmp_without_place),
        ("iptc", "IPTC", place.iptc_without_place),
    ):
        given = getattr(picture, field)
        try:
            changes[field] = clean(given) or None if given else None
        except DAMAGED:
            changes[field] = None
            lost.append(f"damaged {word}")
    if picture.exif and changes["exif"] and place.has_makers_notes(picture.exif):
        lost.append(place.MAKERS_NOTES)
    return dataclasses.replace(picture, **changes, left_out=tuple(lost))


METADATA: dict[str, Callable[[Picture], Picture]] = {
    "keep": lambda picture: picture,
    "strip": _strip,
    "strip-gps": _strip_gps,
}
"""All of it; the colour profile alone; all but the place where a picture was taken (place.py)."""
