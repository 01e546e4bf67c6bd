"""What `i2i directions` writes: the directions beside the model, and a picture of what they do."""

from __future__ import annotations

from pathlib import Path

from ...errors import RequestError
from ...files import write_atomically
from ...images.encode import encode
from .chart import chart
from .directions import Direction, place_of, write_directions
from .finding import SAMPLES, Progress, find_directions
from .generator import Generator

PICTURED = 12
"""Directions of the picture at most."""


def record_directions(
    generator: Generator,
    count: int = 10,
    samples: int = SAMPLES,
    seed: int = 0,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> tuple[tuple[Direction, ...], list[Path]]:
    """The directions that are found, and the files that are written: `NAME.directions.json` and `.png`.

    Raises RequestError where a file is there already, which may have names that somebody gave, StorageError.
    """
    place = place_of(generator.path)
    if place.exists() and not overwrite:
        raise RequestError(
            f"{place} is there already, perhaps with names that somebody gave. --overwrite makes it anew."
        )
    found = find_directions(generator, count, samples, seed, progress)
    write_directions(generator.path, generator.sha256, found, of=generator.varying, samples=samples, seed=seed)
    generator.directions = found
    picture = place.with_suffix(".png")
    write_atomically(picture, encode(chart(generator, found[:PICTURED], seed), "png"))
    return found, [place, picture]
