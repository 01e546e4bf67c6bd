"""What `i2i verify-resume` does: the same short run unbroken, and killed and resumed, and their weights compared."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import safetensors.torch
import torch

from ..errors import TrainingError
from ..settings import flat, merge
from ..training.run_directory import WEIGHTS, Run
from .progress import Bar, Say, silent
from .request import Request, settings

STEPS = 24
"""Steps of the short run."""
POLL = 0.01
"""Seconds between two looks at a life's log."""
LONGEST = 3600.0
"""Seconds after which a life counts as hanging."""


class Life(Protocol):
    """A process that trains."""

    def status(self) -> int | None:
        """Its exit status, that of a signal negative; None while it runs."""
        ...

    def kill(self) -> None:
        """Kill -9, and wait for its end."""
        ...

    def said(self) -> str:
        """What it wrote."""
        ...


class Subprocess:
    """`python -m i2i ARGUMENTS`."""

    def __init__(self, arguments: Sequence[str]) -> None:
        self.words = tempfile.TemporaryFile()  # noqa: SIM115 - read after the process has ended
        command = [sys.executable, "-m", "i2i", *arguments]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.words, stderr=self.words)

    def status(self) -> int | None:
        """Its exit status, or None."""
        return self.process.poll()

    def kill(self) -> None:
        """Kill it, if it lives."""
        self.process.kill()
        self.process.wait()

    def said(self) -> str:
        """All that it said."""
        self.words.seek(0)
        return self.words.read().decode(errors="replace")


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What the comparison showed."""

    unbroken: str
    """SHA-256 of the final weights of the run that nothing happened to, in hex."""
    resumed: str
    """The same of the run that was killed."""
    kills: int
    """How often it was killed before its end."""
    while_saving: int
    """How many of them left something half-written."""
    differ: dict[str, float]
    """Names of the tensors that differ, and their largest difference."""

    @property
    def equal(self) -> bool:
        """To the byte."""
        return self.unbroken == self.resumed


@dataclasses.dataclass(frozen=True)
class Trial:
    """A short run by the user's settings, to be made in a folder of one's own."""

    request: Request
    device: str
    batch: int
    stages: int
    workers: int | None
    steps: int = STEPS
    start: Callable[[Sequence[str]], Life] = Subprocess

    @classmethod
    def of(cls, request: Request, say: Say = silent, steps: int = STEPS) -> Trial:
        """By the settings that the request means; raises for those that make no sense."""
        config = settings(request, say)
        stages = 2 if getattr(config, "gan_images", 0) else 1
        return cls(request, config.device, config.batch, stages, config.workers, steps)

    @property
    def images(self) -> int:
        """Of all stages."""
        return self.steps // self.stages * self.batch * self.stages

    def live(self, folder: Path, workers: int | None) -> Life:
        """Begin, or go on with, the run in `folder`."""
        often: dict[str, Any] = {
            "every": self.batch,
            "samples": 8 * self.batch,
            "checkpoint": 2 * self.batch,
            "trackers": [],
        }
        ours: dict[str, Any] = {"images": self.images // self.stages, "log": often}
        if self.stages > 1:
            ours["gan_images"] = self.images // self.stages
        typed = {k: v for k, v in merge(self.request.flags, self.request.assignments).items() if k != "epochs"}
        given = merge(typed, ours if workers is None else {**ours, "workers": workers})
        words = [self.request.method, str(self.request.data), "--run", str(folder), "--no-export", "--no-forecast"]
        words += ["--preset", self.request.preset] if self.request.preset else []
        words += ["--config", str(self.request.config_file)] if self.request.config_file else []
        words += [f"--set={key}={json.dumps(value)}" for key, value in flat(given).items()]
        return self.start(["train", *words])


def verify_resume(trial: Trial, kills: int, seed: int, place: Path | None = None) -> Verdict:
    """Make the run unbroken, and killed `kills` times at moments by `seed`; each life has another number of workers.

    All is done in a temporary folder, of `place` where that is given. Raises TrainingError when a run fails by itself.
    """
    with tempfile.TemporaryDirectory(prefix="i2i-verify-resume-", dir=place) as folder:
        one, other = Run(Path(folder) / "unbroken"), Run(Path(folder) / "killed")
        with Bar("Unbroken", trial.images, "images") as bar:
            _to_the_end(trial.live(one.path, trial.workers), one, trial, bar)
        seconds = max((float(r["seconds"]) for r in one.records()), default=1.0)
        rng = np.random.default_rng((seed, kills))
        with Bar("Killed and resumed", trial.images, "images") as bar:
            for within in (seconds, seconds / 10, 0.0):  # where the unbroken one was slow, it may be over before
                happened, saving = _kill(trial, other, kills, rng, within, bar)
                if happened or not kills:
                    break
                shutil.rmtree(other.path)
            _to_the_end(trial.live(other.path, _workers(trial, kills)), other, trial, bar)
        return _compare(one, other, happened, saving)


def _kill(trial: Trial, run: Run, kills: int, rng: np.random.Generator, seconds: float, bar: Bar) -> tuple[int, int]:
    """Kill a run that takes so many seconds again and again; how often that was, and how often while it saved."""
    happened = saving = 0
    for turn in range(kills):
        saved = set(run.checkpoints_complete()) if turn % 2 == 0 else None  # every other one gets further
        life, delay = trial.live(run.path, _workers(trial, turn)), rng.uniform(0, seconds / (kills + 1))
        if not _killed(life, run, trial, saved, delay, bar):
            break
        happened += 1
        saving += any(run.path.rglob(".i2i-*.tmp"))
    return happened, saving


def _workers(trial: Trial, turn: int) -> int | None:
    """The user's own at first, then others: none, one, two."""
    others: list[int | None] = [n for n in (2, 0, 1) if n != (trial.workers or 0)]
    return ([trial.workers, *others])[turn % (len(others) + 1)]


