"""One computation at a time for a model, and pictures of one size together where that is quicker and changes no byte.

The server's threads and a folder's conversion both go through it. Nobody waits for a batch to fill: while one
computation runs, requests gather, and the next takes those that are alike.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

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
"""Such as have so many times fewer pixels. They take their share of the processors at once, and so at most some three
times as long as alone; waiting for the long one would be many times that."""


class Batcher:
    """Holds the only locks around a model's executors; safe to use from several threads.

    The first batch proves itself: its pictures are computed alone as well, and unless all bytes agree (or where the
    graph takes one picture at a time) this model's pictures go one by one from then on.
    """

    def __init__(self, executor: Executor, largest: int = LARGEST_BATCH, pixels: int = BATCH_PIXELS) -> None:
        """At most `largest` pictures with `pixels` input pixels in all are computed together; 1 means one by one."""
        self.executor, self.largest, self.pixels = executor, largest, pixels
        self.is_proved = False
        self.beside: Callable[[], Executor] | None = None
        """Opens a second executor, for short pictures beside a long one; without it all go one after the other."""
        self.on_batch: Callable[[int], None] = lambda _count: None
        """Is told how many pictures go together."""
        self._aside: Executor | None = None
        self._turns, self._turns_aside = Turns(), Turns()
        self._running_long = 0
        """Pixels of the long picture that is being computed."""
        self._seconds_a_pixel = 0.0
        self._waiting: list[Pending] = []

    def submit(self, feeds: Feeds, executor: Executor | None = None, into: Canvas | None = None) -> Pending:
        """Take one picture's feeds, batch axes 1; it is computed when some `result()` needs it or one like it.

        `executor` is another one of the model than the usual. A large answer goes `into` a canvas.
        """
        pending = Pending(self, feeds, executor or self.executor, into)
        self._waiting.append(pending)
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
                if self._goes_beside(pending):
                    self._settle_beside(pending)
                    continue
                with self._turns.taken(
                    pending.job, lambda: pending.is_settled or self._goes_beside(pending)
                ) as is_ours:
                    if is_ours and not pending.is_settled:
                        self._settle_now(pending)
        finally:
            self.forget(pending)

    def _settle_beside(self, pending: Pending) -> None:
        with self._turns_aside.taken(pending.job):
            executor = self._opened_aside()
            if executor is not None:
                self._alone(pending, executor)

    def _opened_aside(self) -> Executor | None:
        if self._aside is None and self.beside is not None:
            try:
                self._aside = self.beside()
            except Exception:  # there is no memory for a second one, say; then they wait
                self.beside = None
        return self._aside

    def _settle_now(self, pending: Pending) -> None:
        alike = [
            each
            for each in list(self._waiting)
            if each is not pending and each.like == pending.like and each.into is None
        ]
        batch = [pending, *alike[: self.room(pending.feeds) - 1]] if pending.into is None else [pending]
        pixels, began = sum(each.pixels for each in batch), time.monotonic()
        try:
            with self._letting_others_by(pixels):
                self._compute(batch)
        finally:
            for each in batch:
                self.forget(each)
        if pending.error is None:
            self._seconds_a_pixel = (time.monotonic() - began) / pixels
        if len(batch) > 1:
            self._turns.wake()

    @contextlib.contextmanager
    def _letting_others_by(self, pixels: int) -> Iterator[None]:
        """Within, shorter pictures may go beside, when so many pixels take long. What they need is opened first."""
        if self.beside is not None and self.seconds(pixels) >= LONG:
            self._running_long = pixels
            self._turns.wake()
            with self._turns_aside.taken():
                self._opened_aside()
        try:
            yield
        finally:
            self._running_long = 0

    def _goes_beside(self, pending: Pending) -> bool:
        is_usual = self.beside is not None and pending.executor is self.executor
        return is_usual and pending.pixels * SHORTER <= self._running_long

    def forget(self, pending: Pending) -> None:
        """Take it off the list of what waits."""
        with contextlib.suppress(ValueError):  # another thread's batch had it
            self._waiting.remove(pending)

    def _compute(self, batch: list[Pending]) -> None:
        self.on_batch(len(batch))
        answers = self._together(batch) if len(batch) > 1 else None
        if answers is not None and self.is_proved:
            for each, answer in zip(batch, answers, strict=True):
                each.answer = answer
            return
        for each in batch:
            self._alone(each)
        if len(batch) > 1 and all(each.error is None for each in batch):
            self.is_proved = answers is not None and all(
                np.array_equal(each.answer, answer)  # type: ignore[arg-type]
                for each, answer in zip(batch, answers, strict=True)
            )
            self.largest = self.largest if self.is_proved else 1

    def _together(self, batch: list[Pending]) -> FloatArray | None:
        """(N, C', …), or None where the batch cannot be computed: alone, each picture gets its own error."""
        feeds: dict[str, Array] = {
            name: np.concatenate([each.feeds[name] for each in batch]) for name in batch[0].feeds
        }
        try:
            with working_on(None):  # it goes on when one of them is cancelled
                return batch[0].executor.run(feeds)
        except Exception:  # executors raise anything
            return None

    def _alone(self, pending: Pending, executor: Executor | None = None) -> None:
        try:
            with working_on(pending.job):
                if pending.job is not None:
                    pending.job.check()
                    pending.job.is_begun = True
                answer = (executor or pending.executor).run(pending.feeds, pending.into)
            pending.answer = answer[0] if pending.into is None else pending.into
        except Exception as error:
            pending.error = error
