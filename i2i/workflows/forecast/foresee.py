"""A run's time, memory and disk, foretold in a sentence: from what a probe found, or from the log of what was."""

from __future__ import annotations

import dataclasses
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

import torch

from ...datasets.streams.source import PreparedData
from ...errors import TrainingError
from ...hardware.device import Placement
from ...hardware.system import available_memory, peak_of_process
from ...methods import METHODS
from ...methods.config import TrainConfig
from ...text import duration
from ...training.loop import Intervals
from ...training.run_directory import Run
from .memory import gigabytes, nearest, refusal, tried_in_vain
from .probe import Found, probe
from .steps import Job

LEAST_STEPS = 100
"""Runs of fewer are over before a probe tells anything."""
SECONDS = 45.0
"""Most that the measuring takes."""
SHARE = 0.02
"""Part of a run that the measuring of each stage takes at most."""
SPARE = 0.92
"""Part of the memory that is to be had which a run may take."""
LINE_BYTES, REPORT_SHARE = 450, 1.4
"""Of a line of the log; and what the report takes for each byte of its samples."""
REPORT_SECONDS, REPORT_GRID_SECONDS, REPORT_BYTE_SECONDS = 0.04, 0.003, 6e-9
"""Of writing the report, for each of its grids and for each byte of them; it is written anew with each grid."""


@dataclasses.dataclass(frozen=True)
class Forecast:
    """What a run will take from here to its end."""

    images: int
    images_per_s: float
    """While it trains; grids and checkpoints are not counted."""
    seconds: float
    """To the end, with them."""
    memory_mb: float
    """Peak, as `memory_mb` of the log."""
    disk_mb: float
    """Of the run's folder at its end."""
    sample_share: float
    """Part of the time that goes into preparing samples."""
    image_seconds: float
    """Mean time of an image, everything included."""
    probe_seconds: float
    workers: int
    """That prepare samples."""

    @property
    def sentence(self) -> str:
        """For people."""
        rate = f"{self.images_per_s:.3g} images/s"
        if self.sample_share > 0.5 and self.workers < 2:
            rate += f"; {self.sample_share:.0%} of the time prepares samples, so try --workers 2"
        return (
            f"Forecast: {self.images:,} images in about {duration(self.seconds)} ({rate}), "
            f"{gigabytes(self.memory_mb * 2**20)} of memory, {gigabytes(self.disk_mb * 2**20)} of disk."
        )

    def facts(self) -> dict[str, Any]:
        """For environment.json."""
        numbers = {key: round(value, 4) for key, value in dataclasses.asdict(self).items()}
        return {**numbers, "sentence": self.sentence}


class TooLargeError(TrainingError):
    """A step that does not fit into memory."""

    def __init__(self, sentence: str, near: tuple[int, int] | None) -> None:
        super().__init__(sentence)
        self.nearest = near
        """The side and batch that do, as far as it can be told."""

    status = 2


