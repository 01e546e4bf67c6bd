"""The probe itself: a few steps of a run's method, timed, in a process that is thrown away afterwards.

Nothing of it reaches the run: no weight, no random number, no memory.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from ...errors import RequestError
from ...hardware.device import Placement, place
from ...hardware.system import peak_of_process
from ...methods import METHODS, Batch, Method
from ...methods.config import TrainConfig
from ...training import checkpoint
from ...training.checkpoint import Progress
from ...training.digests import DIGESTS
from ...training.loader import Sample, stack
from ...training.run_directory import WEIGHTS
from ...training.sample_grid import write_grid
from ...training.validation import scored

Emit = Callable[[dict[str, Any]], None]
SIDES = (64, 96, 128, 192, 256, 384, 512)
"""Sides at which memory is measured first, the smallest that the networks take, and that are proposed."""
WARM = 2
"""Steps that are not counted: the first ones allocate, and choose how to compute."""
WARM_SECONDS, WARM_SHARE = 3.0, 0.1
"""And none before so much time, or so much of the run where that is less: in a process that was just forked, small
steps were seen to take three to five times as long for 1 to 2.5 seconds."""
SETTLED = 1.5
"""And none before the first that takes at most so many times the median: a step that is the first in new memory was
seen to take four to eight times as long, and three to follow it."""
MOST_STEPS = 100
"""Steps of a stage that are timed at most."""


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be measured."""

    config: TrainConfig
    """Complete."""
    samples: Sequence[Sample]
    """Of which batches are made, as the run's."""
    folder: Path
    """Where a checkpoint may be written for a moment: on the disk of the run."""
    share: float
    """Part of the run's own time that the probe may take."""
    seconds: float
    """And at most so long."""
    memory: int | None = None
    """Bytes that there are for it."""
    owner: int = dataclasses.field(default_factory=os.getpid)
    """The process that wants to know, by whose number what is left behind is found."""


def measure(job: Job, emit: Emit) -> None:
    """Emit what was found, each figure as soon as it is known; raises whatever a run would.

    `small`: {"size", "batch", "bytes", "seconds", "parameters"} of a step on little data. `needs`: {"bytes"} that the
    real step will take by them. `stage`: {"name", "seconds", "steps"} of a step of the run. `rest`: peak memory, and
    the time and size of a grid and of a checkpoint.
    """
    began = time.monotonic()
    placement = place(job.config.device, job.config.precision)
    torch.manual_seed(job.config.seed)
    base = _memory(placement, reset=True)
    _small_steps(job, placement, base, emit)
    emit({"kind": "full"})
    method = METHODS[job.config.method].from_config(job.config, placement)
    batch = _batch(job, placement, job.config.size, job.config.batch)
    seen = 0
    for stage in method.timeline.stages:
        steps = max(1, round(stage.images / job.config.batch))
        seconds, timed = _timed(method, batch, seen, steps, began, job)
        emit({"kind": "stage", "name": stage.name, "seconds": seconds, "steps": timed})
        seen += stage.images
    emit({"kind": "rest", **_grid_and_checkpoint(job, method, placement), "bytes": _memory(placement) - base})


def _small_steps(job: Job, placement: Placement, base: int, emit: Emit) -> None:
    """Steps on little data, four times as much each time, to half of what is wanted or a quarter of the memory.

    Each is one pass, and so is what is wanted: of a step of several passes (`accumulate`) the memory is that of one.
    The first has as many pictures as a discriminator sees at once.
    """
    wanted = job.config.batch // job.config.accumulate * job.config.size**2
    size = _small_side(job.config)
    found: list[dict[str, Any]] = []
    batch = job.config.seen_at_once
    while 2 * batch * size**2 < wanted and (len(found) < 2 or _may_grow(job, found)):
        found.append(_small(job, placement, size, batch, base))
        emit({"kind": "small", **found[-1]})
        batch *= 4


def _may_grow(job: Job, found: list[dict[str, Any]]) -> bool:
    """Whether a step of four times the batch is known to be harmless and quick."""
    slow = found[-1]["seconds"] > 0.5
    large = job.memory is not None and 4 * found[-1]["bytes"] > job.memory
    return not slow and not large


def _small_side(config: TrainConfig) -> int:
    """The smallest side of SIDES that the networks take."""
    for size in [s for s in SIDES if s < config.size]:
        with contextlib.suppress(RequestError, RuntimeError, ValueError):
            if parameters_at(config, size):
                return size
    return config.size


def parameters_at(config: TrainConfig, size: int) -> int:
    """How many numbers all networks have at this side, without making them; 0 where that cannot be told."""
    with contextlib.suppress(RuntimeError, ValueError, NotImplementedError), torch.device("meta"):
        method = METHODS[config.method].from_config(
            _at(config, size, config.batch), Placement(torch.device("meta"), "fp32", "")
        )
        return _parameters(method.networks)
    return 0


