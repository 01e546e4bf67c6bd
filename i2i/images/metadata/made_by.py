"""A note of how a picture was made: EXIF's ProcessingSoftware, beside the camera's own Software, which stays."""

from __future__ import annotations

import dataclasses

from ... import __version__
from ..formats import FORMATS
from ..image import Picture
from .exif_block import ExifBlock
from .read import DAMAGED

PROCESSING_SOFTWARE = 0x000B


def made_by(picture: Picture, model: str, sha256: str, name: str) -> Picture:
    """With the version of i2i, the model's name and the first digits of its file's digest, where `name` holds EXIF.

    Of several models, one after the other, names and digests are joined by `+`.
    """
    if "exif" not in FORMATS[name].metadata:
        return picture
    try:
        block = ExifBlock(picture.exif or b"")
        digests = "+".join(digest[:12] for digest in sha256.split("+"))
        block.add_text(PROCESSING_SOFTWARE, f"i2i {__version__}, {model}, sha256 {digests}")
    except DAMAGED:
        return picture
    return dataclasses.replace(picture, exif=bytes(block))
