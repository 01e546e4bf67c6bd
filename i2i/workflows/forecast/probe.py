"""The probe's process: begun, watched and ended. A fork where that works, for it begins at once; else a fresh one."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ...errors import first_line
from ...hardware.allocator import keep_freed_memory
from ...methods import METHODS
from ...settings import resolve
from .memory import needed
from .steps import Job, measure

ALIVE = 5.0
"""Seconds in which a fork must have shown that it computes: threads of OpenMP that were there before are missing in it,
and autograd refuses to work in it where the process has used threads for that, as compiled functions do."""
SURELY = 1.25
"""How far beyond the memory a step has to lie by the small steps before it is not even tried."""
LONGEST = 75.0
"""Seconds after which a probe is ended."""


@dataclasses.dataclass
class Found:
    """What a probe found; what it did not come to is missing."""

    small: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    stages: list[dict[str, Any]] = dataclasses.field(default_factory=list)
    rest: dict[str, Any] = dataclasses.field(default_factory=dict)
    failed: str | None = None
    """Why it ended before its end."""
    too_large: bool = False
    """Whether that was for want of memory."""
    seconds: float = 0.0


def probe(job: Job, memory: int | None, on_cuda: bool) -> Found:
    """Measure in a process of its own, which is ended when it grows, or would grow, by more than `memory` bytes."""
    began, forked = time.monotonic(), not on_cuda and hasattr(os, "fork")
    for by_fork in (True, False) if forked else (False,):
        found = Found()
        with _child(job, by_fork=by_fork) as (pid, pipe):
            if _listen(found, job, pid, pipe, memory, ALIVE if by_fork else LONGEST):
                break
    found.seconds = time.monotonic() - began
    return found


def _listen(found: Found, job: Job, pid: int, pipe: int, memory: int | None, patience: float) -> bool:
    """Take what the child says until it ends, or has to be ended; False where it did not come to life."""
    began, base, alive, rest = time.monotonic(), 0, False, b""
    while True:
        ready, _, _ = select.select([pipe], [], [], 0.02)
        if ready:
            said = os.read(pipe, 1 << 16)
            if not said:
                if not (found.rest or found.failed):
                    found.failed = "the probe ended by itself"
                    found.too_large = alive and _was_killed(pid)  # as the system ends what takes too much
                return alive
            *lines, rest = (rest + said).split(b"\n")
            for line in lines:
                if not alive:  # what a fresh process has loaded until now, the run has, too
                    alive, base = True, _held(pid)
                _take(found, json.loads(line))
            need = needed(found.small, job.config, job.config.size, job.config.batch) if not found.stages else None
            if memory is not None and need is not None and need > SURELY * memory:
                found.failed, found.too_large = "it would take more memory than there is", True
                return True
        elif alive and memory is not None and _held(pid) - base > memory:
            found.failed, found.too_large = "it took more memory than there is", True
            return True
        if time.monotonic() - began > (LONGEST if alive else patience):
            if alive:
                found.failed = f"it was not over within {LONGEST:.0f} seconds"
            return alive


def _take(found: Found, said: dict[str, Any]) -> None:
    kind = said.pop("kind")
    if kind == "small":
        found.small.append(said)
    elif kind == "stage":
        found.stages.append(said)
    elif kind == "rest":
        found.rest = said
    elif kind == "failed":
        found.failed, found.too_large = said["why"], said["memory"]


def _was_killed(pid: int) -> bool:
    """Whether a child that is over was ended by force."""
    with contextlib.suppress(ChildProcessError):
        status = os.waitpid(pid, 0)[1]
        return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    return False


def _held(pid: int) -> int:
    """Bytes of memory of a process."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return 0


@contextlib.contextmanager
def _child(job: Job, *, by_fork: bool) -> Iterator[tuple[int, int]]:
    """Its process id and the pipe that it writes to; ended in any case."""
    with tempfile.TemporaryDirectory(prefix="i2i-forecast-") as folder:
        if by_fork:
            pid, pipe = _fork(job)
        else:
            pid, pipe = _fresh(job, Path(folder) / "job.npz")
        try:
            yield pid, pipe
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
            os.close(pipe)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)
            for left in job.folder.glob(f".i2i-forecast-{os.getpid()}-*"):  # of a probe that was killed while it wrote
                shutil.rmtree(left, ignore_errors=True)


def _fork(job: Job) -> tuple[int, int]:
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # threads that are not to be missed: see ALIVE
        pid = os.fork()
    if pid:
        os.close(writing)
        return pid, reading
    try:  # the child, which must never come back from here
        os.close(reading)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.alarm(int(LONGEST) + 15)
        _live(job, writing)
    finally:
        os._exit(0)


def _fresh(job: Job, file: Path) -> tuple[int, int]:
    arrays: dict[str, Any] = {
        f"{n}/{name}": array for n, sample in enumerate(job.samples) for name, array in sample.items()
    }
    told: dict[str, Any] = {"config": job.config.model_dump(mode="json"), "folder": str(job.folder)}
    told |= {"share": job.share, "seconds": job.seconds, "memory": job.memory, "owner": job.owner}
    np.savez(file, **{"job": np.array(json.dumps(told)), **arrays})
    reading, writing = os.pipe()
    command = [sys.executable, "-m", __name__, str(file), str(writing)]
    nothing = subprocess.DEVNULL
    process = subprocess.Popen(command, pass_fds=(writing,), stdin=nothing, stdout=nothing, stderr=nothing)
    os.close(writing)
    process.returncode = 0  # it is waited for by its id
    return process.pid, reading


def _live(job: Job, pipe: int) -> None:
    """The child's life: every figure is a line of JSON."""

    def emit(figures: dict[str, Any]) -> None:
        os.write(pipe, (json.dumps(figures) + "\n").encode())

    _show_life()
    emit({"kind": "alive"})
    try:
        measure(job, emit)
    except Exception as error:  # whatever it is, it ends the probe alone, with a sentence
        memory = isinstance(error, MemoryError | torch.OutOfMemoryError) or "allocate" in str(error)
        emit({"kind": "failed", "why": first_line(error), "memory": memory})


def _show_life() -> None:
    """Multiply and differentiate, which not every fork can."""
    some = torch.ones(512, 512, requires_grad=True)
    torch.autograd.backward((some @ some).sum())


def _main() -> None:
    file, pipe = sys.argv[1:]
    with np.load(file) as held:
        told = json.loads(str(held["job"]))
        samples: dict[int, dict[str, Any]] = {}
        for key in held.files:
            if key != "job":
                number, _, name = key.partition("/")
                samples.setdefault(int(number), {})[name] = held[key]
    config = resolve(METHODS[told["config"]["method"]].Config, [told["config"]])
    in_order = [samples[n] for n in sorted(samples)]
    told["folder"] = Path(told["folder"])
    job = Job(config, in_order, **{name: told[name] for name in ("folder", "share", "seconds", "memory", "owner")})
    keep_freed_memory()  # as a run does
    _live(job, int(pipe))


if __name__ == "__main__":
    _main()
