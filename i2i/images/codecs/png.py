"""PNG; by hand that of 16 bits a channel, which Pillow reads and writes in grey alone.

(PNG specification, third edition; W3C 2025.)
"""

from __future__ import annotations

import dataclasses
import struct
import zlib
from pathlib import Path

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


def write(picture: Picture, _quality: int) -> bytes:
    """8 bits as they are; others, floats among them, as 16."""
    whole = interleaved(picture)
    if whole.dtype != np.uint8:
        return _write_deep(whole, picture)
    # Level 3 is several times as fast as 6 and a few per cent larger; the pixels are the same.
    plain = saved(Image.fromarray(whole), "PNG", compress_level=3)
    return with_metadata(plain, picture)


def _write_deep(whole: Array, picture: Picture) -> bytes:
    if whole.dtype == np.float32:
        whole = np.rint(np.clip(whole, 0, 1) * 65535).astype(np.uint16)
    height, width = whole.shape[:2]
    channels = 1 if whole.ndim == 2 else whole.shape[2]
    rows = np.ascontiguousarray(whole, dtype=">u2").view(np.uint8).reshape(height, -1)
    rows = np.diff(rows, axis=0, prepend=np.zeros_like(rows[:1]))  # filter 2: the row above is subtracted
    filtered = np.concatenate([np.full((height, 1), 2, np.uint8), rows], axis=1)
    colour = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    chunks = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))]
    chunks += metadata_chunks(picture)
    chunks += [(b"IDAT", zlib.compress(filtered.tobytes(), 3)), (b"IEND", b"")]
    return SIGNATURE + joined(chunks)
