"""A picture in memory: its pixels, its metadata, and the ways between depths and channel counts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import PictureError

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Bytes = npt.NDArray[np.uint8]

REC601 = (0.299, 0.587, 0.114)
"""Shares of R, G and B in luma (Rec. 601)."""


@dataclasses.dataclass(frozen=True)
class Picture:
    """A decoded picture, upright."""

    pixels: Array
    """(H, W, C) uint8, uint16 or float32 in [0, 1]; C is 1 (grey), 3 (RGB) or the bands of a TIFF; no alpha."""
    alpha: Array | None = None
    """(H, W), of the same type as `pixels`."""
    icc: bytes | None = None
    exif: bytes | None = None
    """Without the orientation, which has been applied, and without a thumbnail."""
    xmp: bytes | None = None
    iptc: bytes | None = None
    """Records of IPTC-IIM."""
    dpi: tuple[float, float] | None = None
    """Pixels an inch, across and down; None where nothing says it."""
    texts: tuple[tuple[str, str], ...] = ()
    """(keyword, text) of a PNG; of a JPEG its comment."""
    colour_chunks: tuple[tuple[bytes, bytes], ...] = ()
    """(type, data) of the chunks by which a PNG says its colours."""
    left_out: tuple[str, ...] = ()
    """What of the file could not be kept: `damaged EXIF`."""


@dataclasses.dataclass(frozen=True)
class Header:
    """What a file says of itself before it is decoded, upright."""

    width: int
    height: int
    channels: int
    """As `Picture.pixels` will have them: alpha does not count."""
    depth: int
    """Bits a channel: 8, 16 or 32."""


@dataclasses.dataclass(frozen=True)
class Opened:
    """A file that a reader of FORMATS takes: what it says of itself, and the way to its pixels."""

    header: Header
    decode: Callable[[], Picture]


@dataclasses.dataclass(frozen=True)
class Timing:
    """When the frames of an animation are shown."""

    durations: tuple[float, ...]
    """Of each frame, in milliseconds."""
    plays: int
    """How often it is played; 0 is for ever."""


def with_channels(pixels: Array, channels: int) -> Array:
    """(H, W, C) as (H, W, channels): RGB to grey by Rec. 601 luma, grey to RGB by repetition, else refused.

    Raises PictureError where no such conversion means anything (five bands to RGB, say).
    """
    have = pixels.shape[2]
    if have == channels:
        return pixels
    if have == 1 and channels == 3:
        return np.repeat(pixels, 3, axis=2)
    if have == 3 and channels == 1:
        grey = luma(pixels)
        return (grey if pixels.dtype == np.float32 else np.rint(grey)).astype(pixels.dtype)
    raise PictureError(f"The picture has {have} channels where {channels} are needed.")


def full_scale(samples: Array, most: int) -> Array:
    """Integers of which `most` is white, as uint8 or uint16 at full scale: 4095 of 12 bits is 65535."""
    wanted = np.uint8 if most < 256 else np.uint16
    full = int(np.iinfo(wanted).max)
    if most == full:
        return samples.astype(wanted, copy=False)
    table = ((np.arange(most + 1, dtype=np.uint32) * full + most // 2) // most).astype(wanted)
    whole: Array = table[np.minimum(samples, most)]
    return whole


def divided(colours: Array, alpha: Array) -> Array:
    """Colours that were multiplied by alpha, as they were before; where alpha is 0 they stay."""
    divisor = np.where(alpha == 0, 1, alpha)[..., None]
    if colours.dtype == np.float32:
        return np.minimum(colours / divisor, 1).astype(np.float32)
    full = int(np.iinfo(colours.dtype).max)
    whole = (colours.astype(np.uint64) * full + divisor // 2) // divisor
    return np.where(alpha[..., None] == 0, colours, np.minimum(whole, full)).astype(colours.dtype)


def luma(pixels: Array) -> Floats:
    """(..., 3) of any type and range -> (..., 1) in the same range: Rec. 601 luma, not rounded."""
    weighted: Floats = pixels.astype(np.float32) @ np.array(REC601, np.float32)
    return weighted[..., None]


def to_float(pixels: Array) -> Floats:
    """Any `Picture.pixels` as float32 in [0, 1]; the depth is the type's, never guessed from the values."""
    if pixels.dtype == np.float32:
        return pixels
    floats = pixels.astype(np.float32)
    floats /= np.float32(np.iinfo(pixels.dtype).max)  # in place: memory that was never touched is what takes the time
    return floats


def to_uint8(pixels: Array) -> Bytes:
    """Any `Picture.pixels` as uint8, rounded to the nearest value."""
    if pixels.dtype == np.uint8:
        return pixels
    return np.rint(np.clip(to_float(pixels), 0, 1) * 255).astype(np.uint8)


def to_pil(pixels: Array) -> Image.Image:
    """(H, W, 1 or 3) as an 8-bit Pillow picture; of other counts the first three bands are shown."""
    shown = to_uint8(pixels)
    return Image.fromarray(shown[..., 0] if shown.shape[2] < 3 else shown[..., :3])
