"""Looks through a file, as the rows of FORMATS that claim it say."""

from __future__ import annotations

import io
from pathlib import Path

from ...errors import PictureError
from ..codecs.other_kinds import BEGINNING, not_read
from ..formats import HEAD, claimed, format_titles
from .bounds import Bounds
from .counted import Counted


def look_through(source: Path | bytes, name: str, bounds: Bounds) -> None:
    """Raises PictureError where a file, called `name` in sentences, would cost a decoder more than its pixels do.

    Nothing is decoded or unpacked. What is not there, or cut short, is left to the decoder to say.
    """
    try:
        file = io.BytesIO(source) if isinstance(source, bytes) else source.open("rb")
    except OSError:
        return
    with file:
        head = file.read(BEGINNING)
        rows = claimed(head[:HEAD])
        if head and bounds.strict and not any(row.public for row in rows):
            raise PictureError(not_read(name, head, format_titles(public=True)))
        for row in rows:
            if row.look is not None:
                row.look(Counted(file, name, bounds))
