"""Points of the plane as a picture."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw

from .image import Bytes, Floats

REACH = 1.15
"""What lies within [-REACH, REACH] is shown, y upwards."""
DOT = 0.011
"""Radius of a point, in widths of the picture."""
FINE = 3
"""Times larger it is painted, for smooth edges."""
PAPER, FRAME = (255, 255, 255), (222, 217, 208)
REAL, GENERATED, PALE = (11, 106, 156), (194, 65, 12), (191, 214, 226)


def scatter(*layers: tuple[Floats, tuple[int, int, int]], side: int = 256) -> Bytes:
    """Layers of (points (N, 2), their colour), one over the other -> (side, side, 3); a frame marks [-1, 1]."""
    whole = side * FINE
    picture = Image.new("RGB", (whole, whole), PAPER)
    paint = ImageDraw.Draw(picture)
    low, high = (whole * (1 + end / REACH) / 2 for end in (-1, 1))
    paint.rectangle((low, low, high, high), outline=FRAME, width=FINE)
    radius = DOT * whole
    for points, colour in layers:
        for x, y in np.nan_to_num(points / REACH, nan=2.0):
            across, down = whole * (1 + x) / 2, whole * (1 - y) / 2
            paint.ellipse((across - radius, down - radius, across + radius, down + radius), fill=colour)
    return np.asarray(picture.reduce(FINE))
