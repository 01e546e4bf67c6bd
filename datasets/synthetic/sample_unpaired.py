"""Samples of two domains: training folders that share nothing, test folders that are paired in secret by file name."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.typing as npt
from PIL import Image

from .sample_folder import Progress, write_once

FOLDERS = {"trainA": (0, "a"), "trainB": (1, "b"), "testA": (2, "t"), "testB": (2, "t")}
"""Each folder's part of the seed, and what its file names begin with: the two of test share both, so they pair."""
LEAST_TEST = 8
"""Test pairs, at least."""

Painter = Callable[[int, str, int, int], npt.NDArray[Any]]
"""(seed, folder, number, size) -> a picture (size, size, 3) uint8; numbers of a folder of FOLDERS count from 0."""


def file_stem(folder: str, number: int) -> str:
    """What a picture of a folder is called, without suffix."""
    return f"{FOLDERS[folder][1]}{number + 1:05d}"


def pair_count(count: int) -> int:
    """How many test pairs go with so many training pictures a domain: a tenth, and 8 at least."""
    return max(LEAST_TEST, round(count / 10))


def write_unpaired(
    out: Path,
    recipe: dict[str, str | int],
    painter: Painter,
    count: int,
    size: int,
    seed: int,
    progress: Progress | None,
) -> Path:
    """Write `count` pictures in trainA/ and as many others in trainB/, and `pair_count` pairs in testA/ and testB/.

    A folder that holds this very sample already is left as it is, and one that was interrupted is completed; any
    other that is not empty raises DataError. `size` is pixels a side, 16 or more. `progress(done, total)` is called
    after each picture. Returns `out`.
    """
    numbers = {folder: count if folder.startswith("train") else pair_count(count) for folder in FOLDERS}
    jobs = [(folder, number) for folder, many in numbers.items() for number in range(many)]

    def write_picture(job: tuple[str, int]) -> None:
        folder, number = job
        path = out / folder / f"{file_stem(folder, number)}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(painter(seed, folder, number, size)).save(path, compress_level=3)

    write_once(out, {**recipe, "count": count, "size": size, "seed": seed}, jobs, write_picture, progress)
    return out
