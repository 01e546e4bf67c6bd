"""Volumes as pictures: the surface of what is at least half full, in parallel rays from the front above."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from .image import Bytes, Floats

TURN, TILT = np.radians(35.0), np.radians(28.0)
"""Of the view: around the vertical axis, and down to the ground."""
LIGHT = np.array([-0.45, 0.75, 0.6])
"""Towards the light, in the picture's right, up, and to the beholder."""
INK = np.array([92, 142, 196], np.float32)
PAPER = 255.0
FINE = 64
"""Voxels a side that smaller volumes are brought to, for smooth edges."""
REACH = 1.56
"""Width of the picture in sides of the cube, which fits in whatever its turn."""


def rendered(volume: Floats, side: int = 128) -> Bytes:
    """(D, H, W) cube of occupancies in [0, 1] -> (side, side, 3); the first axis is from top to bottom.

    An empty one is white.
    """
    whole = _finer(np.asarray(volume, np.float32))
    size = len(whole)
    places, depths = _rays(size, side)
    padded = np.append(whole.ravel() >= 0.5, False)
    first = padded[places].argmax(1)
    hit = np.take_along_axis(places, first[:, None], 1)[:, 0]
    is_hit = padded[hit]
    picture = np.full((side * side, 3), PAPER, np.float32)
    if is_hit.any():
        normals = _normals(whole, hit[is_hit])
        light = LIGHT / np.linalg.norm(LIGHT)
        bright = 0.34 + 0.66 * np.clip(normals @ light, 0, 1)
        near = 1.06 - 0.32 * depths[first[is_hit]]
        picture[is_hit] = np.clip(INK * (bright * near)[:, None] * 1.25, 0, 250)
    return np.rint(picture).astype(np.uint8).reshape(side, side, 3)


def _finer(volume: Floats) -> Floats:
    """Enlarged by a whole factor, by linear interpolation along each axis."""
    by = max(1, FINE // len(volume))
    if by == 1:
        return volume
    for axis in range(3):
        length = volume.shape[axis]
        place: npt.NDArray[Any] = np.clip((np.arange(length * by) + 0.5) / by - 0.5, 0, length - 1)
        low = np.minimum(place.astype(int), length - 2) if length > 1 else np.zeros(len(place), int)
        share = (place - low).astype(np.float32).reshape([-1 if n == axis else 1 for n in range(3)])
        a: Floats = np.take(volume, low, axis)
        b: Floats = np.take(volume, np.minimum(low + 1, length - 1), axis)
        volume = a + share * (b - a)
    return volume


def _axes() -> npt.NDArray[np.float64]:
    """Right, up and to the beholder of the picture, each as (up, deep, across) of the volume."""
    right = np.array([0.0, np.sin(TURN), np.cos(TURN)])
    to = np.array([np.sin(TILT), np.cos(TILT) * np.cos(TURN), -np.cos(TILT) * np.sin(TURN)])
    return np.stack([right, np.cross(to, right), to])


@functools.lru_cache(4)
def _rays(size: int, side: int) -> tuple[npt.NDArray[np.int32], Floats]:
    """Voxels along the ray of each pixel, (side * side, steps), size**3 for none, and how deep each step is."""
    right, up, to = _axes()
    across = ((np.arange(side) + 0.5) / side - 0.5) * REACH * size
    steps = int(np.ceil(REACH * size))
    deep = np.linspace(REACH / 2, -REACH / 2, steps) * size
    plane = across[None, :, None] * right - across[:, None, None] * up
    places = plane.reshape(-1, 1, 3) + deep[:, None] * to + size / 2
    voxels = np.floor(places).astype(np.int32)
    voxels[..., 0] = size - 1 - voxels[..., 0]
    inside = ((voxels >= 0) & (voxels < size)).all(-1)
    flat = (voxels[..., 0] * size + voxels[..., 1]) * size + voxels[..., 2]
    return np.where(inside, flat, size**3).astype(np.int32), np.linspace(0, 1, steps, dtype=np.float32)


def _normals(volume: Floats, places: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """(N, 3): what points out of the surface at these voxels, in the picture's axes."""
    soft: npt.NDArray[Any] = np.pad(volume, 3)
    for axis in range(3):
        for _ in range(2):
            soft = (np.roll(soft, 1, axis) + 2 * soft + np.roll(soft, -1, axis)) / 4
    found = np.unravel_index(places, volume.shape)
    at = [one + 3 for one in found]
    slopes = []
    for axis, way in ((0, -1), (1, 1), (2, 1)):  # the first axis is from top to bottom
        ahead, behind = ([one + step * (n == axis) for n, one in enumerate(at)] for step in (1, -1))
        slopes.append(-way * (soft[tuple(ahead)] - soft[tuple(behind)]))
    outward = np.stack(slopes, 1).astype(np.float64)
    outward /= np.maximum(np.linalg.norm(outward, axis=1, keepdims=True), 1e-6)
    return outward @ _axes().T
