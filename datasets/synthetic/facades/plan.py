"""Where everything stands in an invented street: the plan that labels and photograph are painted from.

All measures are in units of 1/64 of the picture's side; x runs right and y down. Edges that a material's joints
start from lie on multiples of 4, so that the phase of a brick pattern can be read from any window's corner.
"""

from __future__ import annotations

import dataclasses

import numpy as np

UNITS = 64
PAVEMENT = 60
"""Where walls end and the pavement begins."""

RGB = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Box:
    """A rectangle, in units."""

    x0: float
    y0: float
    x1: float
    y1: float

    def grown(self, left: float, top: float, right: float, bottom: float) -> Box:
        """The box with each side moved outwards (negative: inwards)."""
        return Box(self.x0 - left, self.y0 - top, self.x1 + right, self.y1 + bottom)

    def below(self, height: float) -> Box:
        """The strip of this height right under the box."""
        return Box(self.x0, self.y1, self.x1, self.y1 + height)


@dataclasses.dataclass(frozen=True)
class Style:
    """What the houses of one style share. The shape of a window tells the style, and so the paint."""

    wall: str
    """The wall's label: `plaster`, `brick` or `stone`."""
    paint: RGB
    roof: RGB
    frame: RGB
    window: tuple[int, int]
    """Width and height of a window, in units."""
    pitch: int
    """From one window's left edge to the next one's."""
    panes: tuple[int, int]
    """Panes across and down."""
    arched: bool = False
    shutters: RGB | None = None


