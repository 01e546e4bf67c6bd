"""Which files of a folder are pictures."""

from __future__ import annotations

from pathlib import Path

from .formats import suffixes


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture that i2i reads; hidden files are not."""
    return path.suffix.lower() in suffixes() and not path.name.startswith(".")


def find_pictures(root: Path) -> list[Path]:
    """Every picture below `root`, hidden folders left out, sorted by path."""
    below = (p for p in root.rglob("*") if is_picture(p) and p.is_file())
    return sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(root).parts))
