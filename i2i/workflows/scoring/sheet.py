"""The contact sheet of `i2i evaluate`: whole pictures, or of super-resolution a crop, pixel by pixel."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from ...evaluation.contact_sheet import contact_sheet, representative_region
from ...evaluation.evaluate import Evaluation, Translate
from ...files import write_atomically
from ...images.image import Array, with_channels
from .pairs import EvaluationSet

CROP = 64
"""Side of a crop, in pixels of the truth; the sheet shows it enlarged four times."""


def write_sheet(
    engine: Translate, enlarge: Translate | None, found: EvaluationSet, result: Evaluation, path: Path
) -> None:
    """The worst, the median and the best pictures by the first metric of pairs, or an even choice where there is none.

    `enlarge` is the plain enlargement that an enlarging model is compared with, None for other models.
    """
    rows: list[tuple[str, list[Array]]] = []
    with_truth = True
    for label, index in result.representative():
        row = result.rows[index]
        x, y = found.shown(row.name)
        caption = f"{label}: {row.name}, {result.first} {row.values[result.first]:.4g}" if result.first else row.name
        output = engine(x)
        if y is None:
            rows, with_truth = [*rows, (caption, [x, output])], False
        elif enlarge is None:
            rows.append((caption, [x, output, y]))
        else:
            where, crops = crops_of(x, enlarge(x), output, y)
            rows.append((f"{caption}, at {where}", crops))
    columns = ("nearest", "bicubic", "output", "truth") if enlarge else ("input", "output", "truth")[: 2 + with_truth]
    write_atomically(path, png(contact_sheet(rows, columns)))


def png(sheet: Image.Image) -> bytes:
    """The bytes of its file."""
    buffer = io.BytesIO()
    sheet.save(buffer, "PNG")
    return buffer.getvalue()


def crops_of(x: Array, enlarged: Array, output: Array, truth: Array) -> tuple[str, list[Array]]:
    """Where (`left, top` in pixels of the truth) and what: crops of x by nearest, of `enlarged`, `output`, `truth`.

    x is (H, W, C), the others are (H * scale, W * scale, C). The crop is where `enlarged` is furthest from `truth`, on
    the grid of x, so that each of x's pixels is seen whole.
    """
    scale = truth.shape[0] // x.shape[0]
    side = max(1, CROP // scale) * scale
    region = rows, columns = representative_region(with_channels(enlarged, truth.shape[2]), truth, side, scale)
    small = x[rows.start // scale : rows.stop // scale, columns.start // scale : columns.stop // scale]
    nearest = small.repeat(scale, axis=0).repeat(scale, axis=1)
    return f"{columns.start}, {rows.start}", [nearest, *(picture[region] for picture in (enlarged, output, truth))]
