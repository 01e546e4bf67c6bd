"""What `i2i train` does, in order: settings, folder, scan, networks, loop, report, file."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ..datasets import opened
from ..datasets.streams.source import Opened, PreparedData
from ..errors import RunError, StorageError, TrainingError
from ..export.from_run import export_run
from ..hardware.allocator import keep_freed_memory
from ..hardware.device import Placement, place
from ..hardware.graphs import use_tf32
from ..hardware.processes import from_first, joined, refuse_differences, together
from ..hardware.system import available_threads
from ..methods import METHODS, Method
from ..methods.config import TrainConfig
from ..methods.replaying import replay_steps
from ..report.page import write_report
from ..settings import flat, merge
from ..tracking.beside import tracked
from ..training.checkpoint import Progress
from ..training.health import FURTHER_EVERY
from ..training.hold import Hold
from ..training.loader import batches, in_batches, stack
from ..training.loop import Intervals, Outcome, fit
from ..training.run_directory import Run
from ..training.tolerance import Tolerance
from ..training.validation import refuse_unmeasured
from ..training.watch import Watch
from .diagnose import sentences, told_as_it_happens
from .endings import explain_failures
from .forecast.budget import Keeper, as_planned
from .forecast.planning import Planner
from .forecast.truth import compare
from .progress import Bar, Say, silent
from .request import Request, settings
from .unhealthy import Rollbacks, RolledBack, act, act_alike


def train_run(
    request: Request,
    say: Say = silent,
    on_tick: Callable[[dict[str, Any]], object] | None = None,
    *,
    export: bool = True,
) -> int | None:
    """Train, or go on training, to the end; gives the signal that stopped it before, or None.

    `on_tick` gets every line of the log; without it a progress bar, or a line now and then, goes to stderr. Without
    `export` the run ends with its last checkpoint. Under torchrun the first process alone speaks and writes.
    """
    with joined() as mine:
        if not mine.first:
            say, on_tick = silent, lambda _: None
        with Hold(Run(request.run), lambda sentence: say(sentence, err=True)) as hold:
            while True:
                with contextlib.suppress(RolledBack):
                    return _session(request, say, on_tick, hold, export=export)


def _session(
    request: Request, say: Say, on_tick: Callable[[dict[str, Any]], object] | None, hold: Hold, *, export: bool
) -> int | None:
    """The run from its newest checkpoint on; raises RolledBack when it is to begin again from an earlier one."""
    config, clock = settings(request, say), time.monotonic()
    method_type, run = METHODS[request.method], Run(request.run)
    placement = place(config.device, config.precision)
    first = placement.processes.first
    rollbacks = Rollbacks(run)
    if first:
        run.check_place(config)
        hold.take()
        rollbacks.finish(method_type.Config)
        config = rollbacks.applied(config)
        if run.has_checkpoints:
            before = run.config(method_type.Config)
            config = method_type.resume_config(config, before)
            if request.wishes.budget is not None:
                config = as_planned(config, before)
    config, rollbacks.entries = from_first((config, rollbacks.entries))
    if placement.device.type == "cpu":
        keep_freed_memory()
    if sentence := use_tf32(placement.device):
        say(sentence)

    data = config.data
    options = {"holdout": data.holdout, "seed": config.seed, **method_type.source_options(config)}
    source = opened(method_type.data_kind, Path(data.path), *data.names, **options)
    say(source.layout.description)
    if source.labels:
        config = _with_data(config, domains=source.labels, a=None, b=None)
    open_config = config

    def complete(**changed: Any) -> tuple[TrainConfig, PreparedData]:
        wanted = method_type.for_samples(open_config.model_copy(update=changed), source.shape)
        whole = method_type.complete_config(wanted, source.count)
        ready = _read(whole, source, say, shown=first)
        return _with_data(whole, channels=ready.channels), ready

    config, ready = complete()
    refuse_unmeasured(method_type, config)
    refuse_differences({"the training pictures": ready.fingerprint, "precision": placement.precision})
    planner = Planner(
        *(request.wishes, run, placement, _workers(config.workers, placement)),
        typed=merge(request.flags, request.assignments).keys(),
        at=lambda size, batch: complete(size=size, batch=batch),
        say=say,
        began=clock,
    )
    with explain_failures(run, placement):
        config, ready, planned = planner.plan(config, ready)
    if request.wishes.only:
        return None

    with explain_failures(run, placement):
        torch.manual_seed(config.seed)
        method = method_type.from_config(config, placement)
        if first:
            hold.take(begins=True)  # before anything is written
            run.start(config)
            _start(config, run, placement, source, ready, say)
            run.amend_environment(**planned)
        replay_steps(method, config, say)
        for note in method.notes(config):
            say(f"Note: {note}", err=True)
        trackers = config.log.trackers if first else ()
        with tracked(run, trackers, lambda sentence: say(sentence, err=True)):
            watch = Watch(method.timeline.total, flat(config.model_dump()), ends=request.on_unhealthy != "warn")
            beside = (watch, rollbacks, planner.keeper(config))
            try:
                outcome = _fit(config, method, run, ready, placement, say, on_tick, *beside)
            except TrainingError:
                if watch.ended_by is None or together():  # of several, not all may have come here
                    raise
                act(watch.ended_by, request.on_unhealthy, run, method_type.Config, say)
                raise
    if outcome.ailment is not None:
        act_alike(outcome.ailment, request.on_unhealthy, run, method_type.Config, say, first)
    return _finish(config, run, outcome, say) if export and first else outcome.stopped_by


def _with_data(config: TrainConfig, **found: Any) -> TrainConfig:
    """The configuration with what the folder was found to be."""
    return config.model_copy(update={"data": config.data.model_copy(update=found)})


def _start(config: TrainConfig, run: Run, placement: Placement, source: Opened, ready: PreparedData, say: Say) -> None:
    """Write of what the run is made."""
    before = run.environment().get("data", {}).get("fingerprint")
    if before not in (None, ready.fingerprint):
        say("Note: these are not quite the pictures that the run began with.", err=True)
    run.write_environment(
        {
            "device": str(placement.device),
            "precision": placement.precision,
            "stages": [{"name": stage.name, "images": stage.images} for stage in METHODS[config.method].stages(config)],
            "data": {
                "domains": list(source.layout.names),
                "fingerprint": ready.fingerprint,
                "held_out": source.held_out,
                "counts": ready.counts,
            },
        }
    )
    say(placement.sentence)


def _read(config: TrainConfig, source: Opened, say: Say, shown: bool) -> PreparedData:
    """Look into every file, `shown` by a bar, and say what of it is worth saying."""
    with Bar("Reading", source.total, source.unit) if shown else contextlib.nullcontext() as bar:
        ready = source.read(
            size=config.crop,
            seed=config.seed,
            augment=config.data.augment,
            interpolation=config.data.interpolation,
            stretch=config.data.stretch,
            cache_mb=config.data.cache_mb,
            channels=config.data.channels,
            swap=config.direction == "b2a",
            skip_broken=config.data.skip_broken,
            progress=lambda done, _: bar.update(done) if bar else None,
        )
    for broken in ready.broken:
        say(f"Left out: {broken.reason}", err=True)
    for note in ready.notes:
        say(f"Note: {note}", err=True)
    return ready


def _fit(
    config: TrainConfig,
    method: Method,
    run: Run,
    ready: PreparedData,
    placement: Placement,
    say: Say,
    on_tick: Callable[[dict[str, Any]], object] | None,
    watch: Watch,
    rollbacks: Rollbacks,
    keeper: Keeper | None,
) -> Outcome:
    total = method.timeline.total
    names, samples = ready.validation
    transform = method.batch_transform(config)
    validation = (names, stack(samples, placement.device, transform))
    workers = _workers(config.workers, placement)
    pace = Intervals.of(total, config.batch, config.log)
    if transform is None and placement.processes.first:
        watch.further = in_batches(ready.further(pace.samples // FURTHER_EVERY))

    bar: Bar | None = None

    def begin(progress: Progress) -> None:
        nonlocal bar
        done = progress.images
        rollbacks.renew(method)
        if 0 < done < total:
            say(f"Going on from {done} of {total} images.")
        if on_tick is None:
            bar = Bar("Training", total, "images", start=done)
            bar.__enter__()

    def note(sentence: str) -> None:
        say(f"Note: {sentence}", err=True)

    tolerance = Tolerance(note)

    def tick(record: dict[str, Any]) -> None:
        if on_tick:
            on_tick(record)
        if bar:
            words = [watch.monitor.summary(), method.loss_summary(record)]
            bar.update(record["images"], "; ".join(filter(None, words)))
        for found in record.get("health_found", ()):
            note(told_as_it_happens(watch.monitor.ailments[found["name"]]))
        if method.best_metric in record:
            tolerance.attempt("the report", lambda: write_report(run.path))

    try:
        return fit(
            method,
            lambda _, start: batches(
                ready.training, start, total, config.batch, workers, placement.device, transform, method.division
            ),
            run,
            pace,
            validation=validation,
            rows=config.log.rows,
            keep=config.log.keep,
            best=config.log.best,
            on_start=begin,
            on_tick=tick,
            say=note,
            adapt=lambda progress: keeper is not None and keeper.adapt(method, progress),
            watch=watch,
        )
    finally:
        if bar is not None:
            bar.__exit__(None, None, None)


def _workers(wanted: int | None, placement: Placement) -> int:
    """On a CPU the networks need every core; beside a GPU the cores have nothing better to do."""
    if wanted is not None:
        return wanted
    return 0 if placement.device.type == "cpu" else min(8, max(1, available_threads() - 1))


def _finish(config: TrainConfig, run: Run, outcome: Outcome, say: Say) -> int | None:
    written = Tolerance(lambda sentence: say(f"Note: {sentence}", err=True)).attempt(
        "the report", lambda: write_report(run.path)
    )
    seen, stopped = outcome.progress, outcome.stopped_by is not None
    goes_on = f"everything is saved in {run.path}. The same command goes on from there."
    ended = f"Trained {seen.images} images in {seen.seconds / 60:.1f} minutes."
    say(f"Stopped at {seen.images} of {config.total} images; {goes_on}" if stopped else ended)
    with contextlib.suppress(RunError):  # stopped before the first line of the log
        for sentence in sentences(run):
            say(sentence)
    if stopped:
        return outcome.stopped_by
    say("Exporting and checking the ONNX file ...")
    for path in export_run(run, say=lambda sentence: say(f"Note: {sentence}", err=True)):
        say(f"Model:  {path}")
    if written:
        say(f"Report: {run.report}")
    with contextlib.suppress(StorageError):
        if took := compare(run, seen.seconds):
            say(took)
    say(f"Next:   i2i serve {run.path}")
    return None
