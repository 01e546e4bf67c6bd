"""The way from each picture to the next: on the sphere of the latent, or through w."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from pathlib import Path

from ...errors import RequestError
from ...files import write_atomically
from ...images.image import Picture
from .generator import Generator
from .picks import Pick
from .sheet import animation, made, sheet_file
from .video import is_there, webm

MOST_FRAMES = 2000
"""Frames of all the ways together."""
MOST_PIXELS = 300e6
"""Pixels of all frames together: all of them are in memory, two or three times."""
MOVING: dict[str, Callable[[Sequence[Picture]], bytes]] = {
    "gif": lambda frames: animation(frames, "gif"),
    "webp": lambda frames: animation(frames, "webp"),
    "webm": webm,
}
"""Formats of the animation, and what writes them."""


def frames_between(a: Pick, b: Pick, count: int) -> list[Pick]:
    """`a`, and `count` frames on the way to `b`, without `b` itself."""
    return [a, *(dataclasses.replace(a, to=b, at=step / (count + 1)) for step in range(1, count + 1))]


def check_walk(count: int, between: int, pixels: int) -> None:
    """Raises RequestError for fewer than two pictures, and for no frames or too many of so many pixels each."""
    if count < 2:
        raise RequestError("A way needs two pictures at least: --interpolate goes with --count 2 or more.")
    frames = min(MOST_FRAMES, int(MOST_PIXELS // pixels))
    most = frames // count - 1
    if not 1 <= between <= most:
        way_out = f"--interpolate takes 1 to {most} here." if most > 0 else f"Take a --count of {frames // 2} or less."
        raise RequestError(
            f"Between {count} pictures {between} frames each are too many, or none: all ways together have {frames} "
            f"frames of this size at most. {way_out}"
        )


def write_walk(
    generator: Generator,
    picks: Sequence[Pick],
    between: int,
    target: Path,
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """`walk.png` (a row for each way, both its ends in it), and `walk.gif`, `walk.webp` and, where PyAV is installed,
    `walk.webm` (which go back to the first picture) in the folder `target`, with `between` frames between two pictures;
    gives the files. `progress` is told how many frames of how many are made.

    Raises what `check_walk` raises, StorageError.
    """
    check_walk(len(picks), between, generator.size[1] * generator.size[2])
    ends = zip(picks, [*picks[1:], picks[0]], strict=True)
    ways: list[list[Picture]] = []
    if progress is not None:
        progress(0, len(picks) * (between + 1))
    for a, b in ends:
        ways.append(list(made(generator, frames_between(a, b, between))))
        if progress is not None:
            progress(len(ways) * (between + 1), len(picks) * (between + 1))
    strips = [picture for way, after in itertools.pairwise(ways) for picture in (*way, after[0])]
    strip, *moving = files = walk_files(target)
    write_atomically(strip, sheet_file(strips, between + 2))
    for file in moving:
        write_atomically(file, MOVING[file.suffix[1:]]([frame for way in ways for frame in way]))
    return files


def walk_files(target: Path) -> list[Path]:
    """What `write_walk` writes: the strip, then the animations."""
    moving = [name for name in MOVING if name != "webm" or is_there()]
    return [target / f"walk.{name}" for name in ("png", *moving)]
