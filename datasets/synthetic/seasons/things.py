"""What stands on the ground, in either season: conifers, leaf trees, boulders, cabins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from ..facades.canvas import tint
from .canvas import SHADED_SNOW, SNOW, Canvas, mix
from .plan import CROWN, Floats, Thing

BARK, TWIGS = (0.27, 0.20, 0.16), (0.45, 0.38, 0.37)
NEEDLES, NEEDLES_LIT = (0.05, 0.19, 0.11), (0.17, 0.38, 0.17)
LEAVES, LEAVES_LIT = (0.13, 0.31, 0.07), (0.44, 0.62, 0.17)
STONE, STONE_LIT = (0.33, 0.33, 0.34), (0.66, 0.65, 0.63)
WALLS = ((0.45, 0.29, 0.18), (0.62, 0.22, 0.15), (0.72, 0.62, 0.47))
ROOFS = ((0.36, 0.20, 0.17), (0.58, 0.27, 0.18), (0.34, 0.36, 0.40))


def conifer(canvas: Canvas, thing: Thing) -> None:
    """Tiers of boughs; snow lies on the upper side of each."""
    wide = thing.height * (0.19 + 0.07 * float(thing.look[0]))
    part, x, down = _local(canvas, thing, wide * 1.1)
    if not x.size or not down.size:
        return
    tiers = 5 + int(3 * thing.look[1])
    phase = (down * tiers + 0.25 * np.abs(x) / wide) % 1
    reach = wide * (0.08 + 0.92 * down) * (0.66 + 0.34 * phase)
    rough = canvas.noise("grain")[part]
    body = canvas.edge(
        np.minimum(reach - np.abs(x) + thing.height * 0.04 * (rough - 0.5), (0.94 - down) * thing.height)
    )
    _shadow(canvas, thing, wide)
    _trunk(canvas, thing, 0.022, 0.1)
    lit = 0.5 + 0.5 * canvas.scene.light * x / wide
    needles = mix(tint(NEEDLES), tint(NEEDLES_LIT), 0.75 * lit * (1.15 - phase) + 0.35 * (rough - 0.5))
    if canvas.winter:
        needles = needles * 0.9 + 0.03
        snow = mix(tint(SHADED_SNOW), tint(SNOW), lit)
        needles = mix(needles, snow, 0.85 * np.clip(2.4 * (0.62 - phase) + 0.9 * (rough - 0.5), 0, 1))
    canvas.lay(body, canvas.faded(needles, thing.distance), part)


def leaf_tree(canvas: Canvas, thing: Thing) -> None:
    """A crown of puffs of leaves; in winter the bare branches, and what stands behind them."""
    wide = thing.height * 0.52
    part, x, down = _local(canvas, thing, wide)
    if not x.size or not down.size:
        return
    rough = canvas.noise("grain")[part]
    spread = 0.85 + 0.35 * float(thing.look[0])
    depth = np.full(np.broadcast_shapes(x.shape, down.shape), -1, np.float32)
    light = np.zeros_like(depth)
    for centre, height, radius in CROWN:
        away_x, away_y = x / thing.height / spread - centre, down - height
        puff = 1 - np.hypot(away_x, away_y) / radius
        shine = (canvas.scene.light * away_x * 0.6 - away_y) / radius
        light = np.where(puff > depth, shine, light)
        depth = np.maximum(depth, puff)
    crown = (depth + 0.55 * (rough - 0.5)) * 0.25 * thing.height
    _shadow(canvas, thing, wide * 0.8)
    if not canvas.winter:
        _trunk(canvas, thing, 0.05, 0.55)
        tone = tint(LEAVES_LIT) * np.array((0.75 + 0.4 * thing.look[2], 1, 1), np.float32)
        leaves = mix(tint(LEAVES), tone, 0.45 + 0.4 * light + 0.7 * (rough - 0.5))
        canvas.lay(canvas.edge(crown), canvas.faded(leaves, thing.distance), part)
        return
    canvas.lay(canvas.edge(crown) * (0.16 + 0.4 * rough), canvas.faded(tint(TWIGS), thing.distance), part)
    branches = _drawn(canvas, thing, part, spread)
    canvas.lay(branches, canvas.faded(tint(BARK), thing.distance), part)


def boulder(canvas: Canvas, thing: Thing) -> None:
    """Grey stone that keeps its colour, with a cap of snow."""
    wide = thing.height * (0.75 + 0.5 * float(thing.look[0]))
    part, x, down = _local(canvas, thing, wide * 1.15)
    if not x.size or not down.size:
        return
    rough = canvas.noise("grain")[part]
    away = np.abs(x / wide) ** 2.3 + np.abs((down - 1) / 0.95) ** 2.3 + 0.35 * (rough - 0.5)
    _shadow(canvas, thing, wide)
    lit = 0.45 + 0.35 * canvas.scene.light * x / wide + 0.3 * (0.6 - down) + 0.5 * (rough - 0.5)
    stone: Floats = mix(tint(STONE), tint(STONE_LIT), lit)
    if canvas.winter:
        cap = np.clip(6 * (0.42 - down + 0.22 * (x / wide) ** 2 + 0.15 * (rough - 0.5)), 0, 1)
        stone = mix(stone, tint(SNOW), cap)
    canvas.lay(canvas.edge((1 - away) * 0.35 * thing.height), canvas.faded(stone, thing.distance), part)


def cabin(canvas: Canvas, thing: Thing) -> None:
    """Walls that keep their colour, a roof that snow covers, a door and two windows."""
    wide = thing.height * (0.62 + 0.2 * float(thing.look[0]))
    part, x, down = _local(canvas, thing, wide * 1.2)
    if not x.size or not down.size:
        return
    eaves = 0.48
    _shadow(canvas, thing, wide)
    wall = tint(WALLS[int(thing.look[1] * 2.99)]) * (0.82 + 0.18 * np.sign(np.sin(down * 60)))[..., None]
    wall = wall * (0.85 + 0.2 * canvas.scene.light * x / wide)[..., None]
    body = canvas.edge(np.minimum((down - eaves) * thing.height, wide - np.abs(x)))
    canvas.lay(body, canvas.faded(wall, thing.distance), part)
    for centre, half, top, bottom in ((-0.55, 0.15, 0.6, 0.78), (0.55, 0.15, 0.6, 0.78), (0.0, 0.13, 0.62, 1.0)):
        pane = np.minimum(half * wide - np.abs(x - centre * wide), np.minimum(down - top, bottom - down) * thing.height)
        colour = (0.17, 0.11, 0.08) if centre == 0 else (0.95, 0.80, 0.45) if canvas.winter else (0.20, 0.25, 0.32)
        canvas.lay(canvas.edge(pane), canvas.faded(tint(colour), thing.distance), part)
    slope = wide * 1.15 * np.clip(0.45 + 0.55 * down / (eaves + 0.06), 0, 1)
    roof = canvas.edge(np.minimum(slope - np.abs(x), np.minimum(down - 0.04, eaves + 0.06 - down) * thing.height))
    tiles: Floats = (
        tint(ROOFS[int(thing.look[2] * 2.99)]) * (0.9 + 0.2 * np.sin(down * 45))[..., None] + 0 * x[..., None]
    )
    if canvas.winter:
        tiles = mix(tiles, tint(SNOW), np.clip(14 * (eaves - 0.01 - down), 0, 1) + 0 * x)
    canvas.lay(roof, canvas.faded(tiles, thing.distance), part)


THINGS: dict[str, Callable[[Canvas, Thing], None]] = {
    "conifer": conifer,
    "leaf tree": leaf_tree,
    "boulder": boulder,
    "cabin": cabin,
}
"""How each kind of SIZES is painted."""


def _local(canvas: Canvas, thing: Thing, wide: float) -> tuple[tuple[slice, slice], Floats, Floats]:
    """A thing's part of the canvas, x from its middle (1, w), and down from its top (h, 1), 1 at its foot."""
    part = canvas.span(thing.x - wide, thing.y - thing.height * 1.05, thing.x + wide, thing.y + thing.height * 0.02)
    x = canvas.x[:, part[1]] - np.float32(thing.x)
    down = (canvas.y[part[0]] - np.float32(thing.y - thing.height)) / np.float32(thing.height)
    return part, x, down


