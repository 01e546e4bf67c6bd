"""What the end of a training leaves, whatever it was: a sentence, and the report as far as the run is."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from ..errors import I2IError, TrainingError, first_line
from ..hardware.device import Placement
from ..report.page import write_report
from ..training.run_directory import Run


@contextlib.contextmanager
def explain_failures(run: Run, placement: Placement) -> Iterator[None]:
    """Too little memory becomes a sentence; whatever ends a run, the report shows what led there."""
    try:
        yield
    except (I2IError, RuntimeError, MemoryError) as error:
        if placement.processes.first:
            report_meanwhile(run)
        short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in str(error)
        if isinstance(error, I2IError) or not short:
            raise
        raise TrainingError(
            f"The memory of {placement.device} is not enough for this run ({first_line(error)}). "
            "Try a smaller --batch, --size or --set generator.width=32."
        ) from error


def report_meanwhile(run: Run) -> None:
    """The report as far as the run is; a run does not end because it cannot be written."""
    with contextlib.suppress(I2IError):
        write_report(run.path)
