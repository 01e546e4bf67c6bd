"""The report of `i2i data check --html`: one page that opens offline, with the pairs to look at."""

from __future__ import annotations

import base64
import html
import io
from pathlib import Path

from PIL import Image

from ...errors import PictureError
from ...files import write_atomically
from ...images.image import to_pil
from ..streams.loading import Array, decode_pair
from .report import CheckReport

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
    fields = {
        "folder": html.escape(str(report.root)),
        "verdict": _verdict(report),
        "summary": "".join(f"<p>{html.escape(line)}</p>" for line in report.summary()),
        "faults": _faults(report),
        "sizes": _sizes(report),
        "doubted": _sheet("Pairs to look at", report, list(suspects)[:DOUBTED], suspects),
        "pairs": _sheet(
            "Some of the pictures" if report.unpaired else "Some of the pairs", report, ordinary[::step], suspects
        ),
    }
    page = TEMPLATE.read_text(encoding="utf-8")
    for name, value in fields.items():
        page = page.replace(f"<!--{name}-->", value)
    write_atomically(path, page.encode())


def _verdict(report: CheckReport) -> str:
    count = report.problems
    if not count:
        return '<p class="verdict good">✓ No problems found</p>'
    return f'<p class="verdict bad">⚠ {count} problem{"s" if count > 1 else ""} found</p>'


def _faults(report: CheckReport) -> str:
    parts = []
    for heading, faults in report.sections().items():
        if faults:
            items = "".join(f"<li>{html.escape(fault)}</li>" for fault in faults)
            shut = "" if len(faults) > 20 else " open"
            parts.append(f"<details{shut}><summary>{heading} ({len(faults)})</summary><ul>{items}</ul></details>")
    return f"<section><h2>Problems</h2>{''.join(parts)}</section>" if parts else ""


def _sizes(report: CheckReport) -> str:
    rows = []
    for side in report.sides:
        common = sorted(side.sizes.items(), key=lambda item: -item[1])
        sizes = ", ".join(f"{w}×{h} ({many})" for (w, h), many in common[:6])
        more = f" and {len(common) - 6} more" if len(common) > 6 else ""
        cells = (side.name, str(sum(side.sizes.values())), sizes + more, side.kinds())
        rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
    return "".join(rows)


def _sheet(heading: str, report: CheckReport, titles: list[str], suspects: dict[str, str]) -> str:
    names = [side.name for side in report.sides]
    figures = []
    for title in titles:
        try:
            sides = decode_pair(report.pairs[title])
        except PictureError:
            continue  # listed among the faults
        pictures = "".join(
            f'<img src="{_data_uri(side)}" alt="{html.escape(title)}, {html.escape(name)}" loading="lazy">'
            for side, name in zip(sides, names, strict=True)
        )
        mark = f' <span class="mark">{suspects[title]}</span>' if title in suspects else ""
        caption = f"<figcaption>{html.escape(title)}{mark}</figcaption>"
        figures.append(f'<figure><div class="pair">{pictures}</div>{caption}</figure>')
    if not figures:
        return ""
    said = " | ".join(html.escape(name) for name in names)
    sheet = f'<div class="sheet">{"".join(figures)}</div>'
    return f'<section><h2>{heading}</h2><p class="quiet">{said}</p>{sheet}</section>'


def _data_uri(pixels: Array) -> str:
    """A small JPEG: grey, RGB, or the first bands of more."""
    picture = to_pil(pixels)
    picture.thumbnail((THUMB, THUMB), Image.Resampling.BICUBIC)
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
