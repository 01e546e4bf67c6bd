"""Alpha bleeding: the visible colours continued into transparent pixels, so that hidden ones cannot leak out of them.

Push and pull over halved pictures (Gortler et al., "The Lumigraph", SIGGRAPH 1996), in colours times alpha.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...images.image import to_float

FloatArray = npt.NDArray[np.float32]

_FAINT = np.float32(1e-6)
"""Weight of a colour that was filled in, against 1 of an opaque one: near something visible that alone decides."""


def bleed_alpha(planes: FloatArray, alpha: npt.NDArray[Any]) -> FloatArray:
    """(C, H, W) in which the visible colours go on where `alpha`, (H, W), is 0; all others are as they were."""
    hidden = alpha == 0
    if hidden.all() or not hidden.any():
        return planes
    weight = np.where(hidden, np.float32(0), np.maximum(to_float(alpha), _FAINT))  # a float's least halves to nothing
    *colours, weight = _from_half([*(planes * weight), weight])
    return np.where(hidden, np.stack(colours) / weight, planes)


def _from_half(planes: list[FloatArray]) -> list[FloatArray]:
    """Colours times weight and, last, the weight, (H, W) each, as the picture of half the size has them everywhere."""
    height, width = planes[-1].shape
    small = _filled([np.asarray(Image.fromarray(plane).reduce(2)) for plane in planes])
    size = (2 * small[-1].shape[1], 2 * small[-1].shape[0])
    large = [Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR) for plane in small]
    return [np.asarray(image)[:height, :width] for image in large]


def _filled(planes: list[FloatArray]) -> list[FloatArray]:
    """The same planes, with faint colours from around where the weight is 0."""
    hidden = planes[-1] == 0
    if not hidden.any():
        return planes
    around = _from_half(planes)
    faint = hidden * _FAINT / around[-1]
    return [old + new * faint for new, old in zip(around, planes, strict=True)]  # `old` is 0 where it is hidden
