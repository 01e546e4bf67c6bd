"""The colour space that a JPEG XL names, as a profile: every other format carries profiles, and not names.

(ISO/IEC 18181-1, annex on colour; the curves are of ITU-R BT.709, IEC 61966-2-1 and SMPTE RP 431-2.)
"""

from __future__ import annotations

from typing import Any

import imagecodecs
import numpy as np

from ..image import Array, Floats
from .jxl_header import CUSTOM, SRGB, JxlColour

WHITES = {1: (0.3127, 0.3290), 10: (1 / 3, 1 / 3), 11: (0.314, 0.351)}
"""D65, E and that of digital cinema."""
PRIMARIES = {
    1: (0.640, 0.330, 0.300, 0.600, 0.150, 0.060),
    9: (0.708, 0.292, 0.170, 0.797, 0.131, 0.046),
    11: (0.680, 0.320, 0.265, 0.690, 0.150, 0.060),
}
"""x and y of red, green and blue: sRGB, Rec. 2020 and P3."""
LINEAR, SRGB_CURVE = 8, 13
DATE = (2000).to_bytes(2) + (1).to_bytes(2) + (1).to_bytes(2) + bytes(6)
"""Of every profile, in place of now: the same file has the same profile at all times."""
GAMMAS = {LINEAR: 1.0, 17: 2.6}
"""Transfer functions that are powers."""


def profile_of(colour: JxlColour | None, channels: int) -> bytes | None:
    """An ICC profile; None where the space is sRGB, or one that no profile of this kind says (PQ, HLG)."""
    if colour is None or (colour.white, colour.primaries, colour.transfer) == (1, SRGB, SRGB_CURVE):
        return None
    given = colour.chromaticities
    white = given[-2:] if colour.white == CUSTOM else WHITES.get(colour.white)
    primaries = given[:6] if colour.primaries == CUSTOM else PRIMARIES.get(colour.primaries)
    curve = {SRGB_CURVE: _srgb, 1: _rec709}.get(colour.transfer)
    gamma = 1 / colour.gamma if colour.gamma else GAMMAS.get(colour.transfer)
    if white is None or primaries is None or (curve is None and gamma is None):
        return None
    options: dict[str, Any] = {"gamma": gamma}
    if curve is not None:
        options = {"transferfunction": curve(np.linspace(0, 1, 1024, dtype=np.float32))}
    if channels == 3:
        options["primaries"] = primaries
    try:
        kind = "rgb" if channels == 3 else "gray"
        profile = bytes(imagecodecs.cms_profile(kind, whitepoint=(*white, 1.0), **options))
        return profile[:24] + DATE + profile[36:]
    except Exception:  # chromaticities that no colours have: that is no reason to lose the picture
        return None


def srgb_of_linear(values: Array, *, eight_bits: bool) -> Array:
    """uint16 or float32 of linear light -> the same of sRGB, or uint8."""
    if values.dtype == np.float32:
        return np.where(values <= 0.0031308, values * 12.92, 1.055 * values ** (1 / 2.4) - 0.055).astype(np.float32)
    table = srgb_of_linear(np.linspace(0, 1, 65536, dtype=np.float32), eight_bits=False)
    kind, full = (np.uint8, 255) if eight_bits else (np.uint16, 65535)
    encoded: Array = np.rint(table * full).astype(kind)[values]
    return encoded


def _srgb(values: Floats) -> Floats:
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4).astype(np.float32)


def _rec709(values: Floats) -> Floats:
    return np.where(values < 0.081, values / 4.5, ((values + 0.099) / 1.099) ** (1 / 0.45)).astype(np.float32)
