"""Folders of pictures into training samples."""

from __future__ import annotations

from typing import Any

from .streams.domains import DomainsSource
from .streams.paired import PairedSource
from .streams.single import SingleSource
from .streams.source import Source
from .streams.superres import SuperResSource
from .streams.unpaired import UnpairedSource

DATASETS: dict[str, type[Source[Any]]] = {
    "paired": PairedSource,
    "unpaired": UnpairedSource,
    "domains": DomainsSource,
    "single": SingleSource,
    "superres": SuperResSource,
}
"""What opens a folder, by the kind of training that it is for."""
