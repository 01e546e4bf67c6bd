"""AVIF; by imagecodecs that of 10 and 12 bits, which Pillow cuts to 8."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import imagecodecs
import numpy as np

from ..decode import single_frame
from ..encode import as_eight_bits, notes, saved
from ..from_pillow import from_pil
from ..image import Header, Opened, Picture, full_scale
from ..orientation import orientation_of, upright
from ..source import opened, read_whole

_CONFIGURATION = re.compile(rb"\0\0\0[\x0c-\xff]av1C\x81.(.)", re.DOTALL)
"""Of a coded picture (AV1 in ISO BMFF, 2.3): the byte whose bits 6 and 5 say that it is of more than 8 bits, and 12."""

SPEED = 8
"""Of 0 to 10: at quality 95 three to four times as fast as 6, for 1 % more bytes and 0.2 dB less."""


def open_deep(source: Path | bytes) -> Opened | None:
    """An AVIF of more than 8 bits; None for any other file."""
    data = read_whole(source)
    bits = max((_bits(found.group(1)[0]) for found in _CONFIGURATION.finditer(data)), default=8)
    if bits == 8:
        return None
    with opened(data) as image:
        width, height = image.size
        if orientation_of(image) in (5, 6, 7, 8):
            width, height = height, width
        channels = 1 if image.mode in ("L", "LA") else 3
    return Opened(Header(width, height, channels, 16), lambda: _decoded(source, data, bits))


def _bits(configuration: int) -> int:
    return 8 if not configuration & 0x40 else 12 if configuration & 0x20 else 10


def _decoded(source: Path | bytes, data: bytes, bits: int) -> Picture:
    """Pillow's metadata with all bits."""
    with opened(data) as image:
        single_frame(source, image)
        orientation = orientation_of(image)
        picture = from_pil(image)
    array = imagecodecs.avif_decode(data)
    array = full_scale(upright(array[..., None] if array.ndim == 2 else array, orientation), (1 << bits) - 1)
    channels = picture.pixels.shape[2]
    alpha = None if array.shape[2] <= channels else np.ascontiguousarray(array[..., -1])
    return dataclasses.replace(picture, pixels=np.ascontiguousarray(array[..., :channels]), alpha=alpha)


def write(picture: Picture, quality: int) -> bytes:
    """8 bits; full colour resolution from quality 90 on, as in JPEG."""
    image = as_eight_bits(picture)
    image = image.convert("RGBA") if image.mode == "LA" else image
    subsampling = "4:0:0" if image.mode == "L" else "4:4:4" if quality >= 90 else "4:2:0"
    return saved(image, "AVIF", quality=quality, subsampling=subsampling, speed=SPEED, **notes(picture))
