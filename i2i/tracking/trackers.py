"""The trackers there are, what each needs, and what they have in common."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
from pathlib import Path
from typing import Any, Protocol

from ..files import write_atomically
from ..settings import flat
from ..training.log_file import Record
from ..training.run_directory import Run

SECTIONS = {
    "g": "generator",
    "d": "discriminator",
    "p": "probabilities",
    "val": "validation",
    "fail": "failure modes",
    "health": "health",
    "grad": "norms",
    "weight": "norms",
    "lr": "learning rate",
    "ada": "augmentation",
}
"""Where a figure of log.jsonl stands in a tracker, by the beginning of its key; others stand under `run`."""


class Tracker(Protocol):
    """A place that a run is told to; any call may raise whatever its package raises."""

    place: str
    """Where people find the run there, once it has begun; empty where it does not tell."""

    def begin(self) -> int:
        """Open the run there, or go on with it; gives the images up to which it was told already, -1 for nothing."""

    def rewind(self) -> int:
        """The log was rewound to a checkpoint; gives the images up to which what was told still stands."""

    def tell(self, record: Record) -> None:
        """One line of log.jsonl; they come with rising images."""

    def show(self, images: int, grid: Path) -> None:
        """The sample grid made at `images` seen, a PNG."""

    def end(self, finished: bool) -> None:
        """The training has ended: it reached its last image, or it was stopped before."""


@dataclasses.dataclass(frozen=True)
class Row:
    """What one tracker is."""

    title: str
    package: str
    """What has to be importable."""
    install: str
    """What brings it."""
    apart: bool
    """In a process of its own: what talks to servers may hang, hook into the interpreter's end, or take its lock."""

    @property
    def missing(self) -> bool:
        """Whether its package is not installed."""
        return importlib.util.find_spec(self.package) is None


TRACKERS = {
    "tensorboard": Row("TensorBoard", "tensorboardX", "pip install 'i2i[train]'", apart=False),
    "wandb": Row("Weights & Biases", "wandb", "pip install 'i2i[wandb]'", apart=True),
    "mlflow": Row("MLflow", "mlflow", "pip install 'i2i[mlflow]'", apart=True),
}
"""By the name that `log.trackers` has for it."""


def made(name: str, run: Run) -> Tracker:
    """The tracker of that name for `run`; its package is imported here."""
    if name == "tensorboard":
        from .to_tensorboard import TensorBoard

        return TensorBoard(run)
    if name == "wandb":
        from .to_wandb import WeightsAndBiases

        return WeightsAndBiases(run)
    from .to_mlflow import MLflow

    return MLflow(run)


def remembered(run: Run, name: str) -> dict[str, Any]:
    """What the tracker of that name kept in the run directory, RUN/tracking/NAME.json, or nothing."""
    try:
        known = json.loads((run.path / "tracking" / f"{name}.json").read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def remember(run: Run, name: str, **facts: Any) -> None:
    """Keep it: under which name the run goes there. Raises StorageError."""
    write_atomically(run.path / "tracking" / f"{name}.json", json.dumps(facts).encode())


def tag(key: str) -> str:
    """`val_l1` as `validation/val_l1`: sections for people, and the log's own key to search for."""
    return f"{SECTIONS.get(key.partition('_')[0], 'run')}/{key}"


def figures(record: Record) -> dict[str, float]:
    """The numbers of a line of the log by tag; `images`, which they are told at, is not among them."""
    return {
        tag(key): float(value)
        for key, value in record.items()
        if isinstance(value, int | float) and not isinstance(value, bool) and key != "images"
    }


def hyper_parameters(run: Run) -> dict[str, Any]:
    """The settings by dotted name, and the device and the data's fingerprint: single values, lists as text."""
    settings = flat(run.raw_config(tolerant=True))
    environment = flat({"environment": run.environment()})
    named = ("device", "precision", "data.fingerprint", "versions.torch")
    settings |= {key: value for key in named if (value := environment.get(f"environment.{key}")) is not None}
    single = {key: value for key, value in settings.items() if isinstance(value, bool | int | float | str)}
    lists = {key: ", ".join(map(str, value)) for key, value in settings.items() if isinstance(value, list)}
    return single | lists
