"""Decodes strangers' bytes in workers: `look` and `picture` of any bytes, within limits, from any thread.

A job first has QUICK seconds of the processor. The few that need more are begun anew in the slow lane, where they have
what a picture of their size may take, so that small pictures wait for none of them.
"""

from __future__ import annotations

import collections
import os
import signal
import threading
from typing import Any

from ...errors import PictureError, PictureTooLargeError
from ..image import Header, Picture
from . import wire
from .lanes import Lane
from .limits import STRANGERS, Limits, pixels_of
from .process import Nursery, Worker
from .seen import DecoderError, Seen

QUICK = 0.05
"""Processor seconds in which a picture of a megapixel is decoded."""
SMALL = 700_000
"""Pixels of a picture that is decoded at the first look."""
MOST_WAITING = 512, 8
"""Jobs in the quick lane and in the slow one."""
SHORTEST = 1.0
"""Seconds by the clock that any job has."""
NICE = 3
"""By which the slow lane lets others go first."""


class _OverTimeError(Exception):
    """The job used up its processor time."""


class Guard:
    """Workers, forked when they are needed and kept. Safe to call from several threads."""

    def __init__(self, workers: int, limits: Limits = STRANGERS) -> None:
        """As many `workers` for quick jobs, half as many for slow ones."""
        self.limits = limits
        self._lanes = [Lane(workers, MOST_WAITING[0]), Lane(max(1, workers // 2), MOST_WAITING[1])]
        self._idle: list[collections.deque[Worker]] = [collections.deque(), collections.deque()]
        self._lock = threading.Lock()
        self._nursery: Nursery | None = None
        self._owner = os.getpid()

    def start(self) -> None:
        """Load the decoders now, beside whatever is done meanwhile, and not with the first picture."""
        with self._lock:
            self._started()

    def look(self, data: bytes) -> Seen:
        """Size and channels, and with them the picture where it is a small one.

        Raises PictureError where it is no picture or is beyond the bounds, CrowdedError, DecoderError.
        """
        return self._done(data, None, SMALL)

    def picture(self, data: bytes, seen: Seen, max_pixels: int) -> Picture:
        """The picture of which `seen` is the look, without its metadata; raises what `read_picture` raises,
        CrowdedError, DecoderError.
        """
        if seen.picture is None and seen.error is None:
            seen = self._done(data, seen.header, max_pixels)
        if seen.picture is None:
            raise seen.error or PictureTooLargeError("The picture is larger than its header says.")
        return seen.picture

    def close(self) -> None:
        """End all processes; the next job starts them again."""
        with self._lock:
            workers = [worker for idle in self._idle for worker in idle]
            for idle in self._idle:
                idle.clear()
            nursery, self._nursery = self._nursery, None
        if os.getpid() == self._owner and nursery is not None:
            for worker in workers:
                worker.connection.close()
            nursery.close()

    def _done(self, data: bytes, header: Header | None, max_pixels: int) -> Seen:
        said = {"whole": header is not None, "max_pixels": max_pixels, "memory": self.limits.room(header, len(data))}
        cost = len(data) + (0 if header is None else 3 * pixels_of(header))
        if header is None:
            try:
                with self._lanes[0].place(cost):
                    return self._tried(0, {**said, "seconds": QUICK}, data)
            except _OverTimeError:
                pass
        seconds = self.limits.time(header)
        try:
            with self._lanes[1].place(cost):
                return self._tried(1, {**said, "seconds": seconds}, data)
        except _OverTimeError:
            raise PictureError(
                f"The picture is not decoded within {seconds:.1f} s: it is damaged, or made to be costly. Save it anew "
                "as PNG or JPEG."
            ) from None

    def _tried(self, lane: int, said: dict[str, Any], data: bytes) -> Seen:
        """By a worker; raises PictureError, DecoderError, _OverTimeError."""
        while True:
            worker = self._worker(lane)
            before = worker.seconds()
            try:
                answer = worker.ask(said, data, max(SHORTEST, said["seconds"] * self.limits.patience))
                if answer.get("again"):
                    worker.end()
                    continue
                seen = wire.receive_seen(worker.connection, answer)
            except (wire.GoneError, TimeoutError) as error:
                is_late = isinstance(error, TimeoutError)
                is_over_time = is_late and (lane == 0 or worker.seconds() - before > said["seconds"] / 2)
                raise _why(worker.end(), is_over_time) from error
            except PictureError:
                self._idle[lane].append(worker)
                raise
            except BaseException:
                worker.end()
                raise
            self._idle[lane].append(worker)
            return seen

    def _worker(self, lane: int) -> Worker:
        """One that waits, or a new one."""
        while True:
            try:
                worker = self._idle[lane].pop()
            except IndexError:
                break
            if worker.is_idle():
                return worker
            worker.end()
        with self._lock:
            nursery = self._started()
        try:
            return nursery.fork(NICE * lane)
        except wire.GoneError as error:
            with self._lock:
                if self._nursery is nursery:
                    self._nursery = None
            nursery.close()
            raise DecoderError("The server's decoder has ended and is started anew. Send the picture again.") from error

    def _started(self) -> Nursery:
        if self._nursery is None or not self._nursery.is_alive():
            self._nursery = Nursery()
        return self._nursery


def _why(status: int, is_over_time: bool) -> Exception:
    """What a worker's end means: `status` is its exit status or the negative signal."""
    if -status in (signal.SIGPROF, signal.SIGXCPU) or is_over_time:
        return _OverTimeError()
    if -status in (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE):
        return PictureError(
            "The picture made its decoder fail: it is damaged, or made to. Save it anew as PNG or JPEG."
        )
    return DecoderError("The server's decoder was ended while it read the picture. Send it again.")
