"""Sharp surfaces made by program: bricks, planks, cloth, leaves, print, wires and more, with detail at single pixels.

Each paints a square of `side` canvas pixels, FINENESS of which make a pixel of the finished picture, so that lines and
edges come out smooth. Sizes are in pixels of the finished picture. Colours are RGB in [0, 1].
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

Floats = npt.NDArray[np.float32]
Rng = np.random.Generator
FINENESS = 3
"""Canvas pixels along a side for each pixel of the finished picture."""

SYLLABLES = ("an", "be", "ca", "do", "el", "fi", "ga", "ho", "in", "ka", "lo", "mi", "ne", "or", "pa", "ri", "so", "tu",
             "un", "ve", "wa", "xi", "yo", "ze", "str", "ing", "ent", "tion", "ous")  # fmt: skip


def bricks(rng: Rng, side: int) -> Floats:
    """Running bond, each brick of its own tone, with rough mortar."""
    length, height, joint = rng.uniform(14, 40), rng.uniform(6, 14), rng.uniform(0.8, 2.2)
    x, y = _places(side)
    row, v = np.divmod(y / height, 1)
    column, u = np.divmod(x / length + 0.5 * (row % 2), 1)
    tones = rng.normal(0, 0.09, (64, 256)).astype(np.float32)[row.astype(int) % 64, column.astype(int) % 256]
    mortar = (u * length < joint) | (v * height < joint)
    wall = _colour(rng, 0.02 if rng.random() < 0.7 else rng.random(), 0.5, 0.55)
    picture = wall * (1 + tones + 0.12 * (0.5 - v) + 0.10 * _noise(rng, side, 2))[..., None]
    return np.where(
        mortar[..., None], _colour(rng, 0.1, 0.1, 0.75) * (1 + 0.1 * _noise(rng, side, 1.5))[..., None], picture
    )


def planks(rng: Rng, side: int) -> Floats:
    """Boards with grain along them, knots, gaps and nails."""
    width = rng.uniform(14, 44)
    x, y = _places(side)
    board, u = np.divmod(x / width, 1)
    shift = rng.uniform(0, 400, 256)[board.astype(int) % 256]
    wobble = 5 * _noise(rng, side, 24)
    rings = np.sin((x + wobble + shift) * rng.uniform(0.9, 2.4) + 0.02 * y)
    fibres = _noise(rng, side, 1.2, stretch=14)
    tones = rng.normal(0, 0.06, 256)[board.astype(int) % 256]
    bright = 1 + 0.10 * rings + 0.16 * fibres + tones
    bright = np.where(u * width < 1.2, 0.25, bright)
    return (_colour(rng, rng.uniform(0.05, 0.12), 0.5, 0.6) * bright[..., None]).astype(np.float32)


def cloth(rng: Rng, side: int) -> Floats:
    """Warp and weft, threads of two to six pixels over and under each other, in coloured stripes."""
    thread = rng.uniform(2, 6)
    x, y = _places(side)
    (i, u), (j, v) = np.divmod(x / thread, 1), np.divmod(y / thread, 1)
    palette = np.stack([_colour(rng, rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.25, 0.9)) for _ in range(4)])
    plan = rng.integers(0, 4, 12).repeat(rng.integers(2, 9, 12))
    warp, weft = (palette[plan[k.astype(int) % len(plan)]] for k in (i, j))
    twill = int(rng.integers(1, 4))
    over = ((i + twill * j) % (twill + 1) < 1)[..., None]
    rounded = np.where(over[..., 0], np.sin(np.pi * u), np.sin(np.pi * v))
    return np.asarray(np.where(over, warp, weft) * (0.45 + 0.6 * rounded[..., None]), np.float32)


def stripes(rng: Rng, side: int) -> Floats:
    """The coat of an animal: winding bands or spots, with hair over them."""
    period = rng.uniform(5, 18)
    field = _noise(rng, side, period, stretch=rng.uniform(1, 5)) + 0.4 * _noise(rng, side, period * 2)
    edge = np.clip((field - rng.uniform(-0.2, 0.4)) * rng.uniform(8, 25) + 0.5, 0, 1)[..., None]
    light, dark = _colour(rng, rng.uniform(0.05, 0.14), 0.5, 0.85), _colour(rng, 0.08, 0.4, 0.18)
    hair = 1 + 0.22 * _noise(rng, side, 0.8, stretch=9)
    return ((light * edge + dark * (1 - edge)) * hair[..., None]).astype(np.float32)


def pebbles(rng: Rng, side: int) -> Floats:
    """Stones of many sizes, lit from above, with dark gaps."""
    count = int((side / FINENESS / rng.uniform(6, 18)) ** 2) + 4
    points = rng.uniform(0, side, (count, 2)).astype(np.float32)
    y, x = np.mgrid[0:side, 0:side].astype(np.float32)
    first = np.full((side, side), np.inf, np.float32)
    second, owner = first.copy(), np.zeros((side, side), int)
    for n, (py, px) in enumerate(points):
        reach = int(3.2 * side / math.sqrt(count)) + 4
        rows, columns = (slice(max(0, int(p) - reach), int(p) + reach + 1) for p in (py, px))
        part = (y[rows, columns] - py) ** 2 + (x[rows, columns] - px) ** 2
        near = part < first[rows, columns]
        second[rows, columns] = np.where(near, first[rows, columns], np.minimum(second[rows, columns], part))
        owner[rows, columns] = np.where(near, n, owner[rows, columns])
        first[rows, columns] = np.minimum(first[rows, columns], part)
    rim = np.clip((np.sqrt(second) - np.sqrt(first)) / (1.6 * FINENESS), 0, 1)
    light = 1 + 0.35 * np.clip((points[owner, 0] - y) / (side / math.sqrt(count)), -0.8, 0.8)
    tones = np.stack([_colour(rng, rng.random(), 0.12, rng.uniform(0.35, 0.85)) for _ in range(count)])[owner]
    speckle = 1 + 0.12 * _noise(rng, side, 0.8)
    return np.asarray(tones * (rim * light * speckle)[..., None], np.float32)


def shingles(rng: Rng, side: int) -> Floats:
    """Rounded roof tiles in rows that overlap."""
    width, height = rng.uniform(8, 22), rng.uniform(6, 16)
    x, y = _places(side)
    canvas = np.zeros((side, side, 3), np.float32)
    base = _colour(rng, rng.choice([0.02, 0.58, 0.3]), 0.4, 0.5)
    for row in range(int(side / FINENESS / height), -2, -1):
        u = (x / width + 0.5 * (row % 2)) % 1 - 0.5
        column = np.floor(x / width + 0.5 * (row % 2)).astype(int)
        depth = (y - row * height) / height
        inside = (depth >= 0) & (depth < 1 + 0.7 * np.sqrt(np.clip(1 - 4 * u * u, 0, 1)))
        tone = 1 + rng.normal(0, 0.10, 512)[column % 512] - 0.25 * np.abs(u) - 0.25 * (depth - 0.8)
        canvas = np.where(inside[..., None], base * tone[..., None], canvas)
    return (canvas * (1 + 0.08 * _noise(rng, side, 1))[..., None]).astype(np.float32)


def leaves(rng: Rng, side: int) -> Floats:
    """Foliage: hundreds of leaves with a midrib, the far ones dark and small."""
    image, draw = _canvas(side, _colour(rng, 0.3, 0.5, 0.12))
    hue, area = rng.uniform(0.2, 0.4), (side / FINENESS) ** 2
    for depth in np.linspace(0.25, 1, 4):
        length = rng.uniform(6, 15) * (0.5 + 0.7 * depth)
        for _ in range(int(1.1 * area / length**2)):
            colour = _colour(rng, hue + rng.normal(0, 0.02), 0.6, depth * rng.uniform(0.45, 0.85))
            _leaf(draw, rng.uniform(0, side, 2), rng.uniform(0, 2 * math.pi), length * rng.uniform(0.7, 1.3), colour)
    return _array(image)


def grass(rng: Rng, side: int) -> Floats:
    """Blades from below, crossing each other."""
    image, draw = _canvas(side, _colour(rng, 0.25, 0.5, 0.15))
    hue = rng.uniform(0.12, 0.36)
    for _ in range(int(side / FINENESS * 5)):
        x, y = rng.uniform(0, side), rng.uniform(0.1, 1.25) * side
        bend, height = rng.normal(0, 0.25), rng.uniform(14, 55) * FINENESS
        steps = np.linspace(0, 1, 8)
        spine = np.stack([x + bend * height * steps**2, y - height * steps], 1)
        colour = _colour(rng, hue + rng.normal(0, 0.025), rng.uniform(0.3, 0.7), rng.uniform(0.3, 0.95))
        draw.line([tuple(p) for p in spine.tolist()], _rgb(colour), max(1, round(rng.uniform(0.5, 1.8) * FINENESS)))
    return _array(image)


def paper(rng: Rng, side: int) -> Floats:
    """A printed page: a heading and lines of made-up words, in type from very small to large."""
    dark = rng.random() < 0.2
    ink, ground = _colour(rng, rng.random(), 0.3, 0.12), _colour(rng, 0.12, rng.uniform(0, 0.15), 0.94)
    image, draw = _canvas(side, ink if dark else ground)
    fill = _rgb(ground if dark else ink)
    x, y = (rng.uniform(-0.3, 0.1) * side for _ in range(2))
    size = rng.uniform(7, 16)
    while y < side:
        large = rng.random() < 0.12
        font = ImageFont.load_default((size * (1.8 if large else 1)) * FINENESS)
        draw.text((x, y), " ".join(_word(rng) for _ in range(24)), fill, font)
        y += size * (2.3 if large else 1.25) * FINENESS
    return _array(image.rotate(rng.normal(0, 4), Image.Resampling.BICUBIC, fillcolor=_rgb(ink if dark else ground)))


def sign(rng: Rng, side: int) -> Floats:
    """A board with a few large letters and figures, framed, with numbers below."""
    hue = rng.random()
    image, draw = _canvas(side, _colour(rng, hue, 0.6, 0.5))
    light = _rgb(_colour(rng, hue + 0.5, rng.uniform(0, 0.3), 0.95))
    for inset in (4, 8):
        box = [inset * FINENESS] * 2 + [side - inset * FINENESS] * 2
        draw.rectangle(box, outline=light, width=max(1, round(rng.uniform(0.6, 2) * FINENESS)))
    for row in range(4):
        font = ImageFont.load_default(rng.uniform(12, 44) * FINENESS)
        text = _word(rng).upper() if row % 2 == 0 else " ".join(str(n) for n in rng.integers(0, 100, 6))
        draw.text((rng.uniform(0.03, 0.2) * side, (0.06 + 0.24 * row) * side), text, light, font)
    return _array(image)


def wires(rng: Rng, side: int) -> Floats:
    """Fences, cables, grids and rays of hair-thin lines before a soft ground."""
    ground = sky(rng, side)
    image = Image.fromarray((np.clip(ground, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(rng.integers(2, 4)):
        colour = _rgb(_colour(rng, rng.random(), rng.uniform(0, 0.5), rng.choice([0.1, 0.2, 0.95])))
        gap, angle, thick = rng.uniform(4, 20) * FINENESS, rng.uniform(0, math.pi), rng.uniform(0.4, 1.8) * FINENESS
        way = rng.integers(3)
        for turn in (0, math.pi / 2) if way == 1 else (0,):
            across = np.array([math.cos(angle + turn), math.sin(angle + turn)])
            along = np.array([-across[1], across[0]])
            for n in range(-int(side / gap), int(side / gap) + 1):
                middle = np.array([side / 2, side / 2]) + across * gap * n
                start = np.array([side * 0.3, side * 1.1]) if way == 2 else middle - along * side
                draw.line([*start.tolist(), *(middle + along * side).tolist()], colour, max(1, round(thick)))
    return _array(image)


def sky(rng: Rng, side: int) -> Floats:
    """A smooth change of colour, with clouds or without: what must stay smooth."""
    x, y = _places(side)
    turn = rng.uniform(0, 2 * math.pi)
    share = (math.cos(turn) * x + math.sin(turn) * y) / (side / FINENESS) * 0.5 + 0.5
    one, other = (_colour(rng, rng.random(), rng.uniform(0.1, 0.6), rng.uniform(0.4, 1)) for _ in range(2))
    clouds = np.clip(0.6 * _noise(rng, side, 40) + 0.3 * _noise(rng, side, 16), 0, 1) * rng.choice([0, 0.6])
    picture = one + (other - one) * np.clip(share, 0, 1)[..., None]
    return np.asarray(picture + (0.95 - picture) * clouds[..., None], np.float32)


SURFACES: dict[str, Callable[[Rng, int], Floats]] = {
    "bricks": bricks,
    "planks": planks,
    "cloth": cloth,
    "stripes": stripes,
    "pebbles": pebbles,
    "shingles": shingles,
    "leaves": leaves,
    "grass": grass,
    "paper": paper,
    "sign": sign,
    "wires": wires,
    "sky": sky,
}


def _places(side: int) -> tuple[Floats, Floats]:
    """Columns and rows of every canvas pixel, in pixels of the finished picture."""
    steps = (np.arange(side, dtype=np.float32) + 0.5) / FINENESS
    return np.broadcast_to(steps[None], (side, side)), np.broadcast_to(steps[:, None], (side, side))


def _noise(rng: Rng, side: int, period: float, stretch: float = 1) -> Floats:
    """(side, side) about 0, of deviation near 0.5, varying over `period` finished pixels, along y `stretch` times."""
    cells = [max(2, math.ceil(side / FINENESS / p)) for p in (period, period * stretch)]
    knots = rng.normal(0, 0.6, (cells[1] + 1, cells[0] + 1)).astype(np.float32)
    return np.asarray(Image.fromarray(knots).resize((side, side), Image.Resampling.BICUBIC))


def _colour(rng: Rng, hue: float, saturation: float, value: float) -> Floats:
    """(3,), near what is asked for."""
    hue, saturation, value = hue % 1, saturation * rng.uniform(0.7, 1.2), value * rng.uniform(0.85, 1.1)
    phase = np.abs((hue * 6 + np.array([0, 4, 2])) % 6 - 3) - 1
    pure = np.clip(phase, 0, 1)
    return np.asarray(np.clip(value * (1 - np.clip(saturation, 0, 1) * (1 - pure)), 0, 1), np.float32)


def _word(rng: Rng) -> str:
    word = "".join(rng.choice(SYLLABLES, rng.integers(1, 4)))
    return word.capitalize() if rng.random() < 0.15 else word + rng.choice(["", "", "", "", ",", "."])


def _leaf(draw: ImageDraw.ImageDraw, place: Any, angle: float, length: float, colour: Floats) -> None:
    t = np.linspace(0, math.pi, 7)
    half = np.stack([np.cos(t), 0.38 * np.sin(t)], 1)
    outline = np.concatenate([half, half[-2:0:-1] * [1, -1]]) * length * FINENESS / 2
    turn = np.array([[math.cos(angle), math.sin(angle)], [-math.sin(angle), math.cos(angle)]])
    points = outline @ turn + place
    draw.polygon([tuple(p) for p in points.tolist()], _rgb(colour))
    draw.line([tuple(points[0].tolist()), tuple(points[6].tolist())], _rgb(colour * 1.35), max(1, FINENESS // 2))


def _canvas(side: int, colour: Floats) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (side, side), _rgb(colour))
    return image, ImageDraw.Draw(image)


def _array(image: Image.Image) -> Floats:
    return np.asarray(image, np.float32) / np.float32(255)


def _rgb(colour: Floats) -> tuple[int, int, int]:
    r, g, b = (int(v) for v in np.clip(colour * 255 + 0.5, 0, 255))
    return r, g, b
