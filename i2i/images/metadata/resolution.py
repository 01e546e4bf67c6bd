"""Pixels an inch of a picture that was enlarged: as many times as many, so that the print keeps its size."""

from __future__ import annotations

import dataclasses

from ..image import Picture
from . import xmp
from .exif_block import ExifBlock
from .read import DAMAGED


def enlarged(picture: Picture, scale: int) -> Picture:
    """With what the file itself, EXIF and XMP say of the resolution multiplied by the model's scale."""
    if scale == 1:
        return picture
    exif = picture.exif
    if exif:
        try:
            block = ExifBlock(exif)
            block.multiply_resolution(scale)
            exif = bytes(block)
        except DAMAGED:
            pass  # said when it is written
    dpi = picture.dpi and (picture.dpi[0] * scale, picture.dpi[1] * scale)
    packet = picture.xmp and xmp.with_resolution(picture.xmp, scale)
    return dataclasses.replace(picture, exif=exif, dpi=dpi, xmp=packet)
