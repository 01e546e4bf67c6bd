"""JPEG XL, by imagecodecs (libjxl): 8 and 16 bits, floats, alpha; metadata in the boxes around the codestream."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np

from ...errors import PictureError, first_line
from ..colour.spaces import HDR
from ..encode import interleaved
from ..image import Array, Header, Opened, Picture, divided, full_scale
from ..metadata.read import blocks
from ..source import read_whole, several_frames, source_name
from .jxl_colour import profile_of, srgb_of_linear
from .jxl_header import ALPHA, CODESTREAM, JxlHeader, boxes, in_twelve_bits, read_jxl_header
from .nclx import by_numbers

SIGNATURE = b"\0\0\0\x0cJXL \r\n\x87\n"
TYPE = b"\0\0\0\x14ftypjxl \0\0\0\0jxl "
NUMBERS = {1: 1, 9: 9, 11: 12}
"""What H.273 calls the primaries with the white of D65, by the number that JPEG XL has for them."""
LARGEST_BOX = 16 << 20
"""Bytes of a block of metadata, unpacked."""
LOSSLESS_EFFORT, EFFORT = 3, 5
"""Of 1 to 9: level 3 without loss is several times as fast as 7 and a few per cent larger."""


def open_jxl(source: Path | bytes) -> Opened:
    """A JPEG XL. Raises PictureError on kinds that are not read, and on damaged ones."""
    data = read_whole(source)
    try:
        said = read_jxl_header(data)
    except (EOFError, ValueError) as error:
        raise PictureError(f"{source_name(source)} is damaged or cut short ({first_line(error)}).") from error
    if said.extras not in ((), (ALPHA,)):
        raise PictureError(f"{source_name(source)} is a JPEG XL of extra channels, which i2i does not read.")
    if (said.is_float and said.bits not in (16, 32)) or (said.bits > 16 and not said.is_float):
        kind = "floats" if said.is_float else "integers"
        raise PictureError(
            f"{source_name(source)} is a JPEG XL of {kind} of {said.bits} bits, which i2i does not read."
        )
    depth = 32 if said.is_float else 8 if said.bits <= 8 else 16
    return Opened(Header(said.width, said.height, said.channels, depth), lambda: _decoded(source, data, said))


def _decoded(source: Path | bytes, data: bytes, said: JxlHeader) -> Picture:
    """Upright, as the decoder gives it; raises PictureError for animations and for floats outside [0, 1]."""
    if said.animated:
        raise several_frames(source, "several")
    beside = _metadata(data, said)
    samples, bits = said.channels + len(said.extras), said.bits
    if said.linear and bits in (8, 10) and not said.is_float:
        # 8 bits of linear light are few in the shadows
        data, bits = in_twelve_bits(data, said), 12
    kind = (np.float32 if bits == 32 else np.float16) if said.is_float else np.uint8 if bits <= 8 else np.uint16
    # What the header said is what there is room for, so that one that lies asks for no more.
    out = np.empty((said.height, said.width, samples) if samples > 1 else (said.height, said.width), kind)
    array: Array = imagecodecs.jpegxl_decode(data, out=out).reshape(said.height, said.width, samples)
    if said.is_float:
        array = array.astype(np.float32, copy=False)
        if said.linear:  # what sRGB does not hold lies outside
            array = np.clip(np.nan_to_num(array), 0, 1)
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise PictureError(f"{source_name(source)} has float values outside [0, 1]; scale it first.")
    else:
        array = full_scale(array, (1 << bits) - 1)
    alpha = np.ascontiguousarray(array[..., -1]) if said.extras else None
    pixels = np.ascontiguousarray(array[..., : said.channels])
    if alpha is not None and said.associated:
        pixels = divided(pixels, alpha)
    if said.linear:
        eight_bits = said.bits <= 8 and not said.is_float
        pixels = srgb_of_linear(pixels, eight_bits=eight_bits)
        if alpha is not None and eight_bits:
            alpha = ((alpha.astype(np.uint32) + 128) // 257).astype(np.uint8)
    return Picture(pixels, alpha, **beside)


def _metadata(data: bytes, said: JxlHeader) -> dict[str, Any]:
    """Of the boxes around the codestream, whose own the orientation is; and what no profile says of its colours."""
    found = {} if data.startswith(CODESTREAM) else dict(_unpacked(*box) for box in reversed(list(boxes(data))))
    exif = found.get(b"Exif", b"")
    beside = blocks(exif[4 + int.from_bytes(exif[:4]) :], found.get(b"xml "))
    beside["icc"] = profile_of(said.colour, said.channels)
    if said.profiled and not said.linear:
        beside["icc"] = profile_inside(data)
    if said.profiled and beside["icc"] is None:
        beside["left_out"] += ("colour profile",)
    if said.colour is not None and said.colour.transfer in HDR and said.colour.white == 1:
        beside["colour_chunks"] = by_numbers(NUMBERS.get(said.colour.primaries, 0), said.colour.transfer)
    return beside


def profile_inside(data: bytes) -> bytes | None:
    """The profile of a codestream, where pylibjxl is installed: imagecodecs does not give it."""
    try:
        import pylibjxl

        return bytes(pylibjxl.decode(data, metadata=True)[1]["icc"])
    except Exception:  # not installed, or not pleased with what imagecodecs reads
        return None


def _unpacked(kind: bytes, content: bytes) -> tuple[bytes, bytes]:
    """A box as it is, or what Brotli packed in it; of a damaged or a huge one what the readers call damaged."""
    if kind != b"brob":
        return kind, content
    try:
        return content[:4], bytes(imagecodecs.brotli_decode(content[4:], out=LARGEST_BOX))
    except imagecodecs.BrotliError:
        return content[:4], bytes(4) + b"damaged"


def write(picture: Picture, quality: int) -> bytes:
    """Any depth; lossless at quality 100."""
    whole = np.ascontiguousarray(interleaved(picture))
    if quality == 100:
        stream = imagecodecs.jpegxl_encode(whole, lossless=True, effort=LOSSLESS_EFFORT, usecontainer=False)
    else:
        stream = imagecodecs.jpegxl_encode(whole, distance=_distance(quality), effort=EFFORT, usecontainer=False)
    found = [_box(b"Exif", b"\0\0\0\0" + picture.exif.removeprefix(b"Exif\0\0"))] if picture.exif else []
    found += [_box(b"xml ", picture.xmp)] if picture.xmp else []
    return _with_boxes(bytes(stream), b"".join(found)) if found else bytes(stream)


def _distance(quality: int) -> float:
    """In just noticeable differences, for a quality as that of JPEG (libjxl, JxlEncoderDistanceFromQuality)."""
    if quality >= 30:
        return 0.1 + (100 - quality) * 0.09
    return 53 / 3000 * quality * quality - 23 / 20 * quality + 25


def _with_boxes(stream: bytes, further: bytes) -> bytes:
    if stream.startswith(CODESTREAM):
        stream = SIGNATURE + TYPE + _box(b"jxlc", stream)
    head = stream.index(TYPE[4:8]) - 4 + len(TYPE)
    return stream[:head] + further + stream[head:]


def _box(kind: bytes, content: bytes) -> bytes:
    return (8 + len(content)).to_bytes(4) + kind + content
