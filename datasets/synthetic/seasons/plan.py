"""What stands where in a landscape, before any season is painted: the same plan serves summer and winter.

Places are shares of the picture's side, from 0 to 1: x to the right, y down.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]

LATTICES = {
    "broad": (5, 5),
    "patches": (9, 9),
    "clumps": (22, 22),
    "grain": (64, 57),
    "grit": (150, 163),
    "strokes": (110, 28),
}
"""Fields of noise that a scene has, and how many knots (down, across) each is drawn with."""

CROWN = ((0.0, 0.30, 0.30), (-0.20, 0.42, 0.25), (0.21, 0.44, 0.25), (-0.08, 0.55, 0.28), (0.12, 0.20, 0.20))
"""A leaf tree's puffs: centre across, centre down, radius, in heights of the tree from the middle of its top."""

SIZES = {"conifer": 0.56, "leaf tree": 0.50, "boulder": 0.15, "cabin": 0.27}
"""Height of each thing where the ground meets the lower edge of the picture."""


@dataclasses.dataclass(frozen=True)
class Ridge:
    """A chain of mountains or hills that fills the picture below its skyline."""

    kind: str
    """`mountain` (rock and alpine grass), `conifers`, `leaf trees` or `meadow`."""
    skyline: Floats
    """y of the skyline at equal steps from left to right."""
    distance: float
    """0 near, 1 in the haze."""
    field: str
    """What grows in its patches: `wheat`, `earth` or `grass`."""


@dataclasses.dataclass(frozen=True)
class Thing:
    """Something that stands on the ground."""

    kind: str
    """A name of SIZES."""
    x: float
    y: float
    """Where its foot is."""
    height: float
    distance: float
    """0 near, 1 in the haze."""
    look: Floats
    """Six numbers in [0, 1] by which it differs from others of its kind."""
    branches: Floats = dataclasses.field(default_factory=lambda: np.zeros((0, 5), np.float32))
    """A leaf tree's (x0, y0, x1, y1, width), in its heights from its foot."""


@dataclasses.dataclass(frozen=True)
class Scene:
    """A landscape without a season."""

    light: float
    """-1 when the sun stands at the left, 1 when at the right."""
    warmth: float
    """0 at noon, 1 towards evening."""
    horizon: float
    clouds: tuple[tuple[float, float, float], ...]
    """(x, y, width) of each."""
    ridges: tuple[Ridge, ...]
    """From far to near."""
    lake: tuple[float, float, float, float] | None
    """(x, y) of its middle and its half axes."""
    path: tuple[float, float, float] | None
    """x at the lower edge, x at the horizon, bend."""
    grass: float
    """0 a dark meadow, 1 a yellowish one."""
    things: tuple[Thing, ...]
    """From far to near."""
    noise: dict[str, Floats]
    """A lattice of numbers in [0, 1] for each name of LATTICES."""


def draw_scene(rng: np.random.Generator) -> Scene:
    """A landscape: two thirds have mountains, as many a lake, the others most often a path; half have a cabin."""
    horizon = float(rng.uniform(0.36, 0.52))
    light = float(rng.choice([-1, 1]))
    clouds = tuple(
        (float(rng.uniform(0, 1)), float(rng.uniform(0.04, horizon * 0.6)), float(rng.uniform(0.18, 0.5)))
        for _ in range(rng.integers(0, 4))
    )
    ridges = _ridges(horizon, rng)
    lake = None
    if rng.random() < 0.65:
        middle = (float(rng.uniform(0.2, 0.8)), horizon + float(rng.uniform(0.19, 0.30)))
        lake = (*middle, float(rng.uniform(0.35, 0.65)), float(rng.uniform(0.09, 0.15)))
    path = None
    if lake is None and rng.random() < 0.8:
        path = (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.3, 0.7)), float(rng.uniform(-0.3, 0.3)))
    noise = {name: rng.random(shape, np.float32) for name, shape in LATTICES.items()}
    return Scene(
        light=light,
        warmth=float(rng.random()) ** 1.5,
        horizon=horizon,
        clouds=clouds,
        ridges=ridges,
        lake=lake,
        path=path,
        grass=float(rng.random()),
        things=_things(horizon, ridges, lake, rng),
        noise=noise,
    )


def wet(lake: tuple[float, float, float, float] | None, x: float, y: float, margin: float = 1.25) -> bool:
    """Whether a foot at (x, y) would stand in the lake."""
    if lake is None:
        return False
    return ((x - lake[0]) / lake[2]) ** 2 + ((y - lake[1]) / lake[3]) ** 2 < margin


