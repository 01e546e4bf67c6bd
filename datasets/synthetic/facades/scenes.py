"""`i2i data sample facades`: label maps and buildings made by program, as many as wanted, licence-free.

Picture n of a split is a function of (seed, split, n) alone: more of them never change the first ones.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..sample_folder import Progress, write_once
from .paint import paint
from .plan import draw_plan

SPLITS = {"train": 0, "val": 1, "test": 2}
"""Each split's part of the seed."""


def facade_pair(
    seed: int, split: str, number: int, size: int, painting: int = 0
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Label map and photograph, (size, size, 3) uint8 each.

    Another `painting` is the same street with other grain, mottling and leaves: what no network can foretell.
    """
    key = (seed, SPLITS[split], number)
    return paint(draw_plan(np.random.default_rng((*key, 0))), size, np.random.default_rng((*key, 1, painting)))


def write_facades(
    out: Path, count: int = 400, size: int = 128, seed: int = 0, progress: Progress | None = None
) -> Path:
    """Write `count` pairs in train/ and a tenth as many in val/ and test/ each: labels left.

    A folder that holds this very sample already is left as it is, and one that was interrupted is completed; any
    other that is not empty raises DataError. `size` is pixels a side, 16 or more. `progress(done, total)` is
    called after each pair. Returns `out`.
    """
    numbers = {"train": count, "val": max(1, round(count / 10)), "test": max(1, round(count / 10))}
    jobs = [(split, number) for split, many in numbers.items() for number in range(many)]

    def write_pair(job: tuple[str, int]) -> None:
        split, number = job
        labels, photo = facade_pair(seed, split, number, size)
        path = out / split / f"{number + 1:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.concatenate([labels, photo], axis=1)).save(path, compress_level=3)

    recipe: dict[str, str | int] = {"sample": "facades", "version": 1, "count": count, "size": size, "seed": seed}
    write_once(out, recipe, jobs, write_pair, progress)
    return out
