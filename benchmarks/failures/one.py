"""One run of the proof and what the doctor says of it; in a module of its own, for other processes to find."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from i2i.diagnostics.doctor import examine
from i2i.settings import flat, parse_assignments

from .provoked import CASES
from .train import train

Job = tuple[str, int, tuple[str, ...]]
"""Case, seed, and the remedy that is applied, if any."""


def key_of(job: Job) -> str:
    """Its name among the results."""
    name, seed, remedy = job
    return f"{name} {seed}" + (" cured" if remedy else "")


def examined(given: tuple[Job, Path]) -> tuple[str, dict[str, Any]]:
    """Train and examine; in a process of its own with one thread."""
    torch.set_num_threads(1)
    (name, seed, remedy), data = given
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        run = train(CASES[name], Path(folder) / "run", data, seed, parse_assignments(remedy))
        total = run.planned() or 1
        settings = flat(run.raw_config())
        records = run.records()
    monitor = examine(records, total, settings)
    found = sorted([*monitor.past, *monitor.ailments.values()], key=lambda one: one.found)
    wanted = CASES[name].expected
    return key_of((name, seed, remedy)), {
        "named": {one.name: round(one.found / total, 3) for one in reversed(found)},
        "began": {one.name: round(one.images / total, 3) for one in reversed(found)},
        "at the end": sorted(monitor.ailments),
        "remedy": next((one.remedy for one in found if one.name in wanted), []),
        "seconds": round(time.process_time() - began, 1),
    }
