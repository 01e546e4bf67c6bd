"""What a file makes from noise, as pictures: pictures themselves, volumes rendered, points in their plane."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ...card import Card
from ...images.image import Picture, divided, to_uint8
from ...images.scatter import GENERATED, scatter
from ...images.voxels import rendered
from ..inference.executors import FloatArray

OF_A_VOLUME, OF_POINTS = 128, 256
"""Pixels a side."""


def size_of(card: Card) -> tuple[int, int, int]:
    """Channels, height and width of the picture of a sample; 4 channels are RGB and alpha."""
    kind = card.outputs[0].kind
    if kind == "volume":
        return 3, OF_A_VOLUME, OF_A_VOLUME
    if kind == "point":
        return 3, OF_POINTS, OF_POINTS
    channels, height, width = (side or 0 for side in card.outputs[0].shape)
    return channels, height, width


def picture_of(sample: FloatArray, kind: str = "image") -> Picture:
    """A sample of that kind of port as a picture of 8 bits; of 4 channels the alpha is straight, as files have it."""
    if kind == "volume":
        return Picture(rendered(sample, OF_A_VOLUME))
    if kind == "point":
        return points_of(sample[None])
    pixels: npt.NDArray[Any] = sample.transpose(1, 2, 0)
    if pixels.shape[2] != 4:
        return Picture(to_uint8(np.ascontiguousarray(pixels)))
    alpha = to_uint8(np.ascontiguousarray(pixels[..., 3]))
    seen = divided(np.ascontiguousarray(pixels[..., :3]), pixels[..., 3])
    return Picture(to_uint8(seen), alpha)


def points_of(points: FloatArray) -> Picture:
    """(N, 2) in one plane."""
    return Picture(scatter((points, GENERATED), side=OF_POINTS))
