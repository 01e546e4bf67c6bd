"""Trackers beside a training, which they can neither hold up nor end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from ..training.run_directory import Run
from .follow import follow, way_out
from .trackers import TRACKERS

PATIENCE = 20.0
"""Seconds that all trackers together have at the end of a training to take what they were not told yet."""

Say = Callable[[str], object]


class _Beside(Protocol):
    def end(self, patience: float) -> bool:
        """Ask it to come to its end, and wait that long; gives whether it did."""


@contextlib.contextmanager
def tracked(run: Run, names: Sequence[str], say: Say, patience: float = PATIENCE) -> Iterator[None]:
    """The trackers of `log.trackers` follow `run` inside the block; `say` gets their sentences, from other threads.

    A tracker that is not installed, that fails or hangs is one sentence: the block goes on, and its end takes no longer
    than `patience` seconds.
    """
    beside: dict[str, _Beside] = {}
    for name in names:
        row = TRACKERS[name]
        if row.missing:
            say(
                f"Note: {row.title} is not told of this run, for {row.package} is not installed. Try: {row.install}. "
                f"Without it: --set log.trackers=[]"
            )
            continue
        try:
            beside[name] = _Process(name, run, say) if row.apart else _Thread(name, run, say)
        except (OSError, RuntimeError) as error:  # no more processes or threads
            say(f"Note: {row.title} is not told of this run ({error}). {way_out(name, run)}")
    try:
        yield
    finally:
        deadline = time.monotonic() + patience
        for name, one in beside.items():
            if not one.end(max(0.1, deadline - time.monotonic())):
                title = TRACKERS[name].title
                say(f"Note: {title} did not end within {patience:.0f} s and is left. {way_out(name, run)}")


class _Thread:
    """For what writes files alone; as a daemon, so that even one that hangs for ever leaves with the process."""

    def __init__(self, name: str, run: Run, say: Say) -> None:
        self.ended = threading.Event()
        self.thread = threading.Thread(target=follow, args=(name, run, self.ended, say), daemon=True)
        self.thread.start()

    def end(self, patience: float) -> bool:
        self.ended.set()
        self.thread.join(patience)
        return not self.thread.is_alive()


class _Process:
    """`python -m i2i.tracking`, in a session of its own so that Ctrl-C reaches the training alone."""

    def __init__(self, name: str, run: Run, say: Say) -> None:
        command = [sys.executable, "-P", "-m", "i2i.tracking", str(run.path.resolve()), name, "--beside"]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
            start_new_session=True,
        )
        self.heard = threading.Thread(target=self._hear, args=(say,), daemon=True)
        self.heard.start()

    def _hear(self, say: Say) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            say(line.rstrip())

    def end(self, patience: float) -> bool:
        assert self.process.stdin is not None
        with contextlib.suppress(OSError):  # it may have gone already
            self.process.stdin.write("end\n")  # closing is not enough where a worker process has a copy of the pipe
            self.process.stdin.close()
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(OSError):
                if sys.platform == "win32":
                    self.process.kill()
                else:
                    os.killpg(self.process.pid, signal.SIGKILL)  # what it started goes too
            return False
        self.heard.join(1)
        return True
