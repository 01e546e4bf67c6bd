"""The sheet that a plan is painted on: labels and photograph as they grow, and the few strokes that all share.

Places are boxes in units of 1/64 of the picture's side. Colours are RGB in [0, 1].
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from .plan import RGB, UNITS, Box

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]

LABELS = {
    "sky": (70, 130, 220),
    "cloud": (225, 235, 250),
    "plaster": (240, 200, 90),
    "brick": (180, 60, 50),
    "stone": (150, 150, 165),
    "roof": (110, 50, 110),
    "window": (30, 60, 140),
    "trim": (250, 250, 235),
    "shutter": (20, 120, 90),
    "balcony": (250, 130, 30),
    "door": (110, 70, 20),
    "shop": (0, 190, 210),
    "awning": (230, 40, 120),
    "tree": (60, 170, 40),
    "pavement": (200, 180, 190),
    "street": (70, 70, 80),
}
"""Each class of the label map and its colour."""

FINENESS = 2
"""Canvas pixels along a side for each pixel of the finished photograph."""

_INDEX = {name: index for index, name in enumerate(LABELS)}
_PALETTE = np.array(list(LABELS.values()), np.uint8)


class Canvas:
    """The labels (size, size) and the photograph (FINENESS * size, FINENESS * size, 3) as they grow."""

    def __init__(self, size: int, noise: np.random.Generator) -> None:
        self.fine = size * FINENESS
        self.noise = noise
        self.labels: npt.NDArray[np.uint8] = np.zeros((size, size), np.uint8)
        self.photo: Floats = np.zeros((self.fine, self.fine, 3), np.float32)
        self.y: Floats = ((np.arange(self.fine, dtype=np.float32) + 0.5) * (UNITS / self.fine))[:, None]

    def label(self, name: str, box: Box, mask: Array | None = None) -> None:
        """Set the class inside the box, or where the mask (of `inside` at this box) says."""
        rows, columns = span(box, len(self.labels))
        part = self.labels[rows, columns]
        part[... if mask is None else mask] = _INDEX[name]

    def view(self, box: Box) -> Floats:
        """The part of the photograph in the box, to paint into."""
        return self.photo[span(box, self.fine)]

    def local(self, box: Box) -> tuple[Floats, Floats]:
        """Across (1, w) and down (h, 1), each from 0 to 1 over the whole box, where `view` shows it."""
        return _local(box, self.fine)

    def coarse(self, box: Box) -> tuple[Floats, Floats]:
        """The same for the pixels of the labels."""
        return _local(box, len(self.labels))

    def shadow(self, box: Box, strength: float) -> None:
        """Darken a strip: full under what casts the shadow, gone at its lower edge."""
        view = self.view(box)
        down = self.local(box)[1]
        view *= (1 - strength * np.clip(2.2 * (1 - down), 0, 1))[..., None]

    def finished(self) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
        """Labels and photograph, (size, size, 3) uint8 each."""
        size = len(self.labels)
        photo = self.photo.reshape(size, FINENESS, size, FINENESS, 3).mean((1, 3))
        photo *= self.noise.normal(1, 0.012, 3).astype(np.float32)
        photo += self.noise.normal(0, 0.012, (size, size, 1)).astype(np.float32)
        return _PALETTE[self.labels], (np.clip(photo, 0, 1) * 255 + 0.5).astype(np.uint8)


def mix(one: RGB, other: RGB, share: Array) -> Floats:
    """From one colour (share 0) to the other (share 1); `share` ends in a channel axis of one."""
    first = tint(one)
    return first + (tint(other) - first) * share.astype(np.float32)


@functools.cache
def tint(rgb: RGB) -> Floats:
    """A colour as an array (3,)."""
    return np.array(rgb, np.float32)


def span(box: Box, pixels: int) -> tuple[slice, slice]:
    """Rows and columns of the box on a canvas of so many pixels a side, cut at its edges."""
    scale = pixels / UNITS
    y0, y1, x0, x1 = (min(max(round(place * scale), 0), pixels) for place in (box.y0, box.y1, box.x0, box.x1))
    return slice(y0, y1), slice(x0, x1)


@functools.lru_cache(maxsize=4096)
def _local(box: Box, pixels: int) -> tuple[Floats, Floats]:
    rows, columns = span(box, pixels)
    unit = UNITS / pixels
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) * unit
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) * unit
    across, down = (x - box.x0) / (box.x1 - box.x0), (y - box.y0) / (box.y1 - box.y0)
    return np.clip(across, 0, 1)[None, :].astype(np.float32), np.clip(down, 0, 1)[:, None].astype(np.float32)
