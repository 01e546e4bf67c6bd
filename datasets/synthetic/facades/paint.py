"""From a plan to its label map and its photograph; both are painted in one pass, so that they agree.

Light falls from above and in front, straight down, so a mirrored picture is as true as the picture itself. Nearly
all that is in the photograph follows from the labels; `noise` alone cannot be foreseen: grain, mottled walls,
leaves and a little exposure.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .canvas import Canvas, Floats, mix, span, tint
from .materials import joints, leaf_texture, material
from .parts import draw_balcony, draw_cornice, draw_door, draw_shop, draw_window
from .plan import PAVEMENT, RGB, UNITS, Box, House, Plan


def paint(plan: Plan, size: int, noise: np.random.Generator) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """The label map and the photograph of a plan: (size, size, 3) uint8 each."""
    canvas = Canvas(size, noise)
    _sky(canvas)
    for cloud in plan.clouds:
        _cloud(canvas, *cloud)
    _ground(canvas)
    for house in plan.houses:
        _house(canvas, house)
    for tree in plan.trees:
        _tree(canvas, *tree)
    return canvas.finished()


def _sky(canvas: Canvas) -> None:
    canvas.label("sky", Box(0, 0, UNITS, UNITS))
    height = np.clip(canvas.y / 46, 0, 1)[..., None] ** 1.2
    canvas.photo[:] = mix((0.16, 0.40, 0.80), (0.98, 0.87, 0.74), height)


def _cloud(canvas: Canvas, x: float, y: float, width: float) -> None:
    box = Box(x - width / 2, y - width * 0.3, x + width / 2, y)
    across, down = canvas.coarse(box)
    canvas.label("cloud", box, _cloud_depth(across, down) > 0)
    across, down = canvas.local(box)
    cover = np.clip(_cloud_depth(across, down) * 3.5 + 0.1, 0, 1)[..., None] * 0.95
    view = canvas.view(box)
    view += cover * (mix((1.0, 1.0, 1.0), (0.74, 0.78, 0.86), down[..., None]) - view)


def _cloud_depth(across: Floats, down: Floats) -> Floats:
    """How far inside a cloud of three puffs with a flat base, above zero within."""
    puffs = ((0.24, 0.62, 0.23), (0.54, 0.48, 0.30), (0.8, 0.7, 0.19))  # centre x, centre y, radius in widths
    depth = np.full(np.broadcast_shapes(across.shape, down.shape), -1, np.float32)
    for centre_x, centre_y, radius in puffs:
        away = np.sqrt((across - centre_x) ** 2 + ((down - centre_y) * 0.4) ** 2)
        depth = np.maximum(depth, (radius - away) / radius * np.clip((1 - down) * 5, 0.2, 1))
    return depth


def _ground(canvas: Canvas) -> None:
    pavement, street = Box(0, PAVEMENT, UNITS, PAVEMENT + 2), Box(0, PAVEMENT + 2, UNITS, UNITS)
    canvas.label("pavement", pavement)
    down = canvas.local(pavement)[1][..., None]
    canvas.view(pavement)[:] = mix((0.50, 0.48, 0.46), (0.78, 0.75, 0.71), down)
    canvas.label("street", street)
    down = canvas.local(street)[1][..., None]
    canvas.view(street)[:] = mix((0.20, 0.20, 0.22), (0.40, 0.40, 0.42), down**0.6)


def _house(canvas: Canvas, house: House) -> None:
    style = house.style
    for chimney in house.chimneys:
        _wall(canvas, chimney, "brick", (0.60, 0.30, 0.23))
        canvas.view(Box(chimney.x0, chimney.y0, chimney.x1, chimney.y0 + 0.8))[:] *= 0.6
    _roof(canvas, house)
    _wall(canvas, house.wall, style.wall, style.paint)
    canvas.shadow(house.wall.grown(0, 0, 0, -(house.wall.y1 - house.wall.y0 - 6)), 0.5)
    for window in house.windows:
        draw_window(canvas, window, style)
    for door in house.doors:
        draw_door(canvas, door, style)
    for shop in house.shops:
        draw_shop(canvas, shop, style)
    for cornice in house.cornices:
        draw_cornice(canvas, cornice)
    for balcony in house.balconies:
        draw_balcony(canvas, balcony)


def _wall(canvas: Canvas, box: Box, name: str, paint: RGB) -> None:
    """Lit from the sky: bright at the top of a street, dim at its foot, darker towards the house's ends."""
    canvas.label(name, box)
    view = canvas.view(box)
    rows, columns = span(box, canvas.fine)
    light = 1.16 - 0.50 * (np.clip(canvas.y[rows], 0, PAVEMENT) / PAVEMENT) ** 1.5
    ends = np.clip(np.minimum(canvas.local(box)[0], 1 - canvas.local(box)[0]) * (box.x1 - box.x0) / 3, 0, 1)
    light = light * (0.84 + 0.16 * np.sqrt(ends))
    view[:] = (light * material(name, canvas.fine, canvas.noise)[rows, columns])[..., None] * tint(paint)
    mortar = joints(name, canvas.fine)
    if mortar is not None:
        view += mortar[rows, columns][..., None] * (light[..., None] * tint((0.72, 0.69, 0.64)) - view) * 0.5