def _shadow(canvas: Canvas, thing: Thing, wide: float) -> None:
    """On the ground, away from the sun; under winter's clouds it is faint."""
    x0 = thing.x - canvas.scene.light * wide * 0.6
    part = canvas.span(x0 - 1.5 * wide, thing.y - 0.3 * wide, x0 + 1.5 * wide, thing.y + 0.3 * wide)
    away = ((canvas.x[:, part[1]] - x0) / (1.4 * wide)) ** 2 + ((canvas.y[part[0]] - thing.y) / (0.25 * wide)) ** 2
    canvas.photo[part] *= (1 - (0.10 if canvas.winter else 0.38) * np.clip(1.6 * (1 - away), 0, 1))[..., None]


def _trunk(canvas: Canvas, thing: Thing, half: float, height: float) -> None:
    half = max(half * thing.height, 0.5 * canvas.pixel)
    part = canvas.span(thing.x - 2 * half, thing.y - height * thing.height, thing.x + 2 * half, thing.y)
    mask = canvas.edge(half - np.abs(canvas.x[:, part[1]] - thing.x)) + 0 * canvas.y[part[0]]
    canvas.lay(mask, canvas.faded(tint(BARK), thing.distance), part)


def _drawn(canvas: Canvas, thing: Thing, part: tuple[slice, slice], spread: float) -> Floats:
    """The mask of a tree's branches in its part of the canvas: what is thinner than a pixel is fainter."""
    rows, columns = part[0].stop - part[0].start, part[1].stop - part[1].start
    sheet = Image.new("L", (columns, rows), 0)
    draw = ImageDraw.Draw(sheet)
    scale = thing.height * canvas.fine
    for x0, y0, x1, y1, width in thing.branches[::-1]:
        thick = float(width) * scale
        ends = [
            (
                (thing.x * canvas.fine - part[1].start) + float(x) * scale * spread,
                (thing.y * canvas.fine - part[0].start) + float(y) * scale,
            )
            for x, y in ((x0, y0), (x1, y1))
        ]
        draw.line([*ends[0], *ends[1]], fill=int(255 * min(1, 0.25 + 0.75 * thick)), width=max(1, round(thick)))
    return np.asarray(sheet, np.float32) / 255
