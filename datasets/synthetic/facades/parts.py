"""What hangs on a wall: windows, doors, shops, cornices and balconies, each on the labels and in the light.

Light falls straight down: what juts out throws its shadow below itself, and reveals are dark at the top.
"""

from __future__ import annotations

import numpy as np

from .canvas import Array, Canvas, Floats, mix, tint
from .plan import PAVEMENT, RGB, Box, Style

_AWNINGS = {"plaster": (0.75, 0.18, 0.18), "brick": (0.15, 0.42, 0.30), "stone": (0.18, 0.28, 0.52)}


def draw_window(canvas: Canvas, box: Box, style: Style) -> None:
    """A window in its surround, with a sill below and shutters where the style has them."""
    sill = Box(box.x0 - 0.5, box.y1, box.x1 + 0.5, box.y1 + 1)
    canvas.shadow(sill.below(2.4), 0.38)
    if style.shutters:
        for x in (box.x0 - 2, box.x1):
            _shutter(canvas, Box(x, box.y0, x + 2, box.y1), style.shutters)
    _surround(canvas, box, style)
    _glass(canvas, box, style)
    _trim(canvas, sill)


def _shutter(canvas: Canvas, box: Box, paint: RGB) -> None:
    canvas.label("shutter", box)
    down = canvas.local(box)[1] * (box.y1 - box.y0)
    slats = 0.72 + 0.42 * (down % 1)
    across = canvas.local(box)[0]
    edge = np.where((across < 0.14) | (across > 0.86), 0.8, 1.0)
    light = 1.25 - 0.6 * (box.y0 + down) / PAVEMENT
    canvas.view(box)[:] = (slats * edge * light)[..., None] * tint(paint)


def _surround(canvas: Canvas, box: Box, style: Style) -> None:
    """A lintel over a square window, an arch round an arched one."""
    if not style.arched:
        _trim(canvas, Box(box.x0 - 0.5, box.y0 - 1, box.x1 + 0.5, box.y0))
        return
    outer = box.grown(0.8, 0.8, 0.8, 0)
    coarse = _arch(*canvas.coarse(outer), outer)
    canvas.label("trim", outer, coarse)
    view = canvas.view(outer)
    fine = _arch(*canvas.local(outer), outer)[..., None]
    down = canvas.local(outer)[1][..., None]
    view[:] = np.where(fine, mix((0.97, 0.95, 0.90), (0.66, 0.64, 0.61), down), view)


def _glass(canvas: Canvas, box: Box, style: Style) -> None:
    across, down = canvas.local(box)
    inside = _arch(across, down, box) if style.arched else np.ones((len(down), across.shape[1]), bool)
    canvas.label("window", box, _arch(*canvas.coarse(box), box) if style.arched else None)
    wide, tall = box.x1 - box.x0, box.y1 - box.y0
    height = np.clip((box.y0 + down * tall) / PAVEMENT, 0, 1)[..., None]
    glass = mix((0.62, 0.80, 0.96), (0.14, 0.20, 0.28), height**0.8) * np.ones((1, across.shape[1], 1), np.float32)
    opposite = down > 0.50 + 0.22 * (2 * across - 1) ** 2  # the roofs across the street, mirrored
    glass *= np.where(opposite, 0.45, 1.0)[..., None].astype(np.float32)
    folds = 0.8 + 0.2 * np.cos(across * wide * 2 * np.pi)
    curtain = np.clip((np.abs(2 * across - 1) - 0.50 + 0.22 * (1 - down)) * 8, 0, 1) * 0.62
    glass += curtain[..., None] * (folds[..., None] * tint((0.93, 0.88, 0.76)) - glass)
    glass *= np.clip(0.35 + down * tall / 2.2, 0, 1)[..., None]  # the reveal's own shadow
    bars = _bars(across * wide, wide, style.panes[0]) | _bars(down * tall, tall, style.panes[1])
    frame = (1.0 - 0.30 * height) * np.clip(0.5 + down * tall / 2, 0, 1)[..., None] * tint(style.frame)
    edge = ~_arch(across, down, box, 0.45) if style.arched else np.zeros_like(inside)
    glass = np.where((bars | edge)[..., None], frame, glass)
    view = canvas.view(box)
    view[:] = np.where(inside[..., None], glass, view)


def _bars(place: Floats, length: float, panes: int) -> Array:
    """Where the frame and the glazing bars are along one side, all in units."""
    bars = (place < 0.5) | (place > length - 0.5)
    for pane in range(1, panes):
        bars = bars | (np.abs(place - length * pane / panes) < 0.28)
    return bars


def _arch(across: Floats, down: Floats, box: Box, inset: float = 0) -> Array:
    """Inside a door or window whose top is half an ellipse, `inset` units from the edge."""
    wide, tall = box.x1 - box.x0, box.y1 - box.y0
    rise = min(wide / 2, tall / 2) - inset
    x = (across - 0.5) * wide / (wide / 2 - inset)
    y = np.clip((rise + inset - down * tall) / rise, 0, None)
    return x**2 + y**2 <= 1  # type: ignore[no-any-return]


