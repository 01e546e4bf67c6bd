"""Folders of pictures, and files of points or volumes, into training samples."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .arrays.files import holds_arrays
from .arrays.source import ArraySource
from .streams.domains import DomainsSource
from .streams.paired import PairedSource
from .streams.single import SingleSource
from .streams.source import Opened, Source
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


def opened(kind: str, root: Path, *names: str | None, **options: Any) -> Opened:
    """The data at `root` for a training of that kind, a key of DATASETS; of `single` they may be arrays.

    `names` and `options` are those of Source. Raises DataError where there is nothing that it could use.
    """
    if kind == "single" and holds_arrays(root):
        return ArraySource(root, *names, **options)
    return DATASETS[kind](root, *names, **options)
