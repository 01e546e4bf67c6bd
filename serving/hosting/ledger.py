"""One budget of memory for a process: what its open models hold, what bodies and pictures on their way take.

Pictures are let in, in the order in which they come, while they fit; small ones have a little room of their own, so
that none waits for minutes behind large ones. Models that nobody uses are closed where another needs the room.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from collections.abc import Iterator

from ...errors import I2IError
from ..inference.memory import Memory, give_back, resident, reusable
from ..runtime.jobs import Job, current
from .taken import Holder, Taken

ASIDE = 1 / 8
"""The share of the pictures' room that small ones have to themselves."""
SMALL = 1 / 32
"""Of the pictures' room: what needs no more is small."""
MODELS = 1 / 2
"""Of the budget, what models may hold while there is more than one, so that pictures have the rest."""
LEAST = 2**26
"""Bytes that pictures have in any case, as a model that leaves nothing for them would be of no use."""
RETIRED = 60.0
"""Seconds for which a model that was replaced stays, for who had been let in to it."""
PATIENCE = 2.0
"""Seconds after which a picture is refused that finds no room though nothing else is at work, nor a model being opened:
what those hold is not known so well before the next look."""
TOO_LARGE = "The picture needs more memory than there is."
LOOK = 1.0
"""Seconds between two measurements of what is held while no picture is at work."""
WORTH_IT = 2**25
"""Freed bytes that the allocator is asked to give back."""


class NoRoomError(I2IError):
    """Something needs more memory than the budget can ever have for it."""


