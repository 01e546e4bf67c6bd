"""One computation at a time for a model, and pictures of one size together where that is quicker and changes no byte.

The server's threads and a folder's conversion both go through it. Nobody waits for a batch to fill: while one
computation runs, requests gather, and the next takes those that are alike.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable

import numpy as np

from ..runtime.jobs import Turns, current, working_on
from .executors import IMAGE, Array, Executor, Feeds, FloatArray
from .planes import Canvas

LARGEST_BATCH = 8
"""Pictures in one batch at most: from 4 to 8 little is left to gain."""
BATCH_PIXELS = 2**16
"""Input pixels in one batch at most: four pictures of 128x128. Measured on two Zen 3 cores, the time of a picture in a
batch of 4 against alone: DiscoGAN's generator 0.64 at 64 pixels and 0.8 at 128; the U-Net of 256 pixels, ResNet and
SRVGGNetCompact beyond 64 pixels 0.95 to 1.05, that is no gain, while a batch needs its multiple of memory."""

EXACT = ("cpu",)
"""Providers that batch. ONNX Runtime's own gave the same bytes alone and in batches with every generator of ours (and
still proves it for each model, see `Batcher`); OpenVINO and CUDA choose their kernels by the shape of the whole batch
and promise no such thing, so that on them pictures go one by one."""


class Pending:
    """A picture that was submitted."""

    def __init__(self, batcher: Batcher, feeds: Feeds, executor: Executor, into: Canvas | None) -> None:
        self._batcher = batcher
        self.feeds, self.executor, self.into = feeds, executor, into
        self.since = time.monotonic()
        """When it was submitted."""
        self.job = current()
        """Of the thread that submitted it."""
        self.like = (
            id(executor),
            *((name, array.shape, b"" if name == IMAGE else array.tobytes()) for name, array in sorted(feeds.items())),
        )
        """Equal for pictures that may share a batch: same executor, same shapes, same controls."""
        self.answer: FloatArray | Canvas | None = None
        self.error: Exception | None = None

    @property
    def pixels(self) -> int:
        """Of the picture."""
        height, width = self.feeds[IMAGE].shape[2:]
        return int(height * width)

    @property
    def is_settled(self) -> bool:
        """Whether there is an answer or an error."""
        return self.answer is not None or self.error is not None

    def result(self) -> FloatArray | Canvas:
        """(C', H * scale, W * scale), or the canvas that was to take it, computed now unless another's batch did.

        Raises what the executor raised, CancelledError and DeadlineError when its job is to end.
        """
        self._batcher.settle(self)
        if self.error is not None:
            raise self.error
        assert self.answer is not None
        return self.answer

    def withdraw(self) -> None:
        """Give up a result that nobody will ask for."""
        self._batcher.forget(self)


LONG = 0.5
"""Seconds of a computation from which on others may go beside it."""
SHORTER = 2
"""Of those that take long, such as have so many times fewer pixels than the one that is computed go beside it too."""


class Batcher:
    """Holds the only locks around a model's executors; safe to use from several threads.

    The first batch proves itself: its pictures are computed alone as well, and unless all bytes agree (or where the
    graph takes one picture at a time) this model's pictures go one by one from then on.

    With `beside`, what takes long has a second executor of its own, so that short pictures wait neither for it, nor for
    its session to be opened, which after large pictures is done anew. Both take their share of the processors at once.
    """

    def __init__(self, executor: Executor, largest: int = LARGEST_BATCH, pixels: int = BATCH_PIXELS) -> None:
        """At most `largest` pictures with `pixels` input pixels in all are computed together; 1 means one by one."""
        self.executor, self.largest, self.pixels = executor, largest, pixels
        self.is_proved = False
        self.beside: Callable[[], Executor] | None = None
        """Opens the executor for what takes long, when the first such picture comes; without it all go one after the
        other."""
        self.on_batch: Callable[[int], None] = lambda _count: None
        """Is told how many pictures go together."""
        self._turns, self._turns_beside = Turns(), Turns()
        self._opened: Executor | None = None
        """What `beside` gave."""
        self._longest = 0
        """Pixels of the picture that is computed beside the others."""
        self.wait = 0.0
        """Seconds after its coming for which a picture waits at most for others to fill its batch."""
        self._more = threading.Condition()
        """Tells of what came."""
        self._seconds_a_pixel = 0.0
        self._waiting: list[Pending] = []

    def submit(self, feeds: Feeds, executor: Executor | None = None, into: Canvas | None = None) -> Pending:
        """Take one picture's feeds, batch axes 1; it is computed when some `result()` needs it or one like it.

        `executor` is another one of the model than the usual. A large answer goes `into` a canvas.
        """
        pending = Pending(self, feeds, executor or self.executor, into)
        self._waiting.append(pending)
        if self.wait:
            with self._more:
                self._more.notify_all()
        return pending

    def room(self, feeds: Feeds) -> int:
        """How many pictures of this size may go together."""
        height, width = feeds[IMAGE].shape[2:]
        return max(1, min(self.largest, self.pixels // int(height * width)))

    def run(self, executor: Executor, feeds: Feeds) -> FloatArray:
        """Whatever batch the caller has made, by `executor`, when it is its turn."""
        with self._turns.taken(current()):
            return executor.run(feeds)

    def seconds(self, pixels: int) -> float:
        """What a picture of so many pixels is likely to take, by those before."""
        return pixels * self._seconds_a_pixel

    def settle(self, pending: Pending) -> None:
        """Wait for the picture's turn; compute it, and with it what waits and is alike, unless it is done by then."""
        try:
            while not pending.is_settled:
                is_long = self._is_long(pending)
                turns = self._turns_beside if is_long else self._turns
                with turns.taken(
                    pending.job,
                    lambda before=is_long: pending.is_settled or self._is_long(pending) != before,  # type: ignore[misc]
                ) as is_ours:
                    if is_ours and not pending.is_settled:
                        self._settle_now(pending, turns)
        finally:
            self.forget(pending)

    def _is_long(self, pending: Pending) -> bool:
        """Whether it is computed beside the others."""
        is_usual = self.beside is not None and pending.executor is self.executor
        is_shorter = pending.pixels * SHORTER <= self._longest
        return is_usual and not is_shorter and self.seconds(pending.pixels) >= LONG

    def _settle_now(self, pending: Pending, turns: Turns) -> None:
        executor = pending.executor
        if turns is self._turns_beside:
            opened = self._open_beside()
            if opened is None:
                return
            executor, self._longest = opened, pending.pixels
            turns.wake()
        try:
            self._settle_batch(self._filled(pending), executor)
        finally:
            if turns is self._turns_beside:
                self._longest = 0
        turns.wake()

    def _open_beside(self) -> Executor | None:
        if self._opened is None and self.beside is not None:
            try:
                self._opened = self.beside()
            except Exception:  # there is no memory for a second one, say; then all wait for one another
                self.beside = None
        return self._opened

    def _filled(self, pending: Pending) -> list[Pending]:
        """Its batch, once that is full or the picture has waited for long enough."""
        room = self.room(pending.feeds) if pending.into is None else 1
        with self._more:
            while len(batch := self._alike(pending)) < room:
                left = pending.since + self.wait - time.monotonic()
                if left <= 0:
                    break
                self._more.wait(left)
        return batch

    def _alike(self, pending: Pending) -> list[Pending]:
        """The picture, and what waits and may go with it."""
        if pending.into is not None:
            return [pending]
        others = (each for each in list(self._waiting) if each is not pending)
        alike = [each for each in others if each.like == pending.like and each.into is None]
        return [pending, *alike[: self.room(pending.feeds) - 1]]

    def _settle_batch(self, batch: list[Pending], executor: Executor) -> None:
        began = time.monotonic()
        try:
            self._compute(batch, executor)
        finally:
            for each in batch:
                self.forget(each)
        if batch[0].error is None:
            self._seconds_a_pixel = (time.monotonic() - began) / sum(each.pixels for each in batch)

    def forget(self, pending: Pending) -> None:
        """Take it off the list of what waits."""
        with contextlib.suppress(ValueError):  # another thread's batch had it
            self._waiting.remove(pending)

    def _compute(self, batch: list[Pending], executor: Executor) -> None:
        self.on_batch(len(batch))
        answers = self._together(batch, executor) if len(batch) > 1 else None
        if answers is not None and self.is_proved:
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
            return
        for each in batch:
            self._alone(each, executor)
        if len(batch) > 1 and all(each.error is None for each in batch):
            self.is_proved = answers is not None and all(
                np.array_equal(each.answer, answer)  # type: ignore[arg-type]
                for each, answer in zip(batch, answers, strict=True)
            )
            self.largest = self.largest if self.is_proved else 1

    def _together(self, batch: list[Pending], executor: Executor) -> FloatArray | None:
        """(N, C', …), or None where the batch cannot be computed: alone, each picture gets its own error."""
        feeds: dict[str, Array] = {
            name: np.concatenate([each.feeds[name] for each in batch]) for name in batch[0].feeds
        }
        try:
            with working_on(None):  # it goes on when one of them is cancelled
                return executor.run(feeds)
        except Exception:  # executors raise anything
            return None

    def _alone(self, pending: Pending, executor: Executor) -> None:
        try:
            with working_on(pending.job):
                if pending.job is not None:
                    pending.job.check()
                    pending.job.is_begun = True
                answer = executor.run(pending.feeds, pending.into)
            pending.answer = answer[0] if pending.into is None else pending.into
        except Exception as error:
            pending.error = error
