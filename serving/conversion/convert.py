"""A folder of pictures into a folder of translations: same tree, same names; what `i2i convert` does.

Decoding and encoding run in threads beside the computation, a bounded number of pictures ahead. A broken picture
is listed and the rest is done; a full disk stops the run; what was written stays, and the next run goes on from there.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ... import __version__
from ...errors import I2IError, RequestError, require
from ...files import write_whole
from ...hardware.system import available_threads
from ...images.find import identity
from ...images.formats import FORMATS
from ...images.metadata.policy import METADATA
from ..inference.controls import NO_CONTROLS, resolve_controls
from .claim import Claim, claimed
from .estimate import planned
from .failures import ends
from .journal import ABSENT, UNKNOWN, Source, State
from .making import Making, Results
from .pipeline import Translator
from .plan import Job, Known, Plan, plan_conversion, settle_existing
from .report import ConversionReport, FileResult, ReportFile, notes_on_existing, notes_on_left_out, notes_on_written
from .stores.claim import claimed_in_store
from .stores.journal import journal_of
from .stores.listing import listed
from .stores.url import Url, placed

Progress = Callable[[int, int, int], None]
"""Called with (files done, files in all, pixels read so far) after each file."""


def convert_folder(
    engine: Translator,
    source: Path,
    target: Path,
    *,
    existing: str = "skip",
    format: str = "keep",
    quality: int | None = None,
    metadata: str = "keep",
    include: Sequence[str] = (),
    exclude: Sequence[str] = (),
    workers: int | None = None,
    dry_run: bool = False,
    controls: Mapping[str, object] = NO_CONTROLS,
    progress: Progress | None = None,
    report: Path | None = None,
    ready: Callable[[Path], bool] | None = None,
    settled: Callable[[FileResult], object] | None = None,
    spread: Spread | None = None,
) -> ConversionReport:
    """Translate every picture below `source` (or the one picture it is) to the same name below `target`.

    `existing` is a key of EXISTING and `format` of FORMATS or `keep` (plan.py); `quality` is 1 to 100 for JPEG and
    WebP; `metadata` is a key of METADATA (images/metadata/policy.py); `include` and `exclude` are patterns of paths
    below `source` (pick.py); `workers` are threads that decode and encode; `controls` are values by port name,
    the same for every picture.
    A dry run plans and checks, and writes nothing. `ready` says of a source whether it is its turn (watch.py), and
    `settled` is called with what became of each, as soon as that is known. With `spread` the pictures of a folder are
    converted elsewhere than in this process (on_ray/).
    `report` is a file for JSON lines, which grows while the run goes on (report.py). What made each file of a target
    folder is kept in its journal (journal.py).

    Raises RequestError before anything is done when the request makes no sense (two sources for one target, a
    folder onto itself, nothing to convert, a control that the model has not, another conversion in the target),
    StorageError when the disk is full or the target folder is removed: what was written stays.
    """
    resolve_controls(engine.card, controls)  # what is no control should not fail once for each picture
    require("metadata policy", metadata, METADATA)
    how = _how(engine, quality, metadata, controls)
    source, target = placed(source), placed(target)
    if spread is None and (far := [place for place in (source, target) if isinstance(place, Url)]):
        raise RequestError(
            f"{far[0]} is a URL, which is for --engine ray: give that as well. Or mount the place as a folder."
        )
    with listed(source, target):
        plan = plan_conversion(source, target, format, quality, engine.card.output_channels, include, exclude, ready)
        if spread is not None and plan.root is None:
            raise RequestError(f"{source} is one picture; a cluster is for folders. Leave --engine out.")
        jobs = settle_existing(plan.jobs, existing, _known(plan, how))
    with contextlib.ExitStack() as stack:
        claim = None
        if plan.root is not None and not dry_run and not all(job.skip for job in jobs):
            claim = stack.enter_context(_claim(plan.root, jobs, how, engine.card.name))
            with listed(source, target):  # as it is now that nobody else writes
                jobs = settle_existing(plan.jobs, existing, _known(plan, how))
        lines = stack.enter_context(ReportFile(report))
        lines.begin(i2i=__version__, model=engine.card.name, provider=engine.provider, how=how, files=len(jobs))
        conversion = _Conversion(engine, plan, lines, claim, settled)
        if dry_run:
            with listed(source, target):
                return conversion.planned(jobs, controls)
        ahead = [job for job in jobs if not job.skip]
        if spread is not None and claim is not None:
            results = spread.results(ahead, claim, quality=quality, metadata=metadata, controls=controls)
            return conversion.run(jobs, results, progress)
        making = Making(engine, _write_alone if claim is None else claim.write, quality, metadata, controls)
        results = making.results(ahead, _threads(workers), len(jobs))
        return conversion.run(jobs, results, progress, making.unsettled)


class Spread(Protocol):
    """Converts pictures elsewhere than in this process."""

    def results(
        self, jobs: list[Job], claim: Claim, *, quality: int | None, metadata: str, controls: Mapping[str, object]
    ) -> Results:
        """What became of each job, in any order; each file goes into its place through the claim.

        Raises StorageError when nothing more can be written, and I2IError when nothing can be converted there.
        """
        ...


def _threads(workers: int | None) -> int:
    """How many decode and encode."""
    return max(1, workers) if workers is not None else max(2, min(available_threads(), 8))


def _write_alone(target: Path, data: bytes, _source: Path, _read: Source) -> str:
    """One picture into one file, which has no journal."""
    write_whole(target, data)
    return hashlib.sha256(data).hexdigest()


def _with_skipped(jobs: list[Job], results: Results) -> Results:
    """The results with those of the jobs that are skipped, which come where they stand."""
    with contextlib.closing(results):
        for job in jobs:
            yield (FileResult(job.source, job.target, "skipped", state=job.state), 0) if job.skip else next(results)


def _how(engine: Translator, quality: int | None, metadata: str, controls: Mapping[str, object]) -> dict[str, Any]:
    """What the bytes of a result depend on beside its source."""
    precisions = [engine.precision, engine.deep_precision]
    if engine.maps != "fp32":
        precisions.append(f"maps in {engine.maps}")
    return {
        "model": engine.sha256,
        "precision": ", ".join(dict.fromkeys(precisions)),
        "ensemble": engine.ensemble,
        "controls": {name: str(value) for name, value in sorted(controls.items())},
        "quality": quality,
        "metadata": metadata,
    }


def _known(plan: Plan, how: Mapping[str, Any]) -> Known:
    """What the target's journal says of each job, as it is now."""
    journal = None if plan.root is None else journal_of(plan.root)
    without = {name: value for name, value in how.items() if name != "quality"}

    def known(job: Job, *, thorough: bool = False) -> State:
        if journal is None:
            return State(ABSENT if identity(job.target) is None else UNKNOWN)
        given = how if FORMATS[job.format].lossy else without
        return journal.state(job.source, job.target, given, thorough=thorough)

    return known


