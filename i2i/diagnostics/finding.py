"""What a detector found: a sentence, and since when."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One sentence on how a training goes; `level` is `good`, `note` or `bad`."""

    level: str
    title: str
    text: str
    code: str = ""
    """A command to copy."""
    brief: str = ""
    """What follows the title at the head of a page: what it means, and since when."""
