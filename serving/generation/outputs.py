"""All that `i2i generate` writes: the pictures, and what is made of the first of them for people."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...errors import RequestError
from ...files import write_atomically
from ...images.encode import encode
from ..conversion.report import ConversionReport
from .arrays import format_of, write_points
from .folder import Progress, classes_of, generate_folder, picks_of
from .generator import Generator
from .looks import points_of
from .picks import pairs
from .sheet import columns_of, made, sheet_file
from .walk import MOST_PIXELS, check_walk, walk_files, write_walk

SHOWN = 256
"""Pictures of a contact sheet at most."""


def generate_all(
    generator: Generator,
    target: Path,
    *,
    count: int,
    seed: int,
    controls: Mapping[str, object],
    truncation: float | None = None,
    mix: int | None = None,
    layer: int | None = None,
    between: int | None = None,
    grid: Path | None = None,
    progress: Progress | None = None,
    walked: Callable[[int, int], None] | None = None,
    **writing: Any,
) -> tuple[ConversionReport, list[Path]]:
    """The pictures (picks_of, generate_folder), the way between them where `between` frames are asked for (write_walk),
    and a contact sheet at `grid`; gives the report, and the files beside the pictures.

    Raises what these raise; RequestError before anything is done.
    """
    picks, pixels = (
        picks_of(generator, count, seed, pairs(controls), truncation, mix, layer),
        math.prod(generator.size[1:]),
    )
    if between is not None:
        check_walk(len(picks), between, pixels)
    _check_beside([] if between is None else walk_files(target), grid, writing.get("existing"))
    if generator.kind == "point":
        format_of(generator.card, writing.get("format"))
        report = write_points(generator, target, picks, writing.get("existing"))
    else:
        report = generate_folder(generator, target, picks, progress=progress, **writing)
    more: list[Path] = []
    if between is not None:
        more += write_walk(generator, picks, between, target, walked)
    if grid is not None:
        shown, port = picks[: min(SHOWN, max(1, int(MOST_PIXELS // pixels)))], classes_of(generator)
        classes = 0 if port is None or port.name in controls else len(port.choices)
        grid.parent.mkdir(parents=True, exist_ok=True)
        if generator.kind == "point":
            write_atomically(grid, encode(points_of(generator.pictures(picks)), "png"))
        else:
            write_atomically(grid, sheet_file(list(made(generator, shown)), columns_of(len(shown), classes)))
        more.append(grid)
    return report, more


def _check_beside(ways: list[Path], grid: Path | None, existing: str | None) -> None:
    """Of what is written beside the pictures, which is made anew each time."""
    if grid is not None and (grid.is_dir() or any(folder.is_file() for folder in grid.parents)):
        raise RequestError(f"{grid} cannot be a file there. Name a file: --grid sheet.png")
    there = [file for file in (*ways, *([] if grid is None else [grid])) if file.exists()]
    if there and existing == "fail":
        raise RequestError(f"{there[0]} exists already, and --existing fail was given. Nothing was made.")
