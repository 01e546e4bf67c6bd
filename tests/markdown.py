"""Reads the project's Markdown: code blocks, tables, links and `i2i …` commands, for the tests that keep it true."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def blocks(page: Path, kind: str) -> list[str]:
    """The fenced code blocks whose info string begins with `kind`, in order."""
    found = re.findall(r"^```([^\n]*)\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    return [text for info, text in found if info == kind or info.startswith(kind + " ")]


def shell_lines(page: Path) -> list[str]:
    """Every command of the page's `sh` blocks, in order."""
    return [line for block in blocks(page, "sh") for line in block.splitlines() if line.strip()]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text("utf-8"), flags=re.M | re.S)


def table(page: Path, first: str) -> list[dict[str, str]]:
    """The rows of the table whose first heading is `first`, each by heading; code marks are left out."""
    rows = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))] for line in _table_lines(page)]
    heads = [i for i, row in enumerate(rows) if row[0].replace("`", "") == first]
    assert len(heads) == 1, f"{page.name} has {len(heads)} tables that begin with {first!r}"
    head, found = rows[heads[0]], []
    for row in rows[heads[0] + 2 :]:
        if row == [""]:
            break
        found.append(dict(zip((h.replace("`", "") for h in head), row, strict=True)))
    return found


def _table_lines(page: Path) -> list[str]:
    return [line if line.startswith("|") else "" for line in prose(page).splitlines()]


def names(cell: str) -> list[str]:
    """What stands between code marks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def inline_commands(page: Path) -> list[list[str]]:
    """The words after `i2i` of every command that the page's sentences name."""
    return [shlex.split(code)[1:] for code in names(prose(page)) if re.match(r"i2i [a-z-]", code)]
