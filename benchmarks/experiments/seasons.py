"""What no network gets wrong less on the painted seasons: `python -m benchmarks.experiments.seasons`.

Writes docs/images/seasons.png, test scenes in summer above the same in winter, and the figures of docs/data.md: the
mean absolute error of returning the summer picture, and of global colour transfers, against the winter picture.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from i2i.datasets.synthetic.seasons.scenes import season_picture
from i2i.evaluation.colour_transfer import Colours, best_affine, monge_kantorovich
from i2i.images.image import to_float

from ..command import end_with
from ..results import ROOT, facts, put_between_marks, where_measured

PAGE = ROOT / "docs" / "data.md"
PICTURE = ROOT / "docs" / "images" / "seasons.png"
MARK = "<!-- measured: written by python -m benchmarks.experiments.seasons -->"

SIDE, TESTED, LEARNED = 64, 40, 400
"""Pixels, test pairs, training pictures of each domain: those of `--count 400 --size 64`, seed 0."""
SHOWN, SHOWN_SIDE = (0, 1, 2, 3, 6), 96

Pictures = list[npt.NDArray[Any]]


def pictures(folder: str, count: int, side: int = SIDE) -> Pictures:
    """The first of a folder of the sample, (side, side, 3) uint8 each."""
    return [season_picture(0, folder, number, side) for number in range(count)]


def sheet() -> Image.Image:
    """Test scenes in summer, and below them in winter."""
    rows = [
        np.concatenate([season_picture(0, folder, number, SHOWN_SIDE) for number in SHOWN], axis=1)
        for folder in ("testA", "testB")
    ]
    return Image.fromarray(np.concatenate(rows))


def measure(tested: int, learned: int) -> tuple[dict[str, float], float]:
    """L1 in [0, 1] by name, and pictures painted in a second by one process."""
    started = time.perf_counter()
    summers, winters = pictures("testA", tested), pictures("testB", tested)
    speed = 2 * tested / (time.perf_counter() - started)
    transfer = monge_kantorovich(Colours(pictures("trainA", learned)), Colours(pictures("trainB", learned)))
    best = best_affine(zip(summers, winters, strict=True), tested)
    ways: dict[str, Callable[[npt.NDArray[Any]], npt.NDArray[Any]]] = {
        "the summer picture itself": to_float,
        "global colour transfer, learned from the training folders": transfer,
        "best affine map of the colours, fitted to the very test pairs": best,
    }
    errors = {
        name: float(np.mean([np.abs(way(x) - to_float(y)).mean() for x, y in zip(summers, winters, strict=True)]))
        for name, way in ways.items()
    }
    return errors, speed


def table(errors: dict[str, float]) -> str:
    """The figures as Markdown."""
    return "\n".join(
        ["| instead of the winter picture | L1 |", "|---|---|", *(f"| {n} | {v:.3f} |" for n, v in errors.items())]
    )


def main() -> int:
    """Measure, print, draw, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.seasons", description=__doc__)
    parser.add_argument("--tested", type=int, default=TESTED, metavar="N", help="test pairs (%(default)s)")
    parser.add_argument("--learned", type=int, default=LEARNED, metavar="N", help="training pictures (%(default)s)")
    parser.add_argument("--page", type=Path, default=PAGE, help="page to write into")
    parser.add_argument("--out", type=Path, default=PICTURE, help="picture to write")
    asked = parser.parse_args()
    environment = facts(" ".join(["python -m benchmarks.experiments.seasons", *sys.argv[1:]]))
    errors, speed = measure(asked.tested, asked.learned)
    words = f"Of {asked.tested} test pairs at {SIDE} pixels; {speed:.0f} such pictures are painted in a second."
    text = f"{table(errors)}\n\n{words}\n\n{where_measured(environment)}"
    print(text)
    sheet().save(asked.out, optimize=True)
    put_between_marks(asked.page, MARK, text)
    return 0


if __name__ == "__main__":
    end_with(main)
