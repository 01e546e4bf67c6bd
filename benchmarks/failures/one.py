"""One run of the proof and what the doctor says of it; in a module of its own, for other processes to find."""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from i2i.diagnostics.doctor import Ailment, Monitor
from i2i.settings import flat, parse_assignments
from i2i.training.run_directory import Run

from .provoked import CASES, Case
from .train import train
from .truth import onset

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
    records, total, settings, seconds = logged(CASES[name], data, seed, remedy)
    monitor, found, last = Monitor(total, settings), list[Ailment](), dict[str, int]()
    for record in records:
        found += monitor.add(record)
        last |= dict.fromkeys(monitor.ailments, int(record.get("images", 0)))
    first = {one.name: one.found for one in reversed(found)}
    true = {failure: onset(failure, records, at) for failure, at in first.items()}
    wanted = CASES[name].expected
    return key_of((name, seed, remedy)), {
        "named": {failure: round(at / total, 3) for failure, at in first.items()},
        "true since": {failure: round(since / total, 3) for failure, since in true.items() if since is not None},
        "last": {failure: round(at / total, 3) for failure, at in last.items()},
        "remedy": next((one.remedy for one in found if one.name in wanted), []),
        "seconds": seconds,
    }


def logged(
    case: Case, data: Path, seed: int, remedy: Sequence[str]
) -> tuple[list[dict[str, Any]], int, Mapping[str, Any], float]:
    """The log of such a run, its length in images, its settings and the seconds that it took of a processor.

    A run that is there under `data` is not made again. It is known by its case and settings, not by the code: other
    code needs another folder.
    """
    told = repr((case.bed, case.settings, case.steps, case.start, seed, remedy))
    run = Run(data / "runs" / hashlib.sha256(told.encode()).hexdigest()[:16])
    began = time.process_time()
    if not (run.path / "done").exists():
        shutil.rmtree(run.path, ignore_errors=True)
        train(case, run.path, data, seed, parse_assignments(remedy))
        shutil.rmtree(run.checkpoints, ignore_errors=True)
        shutil.rmtree(run.samples, ignore_errors=True)
        (run.path / "done").write_text(f"{time.process_time() - began:.1f}")
    seconds = float((run.path / "done").read_text())
    return run.records(), run.planned() or 1, flat(run.raw_config()), seconds
