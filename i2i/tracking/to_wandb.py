"""Weights & Biases: one run there for a run directory, gone on with at each resume.

Project, entity, server and mode are what its own variables say (WANDB_PROJECT, WANDB_MODE=offline, …).
"""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import wandb

from ..training.log_file import Record
from ..training.run_directory import Run
from .trackers import figures, hyper_parameters, remember, remembered

PROJECT = "i2i"
"""Where WANDB_PROJECT does not name another."""


class WeightsAndBiases:
    """The run there."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.place = ""
        self.told = -1

    def begin(self) -> int:
        """Open the run there; a server knows how far it was told, offline files do not, so that is kept beside them."""
        known = remembered(self.run, "wandb")
        self.id = known.get("id") or uuid.uuid4().hex[:10]
        self.here: Any = wandb.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            id=self.id,
            resume="allow",
            name=self.run.path.name,
            dir=str(self.run.path),
            config={**hyper_parameters(self.run), "run_directory": str(self.run.path)},
            settings=wandb.Settings(console="off", silent=True),
        )
        self.offline = bool(self.here.offline)
        self.place = f"in {self.here.dir}, until wandb sync takes it" if self.offline else str(self.here.url or "")
        self.told = int(known.get("images", -1)) if self.offline else int(self.here.step) - 1
        self._remember()
        return self.told

    def rewind(self) -> int:
        """What was told stays: it takes no step twice, and a stretch that is trained again gives the same figures."""
        return self.told

    def tell(self, record: Record) -> None:
        """Every figure of the line, at its images."""
        self.here.log(figures(record), step=record["images"], commit=True)
        self.told = record["images"]
        if self.offline:
            self._remember()

    def show(self, images: int, grid: Path) -> None:
        """The grid as one picture; the line of its images, which comes next, completes the step."""
        self.here.log({"samples/grid": wandb.Image(str(grid))}, step=images, commit=False)

    def end(self, finished: bool) -> None:
        """Wait until the server has everything, or the file is closed."""
        self.here.finish(exit_code=0 if finished else 1)

    def _remember(self) -> None:
        remember(self.run, "wandb", id=self.id, images=self.told)
