"""Which files of a folder are pictures."""

from __future__ import annotations

from pathlib import Path

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".bmp"})


def is_picture(path: Path) -> bool:
    """Whether the name is that of a picture that we read; hidden files are not."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def find_pictures(root: Path) -> list[Path]:
    """Every picture below `root`, hidden folders left out, sorted by path."""
    below = (p for p in root.rglob("*") if is_picture(p) and p.is_file())
    return sorted(p for p in below if not any(part.startswith(".") for part in p.relative_to(root).parts))
