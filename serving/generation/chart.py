"""A picture of what directions do: a row for each, pictures at -3, 0 and +3 steps."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ...images.image import Picture
from .directions import Direction
from .generator import Generator
from .picks import Pick
from .sheet import as_pillow

STEPS = (-3, 0, 3)
SHOWN = 2
"""Pictures that each direction is shown on."""
LEAST, MOST = 72, 160
"""Pixels a side of a picture: smaller ones are enlarged by whole factors, larger ones made small."""
MARGIN, HEAD = 150, 44
"""Pixels left of the pictures for names, and above them."""
GAP, APART = 4, 20
INK, SOFT, PAPER = (29, 27, 24), (95, 90, 82), (255, 255, 255)


def chart(generator: Generator, directions: Sequence[Direction], seed: int = 0) -> Picture:
    """The first pictures of the seed, moved along each direction; RGB."""
    height, width = generator.size[1:]
    by = math.ceil(LEAST / max(height, width)) if max(height, width) < LEAST else min(1.0, MOST / max(height, width))
    cell = (round(width * by), round(height * by))
    block = len(STEPS) * (cell[0] + GAP) - GAP
    whole = Image.new("RGB", (MARGIN + SHOWN * (block + APART), HEAD + len(directions) * (cell[1] + GAP)), PAPER)
    draw, font = ImageDraw.Draw(whole), ImageFont.load_default(14)
    for column in range(SHOWN):
        left = MARGIN + column * (block + APART)
        draw.text((left, 4), f"picture {column}", INK, font)
        for place, step in enumerate(STEPS):
            middle = left + place * (cell[0] + GAP) + cell[0] / 2
            draw.text((middle, 24), f"{step:+d}" if step else "0", SOFT, font, anchor="ma")
    for row, direction in enumerate(directions):
        top = HEAD + row * (cell[1] + GAP)
        draw.text((8, top + cell[1] / 2 - 18), _short(direction.name), INK, font)
        draw.text(
            (8, top + cell[1] / 2), f"{100 * direction.share:.1f} % of the variance", SOFT, ImageFont.load_default(12)
        )
        picks = [Pick(seed, n, ((f"direction.{direction.name}", step),)) for n in range(SHOWN) for step in STEPS]
        for place, sample in enumerate(generator.pictures(picks)):
            column, step_place = divmod(place, len(STEPS))
            picture = as_pillow(generator.picture(sample))
            resampling = Image.Resampling.NEAREST if by >= 1 else Image.Resampling.LANCZOS
            small = picture.convert("RGBA").resize(cell, resampling)
            whole.paste(small, (MARGIN + column * (block + APART) + step_place * (cell[0] + GAP), top), small)
    return Picture(np.asarray(whole))


def _short(name: str) -> str:
    return name if len(name) <= 18 else f"{name[:17]}…"