def _ridges(horizon: float, rng: np.random.Generator) -> tuple[Ridge, ...]:
    ridges = []
    fields = ("wheat", "earth", "grass")
    if rng.random() < 0.65:
        line = horizon - 0.05 - float(rng.uniform(0.18, 0.32)) * _relief(rng, octaves=6, decay=0.52)
        ridges.append(Ridge("mountain", line, 0.38, "grass"))
    for number in range(rng.integers(1, 3)):
        rise = float(rng.uniform(0.06, 0.14)) * (1 - 0.35 * number)
        line = horizon + 0.02 + 0.03 * number - rise * _relief(rng, octaves=3, decay=0.35)
        kind = ("meadow", "leaf trees", "conifers")[rng.choice(3, p=(0.4, 0.4, 0.2))]
        ridges.append(Ridge(kind, line, 0.25 - 0.1 * number, fields[rng.integers(3)]))
    return tuple(ridges)


def _relief(rng: np.random.Generator, octaves: int, decay: float) -> Floats:
    """A skyline of heights in [0, 1] at 129 steps: octaves of noise, each finer and lower."""
    x = np.linspace(0, 1, 129)
    line: npt.NDArray[Any] = np.zeros(129)
    for octave in range(octaves):
        knots = 3 * 2**octave + 1
        line += decay**octave * np.interp(x, np.linspace(0, 1, knots), rng.random(knots))
    line = (line - line.min()) / (line.max() - line.min())
    return line.astype(np.float32)


def _things(
    horizon: float,
    ridges: tuple[Ridge, ...],
    lake: tuple[float, float, float, float] | None,
    rng: np.random.Generator,
) -> tuple[Thing, ...]:
    things = [*_woods(horizon, ridges[-1], rng)]
    leafy = float(rng.uniform(0.4, 0.85))
    for _ in range(rng.integers(9, 17)):
        kind = "leaf tree" if rng.random() < leafy else "conifer"
        near = float(rng.beta(1.1, 1.8))
        thing = _thing(kind, float(rng.uniform(-0.02, 1.02)), horizon + 0.03 + near * (0.93 - horizon), horizon, rng)
        if not wet(lake, thing.x, thing.y):
            things.append(thing)
    for kind, chance, most in (("boulder", 0.8, 6), ("cabin", 0.5, 1)):
        for _ in range(rng.integers(1, most + 1) if rng.random() < chance else 0):
            reach = (0.2, 0.65) if kind == "cabin" else (0.08, 0.95)
            y = horizon + float(rng.uniform(*reach)) * (1 - horizon)
            thing = _thing(kind, float(rng.uniform(0.08, 0.92)), y, horizon, rng)
            if not wet(lake, thing.x, thing.y):
                things.append(thing)
    return tuple(sorted(things, key=lambda thing: thing.y))


def _woods(horizon: float, ridge: Ridge, rng: np.random.Generator) -> list[Thing]:
    """A wood of small conifers along a part of the nearest hill."""
    centre, spread = rng.uniform(0, 1), rng.uniform(0.06, 0.22)
    trees = []
    for _ in range(rng.integers(8, 26)):
        x = float(np.clip(rng.normal(centre, spread), -0.02, 1.02))
        top = float(np.interp(x, np.linspace(0, 1, len(ridge.skyline)), ridge.skyline))
        y = top + float(rng.uniform(0.01, 0.8)) * (horizon + 0.06 - top)
        height = float(rng.uniform(0.07, 0.11))
        trees.append(Thing("conifer", x, y, height, 0.15, rng.random(6, np.float32)))
    return trees


def _thing(kind: str, x: float, y: float, horizon: float, rng: np.random.Generator) -> Thing:
    near = (y - horizon) / (1 - horizon)
    height = SIZES[kind] * (0.16 + 0.84 * near) * float(rng.uniform(0.75, 1.2))
    look = rng.random(6, np.float32)
    branches = _branches(rng) if kind == "leaf tree" else np.zeros((0, 5), np.float32)
    return Thing(kind, x, y, height, 0.15 * (1 - near) ** 2, look, branches)


def _branches(rng: np.random.Generator) -> Floats:
    """A trunk that forks five times, and each fork's arms: (x0, y0, x1, y1, width) in heights, y down, foot at 0."""
    fork = float(rng.uniform(-0.34, -0.26))
    lines = [(0.0, 0.0, 0.0, fork, 0.055)]
    tips = [(0.0, fork, -np.pi / 2, 0.22, 0.042)]
    for depth in range(5):
        following = []
        for x, y, angle, length, width in tips:
            for side in (-1, 0, 1) if depth == 0 else (-1, 1):
                turned = angle + side * rng.uniform(0.3, 0.62) + rng.normal(0, 0.1)
                reach = length * rng.uniform(0.75, 1.05)
                tip = (x + reach * np.cos(turned), y + reach * np.sin(turned))
                lines.append((x, y, *tip, width))
                following.append((*tip, turned, length * 0.74, width * 0.66))
        tips = following
    return np.array(lines, np.float32)
