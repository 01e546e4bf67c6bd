"""The sample grid: the same validation pictures over time, one PNG a moment, in one geometry for the report."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from torch import Tensor

from ..files import write_atomically
from ..methods.tensors import to_pictures
from .run_directory import GRID_FILE, GRID_LAYOUT

GAP = 2
"""Pixels between cells."""


def write_grid(folder: Path, images: int, rows: Sequence[str], columns: Mapping[str, Tensor]) -> Path:
    """One PNG at `images` seen: a row for each name of `rows`, a column for each of (N, C, H, W) in [-1, 1].

    `grid.json` beside it names rows and columns and gives the cell's height and width and the gap, in pixels. The PNG
    carries the same as text, for a later stage of a run may have other columns.
    """
    cells = {name: to_pictures(column) for name, column in columns.items()}
    height, width = next(iter(cells.values())).shape[1:3]
    grid = np.full((len(rows) * (height + GAP) - GAP, len(cells) * (width + GAP) - GAP, 3), 255, dtype=np.uint8)
    for c, column in enumerate(cells.values()):
        for r in range(len(rows)):
            top, left = r * (height + GAP), c * (width + GAP)
            grid[top : top + height, left : left + width] = column[r]
    facts = json.dumps({"columns": list(cells), "rows": list(rows), "cell": [int(height), int(width)], "gap": GAP})
    write_atomically(folder / GRID_FILE, facts.encode())
    text = PngInfo()
    text.add_text(GRID_LAYOUT, facts)
    path = folder / f"{images:08d}.png"
    buffer = io.BytesIO()
    Image.fromarray(grid).save(buffer, "PNG", pnginfo=text)
    write_atomically(path, buffer.getvalue())
    return path
