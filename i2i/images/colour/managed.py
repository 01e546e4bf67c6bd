"""Values of any colour space to sRGB, which models see, and back, by LittleCMS in floats and relative colorimetrically.

Colours that sRGB does not hold are clipped to it. Pictures that are sRGB, or say nothing, stay as they are, bit by bit.
"""

from __future__ import annotations

import functools
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt

from ..image import Array, Floats, to_float
from .spaces import SRGB

_SPACES = {1: b"GRAY", 3: b"RGB "}
_NAMES = {1: "gray", 3: "rgb"}
_RELATIVE = 1
"""The intent that leaves colours as they are, but for the white."""
_SAME = 1 / 255
"""Distance below which a profile is sRGB under another name, in [0, 1]."""
_STEPS = 4096


def is_usable(icc: bytes, channels: int) -> bool:
    """Whether a profile is whole, and of as many channels."""
    return _kind(icc, channels) != "broken"


def in_srgb(pixels: Array, icc: bytes | None) -> Array:
    """(H, W, C) as sRGB, float32 in [0, 1]; the same array where it is sRGB already, or nothing is known of it."""
    channels = pixels.shape[2]
    if icc is None or channels not in _SPACES or _kind(icc, channels) != "managed":
        return pixels
    if channels == 1:
        steps, tones = _tones(icc)
        return np.asarray(np.interp(to_float(pixels), steps, tones), np.float32)
    # Of 8 bits LittleCMS has a path that is ten times as fast, and right to a third of a level.
    kind = np.uint16 if pixels.dtype == np.uint8 else np.float32
    given = pixels if pixels.dtype == np.uint8 else to_float(pixels)
    out = to_float(_transformed(given, icc, SRGB, kind))
    return np.asarray(np.clip(out, 0, 1, out=out))


def from_srgb(pixels: Floats, icc: bytes) -> Floats | None:
    """(H, W, C) of sRGB in [0, 1] as values of the profile's space, clipped to it; None where it has no way back."""
    channels = pixels.shape[2]
    if _kind(icc, channels) != "managed":
        return pixels
    if channels == 1:
        steps, tones = _tones(icc)
        return np.asarray(np.interp(pixels, np.maximum.accumulate(tones), steps), np.float32)
    try:
        out = _transformed(pixels, SRGB, icc, np.float32)
    except Exception:  # a scanner's profile may know one way alone
        return None
    return np.asarray(np.clip(out, 0, 1, out=out))


def at_depth(values: Array, dtype: npt.DTypeLike) -> Array:
    """What `in_srgb` gave, of the picture's own type."""
    if values.dtype == dtype:
        return values
    return np.rint(values * np.float32(np.iinfo(np.dtype(dtype)).max)).astype(dtype)


@functools.lru_cache(maxsize=16)  # a profile may have megabytes
def _kind(icc: bytes, channels: int) -> str:
    """`srgb` where it changes no value by a level of 8 bits, `managed`, or `broken`."""
    if icc[16:20] != _SPACES.get(channels):
        return "broken"
    try:
        if channels == 1:
            steps, tones = _tones(icc)
            return "srgb" if np.abs(tones - steps).max() <= _SAME else "managed"
        axis = np.linspace(0, 1, 9, dtype=np.float32)
        probe = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(1, -1, 3)
        return "srgb" if np.abs(_transformed(probe, icc, SRGB, np.float32) - probe).max() <= _SAME else "managed"
    except Exception:  # whatever the profile's reader raises
        return "broken"


@functools.lru_cache(maxsize=16)
def _tones(icc: bytes) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Of a grey profile: values in [0, 1], and the same as sRGB."""
    steps = np.linspace(0, 1, _STEPS, dtype=np.float32)
    out = imagecodecs.cms_transform(
        steps[None], icc, SRGB, colorspace="gray", outcolorspace="rgb", outdtype=np.float32, intent=_RELATIVE
    )
    return steps, np.clip(np.asarray(out)[0, :, 1], 0, 1)


def _transformed(pixels: Array, source: bytes, target: bytes, dtype: npt.DTypeLike) -> Array:
    return np.asarray(
        imagecodecs.cms_transform(
            np.ascontiguousarray(pixels), source, target, colorspace="rgb", outcolorspace="rgb", outdtype=dtype,
            intent=_RELATIVE,
        )
    )  # fmt: skip
