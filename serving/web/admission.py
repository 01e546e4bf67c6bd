"""Who is let in to a model: so many pictures at once and no more, decided before a byte of a body is read."""

from __future__ import annotations

import threading
import time
from collections import Counter

from ...errors import I2IError

LARGEST_SHARE = 0.5
"""Of the places for one client (an address, or a session of the page), that others find some free."""
LARGEST_BODIES = 8
"""Times the largest upload that bodies may have together, from when they are let in."""


class BusyError(I2IError):
    """Too many pictures are waiting."""

    def __init__(self, seconds: int, is_own: bool = False) -> None:
        """`is_own`: they are the same client's."""
        busy = "You have as many pictures here as one client may" if is_own else "The server is busy"
        super().__init__(f"{busy}. Try again in {seconds} s.")
        self.seconds = seconds
        """When it is worth to try again: a place is likely to be free then, and not promised to others."""


class ClosingError(I2IError):
    """The server is about to end."""

    def __init__(self) -> None:
        super().__init__("The server is being stopped and takes no more pictures. Try again in a moment.")


class Place:
    """Somebody's place among those who are let in; a context that ends with the answer."""

    def __init__(self, admission: Admission, client: str, size: int) -> None:
        self._admission, self.client, self.size = admission, client, size

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self)


class Admission:
    """Safe to use from several threads."""

    def __init__(self, places: int, max_bytes: float = float("inf")) -> None:
        """At most `places` pictures, the one at work included, with bodies of `max_bytes` each."""
        self.places, self.max_bytes = places, max_bytes
        self._lock = threading.Lock()
        self._inside: list[Place] = []
        self._seconds_each = 1.0
        self._last_left = 0.0
        self._promised: list[float] = []

    @property
    def count(self) -> int:
        """Pictures that are inside."""
        return len(self._inside)

    def enter(self, client: str = "", size: int = 0) -> Place:
        """A place for a client's picture, whose body is `size` bytes at most; raises BusyError when there is none."""
        with self._lock:
            own = Counter(place.client for place in self._inside)[client]
            is_own = client != "" and own >= max(1, self.places * LARGEST_SHARE)
            bodies = sum(place.size for place in self._inside) + size
            if is_own or len(self._inside) >= self.places or bodies > LARGEST_BODIES * self.max_bytes:
                raise BusyError(self._wait(), is_own)
            if not self._inside:
                self._last_left = time.monotonic()
            place = Place(self, client, size)
            self._inside.append(place)
            return place

    def leave(self, place: Place) -> None:
        """The place is free again."""
        with self._lock:
            self._inside.remove(place)
            self._last_left = time.monotonic()

    def learn(self, seconds: float) -> None:
        """A picture took so long, the waiting not counted."""
        self._seconds_each += 0.3 * (seconds - self._seconds_each)

    def _wait(self) -> int:
        """Seconds, at least 1, until a place is free that was promised to nobody: one leaves after the other."""
        now = time.monotonic()
        self._promised = [when for when in self._promised if when > now]
        first = max(self._last_left + self._seconds_each, now + 0.1 * self._seconds_each)
        turn = min(len(self._promised), len(self._inside) - 1)
        self._promised.append(first + turn * self._seconds_each)
        return max(1, round(self._promised[-1] - now))
