"""One translation on its way: how far it is, and the means to stop it, from whatever thread.

Who waits for a picture gives its Job along; who computes one makes it the thread's own (`working_on`), and whatever
goes through tiles, strips or views there counts them (`parts`) and stops where the job is to end.
"""

from __future__ import annotations

import contextlib
import contextvars
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from ...errors import I2IError

Part = TypeVar("Part")


class StoppedError(I2IError):
    """A job that was ended before its picture was there."""


class CancelledError(StoppedError):
    """Nobody waits for the picture any more."""


class DeadlineError(StoppedError):
    """The picture was not ready in the time that it was given."""


class Job:
    """Safe to use from several threads."""

    def __init__(self, seconds: float | None = None) -> None:
        """`seconds` are what it may take from now on, the waiting included."""
        self.seconds = seconds
        self.begun = time.monotonic()
        self.memory: int | None = None
        """Bytes that it was granted, by who shares out what there is; None: what is free."""
        self.place: int | None = None
        """How many are before it, while it waits for its turn."""
        self.waited = 0.0
        """Seconds that it has waited for turns."""
        self.is_begun = False
        """Whether its computation has begun."""
        self.done, self.total = 0, 0
        """Parts of the picture that are computed, and all of them; 0 of 0 before the first."""
        self.is_counting = False
        """Whether somebody counts its parts now (`parts`)."""
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._stops: list[Callable[[], None]] = []

    @property
    def left(self) -> float:
        """Seconds until the deadline; infinite without one."""
        return float("inf") if self.seconds is None else self.begun + self.seconds - time.monotonic()

    def cancel(self) -> None:
        """End it at the next part; what runs is stopped in its midst. Also for whoever watches the deadline."""
        with self._lock:
            self._is_cancelled = True
            for stop in self._stops:  # under the lock: one that comes late would stop the next job's run
                stop()

    def check(self) -> None:
        """Raises CancelledError or DeadlineError when it is to end."""
        if self.left <= 0:
            raise DeadlineError(
                f"The picture was not ready in the {self.seconds:g} s that it was given. Send a smaller one, or try "
                "again when the server has less to do."
            )
        if self._is_cancelled:
            raise CancelledError("The request was cancelled.")

    @contextlib.contextmanager
    def stopping(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within, `stop` is called, from another thread, when the job is cancelled."""
        with self._lock:
            self._stops.append(stop)
            is_cancelled = self._is_cancelled
        if is_cancelled:
            stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


_here: contextvars.ContextVar[Job | None] = contextvars.ContextVar("i2i-job", default=None)


def current() -> Job | None:
    """The job that this thread computes."""
    return _here.get()


@contextlib.contextmanager
def working_on(job: Job | None) -> Iterator[None]:
    """Make it the thread's own."""
    before = _here.set(job)
    try:
        yield
    finally:
        _here.reset(before)


def parts(things: Sequence[Part]) -> Iterator[Part]:
    """The things, one by one, counted as parts of the thread's job, which may end before each. Of parts within parts
    the outer ones are counted.
    """
    job = _here.get()
    if job is None:
        yield from things
        return
    is_outer = not job.is_counting
    if is_outer:
        job.is_counting, job.done, job.total = True, 0, len(things)
    try:
        for thing in things:
            job.check()
            yield thing
            job.done += is_outer
    finally:
        if is_outer:
            job.is_counting = False


class _Ticket:
    """Of one who waits for a turn."""

    def __init__(self, lock: threading.Lock, job: Job | None, is_settled: Callable[[], bool]) -> None:
        self.called = threading.Condition(lock)
        self.job, self.is_settled = job, is_settled


class Turns:
    """One computation at a time, in the order in which they come: a lock whose waiting ends when a job does.

    Only who has something to do is called: of many that wait, each that woke would take the processor from the one
    whose turn it is.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket] = deque()
        self._is_taken = False

    @contextlib.contextmanager
    def taken(self, job: Job | None = None, is_settled: Callable[[], bool] = lambda: False) -> Iterator[bool]:
        """Wait for the turn: True within, or False, without one, once `is_settled` says that it is not needed any more
        (and `wake` was called). `is_settled` must not block.

        Tells the job its place. Raises CancelledError and DeadlineError when the job is to end before.
        """
        is_ours = self._wait(job, is_settled)
        try:
            yield is_ours
        finally:
            if is_ours:
                with self._lock:
                    self._is_taken = False
                    self._call_next()

    def wake(self) -> None:
        """Let those who do not need their turn any more see that."""
        with self._lock:
            for ticket in self._waiting:
                if ticket.is_settled():
                    ticket.called.notify()

    def _wait(self, job: Job | None, is_settled: Callable[[], bool]) -> bool:
        with self._lock:
            if not self._is_taken and not self._waiting:
                self._is_taken = True
                return True
        ticket, began = _Ticket(self._lock, job, is_settled), time.monotonic()

        def call() -> None:
            with self._lock:
                ticket.called.notify()

        with contextlib.nullcontext() if job is None else job.stopping(call), self._lock:
            self._waiting.append(ticket)
            self._tell_places()
            try:
                while self._is_taken or self._waiting[0] is not ticket:
                    if is_settled():
                        return False
                    if job is not None:
                        job.check()
                    ticket.called.wait()
                self._is_taken = True
                return True
            finally:
                self._waiting.remove(ticket)
                self._call_next()
                if job is not None:
                    job.place = None
                    job.waited += time.monotonic() - began

    def _call_next(self) -> None:
        if self._waiting and not self._is_taken:
            self._waiting[0].called.notify()
        self._tell_places()

    def _tell_places(self) -> None:
        for before, ticket in enumerate(self._waiting):
            if ticket.job is not None:
                ticket.job.place = before + self._is_taken
