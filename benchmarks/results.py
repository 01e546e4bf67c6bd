"""What a run leaves: results.json for programs, and the table in docs/benchmarks.md, written from it."""

from __future__ import annotations

import json
import os
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

from i2i.errors import RequestError
from i2i.files import write_atomically
from i2i.hardware.system import available_threads, environment

from .measure import FASTER, Measured

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
PAGE = ROOT / "docs" / "benchmarks.md"

BEGIN, END = "<!-- measured: written by make bench -->", "<!-- end of measured -->"
RUNTIMES = ("onnxruntime-gpu", "onnxruntime", "onnxruntime-ep-openvino", "openvino")
SHOWN = ("torch", *RUNTIMES, "numpy", "pillow")

Results = dict[str, Any]


def to_row(name: str, measured: Measured) -> dict[str, Any]:
    """One row as results.json has it; times are medians in `unit`, `spread` is of the ratios of single rounds."""
    return {
        "name": name,
        "ours": _digits(measured.ours),
        "theirs": _digits(measured.theirs),
        "ratio": _digits(measured.ratio),
        "unit": measured.unit,
        "ratio_is": measured.ratio_is,
        "spread": [_digits(end) for end in measured.spread],
        "rounds": len(measured.timings.ours),
        "what": measured.what,
        "note": measured.note,
    }


def facts(command: str) -> dict[str, Any]:
    """The machine, the versions and the command; like a run's environment.json."""
    found = environment()
    for name in RUNTIMES:
        try:
            found["packages"][name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    threads = {"torch": torch.get_num_threads(), "onnxruntime": available_threads()}
    return {**found, "command": command, "threads": threads, "load_before": busy()}


def busy() -> float | None:
    """Processors that other work kept busy in the last minute, on average; None where the system does not say."""
    return round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None


def write(results: Results, path: Path) -> None:
    """`{"environment": …, "rows": […]}`, whole or not at all."""
    write_atomically(path, (json.dumps(results, indent=1, ensure_ascii=False) + "\n").encode())


def write_page(results: Results, path: Path) -> None:
    """Put the table of `results` between the marks of the page."""
    put_between_marks(path, BEGIN, f"{table(results['rows'])}\n{where_measured(results['environment'])}")


def put_between_marks(path: Path, begin: str, text: str) -> None:
    """Put Markdown between the marks `begin` and END of a page, and leave the rest of it as it is."""
    before, after = around_marks(path, begin)
    write_atomically(path, f"{before}{begin}\n\n{text}\n{END}{after}".encode())


def writable(page: Path | None, begin: str) -> Path | None:
    """The page, which must have a place for the table (`around_marks`); None where nothing is to be written."""
    if page is not None:
        around_marks(page, begin)
    return page


def publish(text: str, environment: Results, page: Path | None, begin: str) -> None:
    """Show a table, and put it on the page with the conditions (`facts`)."""
    print(f"\n{text}")
    if page is not None:
        put_between_marks(page, begin, f"{text}\n{where_measured(environment)}")
        print(f"Written: {page}")


def around_marks(path: Path, begin: str) -> tuple[str, str]:
    """The page before `begin` and after END; raises RequestError where there are no such marks, or no page.

    Whoever measures for long asks this first.
    """
    try:
        page = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(
            f"{path} cannot be read: {error}. It must be a page of text that is there already."
        ) from None
    before, found, rest = page.partition(begin)
    _, end, after = rest.partition(END)
    if not (found and end):
        raise RequestError(f"{path} must hold the marks {begin!r} and {END!r}, between which the table goes.")
    return before, after


def where_measured(where: dict[str, Any]) -> str:
    """The conditions (`facts`) as a Markdown table."""
    packages = where["packages"]
    versions = ", ".join(f"{name} {packages[name]}" for name in SHOWN if name in packages)
    threads = ", ".join(f"{name} {count}" for name, count in where["threads"].items())
    return f"""| measured on | |
|---|---|
| processor | {where["processor"]}, {where["cores"]} cores, {where["memory_gb"]} GB |
| threads | {threads} |
| busy before the start | {where["load_before"]} of {where["cores"]} cores |
| system | {where["platform"]}, Python {where["python"]} |
| versions | {versions} |
| date | {where["started"]} |
| command | `{where["command"]}` |
"""


def table(rows: list[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = ["| | ours | theirs | ours is | single rounds | |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['what']} | {row['ours']:g} {row['unit']} | {row['theirs']:g} {row['unit']} | {_in_words(row)} "
        f"| {row['spread'][0]:g} to {row['spread'][1]:g}, of {row['rounds']} | {row['note']} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _in_words(row: dict[str, Any]) -> str:
    if row["ratio_is"] == FASTER:
        return f"{row['ratio']:g} times as fast"
    return f"{row['ratio']:g} times as {'long' if row['unit'].startswith('s') else 'much'}"


def _digits(value: float) -> float:
    """Three significant digits: more would be noise."""
    return float(f"{value:.3g}")
