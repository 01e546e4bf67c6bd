"""The colour space of a picture as an ICC profile, whatever says it: a profile or chunks of a PNG.

(PNG specification, third edition: cICP before iCCP before sRGB before gAMA and cHRM; its numbers are of ITU-T H.273.)
"""

from __future__ import annotations

import dataclasses
import functools
import struct

import imagecodecs

from ..codecs.jxl_colour import SRGB_CURVE, profile_of
from ..codecs.jxl_header import CUSTOM, JxlColour
from ..image import Picture

SRGB = bytes(imagecodecs.cms_profile("srgb"))
_SAME_CURVE, _POWERS = {6: 1, 14: 1, 15: 1}, {4: 2.2, 5: 2.8}
"""Transfer functions of H.273 that are that of BT.709, and those that are powers."""
HDR = {16: "PQ", 18: "HLG"}
"""Transfer functions of more light than paper has, by the names of ITU-R BT.2100."""
_SPACES = {1: (1, 1), 9: (1, 9), 11: (11, 11), 12: (1, 11)}
"""Numbers of white and primaries by what H.273 calls primaries: BT.709, BT.2020, P3 of cinemas, Display P3."""
_CHUNKS_OF_SRGB = (0.3127, 0.3290, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)


def with_profile(picture: Picture) -> Picture:
    """The picture with the profile that its file means; one that is broken or of other colours is dropped and said."""
    from .managed import is_usable

    channels = picture.pixels.shape[2]
    if channels not in (1, 3):
        return picture
    said = profile_of_chunks(picture.colour_chunks, channels)
    is_first = bool(said) and any(kind == b"cICP" for kind, _ in picture.colour_chunks)
    icc = said if is_first or not picture.icc else picture.icc
    if icc and not is_usable(icc, channels):
        icc, lost = None, (*picture.left_out, "broken colour profile")
        return dataclasses.replace(picture, icc=icc, left_out=lost)
    return picture if icc is picture.icc else dataclasses.replace(picture, icc=icc)


def hdr_of(picture: Picture) -> str | None:
    """`PQ` or `HLG`, where a picture is of that: no profile says it, so models see its values as they are."""
    said = None if picture.icc else dict(picture.colour_chunks).get(b"cICP")
    return HDR.get(said[1]) if said else None


@functools.lru_cache(maxsize=64)
def profile_of_chunks(chunks: tuple[tuple[bytes, bytes], ...], channels: int) -> bytes | None:
    """What a PNG's chunks say; None where that is sRGB, or nothing that a profile says (PQ and HLG of HDR)."""
    said = dict(chunks)
    if b"cICP" in said:
        primaries, transfer, matrix, is_full = said[b"cICP"]
        if primaries not in _SPACES or matrix != 0 or is_full != 1:
            return None
        white, gamut = _SPACES[primaries]
        power = _POWERS.get(transfer)
        return profile_of(
            JxlColour(white, gamut, (), _SAME_CURVE.get(transfer, transfer), 1 / power if power else None), channels
        )
    if b"sRGB" in said or not said:
        return None
    gamma = int.from_bytes(said[b"gAMA"]) / 100_000 if b"gAMA" in said else None
    points = (
        tuple(each / 100_000 for each in struct.unpack(">8I", said[b"cHRM"])) if b"cHRM" in said else _CHUNKS_OF_SRGB
    )
    is_srgb = all(abs(a - b) < 0.002 for a, b in zip(points, _CHUNKS_OF_SRGB, strict=True))
    if gamma is None or (is_srgb and abs(gamma - 1 / 2.2) < 0.002):  # how sRGB is said in numbers
        gamma = None
    elif not 0.1 <= gamma <= 10:
        return None
    if is_srgb and gamma is None:
        return None
    curve = SRGB_CURVE if gamma is None else CUSTOM
    return profile_of(JxlColour(CUSTOM, CUSTOM, (*points[2:], *points[:2]), curve, gamma), channels)
