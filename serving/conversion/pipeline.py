"""Reads ahead, computes in order, writes behind: many pictures through one engine with few of them in memory.

What is read and written is the caller's: files here, frames of a film another time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, Protocol, TypeVar

from ...card import Card
from ...images.image import Picture
from ..inference.batcher import Batcher
from ..inference.controls import NO_CONTROLS
from ..inference.executors import FloatArray
from ..inference.planes import Canvas, is_large
from ..inference.prepared import Prepared

Item = TypeVar("Item")


class Awaited(Protocol):
    """A picture that was submitted."""

    def result(self) -> FloatArray | Canvas:
        """Its answer, computed now unless it is there already; raises what computing raises."""
        ...

    def withdraw(self) -> None:
        """Give up a result that nobody will ask for."""
        ...


class Translator(Protocol):
    """What a conversion needs of an Engine, or of a Chain of them."""

    card: Card
    sha256: str
    provider: str
    precision: str
    deep_precision: str
    ensemble: bool
    maps: str
    batcher: Batcher

    def prepare(self, picture: Picture, controls: Mapping[str, object] = NO_CONTROLS) -> Prepared:
        """What the model is fed for a picture."""
        ...

    def submit(self, prepared: Prepared) -> Awaited:
        """Have it computed, in the precision that its depth asks for."""
        ...

    def finish(self, prepared: Prepared, answer: FloatArray | Canvas) -> Picture:
        """The model's answer as a picture."""
        ...

    def let_go(self) -> None:
        """Give back the memory that is kept from picture to picture."""
        ...


@dataclasses.dataclass(frozen=True)
class Outcome(Generic[Item]):
    """What became of one item; no error: it was written."""

    item: Item
    pixels: int = 0
    """Of the picture that was read, once it was computed."""
    untranslated: Exception | None = None
    """Why it could not be read or translated; decoders and providers raise anything."""
    unwritten: Exception | None = None
    """Why it could not be written; encoders raise anything, too."""
    milliseconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Of `read`, `compute` (waiting for a batch included) and `write`, as far as it came."""


@dataclasses.dataclass
class _Entry(Generic[Item]):
    """An item between its reading and its computation."""

    item: Item
    read: Future[Picture | Prepared]
    times: dict[str, float]
    pending: Awaited | None = None


_Writing = Future[Outcome[Item]] | Outcome[Item]


class Pipeline(Generic[Item]):
    """`workers` threads read and write beside the computation; each side holds at most `workers` + 1 pictures."""

    def __init__(
        self,
        engine: Translator,
        read: Callable[[Item], Picture],
        write: Callable[[Item, Picture], None],
        workers: int,
        controls: Mapping[str, object] = NO_CONTROLS,
    ) -> None:
        """`controls` are values by port name, the same for every picture."""
        self.engine, self.read, self.write, self.workers = engine, read, write, workers
        self.controls = controls

    def run(self, items: Iterable[Item]) -> Generator[Outcome[Item], None, None]:
        """What became of each item, in order; whatever an item raises is that item's outcome.

        Closing the iterator lets begun files be finished, and begins no others.
        """
        ahead = iter(items)
        reading: deque[_Entry[Item]] = deque()
        writing: deque[_Writing[Item]] = deque()
        pool = ThreadPoolExecutor(self.workers, thread_name_prefix="i2i-convert")
        try:
            while True:
                while len(reading) <= self.workers and (entry := self._begin(ahead, pool)) is not None:
                    reading.append(entry)
                if reading:
                    writing.append(self._compute(reading, pool))
                while writing and (len(writing) > self.workers or not reading or _is_done(writing[0])):
                    yield _outcome(writing.popleft())
                if not reading and not writing:
                    return
        finally:
            for entry in reading:
                if entry.pending is not None:
                    entry.pending.withdraw()
            pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self, ahead: Iterator[Item], pool: ThreadPoolExecutor) -> _Entry[Item] | None:
        for item in ahead:
            times: dict[str, float] = {}
            return _Entry(item, pool.submit(self._read, item, times), times)
        return None

    def _read(self, item: Item, times: dict[str, float]) -> Picture | Prepared:
        """Prepared as well, unless it is large."""
        with _timed(times, "read"):
            picture = self.read(item)
            height, width = picture.pixels.shape[:2]
            return picture if is_large(height * width) else self.engine.prepare(picture, self.controls)

    def _compute(self, reading: deque[_Entry[Item]], pool: ThreadPoolExecutor) -> _Writing[Item]:
        """The first item computed, with those behind it that are read already and may share its batch."""
        entry = reading.popleft()
        try:
            found = entry.read.result()
            prepared = found if isinstance(found, Prepared) else self.engine.prepare(found, self.controls)
            del found
            with _timed(entry.times, "compute"):
                if entry.pending is None:
                    entry.pending = self.engine.submit(prepared)
                    self._submit_alike(prepared, reading)
                answer = entry.pending.result()
            height, width = prepared.feeds["image"].shape[2:]
            if prepared.canvas is not None:  # most of finishing is done
                finished = self.engine.finish(prepared, answer)
                return pool.submit(self._write, entry, finished, height * width)
        except Exception as error:
            return Outcome(entry.item, untranslated=error, milliseconds=entry.times)
        return pool.submit(self._finish_and_write, entry, prepared, answer)

    def _submit_alike(self, first: Prepared, reading: deque[_Entry[Item]]) -> None:
        """Submit the pictures next in line whose feeds have the first one's size, as many as one batch takes."""
        size, room = first.feeds["image"].shape, self.engine.batcher.room(first.feeds) - 1
        for entry in reading:
            if room == 0 or not entry.read.done() or entry.read.exception() is not None:
                return
            found = entry.read.result()
            if not isinstance(found, Prepared) or found.feeds["image"].shape != size:
                return
            entry.pending = self.engine.submit(found)
            room -= 1

    def _finish_and_write(self, entry: _Entry[Item], prepared: Prepared, answer: FloatArray | Canvas) -> Outcome[Item]:
        height, width = prepared.feeds["image"].shape[2:]
        try:
            picture = self.engine.finish(prepared, answer)
        except Exception as error:
            return Outcome(entry.item, untranslated=error, milliseconds=entry.times)
        return self._write(entry, picture, height * width)

    def _write(self, entry: _Entry[Item], picture: Picture, pixels: int) -> Outcome[Item]:
        unwritten = None
        try:
            with _timed(entry.times, "write"):
                self.write(entry.item, picture)
        except Exception as error:
            unwritten = error
        return Outcome(entry.item, pixels, unwritten=unwritten, milliseconds=entry.times)


@contextlib.contextmanager
def _timed(times: dict[str, float], stage: str) -> Iterator[None]:
    began = time.monotonic()
    try:
        yield
    finally:
        times[stage] = round((time.monotonic() - began) * 1000, 2)


def _is_done(writing: _Writing[Item]) -> bool:
    return writing.done() if isinstance(writing, Future) else True


def _outcome(writing: _Writing[Item]) -> Outcome[Item]:
    return writing.result() if isinstance(writing, Future) else writing
