"""Who is let in to a model: so many pictures at once and no more, decided before a byte of a body is read."""

from __future__ import annotations

import heapq
import ipaddress
import threading
import time
from collections.abc import Sequence

from ...errors import I2IError
from ..hosting.ledger import Ledger

LARGEST_SHARE = 0.5
"""Of the places and the bodies for one client, that others find some free: a session of the page, or an address
without one. All of one address have no more together while other addresses ask: anybody may claim a session."""
LATELY = 60.0
"""Seconds for which an address that asked is one that asks."""


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
        self.address = address_of(client)

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self._admission.leave(self)


class Admission:
    """Safe to use from several threads."""

    def __init__(self, places: int, ledger: Ledger | None = None, max_bytes: int = 2**62) -> None:
        """At most `places` pictures, the one at work included; their bodies, of `max_bytes` each at most, are counted
        in `ledger`, from when they are let in.
        """
        self.places, self.max_bytes = places, max_bytes
        self._ledger = ledger
        self._lock = threading.Lock()
        self._inside: list[Place] = []
        self._seconds_each = 1.0
        self._last_left = 0.0
        self._promised: list[float] = []
        """A heap of times; no more than there are places."""
        self._asked: dict[str, float] = {}
        """When the two addresses asked that did so last."""

    @property
    def count(self) -> int:
        """Pictures that are inside."""
        return len(self._inside)

    def enter(self, client: str = "", size: int = 0) -> Place:
        """A place for a client's picture, whose body is `size` bytes at most; raises BusyError when there is none.

        `client` is its address, and after a space its session.
        """
        with self._lock:
            busy = self._refusal(client, size)
            if busy is not None:
                raise busy
            if not self._inside:
                self._last_left = time.monotonic()
            if self._ledger is not None:
                self._ledger.add_body(min(size, self.max_bytes))
            place = Place(self, client, min(size, self.max_bytes))
            self._inside.append(place)
            return place

    def refusal(self, client: str, size: int) -> BusyError | None:
        """What `enter` would raise now."""
        with self._lock:
            return self._refusal(client, size)

    def _refusal(self, client: str, size: int) -> BusyError | None:
        address, size = address_of(client), min(size, self.max_bytes)  # what is longer is refused while it arrives
        has_others = self._has_others(address)
        is_own = client != "" and (
            self._is_most([place for place in self._inside if place.client == client], size)
            or (has_others and self._is_most([place for place in self._inside if place.address == address], size))
        )
        has_room = self._ledger is None or self._ledger.has_room_for(size, self.max_bytes)
        if is_own or len(self._inside) >= self.places or not has_room:
            return BusyError(self._wait(), is_own)
        return None

    def _is_most(self, own: Sequence[Place], size: int) -> bool:
        """Whether one client's places and bodies are as many as it may have."""
        bodies = sum(place.size for place in own) + size
        room = float("inf") if self._ledger is None else self._ledger.room_for_bodies(self.max_bytes)
        return len(own) >= max(1, self.places * LARGEST_SHARE) or (own != [] and bodies > LARGEST_SHARE * room)

    def _has_others(self, address: str) -> bool:
        """Whether other addresses asked lately; notes that this one does."""
        now = time.monotonic()
        if address:
            self._asked.pop(address, None)
            self._asked[address] = now
        if len(self._asked) > 2:
            del self._asked[next(iter(self._asked))]
        return any(other != address and now - when < LATELY for other, when in self._asked.items())

    def leave(self, place: Place) -> None:
        """The place is free again."""
        with self._lock:
            self._inside.remove(place)
            if self._ledger is not None:
                self._ledger.give_body(place.size)
            self._last_left = time.monotonic()

    def learn(self, seconds: float) -> None:
        """A picture took so long, the waiting not counted."""
        self._seconds_each += 0.3 * (seconds - self._seconds_each)

    def _wait(self) -> int:
        """Seconds, at least 1, until a place is free that was promised to nobody: one leaves after the other."""
        now = time.monotonic()
        while self._promised and self._promised[0] <= now:
            heapq.heappop(self._promised)
        first = max(self._last_left + self._seconds_each, now + 0.1 * self._seconds_each)
        turn = min(len(self._promised), len(self._inside) - 1)
        when = first + turn * self._seconds_each
        if turn == len(self._promised):  # else all are promised, and those who ask for more get the last one's time
            heapq.heappush(self._promised, when)
        return max(1, round(when - now))


def address_of(client: str) -> str:
    """A client's address; of IPv6 the network, whose addresses one machine may all have."""
    address = client.partition(" ")[0]
    if ":" not in address:
        return address
    try:
        of_six = ipaddress.IPv6Address(address)
    except ValueError:
        return address
    mapped = of_six.ipv4_mapped
    return str(mapped) if mapped is not None else str(ipaddress.IPv6Network((of_six, 64), strict=False))
