"""Colours of other spaces as sRGB: CMYK by its profile or the plain formula, Lab by its definition."""

from __future__ import annotations

import contextlib
from typing import Any

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image

from ..image import Array, Floats

D50 = (0.96422, 1.0, 0.82521)
"""White of Lab in TIFFs and profiles, as XYZ."""
XYZ_TO_RGB = (
    (3.1338561, -1.6168667, -0.4906146),
    (-0.9787684, 1.9161415, 0.0334540),
    (0.0719453, -0.2289914, 1.4052427),
)
"""XYZ of D50 to linear sRGB, adapted by Bradford's transform (B. Lindbloom)."""


def cmyk_to_srgb(inks: Array, profile: bytes | None) -> Array:
    """(H, W, 4), 0 is no ink, as (H, W, 3) sRGB of the same type; a profile that is broken is left out."""
    if profile and inks.dtype != np.float32:
        with contextlib.suppress(Exception):  # whatever the profile's reader raises: the plain formula then
            srgb = imagecodecs.cms_profile("srgb")
            return np.asarray(
                imagecodecs.cms_transform(
                    np.ascontiguousarray(inks), profile, srgb, colorspace="cmyk", outcolorspace="rgb",
                    outdtype=inks.dtype,
                )
            )  # fmt: skip
    if inks.dtype == np.uint8:  # Pillow has the same formula, eight times as fast
        return np.asarray(Image.fromarray(np.ascontiguousarray(inks), "CMYK").convert("RGB"))
    full = 1 if inks.dtype == np.float32 else np.iinfo(inks.dtype).max
    light = 1 - inks / np.float32(full)
    return _scaled(light[..., :3] * light[..., 3:], inks.dtype)


def lab_to_srgb(lab: Floats, dtype: npt.DTypeLike) -> Array:
    """(H, W, 3), L in [0, 100], a and b in [-128, 128), white D50, as sRGB of `dtype`, clipped to what sRGB holds."""
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = np.where(f > 6 / 29, f**3, (f - 4 / 29) * (3 * (6 / 29) ** 2)) * np.array(D50, np.float32)
    linear = np.clip(xyz @ np.array(XYZ_TO_RGB, np.float32).T, 0, 1)
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    return _scaled(srgb, dtype)


def _scaled(values: npt.NDArray[Any], dtype: npt.DTypeLike) -> Array:
    if np.dtype(dtype) == np.float32:
        return values.astype(np.float32)
    whole: Array = np.rint(np.clip(values, 0, 1) * np.iinfo(np.dtype(dtype)).max).astype(dtype)
    return whole
