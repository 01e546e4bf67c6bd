"""The training loop: steps, log, sample grids, checkpoints, a clean stop. It knows methods and batches alone."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ..diagnostics.doctor import Ailment
from ..errors import TrainingError
from ..hardware.device import peak_memory_mb
from ..hardware.processes import average, from_first, largest
from ..methods import Batch, Method
from ..methods.config import LogConfig
from ..methods.stages import Stage
from . import checkpoint
from .checkpoint import Progress
from .processes import follow_first, refuse_drift, restored
from .run_directory import Run
from .stop import StopRequest
from .tolerance import Diary, Saver, Tolerance
from .validation import Validator
from .watch import Watch

Record = dict[str, Any]

SPACINGS = 10
"""Parts of a run from each of which a checkpoint is kept for a while, where it may be rolled back."""

Feed = Callable[[Stage, int], Iterable[Batch]]
"""(stage, n) -> its batches from image n on, which may go on beyond its end."""


@dataclasses.dataclass(frozen=True)
class Intervals:
    """How often a run of `total` images logs, shows and saves, in images."""

    total: int
    log: int
    samples: int
    checkpoint: int
    checkpoint_seconds: float

    @classmethod
    def of(cls, total: int, batch: int, config: LogConfig) -> Intervals:
        """What `config` says, and for what it leaves open about 400 lines, 20 grids and 10 checkpoints a run."""

        def every(given: int | None, times: int, least: int, most: int) -> int:
            return given or max(least * batch, min(most, total // times))

        return cls(
            total,
            every(config.every, 400, 1, 200),
            every(config.samples, 20, 25, 10_000),
            every(config.checkpoint, 10, 50, 50_000),
            config.checkpoint_minutes * 60,
        )


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How a call of `fit` ended."""

    progress: Progress
    stopped_by: int | None
    """The signal that stopped it, or None when the run reached its end."""
    ailment: Ailment | None = None
    """The failure for which it was ended."""


