"""From a scene to its picture in summer or in winter.

Snow lies where snow belongs: on meadows, fields, ledges, boughs and roofs; not on rock faces, walls or the water,
which freezes to grey. So one summer colour has several winter colours, told apart by shape, texture and place.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..facades.canvas import tint
from .canvas import HAZE, SHADED_SNOW, SNOW, Both, Canvas, mix
from .plan import Floats, Ridge, Scene
from .things import THINGS

ZENITH = Both((0.16, 0.42, 0.84), (0.38, 0.55, 0.80))
CLOUD = Both((0.99, 0.99, 1.0), (0.90, 0.91, 0.93))
CLOUD_FOOT = Both((0.78, 0.84, 0.92), (0.74, 0.77, 0.82))
ROCK = (0.56, 0.54, 0.53)
ROCK_SHADE = (0.30, 0.31, 0.35)
ALPINE = Both((0.40, 0.52, 0.27), SNOW)
WATER = Both((0.14, 0.40, 0.70), (0.42, 0.47, 0.52))
DEEP = Both((0.08, 0.28, 0.54), (0.30, 0.36, 0.41))
SHORE = Both((0.66, 0.60, 0.46), (0.86, 0.88, 0.91))
DIRT = Both((0.69, 0.58, 0.42), (0.66, 0.62, 0.58))
DARK_GRASS, PALE_GRASS = (0.18, 0.41, 0.11), (0.74, 0.70, 0.33)
FORESTS = {
    "conifers": ((0.05, 0.19, 0.11), (0.16, 0.36, 0.18), (0.14, 0.22, 0.19), (0.62, 0.69, 0.73)),
    "leaf trees": ((0.13, 0.31, 0.08), (0.42, 0.60, 0.18), (0.30, 0.25, 0.24), (0.58, 0.52, 0.51)),
}
"""Dark and light in summer, dark and light in winter."""
FIELDS = {"wheat": (0.86, 0.72, 0.34), "earth": (0.44, 0.33, 0.23), "grass": (0.28, 0.50, 0.15)}


def paint(scene: Scene, winter: bool, size: int, grain: np.random.Generator) -> npt.NDArray[np.uint8]:
    """The picture of a scene, (size, size, 3) uint8; `grain` alone differs from one painting to the next."""
    canvas = Canvas(scene, winter, size)
    _sky(canvas)
    for cloud in scene.clouds:
        _cloud(canvas, *cloud)
    for ridge in scene.ridges:
        _ridge(canvas, ridge)
    _ground(canvas)
    if scene.path:
        _path(canvas, *scene.path)
    if scene.lake:
        _lake(canvas, *scene.lake)
    for thing in scene.things:
        THINGS[thing.kind](canvas, thing)
    return canvas.finished(grain)


def _sky(canvas: Canvas) -> None:
    height = np.clip(canvas.y / (canvas.scene.horizon + 0.02), 0, 1) ** 1.3
    canvas.photo[:] = mix(canvas.colour(ZENITH), canvas.colour(HAZE), height)


def _cloud(canvas: Canvas, x: float, y: float, width: float) -> None:
    """A flat-footed heap; in winter its edges are lost in the overcast."""
    across = (canvas.x - x) / width
    down = (canvas.y - y) / (width * 0.22)
    body = 1 - np.sqrt((across * 2) ** 2 + (down - 0.2) ** 2) + 0.9 * (canvas.noise("clumps") - 0.5)
    cover = np.clip(body * 3, 0, 1) * np.clip((1.1 - down) * 3, 0, 1)
    canvas.lay(
        cover * (0.6 if canvas.winter else 0.95), mix(canvas.colour(CLOUD), canvas.colour(CLOUD_FOOT), 0.5 + 0.5 * down)
    )


def _ridge(canvas: Canvas, ridge: Ridge) -> None:
    steps = np.linspace(0, 1, len(ridge.skyline))
    top = np.interp(canvas.x[0], steps, ridge.skyline).astype(np.float32)[None, :]
    mask = canvas.edge(canvas.y - top)
    rows = slice(
        int(ridge.skyline.min() * canvas.fine), min(canvas.fine, int((canvas.scene.horizon + 0.16) * canvas.fine))
    )
    part = (rows, slice(None))
    depth = (canvas.y - top)[part]
    colour = _mountain(canvas, depth, part) if ridge.kind == "mountain" else _hill(canvas, ridge, part)
    canvas.lay(mask[part], canvas.faded(colour, ridge.distance), part)


def _mountain(canvas: Canvas, depth: Floats, part: tuple[slice, slice]) -> Floats:
    """Rock faces, lit from one side, and between them ledges with alpine grass, or snow."""
    relief = canvas.noise("clumps")[part] + 0.5 * canvas.noise("patches")[part] + 0.35 * canvas.noise("grain")[part]
    slope = np.gradient(relief, axis=1) * canvas.fine / 12 * -canvas.scene.light
    rock = mix(tint(ROCK), tint(ROCK_SHADE), 0.45 + 0.4 * slope)
    ledge = np.clip(4 * (relief + 1.2 * depth - 1.12), 0, 1)
    lit = np.clip(0.35 + 0.3 * slope, 0, 1)
    grown = (
        mix(tint(SNOW), tint(SHADED_SNOW), lit)
        if canvas.winter
        else tint(ALPINE.summer) * (1.1 - 0.35 * lit)[..., None]
    )
    return mix(rock, grown, ledge)


def _hill(canvas: Canvas, ridge: Ridge, part: tuple[slice, slice]) -> Floats:
    """Meadows with fields in them, or the roof of a forest."""
    if ridge.kind in FORESTS:
        dark, light = FORESTS[ridge.kind][2:] if canvas.winter else FORESTS[ridge.kind][:2]
        return mix(tint(dark), tint(light), 1.5 * (canvas.noise("grain")[part] - 0.5) + 0.5)
    meadow = _meadow(canvas, part)
    if canvas.winter:
        return meadow
    field = np.clip(12 * (canvas.noise("patches")[part] - 0.58), 0, 1)
    furrows = 0.9 + 0.2 * canvas.noise("strokes")[part]
    return mix(meadow, tint(FIELDS[ridge.field]) * furrows[..., None], field)


def _meadow(canvas: Canvas, part: tuple[slice, slice]) -> Floats:
    """Grass in the shadow of clouds, or a cover of snow with drifts."""
    shadow = np.clip(2.2 * (canvas.noise("broad")[part] - 0.45), 0, 1)
    tufts = canvas.noise("strokes")[part] * 0.6 + canvas.noise("grain")[part] * 0.4
    if canvas.winter:
        return mix(tint(SNOW), tint(SHADED_SNOW), 0.7 * shadow + 0.5 * (canvas.noise("clumps")[part] - 0.5))
    tone = np.clip(canvas.scene.grass + 0.7 * (canvas.noise("patches")[part] - 0.5), 0, 1)
    grass = mix(tint(DARK_GRASS), tint(PALE_GRASS), tone)
    meadow: Floats = grass * (1 - 0.5 * shadow)[..., None] * (0.72 + 0.56 * tufts)[..., None]
    return meadow


def _ground(canvas: Canvas) -> None:
    """The meadow in front, whose edge rolls a little."""
    top = canvas.scene.horizon + 0.06 + 0.05 * (canvas.noise("broad")[:1] - 0.5)
    part = (slice(int((canvas.scene.horizon) * canvas.fine), canvas.fine), slice(None))
    colour = _meadow(canvas, part)
    if not canvas.winter:
        flowers = np.clip(6 * (canvas.noise("grain")[part] - 0.88), 0, 1) * (canvas.noise("clumps")[part] > 0.6)
        colour = mix(colour, tint((0.93, 0.87, 0.45)), 0.7 * flowers)
    canvas.lay(canvas.edge(canvas.y - top)[part], canvas.faded(colour, 0.04), part)


def _path(canvas: Canvas, near: float, far: float, bend: float) -> None:
    """A way to the hills, narrower with distance: earth, or trodden snow."""
    start = canvas.scene.horizon + 0.07
    along = np.clip((canvas.y - start) / (1 - start), 0, 1)
    middle = far + (near - far) * along + bend * along * (1 - along)
    width = 0.012 + 0.075 * along
    mask = canvas.edge(width - np.abs(canvas.x - middle) + 0.02 * (canvas.noise("clumps") - 0.5)) * (canvas.y > start)
    canvas.lay(mask, canvas.colour(DIRT) * (0.86 + 0.28 * canvas.noise("grain"))[..., None])


def _lake(canvas: Canvas, x: float, y: float, across: float, down: float) -> None:
    """Water that mirrors what stands behind it, or grey ice with streaks of snow; sand, or snow, around it."""
    away = np.sqrt(((canvas.x - x) / across) ** 2 + ((canvas.y - y) / down) ** 2) + 0.22 * (
        canvas.noise("patches") - 0.5
    )
    inside = (1 - away) * down
    canvas.lay(canvas.edge(inside + 0.016), canvas.colour(SHORE) * (0.9 + 0.2 * canvas.noise("grain"))[..., None])
    top = int((y - down) * canvas.fine)
    rows = slice(top, min(canvas.fine, int((y + 1.2 * down) * canvas.fine)))
    part = (rows, slice(None))
    share = np.clip((canvas.y[rows] - y + down) / (2 * down), 0, 1)
    water = mix(canvas.colour(WATER), canvas.colour(DEEP), share + 0 * canvas.x)
    mirrored = canvas.photo[np.clip(2 * top - np.arange(rows.start, rows.stop) - 1, 0, top)]
    water = water + (mirrored - water) * (0.12 if canvas.winter else 0.3)
    ripples = canvas.noise("strokes")[part]
    if canvas.winter:
        drifts = np.clip(5 * (canvas.noise("clumps")[part] * 0.7 + ripples * 0.3 - 0.62), 0, 1)
        water = mix(water, tint((0.80, 0.84, 0.89)), drifts)
    else:
        water = water * (0.86 + 0.28 * ripples)[..., None]
    canvas.lay(canvas.edge(inside)[part], water, part)