def _seen(run: Run) -> int:
    return max((int(r["images"]) for r in run.records()), default=0)


def _killed(life: Life, run: Run, trial: Trial, saved: set[Path] | None, delay: float, bar: Bar) -> bool:
    """Kill a life `delay` seconds after it has a newer checkpoint than `saved`, or else has begun; whether it was
    killed before its end.
    """
    try:
        began, lines = time.monotonic(), _stamp(run)
        while life.status() is None and (
            set(run.checkpoints_complete()) <= saved
            if saved is not None
            else _stamp(run) == lines  # the log is rewound, or begun, before the first step
        ):
            _still(life, began)
        until = time.monotonic() + delay
        while life.status() is None and time.monotonic() < until:
            time.sleep(min(POLL, max(0.0, until - time.monotonic())))
    finally:
        life.kill()
    status = life.status()
    bar.update(min(trial.images, _seen(run)))
    if status not in (0, -signal.SIGKILL):
        raise TrainingError(f"The run to be killed ended by itself with status {status}: {_last_words(life)}")
    return status != 0


def _stamp(run: Run) -> int:
    try:
        return run.log_file.stat().st_mtime_ns
    except OSError:
        return 0


def _to_the_end(life: Life, run: Run, trial: Trial, bar: Bar) -> None:
    try:
        began = time.monotonic()
        while life.status() is None:
            _still(life, began)
            bar.update(min(trial.images - 1, _seen(run)))
            time.sleep(0.1)
    finally:
        life.kill()
    if life.status() != 0:
        raise TrainingError(f"The run ended with status {life.status()}: {_last_words(life)}")
    bar.update(trial.images)


def _still(life: Life, began: float) -> None:
    time.sleep(POLL)
    if time.monotonic() - began > LONGEST:
        life.kill()
        raise TrainingError(f"The run did not end within {LONGEST / 60:.0f} minutes: {_last_words(life)}")


def _last_words(life: Life) -> str:
    said = life.said().strip().splitlines()
    return said[-1] if said else "it said nothing."


def _compare(one: Run, other: Run, kills: int, saving: int) -> Verdict:
    files = [run.checkpoints_complete()[-1] / WEIGHTS for run in (one, other)]
    digests = [hashlib.sha256(file.read_bytes()).hexdigest() for file in files]
    differ = {}
    if digests[0] != digests[1]:
        ours, theirs = (safetensors.torch.load_file(file) for file in files)
        differ = {
            name: float((value.double() - theirs[name].double()).abs().max())
            for name, value in ours.items()
            if not torch.equal(value, theirs[name])
        }
    return Verdict(digests[0], digests[1], kills, saving, differ)


def reason(trial: Trial, verdict: Verdict) -> str:
    """Why weights may differ, in a sentence."""
    largest = max(verdict.differ.values(), default=0.0)
    on_cuda = trial.device.startswith("cuda") or (trial.device == "auto" and torch.cuda.is_available())
    if on_cuda:
        return (
            f"On a CUDA device some sums are taken in an order that changes from run to run; differences up to "
            f"{largest:.1e} are likely of that kind. Compare with --device cpu, where runs are equal to the byte."
        )
    return (
        f"The largest difference is {largest:.1e}. On a CPU this should not be: either the pictures changed in "
        "between, or the processes had different numbers of threads (OMP_NUM_THREADS), or it is a fault in i2i; "
        "please report it."
    )
