"""An executor whose threads let others go first: what takes long, beside short pictures that somebody waits for."""

from __future__ import annotations

import contextlib
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from .executors import Executor, Feeds, FloatArray
from .planes import Canvas

NICE = 5
"""Of the threads: beside others they have a quarter of the processors, and all of them alone."""


class Courteous:
    """Another executor in a thread of its own, from which the threads of its sessions have their priority (Linux)."""

    def __init__(self, opened: Callable[[], Executor]) -> None:
        """Raises what `opened` raises."""
        self._thread = ThreadPoolExecutor(1, "long", initializer=_let_others_go_first)
        self._inner = self._thread.submit(opened).result()

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; for the job of the caller's thread."""
        return self._thread.submit(contextvars.copy_context().run, self._inner.run, feeds, into).result()


def _let_others_go_first() -> None:
    if sys.platform == "linux":  # where threads have priorities of their own
        with contextlib.suppress(OSError):
            here = os.getpriority(os.PRIO_PROCESS, 0)
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), here + NICE)