def _parameters(networks: Mapping[str, nn.Module]) -> int:
    return sum(p.numel() for network in networks.values() for p in network.parameters())


def _at(config: TrainConfig, size: int, batch: int) -> TrainConfig:
    return config.model_copy(update={"size": size, "batch": batch, "accumulate": 1})


def _small(job: Job, placement: Placement, size: int, batch: int, base: int) -> dict[str, Any]:
    config = _at(job.config, size, batch)
    method = METHODS[config.method].from_config(config, placement)
    pictures = _batch(job, placement, size, batch)
    last = method.timeline.total - method.timeline.stages[-1].images  # the last stage has all the networks
    seconds = [_step(method, pictures, last) for _ in range(WARM + 1)][-1]
    return {
        "size": size,
        "batch": batch,
        "bytes": _memory(placement) - base,
        "seconds": seconds,
        "parameters": _parameters(method.networks),
    }


def _batch(job: Job, placement: Placement, size: int, batch: int) -> Batch:
    """The first samples, over and over, of each picture the upper left corner."""
    whole = job.config.size

    def cut(array: Any) -> Any:
        sides = array.shape[1:] if array.ndim >= 3 else ()  # larger than a crop, or smaller by the scale
        if not sides or any((side % whole and whole % side) or size * side % whole for side in sides):
            return array
        return np.ascontiguousarray(array[(slice(None), *(slice(size * side // whole) for side in sides))])

    samples = [{k: cut(v) for k, v in job.samples[n % len(job.samples)].items()} for n in range(batch)]
    return stack(samples, placement.device)


def _step(method: Method, batch: Batch, seen: int, transform: Any = None) -> float:
    began = time.monotonic()
    method.at(seen)
    method.step(batch if transform is None else transform(batch))
    if method.placement.device.type == "cuda":
        torch.cuda.synchronize(method.placement.device)
    return time.monotonic() - began


def _timed(method: Method, batch: Batch, seen: int, steps: int, began: float, job: Job) -> tuple[float, int]:
    """Mean seconds of a step of the stage that begins at `seen`, and over how many that is."""
    transform = METHODS[job.config.method].batch_transform(job.config)
    stages = len(method.timeline.stages)
    times: list[float] = []
    warm = WARM
    while len(times) < min(steps, warm + MOST_STEPS) and time.monotonic() - began < job.seconds:
        times.append(_step(method, batch, seen + len(times) * job.config.batch, transform))
        if time.monotonic() - began < min(WARM_SECONDS, WARM_SHARE * steps * times[-1]):
            warm = max(warm, len(times))
        counted = _settled(times[warm:])
        if counted and sum(counted) > min(job.seconds, max(1.0, job.share * steps * counted[-1])) / stages:
            break
    counted = _settled(times[warm:]) or times[-1:]
    return sum(counted) / len(counted), len(counted)


def _settled(times: Sequence[float]) -> Sequence[float]:
    """Seconds of steps, without the slow ones at their beginning."""
    usual = SETTLED * statistics.median(times) if times else 0.0
    return times[next((n for n, seconds in enumerate(times) if seconds <= usual), 0) :]


def _grid_and_checkpoint(job: Job, method: Method, placement: Placement) -> dict[str, Any]:
    """Bytes and seconds of a sample grid and of a checkpoint, each written once."""
    rows = job.config.log.rows
    with tempfile.TemporaryDirectory(prefix=f".i2i-forecast-{job.owner}-", dir=job.folder) as folder:
        began = time.monotonic()
        transform = METHODS[job.config.method].batch_transform(job.config)
        columns = method.sample_columns(stack(list(job.samples), placement.device, transform))
        shown = method.grid_columns(columns, rows)
        grid = write_grid(Path(folder), 0, [str(n) for n in range(len(next(iter(shown.values()))))], shown)
        scored(method, columns)
        showing = time.monotonic() - began
        began = time.monotonic()
        saved = checkpoint.save(Path(folder), method, Progress(), 1)
        files = {path.name: path.stat().st_size for path in saved.iterdir() if path.name != DIGESTS}
        return {
            "grid_seconds": showing,
            "grid_bytes": grid.stat().st_size,
            "checkpoint_seconds": time.monotonic() - began,
            "checkpoint_bytes": sum(files.values()),
            "weights_bytes": files[WEIGHTS],
            "export_bytes": sum(4 * _parameters({stem: method.trained(stem)}) for stem in method.exports),
        }


def _memory(placement: Placement, *, reset: bool = False) -> int:
    """Bytes: now with `reset`, which begins a new peak, else the peak since."""
    if placement.device.type == "cuda":
        if reset:
            torch.cuda.reset_peak_memory_stats(placement.device)
            return torch.cuda.memory_allocated(placement.device)
        return torch.cuda.max_memory_allocated(placement.device)
    if reset:
        with contextlib.suppress(OSError):  # Linux alone has it
            Path("/proc/self/clear_refs").write_text("5")
    return peak_of_process("VmRSS" if reset else "VmHWM")
