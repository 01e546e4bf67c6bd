"""Volumes and points as files of numbers, as `i2i train gan` reads them."""

from __future__ import annotations

import io
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...card import Card
from ...errors import RequestError, UnknownNameError
from ...files import write_atomically
from ...images.formats import written
from ..conversion.report import ConversionReport, FileResult
from ..inference.executors import FloatArray
from .generator import BATCH, Generator
from .picks import Pick

VOLUMES = "npz"
"""The format of volumes: float16 in [0, 1], compressed, named `volume`."""
POINTS = "points.npy"
"""The file of all points: (N, 2) float32."""


def format_of(card: Card, asked: str | None) -> str:
    """The format of a file's samples, the usual one where none is asked for; raises UnknownNameError for others."""
    kind = card.outputs[0].kind
    if kind == "point":
        if asked not in (None, "npy"):
            raise RequestError(f"{card.name} makes points, which are numbers. Leave --format out: {POINTS} has all.")
        return "npy"
    usual, known = (VOLUMES, (VOLUMES, *written())) if kind == "volume" else ("png", tuple(written()))
    if asked is not None and asked not in known:
        raise UnknownNameError("picture format", asked, known)
    return asked or usual


def volume_file(volume: FloatArray) -> bytes:
    """(D, H, W) in [0, 1] as a `.npz`."""
    stored = io.BytesIO()
    np.savez_compressed(stored, volume=volume.astype(np.float16))
    return stored.getvalue()


def write_points(generator: Generator, target: Path, picks: Sequence[Pick], existing: str | None) -> ConversionReport:
    """All points as one file in the folder `target`, in the picks' order; what was there is made anew."""
    file = target / POINTS
    if existing == "fail" and file.exists():
        raise RequestError(f"{file} exists already, and --existing fail was given. Nothing was made.")
    began = time.monotonic()
    points = [generator.pictures(picks[first : first + BATCH]) for first in range(0, len(picks), BATCH)]
    stored = io.BytesIO()
    np.save(stored, np.concatenate(points).astype(np.float32))
    target.mkdir(parents=True, exist_ok=True)
    write_atomically(file, stored.getvalue())
    result = FileResult(generator.path, file, "written")
    return ConversionReport([result], generator.provider, time.monotonic() - began, Counter(), (), None)
