"""Small pictures painted by program: digits of many hands, and round faces of six moods. Pillow paints them.

They are painted larger than they are shown and averaged down, so that edges have shades.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

Made = tuple[npt.NDArray[Any], npt.NDArray[Any]]
Make = Callable[[int, np.random.Generator, bool], Made]
"""(count, random numbers, whether of those that are never trained on)."""

DIGITS = tuple("0123456789")
FACES = ("glad", "sad", "calm", "amazed", "asleep", "winking")

STROKES: tuple[tuple[tuple[tuple[float, float], ...], ...], ...] = (
    (((0.5, 0.1), (0.22, 0.25), (0.18, 0.6), (0.32, 0.88), (0.62, 0.9), (0.8, 0.65), (0.78, 0.3), (0.5, 0.1)),),
    (((0.35, 0.28), (0.55, 0.1), (0.52, 0.9)),),
    (((0.2, 0.28), (0.42, 0.1), (0.7, 0.15), (0.75, 0.38), (0.5, 0.62), (0.2, 0.9), (0.82, 0.88)),),
    (((0.22, 0.14), (0.7, 0.14), (0.45, 0.42), (0.75, 0.6), (0.68, 0.86), (0.4, 0.92), (0.2, 0.8)),),
    (((0.6, 0.1), (0.2, 0.6), (0.82, 0.6)), ((0.62, 0.38), (0.58, 0.92))),
    (((0.75, 0.12), (0.32, 0.12), (0.28, 0.45), (0.6, 0.42), (0.78, 0.62), (0.65, 0.88), (0.25, 0.88)),),
    (((0.65, 0.1), (0.32, 0.4), (0.25, 0.7), (0.45, 0.92), (0.72, 0.8), (0.68, 0.55), (0.28, 0.62)),),
    (((0.2, 0.13), (0.8, 0.13), (0.5, 0.5), (0.4, 0.92)),),
    (((0.5, 0.48), (0.28, 0.3), (0.5, 0.1), (0.72, 0.28), (0.5, 0.48), (0.25, 0.7), (0.5, 0.92), (0.75, 0.7),
      (0.5, 0.48)),),
    (((0.72, 0.4), (0.45, 0.5), (0.27, 0.3), (0.5, 0.1), (0.73, 0.22), (0.72, 0.4), (0.6, 0.92)),),
)  # fmt: skip
"""Of each digit its strokes: points in the unit square, x to the right and y down."""

PAINTED = 56
"""Pixels of a side, about, that they are painted with."""

POOL, UNSEEN = 4200, 600
"""Pictures that are painted once, and how many of them are never trained on."""


def digits(size: int) -> Make:
    """(N, 1, size, size) in [-1, 1], white on black: slanted, shifted, of thin and thick strokes."""
    return lambda count, rng, unseen: _drawn(_digits(size), count, rng, unseen)


def faces(size: int) -> Make:
    """(N, 3, size, size) in [-1, 1]: yellow to orange faces of six moods on white."""
    return lambda count, rng, unseen: _drawn(_faces(size), count, rng, unseen)


def _drawn(of: Made, count: int, rng: np.random.Generator, unseen: bool) -> Made:
    """Without repetition as far as there are so many."""
    pictures, kinds = (one[-UNSEEN:] if unseen else one[:-UNSEEN] for one in of)
    places = np.concatenate([rng.permutation(len(pictures)) for _ in range(-(-count // len(pictures)))])[:count]
    return pictures[places], kinds[places]


@functools.cache
def _digits(size: int) -> Made:
    rng, side = np.random.default_rng(8), -(-PAINTED // size) * size
    found, kinds = [], np.arange(POOL) % 10
    for kind in kinds:
        picture = Image.new("L", (side, side))
        paint = ImageDraw.Draw(picture)
        slant, turn = rng.uniform(-0.25, 0.2), rng.uniform(-0.15, 0.15)
        width, high = rng.uniform(0.62, 0.85), rng.uniform(0.74, 0.9)
        x0, y0 = (1 - width) / 2 + rng.uniform(-0.05, 0.05), (1 - high) / 2 + rng.uniform(-0.04, 0.04)
        thick, shade = rng.uniform(0.07, 0.15) * side, int(rng.integers(190, 256))
        for stroke in STROKES[kind]:
            points = np.asarray(stroke) + rng.normal(0, 0.025, (len(stroke), 2))
            points = _curve(points)
            x, y = points[:, 0] - slant * (points[:, 1] - 0.5), points[:, 1] + turn * (points[:, 0] - 0.5)
            _stroke(paint, side * (x0 + width * x), side * (y0 + high * y), thick, shade)
        found.append(np.asarray(picture.resize((size, size), Image.Resampling.BOX)))
    return np.stack(found)[:, None].astype(np.float32) / 127.5 - 1, kinds


def _curve(points: npt.NDArray[Any], rounds: int = 2) -> npt.NDArray[Any]:
    """Corners cut off twice (Chaikin, 1974): a polygon that looks like a curve."""
    for _ in range(rounds):
        first, second = points[:-1], points[1:]
        cut = np.stack([0.75 * first + 0.25 * second, 0.25 * first + 0.75 * second], 1).reshape(-1, 2)
        points = np.concatenate([points[:1], cut, points[-1:]])
    return points


def _stroke(paint: ImageDraw.ImageDraw, x: npt.NDArray[Any], y: npt.NDArray[Any], thick: float, shade: Any) -> None:
    paint.line([(float(a), float(b)) for a, b in zip(x, y, strict=True)], shade, max(1, round(thick)), "curve")
    for a, b in ((x[0], y[0]), (x[-1], y[-1])):
        r = thick / 2
        paint.ellipse((a - r, b - r, a + r, b + r), fill=shade)


@functools.cache
def _faces(size: int) -> Made:
    rng, side = np.random.default_rng(9), -(-PAINTED // size) * size
    found, kinds = [], np.arange(POOL) % len(FACES)
    for kind in kinds:
        picture = Image.new("RGB", (side, side), (250, 250, 250))
        _face(ImageDraw.Draw(picture), FACES[kind], side, rng)
        found.append(np.asarray(picture.resize((size, size), Image.Resampling.BOX)))
    return np.stack(found).transpose(0, 3, 1, 2).astype(np.float32) / 127.5 - 1, kinds


def _face(paint: ImageDraw.ImageDraw, mood: str, side: int, rng: np.random.Generator) -> None:
    """One face; eyes, mouth, colour and place differ a little each time."""
    r = side * rng.uniform(0.4, 0.47)
    x, y = side * (0.5 + rng.uniform(-0.03, 0.03)), side * (0.5 + rng.uniform(-0.03, 0.03))
    paint.ellipse((x - r, y - r, x + r, y + r), fill=(255, int(rng.integers(170, 225)), int(rng.integers(20, 90))))
    dark, thick = (70, 40, 20), max(1, round(0.16 * r))
    apart, eye = r * rng.uniform(0.34, 0.44), r * rng.uniform(0.11, 0.16)
    for turn in (-1, 1):
        a, b = x + turn * apart, y - 0.25 * r
        if mood == "asleep" or (mood == "winking" and turn == 1):
            paint.line((a - 1.4 * eye, b, a + 1.4 * eye, b), dark, thick)
        else:
            paint.ellipse((a - eye, b - 1.4 * eye, a + eye, b + 1.4 * eye), fill=dark)
    wide, low = r * rng.uniform(0.42, 0.55), y + 0.35 * r
    if mood in ("glad", "winking"):
        paint.arc((x - wide, low - 0.7 * wide, x + wide, low + 0.6 * wide), 15, 165, dark, thick)
    elif mood == "sad":
        paint.arc((x - wide, low, x + wide, low + 1.3 * wide), 195, 345, dark, thick)
    elif mood == "amazed":
        paint.ellipse((x - 0.4 * wide, low - 0.3 * wide, x + 0.4 * wide, low + 0.8 * wide), fill=dark)
    else:
        paint.line((x - 0.8 * wide, low + 0.15 * wide, x + 0.8 * wide, low + 0.15 * wide), dark, thick)