def fit(
    method: Method,
    feed: Feed,
    run: Run,
    pace: Intervals,
    *,
    validation: tuple[Sequence[str], Batch],
    rows: int,
    keep: int,
    best: str | None = None,
    on_start: Callable[[Progress], None] = lambda _: None,
    on_tick: Callable[[Record], None] = lambda _: None,
    say: Callable[[str], object] = lambda _: None,
    adapt: Callable[[Progress], bool] = lambda _: False,
    watch: Watch | None = None,
) -> Outcome:
    """Train `method` from the newest checkpoint of `run` to the end of its stages.

    `feed(stage, n)` gives the batches from image n on, of the stage that it lies in; `validation` is the names and the
    batch of the pictures shown and scored, of which the first `rows` make the grid, and
    `best` the figure by which the best is kept, the method's own unless given. SIGINT and SIGTERM end it after the
    step at hand, with a checkpoint. `say` gets what a person should know of damaged checkpoints and of files that
    cannot be written. `adapt` is asked with each line of the log, and may give the method another timeline, which a
    checkpoint then follows. Over several processes the first one alone writes. Raises TrainingError when a loss is no
    longer a number, StorageError when no checkpoint can be written for long; the last good checkpoint stays in both
    cases.
    """
    first = method.placement.processes.first  # which alone writes
    progress = restored(run, method, say)
    tolerance = Tolerance(say)
    watch = watch or Watch(method.timeline.total, {})
    spacing = max(1, method.timeline.total // SPACINGS) if watch.ends else None
    diary, saver = Diary(run, tolerance), Saver(run, keep, say, spacing)
    if first:
        progress = checkpoint.mend_best(run, progress, say)
        run.remove_unfinished()
        diary.rewind(progress.images)
    on_start(progress)
    watch.catch_up(run, progress.images)
    validator = Validator(method, run, validation, rows, tolerance, best)
    validator.health.further = watch.further
    if progress.images == 0 and first:
        validator.validate(progress)
    ticks, stopped_by = _LogInterval(progress), 0
    with StopRequest() as stop:
        for batch, whole in _batches(feed, method, progress.images):
            method.at(progress.images, whole)
            ticks.add(validator.health.step(progress.steps, batch))
            before = progress.images
            now = before + whole
            progress = dataclasses.replace(progress, images=now, steps=progress.steps + 1, seconds=ticks.seconds())
            over = now >= method.timeline.total
            late = first and time.monotonic() - saver.saved_at > pace.checkpoint_seconds
            stopped_by, overdue = largest([stop.signal or 0, late])  # so that all processes do the same
            done = over or stopped_by > 0

            shows = _crossed(before, now, pace.samples) or over
            saves = _crossed(before, now, pace.checkpoint) or overdue > 0
            if done or shows or saves or _crossed(before, now, pace.log):
                last_words = partial(_last_words, diary, watch, first)
                record = ticks.record(progress, method, run, last_words)
                if shows or saves or done or saver.owes:
                    _refuse_broken_weights(progress, method, run, last_words)
                if shows or saves or done:
                    refuse_drift(method)
                if first and shows:
                    figures = validator.validate(progress)
                    progress = validator.keep_best(progress, figures)
                    record |= figures
                if first:
                    record |= watch.see(record)
                    diary.write(record)
                    on_tick(record)
                ended, adapted = largest([watch.ended_by is not None, False if done else first and adapt(progress)])
                done = done or ended > 0
                if adapted:
                    follow_first(method)
                if first and (adapted or done or saves or saver.owes):
                    saver.save(method, progress, last=done)
                    validator.health.forget()
                ticks.go_on()
            if done:
                break
    stopped = (stopped_by or None) if progress.images < method.timeline.total else None
    return Outcome(progress, stopped, from_first(watch.ended_by))


def _batches(feed: Feed, method: Method, seen: int) -> Iterator[tuple[Batch, int]]:
    """Every batch from image `seen` on and its images; where a stage is over, or of another length, the next follow."""
    while seen < method.timeline.total:
        stage = method.timeline.at(seen).stage
        for batch in feed(stage, seen):
            whole = method.division.whole(len(next(iter(batch.values()))), method.timeline.total - seen)
            yield batch, whole
            seen += whole
            if seen >= method.timeline.total or method.timeline.at(seen).stage is not stage:
                break
        else:
            return


def _last_words(diary: Diary, watch: Watch, first: bool, line: Record) -> None:
    """The line of a run that ends by what it says."""
    if first:
        diary.write(line | watch.see(line))


def _crossed(before: int, now: int, every: int) -> bool:
    return before // every != now // every


class _LogInterval:
    """The scalars and the time between two lines of the log.

    Scalars stay on the device until a line is due, so that a GPU never waits for the log.
    """

    def __init__(self, progress: Progress) -> None:
        self.before, self.start = progress.seconds, time.monotonic()
        self.images, self.since = progress.images, progress.seconds
        self.scalars: list[dict[str, Tensor]] = []

    def add(self, scalars: dict[str, Tensor]) -> None:
        self.scalars.append({name: value.detach() for name, value in scalars.items()})

    def seconds(self) -> float:
        return self.before + time.monotonic() - self.start

    def go_on(self) -> None:
        """From here on it is training again: grids, reports and checkpoints do not count for the rate."""
        self.since = self.seconds()

    def record(self, progress: Progress, method: Method, run: Run, last_words: Callable[[Record], object]) -> Record:
        """The line due now: means since the last one. Raises TrainingError when one is not a number.

        `last_words` gets a line that says so before.
        """
        try:
            means = self._means(progress, method, run)
        except TrainingError:
            last_words(_non_finite(progress))
            raise
        seconds = self.seconds()
        rate = (progress.images - self.images) / max(seconds - self.since, 1e-9)
        record: Record = {
            "images": progress.images,
            "step": progress.steps,
            "seconds": round(seconds, 3),
            "images_per_s": round(rate, 4),
            "memory_mb": peak_memory_mb(method.placement.device),
            **{f"lr_{name}": float(o.param_groups[0]["lr"]) for name, o in method.optimizers.items()},
            **{name: float(f"{value:.6g}") for name, value in means.items()},
        }
        self.scalars, self.images, self.since = [], progress.images, seconds
        return record

    def _means(self, progress: Progress, method: Method, run: Run) -> dict[str, float]:
        """Of each scalar over the steps that gave it, for not every step updates every network."""
        names = list(dict.fromkeys(name for scalars in self.scalars for name in scalars))
        missing = torch.zeros((), device=method.placement.device)
        rows = [torch.stack([scalars.get(name, missing).float() for name in names]) for scalars in self.scalars]
        table = average(torch.stack(rows)).cpu()
        given = torch.tensor([[name in scalars for name in names] for scalars in self.scalars])
        self._refuse_non_finite(table, names, progress, method, run)
        means = table.sum(0) / given.sum(0)
        return dict(zip(names, means.tolist(), strict=True))

    def _refuse_non_finite(self, table: Tensor, names: list[str], progress: Progress, method: Method, run: Run) -> None:
        bad = ~torch.isfinite(table)
        if not bad.any():
            return
        row = int(bad.any(1).int().argmax())
        culprits = ", ".join(n for n, b in zip(names, bad[row].tolist(), strict=True) if b)
        broken = _broken(method)
        step = progress.steps - len(self.scalars) + row + 1
        raise TrainingError(
            f"At step {step} {culprits} stopped being a number"
            + (f", and the weights of {' and '.join(broken)} with it" if broken else "")
            + f". {_way_out(run)}"
        )


def _broken(method: Method) -> list[str]:
    """Names of the networks with a weight that is no finite number."""
    return [
        name
        for name, network in method.networks.items()
        if not all(torch.isfinite(t).all() for t in network.state_dict().values() if t.is_floating_point())
    ]


def _non_finite(progress: Progress) -> Record:
    """The line that says that numbers ended here."""
    return {"images": progress.images, "step": progress.steps, "non_finite": 1}


def _refuse_broken_weights(
    progress: Progress, method: Method, run: Run, last_words: Callable[[Record], object]
) -> None:
    """A loss belongs to the weights before its step: the updated ones are checked before they are saved."""
    broken = _broken(method)
    if broken:
        last_words(_non_finite(progress))
        raise TrainingError(
            f"Step {progress.steps} left the weights of {' and '.join(broken)} without finite numbers. {_way_out(run)}"
        )


def _way_out(run: Run) -> str:
    last = run.checkpoints_complete()
    if not last:
        return "No checkpoint had been written yet. Start anew with a lower rate (--set optimizer.lr=1e-4)."
    return (
        f"The last good checkpoint is {last[-1]}. Go on from there with --precision fp32, "
        "or start anew with a lower rate (--set optimizer.lr=1e-4)."
    )
