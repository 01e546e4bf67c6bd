"""Folders of pictures into training samples."""

from __future__ import annotations

from typing import Any

from .source import PairedSource, Source, UnpairedSource

DATASETS: dict[str, type[Source[Any]]] = {"paired": PairedSource, "unpaired": UnpairedSource}
"""What opens a folder, by the kind of training that it is for."""
