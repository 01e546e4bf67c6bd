"""A run directory for one training at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType

import filelock

from ..errors import RequestError
from .run_directory import LOCK, Run

PATIENCE = 15.0
"""Seconds that are waited for another: what a killed training leaves of processes that load pictures is gone in 5."""


Say = Callable[[str], object]


class Hold:
    """`with Hold(run, say) as hold`: from `hold.take()` on, once the run is there, no other process trains in it.

    The lock is the system's: it ends with its process, however that ends. Where the system has none for its disk,
    several are not told from one.
    """

    def __init__(self, run: Run, say: Say, patience: float | None = None) -> None:
        self.run, self._say, self._patience = run, say, PATIENCE if patience is None else patience
        self._lock: filelock.BaseFileLock = filelock.FileLock(run.path / LOCK, fallback_to_soft=False)

    def take(self, *, begins: bool = False) -> None:
        """Hold the directory if a run is in it, or if one `begins` there, which makes it; raises RequestError where
        another process holds it for long.
        """
        if self._lock.is_locked or not (begins or self.run.exists):
            return
        if begins:
            self.run.path.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(OSError, NotImplementedError):  # of Timeout, which is one, there is more to say
            try:
                self._lock.acquire(timeout=0)
                return
            except filelock.Timeout:
                self._say(f"Another process is training in {self.run.path}: waiting for its end ...")
            try:
                self._lock.acquire(timeout=self._patience)
            except filelock.Timeout as error:
                raise RequestError(
                    f"Another process is training in {self.run.path}, and goes on. Let it end, or stop it (Ctrl-C "
                    "keeps all that it has done); or name another directory with --run."
                ) from error

    def __enter__(self) -> Hold:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._lock.release()
