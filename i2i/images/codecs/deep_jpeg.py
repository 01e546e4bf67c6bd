"""JPEG of other than 8 bits, which Pillow refuses: 12 bits of scanners and X-ray, up to 16 where it is lossless.

(ITU-T T.81, table B.2.)
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import BinaryIO

import imagecodecs
import numpy as np

from ...errors import PictureError
from ..image import Array, Header, Opened, Picture, full_scale
from ..metadata.read import metadata_of
from ..orientation import orientation_of, upright
from ..source import opened, read_whole, reading, source_name

FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
"""Markers (SOF) of segments that say the depth and the size."""
ALONE = {0x01, *range(0xD0, 0xD9)}
"""Markers that no segment follows."""


@dataclasses.dataclass(frozen=True)
class Frame:
    """What a frame header says."""

    place: int
    """Of the depth in the file, in bytes."""
    bits: int
    components: int


def open_deep(source: Path | bytes) -> Opened | None:
    """A JPEG of other than 8 bits; None for any other file. Raises PictureError."""
    with reading(source) as file:
        frame = _frame(file)
    if frame is None or frame.bits == 8:
        return None
    if frame.components not in (1, 3) or not 2 <= frame.bits <= 16:
        what = f"{frame.components} components of {frame.bits} bits"
        raise PictureError(f"{source_name(source)} is a JPEG of {what}, which i2i does not read.")
    shown = _as_eight_bits(source, frame)
    with opened(shown) as image:
        width, height = image.size
        if orientation_of(image) in (5, 6, 7, 8):
            width, height = height, width
    header = Header(width, height, frame.components, 8 if frame.bits < 8 else 16)
    return Opened(header, lambda: _decoded(source, frame, shown))


def _frame(file: BinaryIO) -> Frame | None:
    """The first frame header, by the lengths of the segments before it; None where there is none."""
    place = 2
    while True:
        file.seek(place)
        head = file.read(10)
        if len(head) < 10 or head[0] != 0xFF:
            return None
        marker = head[1]
        if marker in FRAMES:
            return Frame(place + 4, head[4], head[9])
        if marker in (0xD9, 0xDA):
            return None
        place += 1 if marker == 0xFF else 2 if marker in ALONE else 2 + int.from_bytes(head[2:4])


def _as_eight_bits(source: Path | bytes, frame: Frame) -> bytes:
    """The file as Pillow opens it, for its metadata and its size."""
    shown = bytearray(read_whole(source))
    shown[frame.place] = 8
    return bytes(shown)


def _decoded(source: Path | bytes, frame: Frame, shown: bytes) -> Picture:
    with opened(shown) as image:
        size, orientation, icc = image.size, orientation_of(image), image.info.get("icc_profile")
        beside = metadata_of(image, orientation)
    data = read_whole(source)
    if b"\xff\xd9" not in data[frame.place :]:  # the decoder would make up what is missing
        raise PictureError(f"{source_name(source)} is damaged or cut short (its end is missing).")
    array: Array = imagecodecs.jpeg_decode(data)
    if array.shape[:2] != (size[1], size[0]):
        raise PictureError(f"{source_name(source)} is damaged or cut short (its headers contradict each other).")
    array = array[..., None] if array.ndim == 2 else array
    pixels = np.ascontiguousarray(upright(full_scale(array, (1 << frame.bits) - 1), orientation))
    return Picture(pixels, None, icc, **beside)
