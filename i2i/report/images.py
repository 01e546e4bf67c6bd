"""The sample grids of a run as the strips of pictures that its report carries.

A grid `samples/{images:08d}.png` has a row for each picture and a column for each kind (input, output, truth); a text
in it, or else `samples/grid.json`, says where the cells are. A column becomes one strip: its cells on top of each
other, without gaps. Columns that stay the same all through the run (input, truth) are carried once.
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import io
import json
import re
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ..errors import PictureError
from ..hardware.system import available_threads
from ..images.decode import read_picture
from ..images.image import to_uint8, with_channels
from ..training.run_directory import GRID_LAYOUT

MOST_GRIDS = 40
"""Grids carried at most: the first, the last and an even choice between."""

MOST_BYTES = 14_000_000
"""Characters of encoded pictures at most; beyond it every second grid is left out."""

LARGEST_CELL = 512
"""Pixels along the longer side of a cell; larger ones are scaled down."""

LARGEST_WHOLE = 1600
"""The same for a grid whose layout is not known, carried as one picture."""

MOST_ROWS = 24
"""Rows carried at most; a strip must stay below WebP's 16383 pixels."""


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the cells of a grid are, in pixels."""

    columns: list[str]
    rows: list[str]
    cell: tuple[int, int]
    """Height and width."""
    gap: int
    largest: int = LARGEST_CELL

    @property
    def shown(self) -> tuple[int, int]:
        """Height and width of a cell as the page carries it."""
        scale = min(1.0, self.largest / max(self.cell))
        return max(1, round(self.cell[0] * scale)), max(1, round(self.cell[1] * scale))

    def strip(self, grid: npt.NDArray[np.uint8], column: int) -> npt.NDArray[np.uint8]:
        """(H, W, 3) grid -> (rows * height, width, 3), the cells of one column."""
        height, width = self.cell
        x = column * (width + self.gap)
        tops = (row * (height + self.gap) for row in range(len(self.rows)))
        return np.concatenate([grid[y : y + height, x : x + width] for y in tops])

    def fits(self, grid: npt.NDArray[np.uint8]) -> bool:
        """Whether the grid is large enough to hold every cell."""
        counts = np.array([len(self.rows), len(self.columns)])
        needed = counts * (np.array(self.cell) + self.gap) - self.gap
        return bool((np.array(grid.shape[:2]) >= needed).all())


def read_samples(folder: Path, at: Collection[int] | None = None) -> dict[str, Any]:
    """The grids of `folder`, or those `at` so many images, for the page.

    They are `columns`, `rows`, `cell`, `times`, `strips`, and the number `left_out`.

    `times` is a list of {"images": int, "strips": [index of a strip, by column]}, None for a column that a grid has
    not; `strips` are data URIs. Grids that are damaged, or whose rows and cells are not the last one's, are left out;
    without any grid, `times` is empty.
    """
    paths = sorted(p for p in folder.glob("*.png") if re.fullmatch(r"\d+", p.stem)) if folder.is_dir() else []
    if at is not None:
        paths = [path for path in paths if int(path.stem) in at]
    chosen = [paths[i] for i in _even(len(paths), MOST_GRIDS)]
    general = _read_layout(folder / "grid.json")
    layouts = [_own_layout(path) or general for path in chosen]
    layout = next((known for known in reversed(layouts) if known), None) or _whole(chosen)
    if layout is None:
        return {"columns": [], "rows": [], "cell": [1, 1], "times": [], "strips": [], "left_out": len(chosen)}
    coded: dict[bytes, str] = {}
    with ThreadPoolExecutor(min(4, available_threads())) as pool:  # decoding and encoding release the GIL
        found = list(pool.map(lambda path, own: _strips(path, own or layout, layout, coded), chosen, layouts))
    columns = list(dict.fromkeys([*layout.columns, *(name for strips in found for name in strips)]))
    times = [
        (int(path.stem), [strips.get(name) for name in columns])
        for path, strips in zip(chosen, found, strict=True)
        if strips
    ]
    while len(times) > 2 and sum(len(coded[key]) for key in _distinct(times)) > MOST_BYTES:
        times = [times[i] for i in _even(len(times), len(times) // 2 + 1)]
    order = {key: index for index, key in enumerate(_distinct(times))}
    return {
        "columns": columns,
        "rows": layout.rows,
        "cell": list(layout.shown),
        "times": [
            {"images": images, "strips": [None if key is None else order[key] for key in keys]}
            for images, keys in times
        ],
        "strips": [coded[key] for key in order],
        "left_out": sum(not strips for strips in found),
    }


def _even(count: int, most: int) -> list[int]:
    """At most `most` of `range(count)`, the first and the last among them, evenly spread."""
    return sorted({round(i) for i in np.linspace(0, count - 1, min(count, most)).tolist()})


def _distinct(times: list[tuple[int, list[bytes | None]]]) -> dict[bytes, None]:
    return dict.fromkeys(key for _, keys in times for key in keys if key is not None)


def _own_layout(path: Path) -> Layout | None:
    """The layout that a grid's PNG states, or None where it states none that makes sense."""
    try:
        with Image.open(path, formats=["PNG"]) as picture:
            return _layout(str(picture.info.get(GRID_LAYOUT, "")))
    except (OSError, ValueError):
        return None