@contextlib.contextmanager
def _claim(root: Path, jobs: list[Job], how: Mapping[str, Any], model: str) -> Generator[Claim, None, None]:
    """The target folder for this run alone, with its journal open; raises StorageError where nothing can be written."""
    with contextlib.ExitStack() as stack:
        try:
            folders = {job.target.parent for job in jobs if not job.skip}
            held = claimed_in_store(root) if isinstance(root, Url) else claimed(root, folders)
            claim: Claim = stack.enter_context(held)
            claim.journal.begin(how, model=model, i2i=__version__)
        except OSError as error:
            raise ends(error, root, 0, len(jobs)) from error
        yield claim


class _Conversion:
    """One run: what became of each file, in memory and in the report's file."""

    def __init__(
        self,
        engine: Translator,
        plan: Plan,
        lines: ReportFile,
        claim: Claim | None,
        settled: Callable[[FileResult], object] | None = None,
    ) -> None:
        """`claim` is the target folder, unless one picture is converted."""
        self.started = time.monotonic()
        self.engine, self.plan = engine, plan
        self.lines, self.claim, self.settled = lines, claim, settled
        self.files: list[FileResult] = []
        self.said: tuple[str, ...] = ()
        for job, why in zip(plan.unreadable, plan.around.refusals(), strict=True):
            self._note(FileResult(job.source, job.target, "failed", why))

    def planned(self, jobs: list[Job], controls: Mapping[str, object]) -> ConversionReport:
        """What would be done."""
        results, self.said = planned(self.engine, jobs, controls)
        for result in results:
            self._note(result)
        return self._ended()

    def run(
        self,
        jobs: list[Job],
        results: Results,
        progress: Progress | None,
        unsettled: Callable[[list[Job]], Iterable[FileResult]] = lambda _: (),
    ) -> ConversionReport:
        """All of it, until the end or until something ends it, which is raised once the report has it.

        `unsettled` gives what was written but is not among the results when these are interrupted.
        """
        done, pixels = 0, 0
        try:
            with contextlib.closing(_with_skipped(jobs, results)) as settled:
                for result, seen in settled:
                    self._note(result)
                    done, pixels = done + 1, pixels + seen
                    if progress is not None:
                        progress(done, len(jobs), pixels)
            if self.claim is not None:
                self.claim.sync()
                self.claim.check()
        except BaseException as error:
            with contextlib.suppress(Exception):  # what is said is why it ended
                noted = {file.target for file in self.files}
                for result in unsettled(jobs):
                    if result.target not in noted:
                        self._note(result)
                self._ended(f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        return self._ended()

    def _recheck(self) -> None:
        """What was written must be there still."""
        for place, file in enumerate(self.files):
            if file.status == "written" and identity(file.target) is None:
                why = f"{file.target} was written, and was removed by something else while the conversion went on."
                self.files[place] = dataclasses.replace(file, status="failed", error=why, target_sha256=None)
                self.lines.add(self.files[place])

    def _note(self, result: FileResult) -> None:
        self.lines.add(result)
        self.files.append(result)
        if self.settled is not None:
            self.settled(result)

    def _ended(self, why: str | None = None) -> ConversionReport:
        places = {job.source: place for place, job in enumerate(self.plan.jobs)}
        self.files.sort(key=lambda file: places.get(file.source, -1))  # a cluster gives them in any order
        with contextlib.suppress(I2IError), listed(self.plan.root):
            self._recheck()
        notes = [*self.said, *self.plan.around.notes(), *notes_on_existing(self.files), *notes_on_left_out(self.files)]
        notes += notes_on_written(self.files, self.engine.card.scale)
        if self.lines.broken is not None:
            notes.append(f"The report is not whole ({self.lines.broken}).")
        seconds = time.monotonic() - self.started
        around = self.plan.around
        report = ConversionReport(self.files, self.engine.provider, seconds, around.left_alone, tuple(notes), why)
        self.lines.end(report)
        return report
