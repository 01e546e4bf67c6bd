"""All that `i2i generate` writes: the pictures, and what is made of the first of them for people."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...files import write_atomically
from ..conversion.report import ConversionReport
from .folder import Progress, generate_folder, picks_of
from .generator import Generator
from .picks import pairs
from .sheet import columns_of, sheet_file
from .walk import check_walk, write_walk

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
    **writing: Any,
) -> tuple[ConversionReport, list[Path]]:
    """The pictures (picks_of, generate_folder), the way between them where `between` frames are asked for (write_walk),
    and a contact sheet at `grid`; gives the report, and the files beside the pictures.

    Raises what these raise; RequestError before anything is done.
    """
    picks = picks_of(generator, count, seed, pairs(controls), truncation, mix, layer)
    if between is not None:
        check_walk(len(picks), between)
    report = generate_folder(generator, target, picks, progress=progress, **writing)
    more: list[Path] = []
    if between is not None:
        more += write_walk(generator, picks, between, target)
    if grid is not None:
        shown = picks[:SHOWN]
        classes = next((len(port.choices) for port in generator.card.inputs if port.kind == "label"), 0)
        classes = 0 if "label" in controls else classes
        write_atomically(grid, sheet_file(generator.pictures(shown), columns_of(len(shown), classes)))
        more.append(grid)
    return report, more
