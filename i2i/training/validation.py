"""Validation during a run: the sample grid, the metrics, and the rule by which a checkpoint is the best.

The best is the one with the lowest value of the method's `best_metric`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from ..methods import Batch, Method
from . import checkpoint
from .checkpoint import Progress
from .health import HealthWatch
from .run_directory import Run
from .sample_grid import write_grid
from .tolerance import Tolerance


class Validator:
    """Writes the grid of the validation pictures, measures them, and keeps the best generator."""

    def __init__(
        self, method: Method, run: Run, validation: tuple[Sequence[str], Batch], rows: int, tolerance: Tolerance
    ) -> None:
        self.method, self.run, self.rows, self.tolerance = method, run, rows, tolerance
        self.names, self.batch = validation
        self.health = HealthWatch(method, self.batch)

    def validate(self, progress: Progress) -> dict[str, float]:
        """Write the grid of samples and measure the validation pictures."""
        columns = self.method.sample_columns(self.batch)
        rows = self.names[: self.rows]
        shown = {name: column[: self.rows] for name, column in columns.items()}
        self.tolerance.attempt("samples", lambda: write_grid(self.run.samples, progress.images, rows, shown))
        figures = {name: round(value, 6) for name, value in self.method.validate(columns).items()}
        return figures | self.health.figures(columns)

    def keep_best(self, progress: Progress, figures: dict[str, float]) -> Progress:
        """Keep the generator when it is the best so far."""
        value = figures[self.method.best_metric]
        if not math.isfinite(value) or (progress.best is not None and value >= progress.best):
            return progress
        saved = self.tolerance.attempt(
            "the best checkpoint",
            lambda: checkpoint.save_best(self.run.checkpoints, self.method, progress.images, value),
        )
        return dataclasses.replace(progress, best=value) if saved else progress
