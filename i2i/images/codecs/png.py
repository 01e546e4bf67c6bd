"""PNG: written by hand, which is quicker, and read by another decoder where Pillow would cut 16 bits a channel to 8.

(PNG specification, third edition; W3C 2025.)
"""

from __future__ import annotations

import dataclasses
import struct
from pathlib import Path
from typing import cast

import imagecodecs
import numpy as np
from PIL import Image

from ..decode import single_frame
from ..encode import interleaved, saved
from ..from_pillow import from_pil
from ..image import Array, Header, Opened, Picture
from ..orientation import orientation_of, upright
from ..source import first_bytes, opened
from .png_chunks import SIGNATURE, joined, metadata_chunks, with_metadata

DEEP_CHANNELS = {0: 1, 2: 3, 4: 1, 6: 3}
"""Colour types, of which Pillow cuts all but grey to 8 bits and loses the see-through grey, and their channels."""

LEVEL, QUICK_LEVEL = 3, 1
"""Of libdeflate. With one filter for all rows 3 is two to four times as fast as Pillow's level 3, whose choice of
filters it does without, and as small (docs/benchmarks.md); Pillow's 6 takes ten times as long, and saves a tenth. 1
takes two thirds of the time of 3, for files of -1 to 6 % more: for a server, whose clients wait, not for a folder."""
LARGE = 100_000_000
"""Bytes of a picture from which on Pillow writes it, row by row: libdeflate needs a copy of all of it."""


def open_deep(source: Path | bytes) -> Opened | None:
    """A PNG of 16 bits that Pillow would cut to 8; None for any other file."""
    head = first_bytes(source, 26)
    if head[:8] != SIGNATURE or len(head) < 26 or head[24] != 16 or head[25] not in DEEP_CHANNELS:
        return None
    with opened(source) as image:
        width, height = image.size
        if orientation_of(image) in (5, 6, 7, 8):
            width, height = height, width
    return Opened(Header(width, height, DEEP_CHANNELS[head[25]], 16), lambda: _decode(source))


def _decode(source: Path | bytes) -> Picture:
    """Pillow's metadata with all 16 bits."""
    with opened(source) as image:
        single_frame(source, image)
        orientation = orientation_of(image)
        picture = from_pil(image)
        key = image.info.get("transparency")  # one colour is see-through, which the other decoder leaves out
    array = imagecodecs.png_decode(source if isinstance(source, bytes) else source.read_bytes())
    array = upright(array[..., None] if array.ndim == 2 else array, orientation)
    alpha = array[..., -1] if array.shape[2] in (2, 4) else None
    pixels = array if alpha is None else array[..., :-1]
    if alpha is None and key is not None:
        alpha = np.where((pixels == np.asarray(key)).all(axis=2), 0, 65535).astype(np.uint16)
    return dataclasses.replace(picture, pixels=np.ascontiguousarray(pixels), alpha=alpha)


def write(picture: Picture, _quality: int, level: int = LEVEL) -> bytes:
    """8 bits as they are; others, floats among them, as 16. `level` is libdeflate's."""
    whole = interleaved(picture)
    if whole.dtype == np.float32:
        whole = np.rint(np.clip(whole, 0, 1) * 65535).astype(np.uint16)
    if whole.dtype == np.uint8 and whole.nbytes > LARGE:
        return with_metadata(saved(Image.fromarray(whole), "PNG", compress_level=level), picture)
    height, width = whole.shape[:2]
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[1 if whole.ndim == 2 else whole.shape[2]]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8 * whole.itemsize, colour, 0, 0, 0))]
    chunks += metadata_chunks(picture)
    packed = imagecodecs.deflate_encode(cast(bytes, _filtered(whole)), level=level)  # it takes arrays as they are
    return SIGNATURE + joined([*chunks, (b"IDAT", packed), (b"IEND", b"")])


def write_quickly(picture: Picture, quality: int) -> bytes:
    """The same picture in less time and a little more room."""
    return write(picture, quality, QUICK_LEVEL)


def _filtered(whole: Array) -> Array:
    """The rows as PNG lays them out, from each of which the row above it is subtracted: filter 2, Up."""
    height = len(whole)
    rows = np.ascontiguousarray(whole, whole.dtype.newbyteorder(">")).view(np.uint8).reshape(height, -1)
    filtered = np.empty((height, 1 + rows.shape[1]), np.uint8)
    filtered[:, 0] = 2
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])
    return filtered
