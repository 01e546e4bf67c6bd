"""PBM, PGM and PPM (netpbm), as text or binary: Pillow cuts the colours of 16 bits to 8, and is slow at the others.

(Formats P1 to P6 of pbm(5), pgm(5) and ppm(5).)
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ...errors import PictureError
from ..image import Array, Header, Opened, Picture, full_scale
from ..source import first_bytes, read_whole, source_name

_COMMENT = rb"#[^\r\n]*[\r\n]"
_NUMBER = rb"(?:\s|" + _COMMENT + rb")+(\d{1,10})"
_BITMAP = re.compile(rb"P[14]" + _NUMBER * 2 + rb"\s")
_OTHER = re.compile(rb"P[2356]" + _NUMBER * 3 + rb"\s")

LONGEST_HEADER = 1 << 16
"""Bytes, comments included."""


def open_netpbm(source: Path | bytes) -> Opened:
    """A PBM, PGM or PPM; its maxval says which value is white. Raises PictureError."""
    head = first_bytes(source, LONGEST_HEADER)
    found = _BITMAP.match(head) or _OTHER.match(head)
    if found is None:
        raise PictureError(f"{source_name(source)} is damaged or cut short (its header is no header of a PPM).")
    kind = int(head[1:2])
    width, height, most = (*map(int, found.groups()), 1)[:3]
    if not 0 < most < 65536:
        raise PictureError(f"{source_name(source)} is damaged: its white is {most}, outside 1 to 65535.")
    channels = 3 if kind in (3, 6) else 1
    header = Header(width, height, channels, 8 if most < 256 else 16)
    return Opened(header, lambda: Picture(_pixels(read_whole(source)[found.end() :], kind, header, most)))


def _pixels(raster: bytes, kind: int, header: Header, most: int) -> Array:
    """(H, W, C), full scale; raises ValueError where there are too few."""
    shape = (header.height, header.width, header.channels)
    if kind == 4:
        rows = np.frombuffer(raster, np.uint8, header.height * (-(-header.width // 8)))
        bits = np.unpackbits(rows.reshape(header.height, -1), axis=1)[:, : header.width]
    elif kind in (5, 6):
        bits = np.frombuffer(raster, np.uint8 if most < 256 else ">u2", header.height * header.width * header.channels)
    else:
        bits = _from_text(raster, kind, header.height * header.width * header.channels)
    whole = full_scale(bits.reshape(shape), most)
    return 255 - whole if kind in (1, 4) else whole  # in a bitmap 1 is black


def _from_text(text: bytes, kind: int, count: int) -> Array:
    if len(text) < count:
        raise ValueError(f"{count} values are said to be in {len(text)} bytes")
    text = re.sub(_COMMENT, b" ", text)
    if kind == 1:
        digits = np.frombuffer(re.sub(rb"\s+", b"", text), np.uint8, count) - ord("0")
        if digits.max() > 1:
            raise ValueError("a bitmap holds other values than 0 and 1")
        return digits
    if re.search(rb"[^\d\s]|\d{6}", text):
        raise ValueError("it holds other than numbers of at most 5 digits")
    values = np.fromstring(text, np.int32, sep=" ")[:count]
    if len(values) < count:
        raise ValueError(f"{len(values)} values of {count}")
    return values
