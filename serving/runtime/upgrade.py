"""An older file of ours, ended as today's export ends it; what `i2i upgrade` does."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from ...card import Card
from ...errors import ExportError, ModelFileError
from ...files import write_atomically
from ...hardware.system import available_threads
from ...tail import end_in_convolution
from .model_file import read_model
from .probe import array_of, probe_complaint
from .providers import BACKENDS
from .resolve import exported_models, resolve_model

ALLOWED = 1e-6
"""Largest difference between the old and the new file's pictures, in [0, 1]; the plain CPU provider gives none."""


@dataclasses.dataclass(frozen=True)
class Upgraded:
    """What became of one file."""

    path: Path
    """Where the new one is; where the old one was, unless told otherwise."""
    count: int
    """Transposed convolutions that OpenVINO left in fp32; 0 where the file needed nothing."""
    difference: float
    """The largest between what the old and the new file answer to the golden probe, in [0, 1]."""


def upgrade_model(model: Path, out: Path | None = None) -> list[Upgraded]:
    """Upgrade an ONNX file, or every export of a run directory, in its place or (of one file) to `out`.

    Weights and card stay as they are. A file that needs nothing is left as it is, or copied to `out`. Raises what
    `resolve_model` and `read_model` raise, ModelFileError when the file has no golden probe or fails it, ExportError
    when the new one gives something else, StorageError; that file is not written then.
    """
    found = exported_models(model) if model.is_dir() and out is None else []
    return [_upgrade(path, out or path) for path in found or [resolve_model(model)]]


def _upgrade(source: Path, target: Path) -> Upgraded:
    old, card = read_model(source)
    model = onnx.ModelProto.FromString(old)
    count = end_in_convolution(model)
    new = model.SerializeToString() if count else old
    difference = _difference(old, new, card, source) if count else 0.0
    if count or target != source:
        write_atomically(target, new)
    return Upgraded(target, count, difference)


def _difference(old: bytes, new: bytes, card: Card, path: Path) -> float:
    """The largest on the golden probe, which both files must pass; raises ModelFileError and ExportError."""
    if card.probe is None:
        raise ModelFileError(f"{path} has no golden probe, so that no change of it can be checked. Export it again.")
    worst = max(
        float(np.abs(after - before).max())
        for before, after in zip(_answers(old, card, path), _answers(new, card, path), strict=True)
    )
    if not worst <= ALLOWED:
        raise ExportError(f"{path} would give results that differ by {worst:.2g}, so it was left as it is.")
    return worst


def _answers(model: bytes, card: Card, path: Path) -> list[npt.NDArray[Any]]:
    assert card.probe is not None
    session = BACKENDS["cpu"].open(model, "fp32", 0, available_threads())
    complaint = probe_complaint(card, session, exact=True)
    if complaint is not None:
        raise ModelFileError(f"{path} is not what its card says: {complaint}. Export it again.")
    feeds = {name: array_of(packed) for name, packed in card.probe.inputs.items()}
    return list(session.run([port.name for port in card.outputs], feeds))
