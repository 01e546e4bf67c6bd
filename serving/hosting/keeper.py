"""What a host has done for it while it serves: models that nobody uses are closed, changed files are read again."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from .host import Changes, Host

log = logging.getLogger("i2i.serving")

TICK = 1.0
"""Seconds between two looks."""


class Keeper:
    """A thread of its own, from `start` to `stop`."""

    def __init__(
        self, host: Host, idle: float, watches: bool = False, tell: Callable[[Changes], None] = lambda _changes: None
    ) -> None:
        """Models but the first are closed when nobody has used them for `idle` seconds. The places are read again when
        they change, where it `watches`, and when `again` is set; `tell` is told what has become of them.
        """
        self.host, self.idle, self.watches, self.tell = host, idle, watches, tell
        self.again = threading.Event()
        self._is_ending = False
        self._thread = threading.Thread(target=self._run, name="i2i-models", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look that is under way is finished."""
        self._is_ending = True
        self.again.set()
        self._thread.join(10)

    def _run(self) -> None:
        was_changed = False
        while True:
            is_asked = self.again.wait(TICK)
            if self._is_ending:
                return
            self.again.clear()
            try:
                was_changed = self._look(is_asked, was_changed)
                self.host.ledger.close_idle(self.idle, but=next(iter(self.host.values())))
            except Exception:  # of a folder that may not be read any more, say; the next look may find it mended
                log.exception("the models could not be looked at")

    def _look(self, is_asked: bool, was_changed: bool) -> bool:
        """Read them again where that is due; whether they have changed, and are read with the next look: twice, so that
        a file that is being copied is whole by then.
        """
        has_changed = self.watches and self.host.has_changed
        if is_asked or (was_changed and has_changed):
            self.tell(self.host.look())
            return False
        return has_changed