def steps_of(config: TrainConfig) -> int:
    """How many steps a run with this complete configuration has."""
    return sum(-(-stage.images // config.batch) for stage in METHODS[config.method].stages(config))


def why_not(config: TrainConfig) -> str | None:
    """Why no forecast is made, or None."""
    steps = steps_of(config)
    return f"the run has {steps} steps only" if steps < LEAST_STEPS else None


def measured(config: TrainConfig, ready: PreparedData, placement: Placement, run: Run) -> Found:
    """What a probe on the run's own pictures finds; raises TrainingError where the run would not fit into memory."""
    on_cuda = placement.device.type == "cuda"
    memory = _memory_to_be_had(placement)
    folder = _there(run.path.resolve())
    job = Job(config, ready.validation[1], folder, SHARE, SECONDS, memory)
    found = probe(job, memory, on_cuda)
    if found.too_large and memory is not None:
        tried = tried_in_vain(found.small, config, memory)
        raise TooLargeError(refusal(tried, config, memory), nearest(tried, config, memory))
    return found


def forecast(
    config: TrainConfig, ready: PreparedData, workers: int, found: Found, placement: Placement
) -> Forecast | None:
    """What follows from a probe; None where it did not come to the end."""
    if not found.rest or not found.stages:
        return None
    stages = METHODS[config.method].stages(config)
    sample = _sample_seconds(ready)
    total = sum(stage.images for stage in stages)
    pace = Intervals.of(total, config.batch, config.log)
    training = preparing = 0.0
    for stage, timed in zip(stages, found.stages, strict=True):
        steps = stage.images / config.batch
        together = _together(timed["seconds"], sample * config.batch, workers)
        training += steps * together
        preparing += steps * min(together, sample * config.batch / max(1, workers))
    rest = found.rest
    grids = total // pace.samples + 2
    saves = max(total // pace.checkpoint, int(training // pace.checkpoint_seconds)) + 1
    of_grids = grids / 2 * (REPORT_GRID_SECONDS + REPORT_BYTE_SECONDS * rest["grid_bytes"])  # in the middle of the run
    report = REPORT_SECONDS + of_grids
    seconds = training + grids * (rest["grid_seconds"] + report) + saves * rest["checkpoint_seconds"]
    own = 0 if placement.device.type == "cuda" else peak_of_process("VmRSS")
    return Forecast(
        images=total,
        images_per_s=total / training,
        seconds=seconds,
        memory_mb=(own + rest["bytes"]) / 2**20,
        disk_mb=disk_bytes(config, rest, grids, total // pace.log) / 2**20,
        sample_share=preparing / training,
        image_seconds=seconds / total,
        probe_seconds=found.seconds,
        workers=workers,
    )


def disk_bytes(config: TrainConfig, rest: dict[str, Any], grids: int, lines: int, keep: int | None = None) -> float:
    """Of a run's folder at its end: checkpoints, the best and the best before, samples, log, report and exports."""
    keep = config.log.keep if keep is None else keep
    samples = grids * rest["grid_bytes"]
    trackers = 1.0 + len(config.log.trackers)
    return float(
        keep * rest["checkpoint_bytes"]
        + 2 * rest["weights_bytes"]
        + samples * (trackers + REPORT_SHARE)
        + lines * LINE_BYTES * trackers
        + rest["export_bytes"]
    )


def check_disk(config: TrainConfig, told: Forecast, found: Found, run: Run) -> None:
    """Raise TrainingError where the run would fill its disk; one checkpoint more than are kept is there at times."""
    free = shutil.disk_usage(_there(run.path.resolve())).free
    one = found.rest["checkpoint_bytes"]
    most = told.disk_mb * 2**20 + one
    if most <= free:
        return
    fewer = config.log.keep - int(-(-(most - free) // one))
    way_out = f"It fits with --set log.keep={fewer}." if fewer >= 1 else f"Free {gigabytes(most - free)} there."
    raise TrainingError(
        f"The run takes up to {gigabytes(most)} of disk in {run.path}, and {gigabytes(free)} are free there. {way_out} "
        "Or choose another disk with --run."
    )


def of_log(run: Run, total: int, placement: Placement) -> str | None:
    """What is left of a run that goes on, by its own log, in a sentence; None where the log does not tell."""
    records = run.records(tolerant=True)
    rates = [r["images_per_s"] for r in records[-50:] if r.get("images_per_s", 0) > 0]
    if not rates or records[-1]["images"] >= total:
        return None
    left, rate = total - int(records[-1]["images"]), statistics.median(rates)
    took = max((r.get("memory_mb") or 0.0) for r in records)
    memory = _memory_to_be_had(placement)
    short = memory is not None and took * 2**20 > memory + peak_of_process("VmRSS")
    return (
        f"Forecast: {left:,} images are left, about {duration(left / rate)} at {rate:.3g} images/s as before, in "
        f"{gigabytes(took * 2**20)} of memory."
        + (" That is more than there is now: end other programs first." if short else "")
    )


def _together(step: float, preparing: float, workers: int) -> float:
    """Seconds of a step with its samples, which workers prepare meanwhile."""
    return step + preparing if workers == 0 else max(step, preparing / workers)


def _sample_seconds(ready: PreparedData) -> float:
    """Mean seconds that a sample takes to be prepared; what is kept in memory is found there, as in the run."""
    ready.training[0]  # the first one loads the augmentations
    began, count = time.monotonic(), 0
    while count < 16 and (count < 4 or time.monotonic() - began < 0.5):
        ready.training[count]
        count += 1
    return (time.monotonic() - began) / count


def _memory_to_be_had(placement: Placement) -> int | None:
    if placement.device.type == "cuda":
        return int(torch.cuda.mem_get_info(placement.device)[0] * SPARE)
    free = available_memory()
    return None if free is None else int(free * SPARE)


def _there(path: Path) -> Path:
    """The folder, or the nearest above it that is there."""
    return next(p for p in (path, *path.parents) if p.is_dir())
