"""The way from each picture to the next: on the sphere of the latent, or through w."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ...errors import RequestError
from ...files import write_atomically
from ..inference.executors import FloatArray
from .generator import Generator, picture_of
from .picks import Pick
from .sheet import animation, sheet_file

MOST_FRAMES = 2000
"""Frames of all the ways together."""
MOVING = ("gif", "webp")
"""Formats of the animation."""


def frames_between(a: Pick, b: Pick, count: int) -> list[Pick]:
    """`a`, and `count` frames on the way to `b`, without `b` itself."""
    return [a, *(dataclasses.replace(a, to=b, at=step / (count + 1)) for step in range(1, count + 1))]


def check_walk(count: int, between: int) -> None:
    """Raises RequestError for fewer than two pictures, and for no frames or too many."""
    if count < 2:
        raise RequestError("A way needs two pictures at least: --interpolate goes with --count 2 or more.")
    if not 1 <= between <= MOST_FRAMES // count - 1:
        most = MOST_FRAMES // count - 1
        way_out = f"--interpolate takes 1 to {most} here." if most else f"Take a --count of {MOST_FRAMES // 2} or less."
        raise RequestError(f"Between {count} pictures {between} frames each are too many, or none. {way_out}")


def write_walk(
    generator: Generator,
    picks: Sequence[Pick],
    between: int,
    target: Path,
    progress: Callable[[int, int, int], None] | None = None,
) -> list[Path]:
    """`walk.png` (a row for each way, both its ends in it), `walk.gif` and `walk.webp` (which go back to the first
    picture) in the folder `target`, with `between` frames between two pictures; gives the files.

    Raises what `check_walk` raises, StorageError.
    """
    check_walk(len(picks), between)
    ways = [frames_between(a, b, between) for a, b in zip(picks, [*picks[1:], picks[0]], strict=True)]
    frames: list[FloatArray] = []
    for way in ways:
        frames.append(generator.pictures(way))
        if progress is not None:
            progress(len(frames), len(ways), len(frames) * len(way) * generator.size[1] * generator.size[2])
    strips = [np.concatenate([way, after[:1]]) for way, after in itertools.pairwise(frames)]
    files = {"walk.png": sheet_file(np.concatenate(strips), between + 2)}
    moving = [picture_of(sample) for sample in np.concatenate(frames)]
    files |= {f"walk.{name}": animation(moving, name) for name in MOVING}
    for name, data in files.items():
        write_atomically(target / name, data)
    return [target / name for name in files]