STYLES = {
    "rustic": Style("plaster", (0.93, 0.73, 0.42), (0.68, 0.32, 0.20), (0.95, 0.93, 0.88), (4, 8), 12, (2, 3),
                    shutters=(0.20, 0.42, 0.33)),
    "rosy": Style("plaster", (0.88, 0.55, 0.52), (0.34, 0.37, 0.44), (0.96, 0.94, 0.92), (4, 8), 8, (2, 2),
                  arched=True),
    "seaside": Style("plaster", (0.52, 0.72, 0.82), (0.36, 0.40, 0.46), (0.97, 0.97, 0.97), (8, 6), 12, (3, 1)),
    "mill": Style("brick", (0.66, 0.29, 0.21), (0.32, 0.34, 0.40), (0.93, 0.91, 0.86), (6, 8), 12, (2, 2)),
    "warehouse": Style("brick", (0.78, 0.60, 0.36), (0.60, 0.30, 0.21), (0.20, 0.28, 0.25), (4, 6), 8, (2, 2),
                       arched=True),
    "town": Style("stone", (0.66, 0.67, 0.69), (0.30, 0.33, 0.40), (0.92, 0.92, 0.90), (4, 8), 8, (1, 2)),
    "hall": Style("stone", (0.85, 0.75, 0.57), (0.66, 0.35, 0.24), (0.38, 0.25, 0.17), (8, 8), 12, (3, 2),
                  arched=True),
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class House:
    """One house, from eaves to pavement."""

    style: Style
    wall: Box
    roof: Box
    hipped: bool
    """Whether the roof's sides slope; otherwise it runs straight up, as between neighbours."""
    windows: tuple[Box, ...]
    balconies: tuple[Box, ...]
    cornices: tuple[Box, ...]
    doors: tuple[Box, ...]
    shops: tuple[Box, ...]
    chimneys: tuple[Box, ...]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A street front: what stands behind comes first."""

    clouds: tuple[tuple[float, float, float], ...]
    """Centre x, base y and width of each."""
    houses: tuple[House, ...]
    trees: tuple[tuple[float, float, float], ...]
    """Trunk x, crown centre y and crown radius of each."""


def draw_plan(rng: np.random.Generator) -> Plan:
    """A street front, of one to three houses, by this generator."""
    widths = _house_widths(rng)
    margin = (UNITS - sum(widths)) // 8 * 4
    names = [str(name) for name in rng.permutation(sorted(STYLES))[: len(widths)]]
    houses, x = [], margin
    for width, name in zip(widths, names, strict=True):
        houses.append(_draw_house(rng, x, x + width, STYLES[name], alone=len(widths) == 1))
        x += width
    return Plan(_draw_clouds(rng), tuple(houses), _draw_trees(rng))


def _house_widths(rng: np.random.Generator) -> list[int]:
    """Multiples of 4 that fill the street or leave some sky at both ends."""
    streets = [[64], [56], [48], [32, 32], [28, 36], [36, 28], [24, 40], [40, 24], [28, 28], [20, 24, 20]]
    return streets[int(rng.integers(len(streets)))]


def _draw_house(rng: np.random.Generator, x0: int, x1: int, style: Style, *, alone: bool) -> House:
    width, height = style.window
    storey = height + 4
    ground_floor = 12
    most = (PAVEMENT - ground_floor - 12) // storey
    storeys = int(rng.integers(max(1, most - 1), most + 1))
    top = PAVEMENT - ground_floor - storeys * storey
    wall = Box(x0, top, x1, PAVEMENT)
    columns = _columns(x0, x1, width, style.pitch)
    windows, balconies = [], []
    for floor in range(storeys):
        y = top + 4 + floor * storey
        with_balcony = floor > 0 and rng.random() < 0.45
        whole_row = rng.random() < 0.3
        for column, x in enumerate(columns):
            window = Box(x, y, x + width, y + height)
            windows.append(window)
            if with_balcony and (whole_row or column % 2 == 1):
                balconies.append(Box(x - 1, y + height - 3, x + width + 1, y + height + 1))
    cornices = [Box(x0, top, x1, top + 2)]
    if rng.random() < 0.7:
        cornices.append(Box(x0, PAVEMENT - ground_floor, x1, PAVEMENT - ground_floor + 1))
    doors, shops, more = _ground_floor(rng, x0, x1, style, columns)
    roof_height = int(rng.integers(2, 5)) * 2
    roof = Box(x0, top - roof_height, x1, top)
    return House(style, wall, roof, alone and bool(rng.random() < 0.7), tuple(windows + more), tuple(balconies),
                 tuple(cornices), doors, shops, _draw_chimneys(rng, roof))  # fmt: skip


def _columns(x0: int, x1: int, width: int, pitch: int) -> list[int]:
    """Left edges of the windows: as many as fit with 4 units of wall at both ends, on the grid of 4."""
    room = x1 - x0 - 8
    count = max(1, (room - width) // pitch + 1)
    used = (count - 1) * pitch + width
    start = x0 + (x1 - x0 - used) // 2
    start = (start + 2) // 4 * 4
    return [start + column * pitch for column in range(count)]


def _ground_floor(
    rng: np.random.Generator, x0: int, x1: int, style: Style, columns: list[int]
) -> tuple[tuple[Box, ...], tuple[Box, ...], list[Box]]:
    """Doors, shop windows and plain windows at street level."""
    base = PAVEMENT
    if rng.random() < 0.5:  # a shop with its door beside it
        left = bool(rng.random() < 0.5)
        door_x = x0 + 2 if left else x1 - 6
        shop = (x0 + 8, x1 - 2) if left else (x0 + 2, x1 - 8)
        shops = [Box(shop[0], base - 8, shop[1], base - 1)]
        if shop[1] - shop[0] >= 28:
            middle = (shop[0] + shop[1]) // 2
            shops = [Box(shop[0], base - 8, middle - 1, base - 1), Box(middle + 1, base - 8, shop[1], base - 1)]
        return (Box(door_x, base - 9, door_x + 4, base),), tuple(shops), []
    door_at = int(rng.integers(len(columns)))
    windows, doors = [], []
    for column, x in enumerate(columns):
        if column == door_at:
            doors.append(Box(x, base - 9, x + max(4, style.window[0] - 2), base))
        else:
            windows.append(Box(x, base - 8, x + style.window[0], base - 3))
    return tuple(doors), (), windows


def _draw_chimneys(rng: np.random.Generator, roof: Box) -> tuple[Box, ...]:
    count = int(rng.integers(0, 3))
    spots = rng.permutation(np.arange(roof.x0 + 4, roof.x1 - 6, 6))[:count]
    return tuple(Box(float(x), roof.y0 - 3, float(x) + 3, roof.y0 + 2) for x in sorted(spots))


def _draw_clouds(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = int(rng.integers(0, 4))
    return tuple(
        (float(rng.uniform(4, 60)), float(rng.uniform(4, 22)), float(rng.uniform(10, 22))) for _ in range(count)
    )


def _draw_trees(rng: np.random.Generator) -> tuple[tuple[float, float, float], ...]:
    count = int(rng.choice([0, 0, 1, 1, 2]))
    spots = rng.permutation(np.arange(6, 60, 12))[:count]
    return tuple(
        (float(x) + float(rng.uniform(-2, 2)), float(rng.uniform(45, 49)), float(rng.uniform(5, 7.5)))
        for x in sorted(spots)
    )
