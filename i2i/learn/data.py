"""What the page's GANs learn: points in the plane within [-1, 1], and which part of the shape each belongs to.

Every shape is a function of (count, seed). Its parts are what "modes covered" counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from . import pictures

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


class Samples(NamedTuple):
    """Real samples."""

    images: Floats
    """(N, C, H, W) in [-1, 1]; points are (N, 2, 1, 1)."""
    parts: Ints
    """(N,): the part of the shape, or the kind of picture, that each is of."""


class Shape(NamedTuple):
    """A row of DATA."""

    title: str
    make: pictures.Make
    """-> points (N, 2) or pictures (N, C, H, W), and the part of each (N,)."""
    parts: int
    """How many there are."""
    near: float
    """Distance to the nearest real point up to which a generated one counts for its part; 0: any distance."""
    names: tuple[str, ...] = ()
    """What the parts are called, where they have names."""
    widths: tuple[int, ...] = (64, 64)
    """Layers that suit it."""

    @property
    def kinds(self) -> tuple[str, ...]:
        """What the parts are called, or their numbers."""
        return self.names or tuple(str(n + 1) for n in range(self.parts))


SPREAD = 0.02
"""Standard deviation of a mode's points."""


def _modes(centres: npt.NDArray[Any], spread: float = SPREAD) -> pictures.Make:
    def make(count: int, rng: np.random.Generator, _unseen: bool) -> pictures.Made:
        which = rng.integers(len(centres), size=count)
        return centres[which] + spread * rng.standard_normal((count, 2)), which

    return make


def _ring_centres(modes: int = 8, radius: float = 0.7) -> npt.NDArray[Any]:
    angle = np.arange(modes) * 2 * np.pi / modes
    return radius * np.stack([np.cos(angle), np.sin(angle)], 1)


def _lines(count: int, rng: np.random.Generator, _unseen: bool) -> pictures.Made:
    """Three slanted lines."""
    which, along = rng.integers(3, size=count), rng.uniform(-0.6, 0.6, count)
    x = np.array([-0.5, 0.0, 0.5])[which] + 0.25 * along
    return np.stack([x, along], 1) + SPREAD * rng.standard_normal((count, 2)), which


def _moons(count: int, rng: np.random.Generator, _unseen: bool) -> pictures.Made:
    which, angle = rng.integers(2, size=count), rng.uniform(0, np.pi, count)
    upper = np.stack([0.5 * np.cos(angle) - 0.22, 0.5 * np.sin(angle) - 0.1], 1)
    lower = np.stack([0.5 * np.cos(angle) + 0.22, 0.1 - 0.5 * np.sin(angle)], 1)
    return np.where(which[:, None] == 0, upper, lower) + 0.04 * rng.standard_normal((count, 2)), which


def _spiral(count: int, rng: np.random.Generator, _unseen: bool) -> pictures.Made:
    """One arm of a turn and a half; its parts are six stretches of equal numbers."""
    along = rng.uniform(0, 1, count)
    angle, radius = 3 * np.pi * np.sqrt(along), 0.8 * np.sqrt(along)
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1)
    return points + SPREAD * rng.standard_normal((count, 2)), (along * 6).astype(int).clip(0, 5)


def _blob(count: int, rng: np.random.Generator, _unseen: bool) -> pictures.Made:
    return 0.3 + 0.1 * rng.standard_normal((count, 2)), np.zeros(count, int)


_GRID = np.stack(np.meshgrid([-0.6, 0.0, 0.6], [-0.6, 0.0, 0.6]), -1).reshape(-1, 2)

DATA: dict[str, Shape] = {
    "ring": Shape("Ring of eight", _modes(_ring_centres()), 8, 0.12),
    "grid": Shape("Grid of nine", _modes(_GRID), 9, 0.12),
    "lines": Shape("Three lines", _lines, 3, 0.08),
    "moons": Shape("Two moons", _moons, 2, 0.08),
    "spiral": Shape("Spiral", _spiral, 6, 0.08),
    "blob": Shape("One blob", _blob, 1, 0.2),
    "drawn": Shape("Draw your own", _blob, 1, 0.08),
    "digits8": Shape("Digits, 8x8", pictures.digits(8), 10, 0, pictures.DIGITS),
    "digits28": Shape("Digits, 28x28", pictures.digits(28), 10, 0, pictures.DIGITS, (256, 256)),
    "faces": Shape("Faces, 16x16", pictures.faces(16), 6, 0, pictures.FACES, (256, 256)),
    "faces32": Shape("Faces, 32x32", pictures.faces(32), 6, 0, pictures.FACES, (256, 256)),
}
"""By name; `drawn` has the visitor's own points."""

MOST_DRAWN = 2000
"""Points that a visitor draws, at most."""

HELD_OUT = 256
"""Samples that no training sees, for the figures."""


def samples(
    name: str, count: int, seed: int, drawn: Sequence[Sequence[float]] = (), *, unseen: bool = False
) -> Samples:
    """`count` samples of that shape, or `unseen` ones; of drawn points `count` draws of them, each moved a little.

    Raises DataError where points are to be drawn and too few are.
    """
    rng = np.random.default_rng((seed, list(DATA).index(name), int(unseen)))
    if name == "drawn":
        points = np.asarray(drawn, float).reshape(-1, 2)
        if len(points) < 8:
            raise DataError("Draw a shape first: press and move on the picture on which points are shown.")
        made = points[rng.integers(len(points), size=count)] + SPREAD / 2 * rng.standard_normal((count, 2))
        parts = np.zeros(count, int)
    else:
        made, parts = DATA[name].make(count, rng, unseen)
    images = made[:, :, None, None] if made.ndim == 2 else made
    return Samples(np.ascontiguousarray(images, np.float32).clip(-1, 1), parts.astype(np.int64))
