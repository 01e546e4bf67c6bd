"""A landscape that is drawn by program: what the page shows of a model that has no examples beside it."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

_FINER = 3
"""Drawn so many times as large and made small, which smooths edges."""


def sample(width: int, height: int) -> bytes:
    """Sky, sun, hills, water and trees, the same every time, as a PNG of `width` x `height` pixels."""
    w, h = width * _FINER, height * _FINER
    rng = np.random.default_rng(5)
    image = Image.fromarray(_sky(w, h))
    glow = Image.new("RGB", (w, h))
    sun = (0.68 * w, 0.34 * h)
    ImageDraw.Draw(glow).ellipse(_round(*sun, 0.16 * h), fill=(120, 84, 40))
    image = Image.fromarray(np.asarray(image) // 1 + np.minimum(255 - np.asarray(image), _blurred(glow, h / 18)))
    draw = ImageDraw.Draw(image)
    draw.ellipse(_round(*sun, 0.065 * h), fill=(255, 240, 205))
    for depth, colour in enumerate(((126, 138, 168), (92, 112, 140), (62, 92, 98), (40, 70, 62))):
        ridge = _ridge(rng, w, h, 0.46 + 0.07 * depth, 0.13 - 0.02 * depth)
        draw.polygon([(0, h), *enumerate(ridge), (w, h)], fill=colour)
    draw.rectangle((0, 0.76 * h, w, h), fill=(74, 108, 134))
    for y, x, length in rng.uniform((0.78, -0.1, 0.03), (0.99, 1, 0.16), (90, 3)):
        draw.line((x * w, y * h, (x + length) * w, y * h), fill=(150, 164, 170), width=max(1, h // 260))
    for x, size in zip(rng.uniform(0, 1, 26), rng.uniform(0.09, 0.2, 26), strict=True):
        _tree(draw, x * w, (0.74 + 0.06 * abs(x - 0.55)) * h, size * h)
    out = io.BytesIO()
    image.resize((width, height), Image.Resampling.LANCZOS).save(out, "PNG")
    return out.getvalue()


def _sky(w: int, h: int) -> np.ndarray:
    """From blue above to a warm horizon."""
    top, low = np.array([92, 140, 196.0]), np.array([250, 214, 170.0])
    down = np.clip(np.arange(h) / (0.62 * h), 0, 1)[:, None, None] ** 0.8
    return np.broadcast_to(top + (low - top) * down, (h, w, 3)).astype(np.uint8)


def _blurred(image: Image.Image, radius: float) -> np.ndarray:
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)))


def _ridge(rng: np.random.Generator, w: int, h: int, middle: float, swing: float) -> list[float]:
    """Heights of a range of hills, from left to right."""
    x = np.arange(w) / w
    waves = sum(rng.normal() / n * np.sin(2 * np.pi * (n * x + rng.random())) for n in range(1, 24))
    return list((middle + swing * np.asarray(waves) / 1.8) * h)


def _tree(draw: ImageDraw.ImageDraw, x: float, foot: float, size: float) -> None:
    draw.rectangle((x - size / 26, foot - size / 5, x + size / 26, foot), fill=(66, 50, 40))
    for n in range(4):
        wide, top = size * (0.3 - 0.06 * n), foot - size * (0.5 + 0.17 * n)
        draw.polygon(
            [(x - wide, top + 0.38 * size), (x, top), (x + wide, top + 0.38 * size)], fill=(26, 58 + 9 * n, 48)
        )


def _round(x: float, y: float, radius: float) -> tuple[float, float, float, float]:
    return x - radius, y - radius, x + radius, y + radius