def _read_layout(path: Path) -> Layout | None:
    """The layout that grid.json states, or None where it is missing or makes no sense."""
    try:
        return _layout(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _layout(text: str) -> Layout | None:
    try:
        fields = json.loads(text)
        height, width = (int(side) for side in fields["cell"])
        columns, rows = ([str(name) for name in fields[key]] for key in ("columns", "rows"))
        gap = int(fields.get("gap", 0))
    except (ValueError, TypeError, KeyError, AttributeError):
        return None
    sensible = height > 0 and width > 0 and gap >= 0 and columns and rows
    return Layout(columns, rows[:MOST_ROWS], (height, width), gap) if sensible else None


def _whole(paths: list[Path]) -> Layout | None:
    """Without a layout a grid is one picture, as large as the last readable one."""
    for path in reversed(paths):
        grid = _read_grid(path)
        if grid is not None:
            return Layout(["samples"], ["samples"], (grid.shape[0], grid.shape[1]), 0, LARGEST_WHOLE)
    return None


def _read_grid(path: Path) -> npt.NDArray[np.uint8] | None:
    """(H, W, 3) uint8, or None when the file is damaged (a run killed while it was written, say)."""
    try:
        return with_channels(to_uint8(read_picture(path).pixels), 3).astype(np.uint8, copy=False)
    except PictureError:
        return None


def _strips(path: Path, layout: Layout, shown: Layout, coded: dict[bytes, str]) -> dict[str, bytes]:
    """Digests of the grid's strips by column; adds those not seen yet to `coded` as data URIs.

    `layout` is the grid's; there are none where it has not the rows and cells that are `shown`.
    """
    grid = _read_grid(path)
    if grid is None or not layout.fits(grid) or (layout.rows, layout.cell) != (shown.rows, shown.cell):
        return {}
    keys = {}
    for column, name in enumerate(layout.columns):
        strip = layout.strip(grid, column)
        key = hashlib.blake2b(strip.tobytes(), digest_size=16).digest()
        if key not in coded:  # two threads may both encode it: wasted work at worst
            coded[key] = _encode(strip, layout)
        keys[name] = key
    return keys


def _encode(strip: npt.NDArray[np.uint8], layout: Layout) -> str:
    """(rows * height, width, 3) -> a data URI; flat label maps stay exact, photographs become JPEG."""
    if layout.shown != layout.cell:
        cells = np.split(strip, len(layout.rows))  # each alone, so that neighbours do not bleed into it
        small = [Image.fromarray(c).resize(layout.shown[::-1], Image.Resampling.BOX) for c in cells]
        strip = np.concatenate([np.asarray(c) for c in small])
    image, buffer = Image.fromarray(strip), io.BytesIO()
    if image.getcolors(256):
        image.save(buffer, "WEBP", lossless=True, quality=20, method=0)
        kind = "webp"
    else:
        image.save(buffer, "JPEG", quality=88, subsampling=0)  # full colour: label maps have hard colour edges
        kind = "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
