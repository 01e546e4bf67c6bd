"""What a conversion left: the files of a target folder and the lines of a report."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from i2i.serving.conversion.journal import FOLDER


def results_in(folder: Path) -> list[Path]:
    """Every file of a target, hidden leftovers too, but not the journal and its lock."""
    return sorted(p for p in folder.rglob("*") if p.is_file() and p.relative_to(folder).parts[0] != FOLDER)


def report_of(path: Path) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """The first line of a report, its lines on files, and the last."""
    first, *files, last = (json.loads(line) for line in path.read_text("utf-8").splitlines())
    return first, files, last
