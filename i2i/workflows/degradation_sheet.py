"""What `i2i data check --degradation` shows: pictures of the folder, and what the degradation makes of each."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..datasets.streams.superres import SuperResSource
from ..degradation import DEGRADATIONS, Degradation
from ..errors import UnknownNameError
from ..evaluation.contact_sheet import contact_sheet
from ..files import write_atomically
from ..methods import METHODS
from ..seeding import SAMPLE_NUMBER
from ..settings import merge, resolve

CROP = 128
"""Largest side of what is shown of a picture, in pixels."""
ROWS, DRAWS = 8, 5


def degradation_sheet(
    root: Path,
    name: str,
    out: Path,
    *,
    scale: int,
    side: int,
    a: str | None,
    b: str | None,
    assignments: Mapping[str, Any],
) -> int:
    """A sheet with a row for each of a few pictures: the truth, and inputs that training would get; gives the rows.

    `name` is a key of DEGRADATIONS, `side` one that most pictures have in pixels, `assignments` the `--set` values on
    top. Raises UnknownNameError, ConfigError for
    settings, DataError for the folder, StorageError.
    """
    if name not in DEGRADATIONS:
        raise UnknownNameError("degradation", name, DEGRADATIONS)
    row = {"method": "srgan", "data": {"path": str(root)}, "scale": scale, "degradation": DEGRADATIONS[name]}
    config: Any = resolve(METHODS["srgan"].Config, [merge(row, assignments)])
    source = SuperResSource(root, a, b, seed=config.seed, scale=config.scale, pipeline=True)
    size = max(1, min(CROP, side) // (4 * config.scale)) * 4 * config.scale
    stream: Any = source.read(size=size, seed=config.seed, skip_broken=True).training
    degradation = Degradation(config.degradation, config.scale, size, config.seed)
    rows = []
    for index in np.linspace(0, len(stream) - 1, min(ROWS, len(stream))).astype(int).tolist():
        truth = torch.from_numpy(stream.center_sample(index)["b"]).expand(DRAWS, -1, -1, -1)
        given = degradation({"b": truth, SAMPLE_NUMBER: torch.arange(DRAWS) + DRAWS * index})
        inputs = given["a"].repeat_interleave(config.scale, 2).repeat_interleave(config.scale, 3)
        shown = [(picture.permute(1, 2, 0).numpy() + 1) / 2 for picture in (given["b"][0], *inputs)]
        rows.append((stream.items[index].name, shown))
    buffer = io.BytesIO()
    contact_sheet(rows, ("truth", *[f"input, draw {n + 1}" for n in range(DRAWS)])).save(buffer, "PNG")
    write_atomically(out, buffer.getvalue())
    return len(rows)