def _trim(canvas: Canvas, box: Box) -> None:
    canvas.label("trim", box)
    down = canvas.local(box)[1][..., None]
    dim = 1 - 0.22 * min(box.y0 / PAVEMENT, 1)
    canvas.view(box)[:] = dim * mix((1.0, 0.98, 0.94), (0.70, 0.68, 0.65), down)


def draw_cornice(canvas: Canvas, box: Box) -> None:
    """A moulding with a row of teeth, and its shadow on the wall below."""
    canvas.shadow(box.below(3), 0.5)
    canvas.label("trim", box)
    across, down = canvas.local(box)
    teeth = ((across * (box.x1 - box.x0)) % 2 < 1) & (down > 0.5)
    light = np.where(teeth, 0.62, 1.0 - 0.28 * down) * (1 - 0.22 * box.y0 / PAVEMENT)
    canvas.view(box)[:] = light[..., None] * tint((0.97, 0.94, 0.88))


def draw_balcony(canvas: Canvas, box: Box) -> None:
    """An iron railing before what stands there already, on a slab that throws a deep shadow."""
    canvas.shadow(box.below(4.5), 0.62)
    canvas.label("balcony", box)
    across, down = canvas.local(box)
    wide, tall = box.x1 - box.x0, box.y1 - box.y0
    view = canvas.view(box)
    view *= 0.72
    iron = (np.abs((across * wide) % 1 - 0.5) < 0.2) | (down * tall < 0.6)
    view[:] = np.where(iron[..., None], tint((0.13, 0.14, 0.17)), view)
    slab = down * tall > tall - 1
    view[:] = np.where(slab[..., None], tint((0.80, 0.77, 0.72)), view)


def draw_door(canvas: Canvas, box: Box, style: Style) -> None:
    """A panelled door under a fanlight; the wall tells the paint."""
    _trim(canvas, box.grown(0.6, 0.8, 0.6, 0))
    canvas.label("door", box)
    across, down = canvas.local(box)
    wide, tall = box.x1 - box.x0, box.y1 - box.y0
    wood = (0.45, 0.13, 0.12) if style.wall == "stone" else (0.17, 0.27, 0.38) if style.wall == "brick" \
        else (0.42, 0.26, 0.14)  # fmt: skip
    leaf = np.abs((across * 2) % 1 - 0.5) < 0.30
    panel = leaf & (np.abs((np.clip(down - 0.25, 0, 1) * 2.667) % 1 - 0.5) < 0.34)
    light = np.where(panel, 0.74, 1.05) * (0.72 + 0.5 * down) * np.ones_like(across)
    view = canvas.view(box)
    view[:] = light[..., None] * tint(wood)
    fan = mix((0.98, 0.86, 0.55), (0.62, 0.44, 0.22), np.clip(down * 4, 0, 1)[..., None])
    bars = np.abs((across * wide + 0.5) % 1 - 0.5) < 0.16
    view[:] = np.where(((down * tall < 2) & ~bars)[..., None], fan, view)
    canvas.shadow(Box(box.x0, box.y0, box.x1, box.y0 + 1.4), 0.5)


def draw_shop(canvas: Canvas, box: Box, style: Style) -> None:
    """A lit shop window with goods on shelves, under a striped awning."""
    _trim(canvas, box.grown(0.6, 0, 0.6, 1))
    canvas.label("shop", box)
    across, down = canvas.local(box)
    wide = box.x1 - box.x0
    middle = 1 - (2 * across - 1) ** 2
    view = canvas.view(box)
    view[:] = mix((0.30, 0.20, 0.14), (1.0, 0.82, 0.50), ((0.25 + 0.75 * middle) * (1 - 0.55 * down))[..., None])
    goods = (down > 0.62) & (np.abs((across * wide) % 2 - 1) < 0.62)
    view *= np.where(goods, 0.45, 1.0)[..., None].astype(np.float32)
    view[:] = np.where(_bars(across * wide, wide, max(1, round(wide / 6)))[..., None], tint((0.16, 0.14, 0.13)), view)
    awning = Box(box.x0 - 1, box.y0 - 2, box.x1 + 1, box.y0 + 1)
    canvas.shadow(awning.below(3), 0.55)
    canvas.label("awning", awning)
    across, down = canvas.local(awning)
    stripe = (across * (awning.x1 - awning.x0)) % 4 < 2
    cloth = _AWNINGS[style.wall]
    light = (1.06 - 0.34 * down)[..., None]
    canvas.view(awning)[:] = np.where(stripe[..., None], light * tint(cloth), light * tint((0.95, 0.93, 0.88)))