def _roof(canvas: Canvas, house: House) -> None:
    box = house.roof.grown(0.6, 0, 0.6, 0) if house.hipped else house.roof
    slope = 0.16 if house.hipped else 0.0
    across, down = canvas.coarse(box)
    canvas.label("roof", box, np.minimum(across, 1 - across) >= slope * (1 - down))
    across, down = canvas.local(box)
    tall = box.y1 - box.y0
    row = (1 - down) * tall / 1.5  # rows of tiles are counted from the eaves
    tiles = 0.72 + 0.36 * (row % 1) + 0.05 * np.cos((across * (box.x1 - box.x0) + (np.floor(row) % 2)) * np.pi)
    light = (0.78 + 0.36 * down) * tiles
    colour = light[..., None] * tint(house.style.roof)
    inside = (np.minimum(across, 1 - across) >= slope * (1 - down))[..., None]
    view = canvas.view(box)
    view[:] = np.where(inside, colour, view)


def _tree(canvas: Canvas, x: float, y: float, radius: float) -> None:
    trunk = Box(x - 0.6, y, x + 0.6, PAVEMENT + 1)
    canvas.label("tree", trunk)
    canvas.view(trunk)[:] = tint((0.27, 0.20, 0.15))
    shade = Box(x - radius * 0.8, PAVEMENT, x + radius * 0.8, PAVEMENT + 2)
    across, down = canvas.local(shade)
    dark = 1 - 0.45 * np.clip(1 - (2 * across - 1) ** 2 - (2 * down - 1) ** 2, 0, 1)
    canvas.view(shade)[:] *= dark[..., None]
    box = Box(x - radius, y - radius * 1.15, x + radius, y + radius * 0.85)
    canvas.label("tree", box, _crown(*canvas.coarse(box)) > 0)
    across, down = canvas.local(box)
    light = np.clip(1.25 - 1.0 * down - 0.5 * (2 * across - 1) ** 2, 0.28, 1.2)
    rows, columns = span(box, canvas.fine)
    light = light * leaf_texture(canvas.fine, canvas.noise)[rows, columns]
    colour = mix((0.07, 0.17, 0.10), (0.52, 0.70, 0.28), np.clip(light, 0, 1)[..., None])
    view = canvas.view(box)
    view[:] = np.where((_crown(across, down) > 0)[..., None], colour, view)


def _crown(across: Floats, down: Floats) -> Floats:
    """A scalloped ball, above zero within."""
    x, y = 2 * across - 1, 2 * down - 1
    angle = np.arctan2(y, x)
    return np.asarray(0.92 + 0.07 * np.cos(9 * angle) - np.hypot(x, y), np.float32)
