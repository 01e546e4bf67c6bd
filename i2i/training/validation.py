"""Validation during a run: the sample grid, the metrics, and the rule by which a checkpoint is the best.

The best is kept by one figure, the method's `best_metric` unless the user names another: see best.py.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from torch import Tensor

from ..errors import ConfigError
from ..methods import Batch, Method
from ..methods.config import TrainConfig
from . import checkpoint
from .best import replaces
from .checkpoint import Progress
from .health import HealthWatch
from .run_directory import Run
from .sample_grid import write_grid
from .tolerance import Tolerance


def refuse_unmeasured(method: type[Method], config: TrainConfig) -> None:
    """Raises ConfigError where `log.best` names what a run with this complete configuration does not measure."""
    known, named = method.scored_by(config), config.log.best
    if named is not None and named not in known:
        others = f" Known: {', '.join(known)}." if known[1:] else ""
        raise ConfigError(
            f"log.best is {named}, which {config.method} does not measure here.{others} "
            f"Leave it out to keep the best by {known[0]}."
        )


def scored(method: Method, columns: Mapping[str, Tensor]) -> tuple[dict[str, float], dict[str, list[float]]]:
    """The validation figures of what `sample_columns` gave, and the values whose means some of them are."""
    of_pictures = method.picture_figures(columns)
    means = {name: sum(values) / len(values) for name, values in of_pictures.items() if values}
    return means | method.validate(columns), of_pictures


class Validator:
    """Writes the grid of the validation pictures, measures them, and keeps the best generator."""

    def __init__(
        self,
        method: Method,
        run: Run,
        validation: tuple[Sequence[str], Batch],
        rows: int,
        tolerance: Tolerance,
        metric: str | None = None,
    ) -> None:
        self.method, self.run, self.rows, self.tolerance = method, run, rows, tolerance
        self.names, self.batch = validation
        self.metric, self.pictures = metric or method.best_metric, list[float]()
        self.health = HealthWatch(method, self.batch)

    def validate(self, progress: Progress) -> dict[str, float]:
        """Write the grid of samples and measure the validation pictures."""
        columns = self.method.sample_columns(self.batch)
        shown = self.method.grid_columns(columns, self.rows)
        rows = self.names[: len(next(iter(shown.values())))]
        self.tolerance.attempt("samples", lambda: write_grid(self.run.samples, progress.images, rows, shown))
        values, of_pictures = scored(self.method, columns)
        figures = {name: round(value, 6) for name, value in values.items()}
        self.pictures = [round(value, 6) for value in of_pictures.get(self.metric, [])]
        return figures | self.health.figures(columns)

    def keep_best(self, progress: Progress, figures: dict[str, float]) -> Progress:
        """Keep the generator when it is better than the best so far by more than chance; says so in `figures`."""
        value = figures[self.metric]
        among = self.method.timeline.at(self.method.seen).stage.scored_as
        # else it is kept by another figure from here on, or among others
        known = progress.best_by in (None, self.metric) and progress.best_among == among
        best = progress.best if known else None
        if not replaces(self.metric, value, best, self.pictures, progress.best_pictures):
            found = self.run.best() if progress.best_images is None else None
            images = found[1]["images"] if found else progress.best_images
            if images is not None:
                figures["best_images"] = images
            return progress
        figure = {self.metric: value, **({"pictures": self.pictures} if self.pictures else {})}
        figure |= {} if among is None else {"among": among}
        saved = self.tolerance.attempt(
            "the best checkpoint",
            lambda: checkpoint.save_best(self.run.checkpoints, self.method, progress.images, figure),
        )
        if not saved:
            return progress
        figures["best_images"] = progress.images
        pictures = tuple(self.pictures)
        return dataclasses.replace(
            progress,
            best=value,
            best_by=self.metric,
            best_images=progress.images,
            best_pictures=pictures,
            best_among=among,
        )
