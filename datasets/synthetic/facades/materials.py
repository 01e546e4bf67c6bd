"""Bricks, blocks, plaster and leaves, as (fine, fine) float32 patterns over a whole canvas.

Courses are counted from the picture's corner in units of 1/64 of its side, and walls begin on multiples of them.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import numpy.typing as npt

from .plan import UNITS

Floats = npt.NDArray[np.float32]

BONDS = {"brick": (4.0, 2.0, 0.30), "stone": (8.0, 4.0, 0.36)}
"""Length and height of a block and the width of its joint, in units."""


def material(name: str, fine: int, noise: np.random.Generator) -> Floats:
    """How bright each place of a wall is, about 1: blocks bevelled by the light, and what no label foretells."""
    mottled = _clouded(fine, noise, 0.018)
    if name not in BONDS:
        return mottled
    relief, blocks = _relief(name, fine)
    tones = noise.normal(0, 0.02, int(blocks.max()) + 1).astype(np.float32)
    return (relief + tones[blocks]) * mottled


@functools.lru_cache(maxsize=16)
def joints(name: str, fine: int) -> Floats | None:
    """1 on the mortar, 0 on the blocks; None for a wall without."""
    if name not in BONDS:
        return None
    length, height, joint = BONDS[name]
    x, y, _, _ = _courses(name, fine)
    return np.asarray((x * length < joint) | (y * height < joint), np.float32)


@functools.lru_cache(maxsize=16)
def _relief(name: str, fine: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Brightness of a block from its upper to its lower edge, and the number of each place's block."""
    _, y, column, row = _courses(name, fine)
    depth = 0.10 if name == "brick" else 0.20
    number = (row * 64 + column + 1).astype(np.int64)
    return (1 + depth * (0.5 - y)).astype(np.float32), number


def _courses(name: str, fine: int) -> tuple[Any, Any, Any, Any]:
    """Place within a block (x, y in [0, 1)) and the block's column and row, in running bond."""
    length, height, _ = BONDS[name]
    place = (np.arange(fine, dtype=np.float32) + 0.5) * (UNITS / fine)
    row, y = np.divmod(place[:, None] / height, 1)
    column, x = np.divmod(place[None, :] / length + 0.5 * (row % 2), 1)
    return x, np.broadcast_to(y, x.shape), column, np.broadcast_to(row, x.shape)


def leaf_texture(fine: int, noise: np.random.Generator) -> Floats:
    """Clumps of leaves, about 1."""
    return _clouded(fine, noise, 0.13, cells=32)


def _clouded(fine: int, noise: np.random.Generator, strength: float, cells: int = 16) -> Floats:
    """Soft mottling about 1: a coarse random grid, enlarged smoothly."""
    coarse = noise.normal(0, strength, (cells + 1, cells + 1)).astype(np.float32)
    at, share = np.divmod(np.arange(fine, dtype=np.float32) * np.float32(cells / fine), 1)
    low = at.astype(np.int64)
    share = share * share * (3 - 2 * share)
    rows = coarse[low] * (1 - share[:, None]) + coarse[low + 1] * share[:, None]
    return np.asarray(1 + rows[:, low] * (1 - share) + rows[:, low + 1] * share, np.float32)
