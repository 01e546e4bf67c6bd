"""MLflow: one run there for a run directory, gone on with at each resume.

Where its server or store is, and the experiment's name, are what its own variables say (MLFLOW_TRACKING_URI,
MLFLOW_EXPERIMENT_NAME).
"""

from __future__ import annotations

import importlib.util
import os
import time
from pathlib import Path

from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from ..training.log_file import Record
from ..training.run_directory import Run
from .trackers import figures, hyper_parameters, remember, remembered

EXPERIMENT = "i2i"
"""Where MLFLOW_EXPERIMENT_NAME does not name another."""

POSITION = "run/images"
"""The figure that says how far the run was told."""

LONGEST_VALUE, MOST_VALUES = 500, 100
"""Letters of a parameter, and parameters of a call, that every version of MLflow takes."""


class MLflow:
    """The run there."""

    def __init__(self, run: Run) -> None:
        self.run = run
        if not os.environ.get("MLFLOW_TRACKING_URI") and importlib.util.find_spec("sqlalchemy") is None:
            raise LookupError("MLFLOW_TRACKING_URI is not set: give it your server's address, http://…")
        self.client = MlflowClient()
        self.place = ""

    def begin(self) -> int:
        """Open the run there, which knows how far it was told."""
        self.id, self.told = self._known() or (self._new(), -1)
        self.client.update_run(self.id, status="RUNNING")
        self.place = f"run {self.id} at {self.client.tracking_uri}"
        records = self.run.records(tolerant=True)
        self.began = time.time() - (records[-1].get("seconds", 0.0) if records else 0.0)
        return self.told

    def rewind(self) -> int:
        """What was told stays: a figure cannot be taken back there, and training it again gives the same."""
        return self.told

    def tell(self, record: Record) -> None:
        """Every figure of the line in one call."""
        when = int(1000 * (self.began + float(record.get("seconds", 0))))
        images = record["images"]
        values = {**figures(record), POSITION: float(images)}
        self.client.log_batch(self.id, metrics=[Metric(_name(key), v, when, images) for key, v in values.items()])
        self.told = images

    def show(self, images: int, grid: Path) -> None:  # noqa: ARG002 - the file's name says it
        """The grid as a file of the run."""
        self.client.log_artifact(self.id, str(grid), "samples")

    def end(self, finished: bool) -> None:
        """Say how it ended."""
        self.client.set_terminated(self.id, "FINISHED" if finished else "KILLED")

    def _known(self) -> tuple[str, int] | None:
        """The run that this directory began there, and up to which images it was told; None where it is not there."""
        kept = str(remembered(self.run, "mlflow").get("id", ""))
        if not kept:
            return None
        try:
            found = self.client.get_run(kept)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":  # another store, or deleted there
                return None
            raise
        return kept, int(found.data.metrics.get(POSITION, -1))

    def _new(self) -> str:
        experiment = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
        there = self.client.get_experiment_by_name(experiment)
        place = there.experiment_id if there else self.client.create_experiment(experiment)
        made = str(self.client.create_run(place, run_name=self.run.path.name).info.run_id)
        settings = [Param(_name(k), str(v)[:LONGEST_VALUE]) for k, v in hyper_parameters(self.run).items()]
        for start in range(0, len(settings), MOST_VALUES):
            self.client.log_batch(made, params=settings[start : start + MOST_VALUES])
        remember(self.run, "mlflow", id=made)
        return made


def _name(key: str) -> str:
    """Letters, digits and `_-. /` are all that it takes."""
    return "".join(letter if letter.isalnum() or letter in "_-. /" else "_" for letter in key)