class Ledger:
    """Safe to use from several threads."""

    def __init__(self, limit: int | None = None) -> None:
        """The process takes `limit` bytes at most; three quarters of what is free, and what it holds, unless given."""
        held = resident()
        self.limit = held + Memory().room() if limit is None else limit
        self.changed = threading.Condition(threading.RLock())
        """Its lock; told of whatever may let somebody in."""
        self.opening = threading.Lock()
        """One model is opened, or measured, at a time: each by what the process takes then."""
        self._is_kept_free = False
        self.bodies = 0
        """Bytes of requests that have been let in, and of answers that are being read."""
        self._counting = threading.Lock()
        self._base, self._beside = held, 0
        self._looked = time.monotonic()
        self._open: list[Holder] = []
        self._queue: deque[object] = deque()
        self._pictures: list[Taken] = []

    @property
    def count(self) -> int:
        """Pictures in memory now."""
        return len(self._pictures)

    @property
    def of_models(self) -> int:
        """Bytes that open models hold, what their sessions keep included."""
        return sum(holder.size + holder.kept for holder in self._open)

    @property
    def of_pictures(self) -> int:
        """Bytes that pictures have been granted."""
        return sum(taken.size for taken in self._pictures)

    @property
    def room(self) -> int:
        """Bytes for pictures, those that are in memory included."""
        return max(LEAST, self.limit - self._base - self.of_models - self._beside - self.bodies)

    @property
    def largest(self) -> int:
        """Bytes that one picture may be granted."""
        return int(self.room * (1 - ASIDE))

    @contextlib.contextmanager
    def holding(self, own: int, run: int = 0, least: int = 0, holder: Holder | None = None) -> Iterator[int]:
        """Wait until there is room for a picture that takes `own` bytes itself and `run` while `holder` computes it;
        gives the bytes that the run may take: fewer, but not fewer than `least`, where it is too large for more.

        Raises NoRoomError where it cannot be, CancelledError and DeadlineError when the thread's job is to end before.
        """
        taken = self._entered(own, run, least, holder)
        try:
            yield taken.run
        finally:
            with self.changed:
                self._pictures.remove(taken)
                if holder is not None:
                    holder.kept = max(holder.kept, taken.run)
                if time.monotonic() - self._looked >= LOOK:
                    self.look()
                self.changed.notify_all()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Wait until no picture is in memory, and let none in within: what the process takes can be measured.

        Raises CancelledError and DeadlineError when the thread's job is to end before.
        """
        job = current()
        with self.opening:
            self._is_kept_free = True
            try:
                with self._waking(job), self.changed:
                    while self._pictures:
                        if job is not None:
                            job.check()
                        self.changed.wait()
                yield
            finally:
                self._is_kept_free = False
                self._wake()

    def make_room(self, holder: Holder, size: int) -> None:
        """Wait until a model that will hold `size` bytes may be opened, and count it as open; closes such as nobody
        uses, the longest unused first.

        Raises NoRoomError where it cannot be, CancelledError and DeadlineError when the thread's job is to end before.
        """
        if size > self.limit - self._base - LEAST:
            raise NoRoomError(
                f"It takes some {size / 1e6:.0f} MB of memory, and pictures need some as well: more than the "
                f"{self.limit / 1e6:.0f} MB that the server may take. Raise --max-memory, or close other programs."
            )
        job = current()
        with self._waking(job), self.changed:
            while self._open and self.of_models + size > MODELS * (self.limit - self._base):
                if not (self._let_one_go() or self._close_one()):
                    if job is not None:
                        job.check()
                    self.changed.wait(1)
            holder.size, holder.kept = size, 0
            self._open.append(holder)

    def grow(self, holder: Holder, size: int) -> bool:
        """Whether an open model may hold so many bytes more, from now on."""
        with self.changed:
            if self.of_models + size > MODELS * (self.limit - self._base):
                return False
            self.resize(holder, holder.size + size)
            return True

    def resize(self, holder: Holder, size: int) -> None:
        """It has become known what an open model holds."""
        with self.changed:
            holder.size = size
            self.changed.notify_all()

    def closed(self, holder: Holder) -> None:
        """A model was closed."""
        with self.changed:
            if holder in self._open:
                self._open.remove(holder)
                self.changed.notify_all()

    def close_idle(self, seconds: float, but: Holder | None = None) -> None:
        """Close the models that nobody has used for so long, and such as were replaced a while ago."""
        with self.changed:
            now = time.monotonic()
            for holder in [each for each in self._open if each.is_idle and each is not but]:
                if now - holder.last_used > (min(seconds, RETIRED) if holder.is_retired else seconds):
                    holder.close()

    def has_room_for(self, size: int, most: int) -> bool:
        """Whether there is room for a request's body: beside others up to an eighth of the budget, or `most` bytes."""
        return not self.bodies or self.bodies + size <= self.room_for_bodies(most)

    def room_for_bodies(self, most: int) -> int:
        """Bytes of all of them together."""
        return max(most, self.limit // 8)

    def add_body(self, size: int) -> None:
        """A request's body is let in, or an answer is there, which is held until its client has read it."""
        with self._counting:  # not the ledger's own lock: an event loop asks, and a model may be closed under that one
            self.bodies += size

    def give_body(self, size: int) -> None:
        """A body, or an answer, is gone."""
        with self._counting:
            self.bodies -= size

    def _entered(self, own: int, run: int, least: int, holder: Holder | None) -> Taken:
        ticket, job = object(), current()
        if own + least > (1 - ASIDE) * (self.limit - self._base):
            raise NoRoomError(TOO_LARGE)
        with self._waking(job), self.changed:
            self._queue.append(ticket)
            try:
                stuck: float | None = None
                while (taken := self._taken(ticket, own, run, least, holder)) is None:
                    if job is not None:
                        job.check()
                    is_alone = not self._pictures and not self.opening.locked() and self._queue[0] is ticket
                    stuck = (stuck or time.monotonic()) if is_alone else None
                    if stuck is not None and time.monotonic() - stuck > PATIENCE:
                        raise NoRoomError(TOO_LARGE)
                    self.changed.wait(None if self._pictures else 0.1)
                self._pictures.append(taken)
                return taken
            finally:
                self._queue.remove(ticket)
                self.changed.notify_all()

    def _taken(self, ticket: object, own: int, run: int, least: int, holder: Holder | None) -> Taken | None:
        """What it takes from now on; None: it has to wait."""
        if self._is_kept_free:
            return None
        is_first = holder is not None and all(other.holder is not holder for other in self._pictures)
        kept = holder.kept if holder is not None and is_first else 0  # a run takes what the one before has left
        size = own + max(0, run - kept)
        aside = sum(other.size for other in self._pictures if other.is_aside)
        if size <= SMALL * self.room and aside + size <= ASIDE * self.room:
            return Taken(size, True, holder, run)
        if self._queue[0] is not ticket:
            return None
        large = self.of_pictures - aside
        while large + size > self.largest and (self._let_one_go(holder) or (large == 0 and self._close_one())):
            pass
        if large + size <= self.largest:
            return Taken(size, False, holder, run)
        if large == 0 and own + max(0, least - kept) <= self.largest:
            return Taken(self.largest, False, holder, self.largest - own + kept)
        if not self._pictures:  # all that could be given back has been
            self.look()
        return None

    def _waking(self, job: Job | None) -> contextlib.AbstractContextManager[None]:
        return contextlib.nullcontext() if job is None else job.stopping(self._wake)

    def _wake(self) -> None:
        with self.changed:
            self.changed.notify_all()

    def _close_one(self) -> bool:
        idle = min((each for each in self._open if each.is_idle), key=lambda each: each.last_used, default=None)
        if idle is not None:
            idle.close()
        return idle is not None

    def _let_one_go(self, but: Holder | None = None) -> bool:
        """Have a model that computes nothing give back what its sessions keep; the longest unused one."""
        at_work = [but, *(taken.holder for taken in self._pictures)]
        keeping = [each for each in self._open if each.kept and each not in at_work]
        if keeping:
            longest = min(keeping, key=lambda each: each.last_used)
            longest.let_go()
            longest.kept = 0
        return bool(keeping)

    def look(self) -> None:
        """Where no picture is at work, see what is held: what models hold and keep is but foretold."""
        with self.changed:
            held = resident()
            if held and not self._pictures:
                self._looked = time.monotonic()
                if reusable() > WORTH_IT:
                    give_back()
                    held = resident()
                self._correct(held)

    def _correct(self, held: int) -> None:
        found = max(0, held - self.bodies - self._base)
        share = min(1.0, found / max(1, self.of_models))
        for holder in self._open:
            holder.size, holder.kept = int(holder.size * share), int(holder.kept * share)
        self._beside = max(0, found - self.of_models)
