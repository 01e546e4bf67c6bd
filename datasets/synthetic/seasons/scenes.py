"""`i2i data sample seasons`: landscapes made by program, in summer and in winter, as many as wanted, licence-free.

The training folders share no scene. The test folders are paired in secret: the same scene in summer (testA) and in
winter (testB) under the same name, which is the truth that an unpaired translation can be scored against. Picture n
of a folder is a function of (seed, folder, n) alone: more of them never change the first ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..sample_folder import Progress
from ..sample_unpaired import FOLDERS, write_unpaired
from .paint import paint
from .plan import draw_scene


def season_picture(seed: int, folder: str, number: int, size: int) -> npt.NDArray[Any]:
    """Picture `number` of a folder, (size, size, 3) uint8: in summer where its name ends in A, else in winter.

    From summer to winter everything follows from the scene but a little grain.
    """
    winter = folder.endswith("B")
    key = (seed, FOLDERS[folder][0], number)
    return paint(draw_scene(np.random.default_rng((*key, 0))), winter, size, np.random.default_rng((*key, 1, winter)))


def write_seasons(
    out: Path, count: int = 400, size: int = 128, seed: int = 0, progress: Progress | None = None
) -> Path:
    """Write `count` landscapes in summer and as many others in winter, and test pairs, as `write_unpaired` does."""
    return write_unpaired(out, {"sample": "seasons", "version": 1}, season_picture, count, size, seed, progress)
