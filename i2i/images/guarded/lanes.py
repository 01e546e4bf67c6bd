"""Who is decoded next: the cheapest first, and what turns out to be dear in a lane of its own."""

from __future__ import annotations

import contextlib
import heapq
import itertools
import threading
from collections.abc import Iterator

from .seen import CrowdedError


class Lane:
    """Places for so many jobs at a time."""

    def __init__(self, places: int, most_waiting: int) -> None:
        self.places, self.most_waiting = places, most_waiting
        self._changed = threading.Condition()
        self._waiting: list[tuple[float, int]] = []
        self._numbers = itertools.count()
        self._inside = 0

    @contextlib.contextmanager
    def place(self, cost: float) -> Iterator[None]:
        """Wait for one; those of less `cost` go first. Raises CrowdedError where too many wait."""
        with self._changed:
            if len(self._waiting) >= self.most_waiting:
                raise CrowdedError
            ticket = (cost, next(self._numbers))
            heapq.heappush(self._waiting, ticket)
            self._changed.wait_for(lambda: self._inside < self.places and self._waiting[0] == ticket)
            heapq.heappop(self._waiting)
            self._inside += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._changed.notify_all()
