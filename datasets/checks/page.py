"""The report of `i2i data check --html`: one page that opens offline, with the pairs to look at."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from PIL import Image

from ...errors import PictureError
from ...files import write_atomically
from ...images.image import to_pil
from ...text import render
from ..streams.loading import Array, decode_pair
from .report import CheckReport, Side

SHOWN = 24
"""Ordinary pairs on the contact sheet."""

DOUBTED = 48
"""Doubted pairs on the contact sheet, at most."""

THUMB = 192
"""Longest side of a picture on the page, in pixels."""

TEMPLATE = Path(__file__).with_name("page.html")


def write_page(report: CheckReport, path: Path) -> None:
    """Write one HTML file with everything in it; raises StorageError when it cannot be written."""
    suspects = {suspect.title: suspect.kind for suspect in report.suspects}
    ordinary = [title for title in report.pairs if title not in suspects]
    step = max(1, -(-len(ordinary) // SHOWN))
    page = render(
        TEMPLATE,
        report=report,
        faults={heading: faults for heading, faults in report.sections().items() if faults},
        sides=[(side.name, sum(side.sizes.values()), _sizes(side), side.kinds()) for side in report.sides],
        suspects=suspects,
        sheets={
            "Pairs to look at": _figures(report, list(suspects)[:DOUBTED]),
            f"Some of the {'pictures' if report.unpaired else 'pairs'}": _figures(report, ordinary[::step]),
        },
    )
    write_atomically(path, page.encode("utf-8", "replace"))  # file names need not be valid Unicode


def _sizes(side: Side) -> str:
    """The most frequent sizes, and how many more there are."""
    common = sorted(side.sizes.items(), key=lambda item: -item[1])
    sizes = ", ".join(f"{width}×{height} ({many})" for (width, height), many in common[:6])
    return sizes + (f" and {len(common) - 6} more" if len(common) > 6 else "")


def _figures(report: CheckReport, titles: list[str]) -> dict[str, list[tuple[str, str]]]:
    """By title the two pictures, as (name of the side, data URI)."""
    figures = {}
    for title in titles:
        try:
            sides = decode_pair(report.pairs[title])
        except PictureError:
            continue  # listed among the faults
        names = [side.name for side in report.sides]
        figures[title] = [(name, _data_uri(pixels)) for name, pixels in zip(names, sides, strict=True)]
    return figures


def _data_uri(pixels: Array) -> str:
    """A small JPEG: grey, RGB, or the first bands of more."""
    picture = to_pil(pixels)
    picture.thumbnail((THUMB, THUMB), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
