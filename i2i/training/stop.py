"""The wish to stop, which a training grants after the step at hand."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Any

TORCHRUN = "TORCHELASTIC_RUN_ID"
"""Set by torchrun in its processes."""


class StopRequest:
    """SIGINT and SIGTERM become a wish, granted after the step at hand; a second one is not held back.

    Under torchrun a second SIGTERM is one with the first: a scheduler signals all processes, and torchrun sends it on
    to those that it started. It kills them itself when it has waited long enough.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self.old: dict[int, Any] = {}

    def __enter__(self) -> StopRequest:
        for number in (signal.SIGINT, signal.SIGTERM):
            try:
                self.old[number] = signal.signal(number, self._ask)
            except ValueError:  # not the main thread: whoever runs us there stops us otherwise
                break
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.old.items():
            if signal.getsignal(number) is not signal.SIG_IGN:  # hardware/processes.py wants to be heard to the end
                signal.signal(number, handler)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        self.signal = number
        if number != signal.SIGTERM or TORCHRUN not in os.environ:
            signal.signal(number, self.old[number])
