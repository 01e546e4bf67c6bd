"""Folders of pictures into training samples."""

from __future__ import annotations

from typing import Any

from .streams.source import PairedSource, Source, UnpairedSource
from .streams.superres import SuperResSource

DATASETS: dict[str, type[Source[Any]]] = {
    "paired": PairedSource,
    "unpaired": UnpairedSource,
    "superres": SuperResSource,
}
"""What opens a folder, by the kind of training that it is for."""
