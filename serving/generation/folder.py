"""A folder full of pictures from noise; what `i2i generate` does.

Picture n is a function of (seed, n) alone and lies under its number, so the same command again does what is left. What
made each file is in the folder's journal, as of a conversion, with the model as the source.
"""

from __future__ import annotations

import contextlib
import dataclasses
import re
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ... import __version__
from ...errors import RequestError
from ...hardware.system import available_threads
from ...images.encode import encode
from ...images.formats import FORMATS
from ...ports import Port
from ..conversion.claim import Claim, claimed
from ..conversion.failures import STORAGE_ERRORS, ends, why_unwritten
from ..conversion.journal import Journal, State, source_now
from ..conversion.plan import Job, settle_existing
from ..conversion.report import ConversionReport, FileResult, ReportFile, notes_on_existing
from ..inference.executors import FloatArray
from .arrays import VOLUMES, format_of, volume_file
from .generator import Generator
from .picks import Pick

Progress = Callable[[int, int, int], None]
"""Called with (files done, files in all, pixels made so far)."""

DIGITS = 6
"""Of a file's name, whatever the count: names stay when it grows."""
MOST = 10**DIGITS
"""Pictures of a seed in a folder."""


def picks_of(
    generator: Generator,
    count: int,
    seed: int = 0,
    controls: tuple[tuple[str, object], ...] = (),
    truncation: float | None = None,
    mix: int | None = None,
    layer: int | None = None,
) -> list[Pick]:
    """The pictures from 0 to `count`; with `mix`, another seed, the layers from `layer` on (from the middle unless
    given) take the w of the picture of that seed with the same number. Raises what `Generator.check` raises.
    """
    if not 1 <= count <= MOST:
        raise RequestError(f"--count is {count:,}; it must lie between 1 and {MOST:,}. Others have another --seed.")
    if mix is None and layer is not None:
        raise RequestError("--mix-layer says from which layer on --mix SEED holds; give that too.")
    styles = next((port.shape[0] or 0 for port in generator.card.outputs if port.kind == "state"), 0)
    first = styles // 2 if layer is None else layer
    others = [None if mix is None else Pick(mix, n, controls, truncation) for n in range(count)]
    picks = [
        Pick(seed, n, controls, truncation, mix=other, layer=0 if other is None else first)
        for n, other in enumerate(others)
    ]
    generator.check(picks[0])
    return picks


def generate_folder(
    generator: Generator,
    target: Path,
    picks: Sequence[Pick],
    *,
    format: str | None = None,
    quality: int | None = None,
    existing: str = "skip",
    is_flat: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    report: Path | None = None,
) -> ConversionReport:
    """Write each pick's picture to `target`: `000012.png`, in a folder for each class where the file has classes,
    unless `is_flat`. `existing` is a key of EXISTING (conversion/plan.py), `report` a file for JSON lines, `format` of
    FORMATS: by default PNG, of volumes a `.npz`.

    Raises RequestError before anything is done when the request makes no sense, StorageError when the disk is full:
    what was written stays, and the same again does the rest.
    """
    format = format_of(generator.card, format)
    if quality is not None and not 1 <= quality <= 100:
        raise RequestError(f"quality is {quality}; it must lie between 1 and 100.")
    if target.exists() and not target.is_dir():
        raise RequestError(f"{target} is a file. Name a folder for the pictures.")
    is_lossy = format != VOLUMES and FORMATS[format].lossy
    how = _how(generator, picks[0], quality if is_lossy else None)
    plan = [Job(generator.path, target / name, format) for name in _names(generator, picks, format, is_flat)]

    def settled() -> list[Job]:
        journal = Journal(target)

        def known(job: Job, *, thorough: bool = False) -> State:
            return journal.state(job.source, job.target, how, thorough=thorough)

        return settle_existing(plan, existing, known)

    with contextlib.ExitStack() as stack:
        jobs, claim = settled(), None
        if not all(job.skip for job in jobs):
            claim = stack.enter_context(_claimed(target, jobs, how, generator))
            jobs = settled()  # as it is now that nobody else writes
        lines = stack.enter_context(ReportFile(report))
        lines.begin(i2i=__version__, model=generator.card.name, provider=generator.provider, how=how, files=len(jobs))
        return _Making(generator, claim, lines, quality, workers).run(list(zip(jobs, picks, strict=True)), progress)


def _names(generator: Generator, picks: Sequence[Pick], format: str, is_flat: bool) -> Iterator[str]:
    suffix = f".{VOLUMES}" if format == VOLUMES else FORMATS[format].suffixes[0]
    for pick in picks:
        name = f"{pick.number:0{DIGITS}d}{suffix}"
        label = label_of(generator, pick)
        yield name if label is None or is_flat else f"{folder_of(label)}/{name}"


def classes_of(generator: Generator) -> Port | None:
    """The port that takes the class; None where the file has no classes."""
    return next((port for port in generator.card.inputs if port.kind == "label"), None)


def label_of(generator: Generator, pick: Pick) -> str | None:
    """The class of a picture; None where the file has no classes."""
    port = classes_of(generator)
    if port is None:
        return None
    return str(dict(pick.controls).get(port.name, port.choices[pick.number % len(port.choices)]))


def folder_of(label: str) -> str:
    """A class's name as that of a folder: without what file systems do not take."""
    return re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", label).strip(" .") or "_"


def _how(generator: Generator, pick: Pick, quality: int | None) -> dict[str, Any]:
    """What the bytes of a picture depend on beside its number."""
    along = {each.name: each.vector for each in generator.directions if f"direction.{each.name}" in dict(pick.controls)}
    return {
        "model": generator.sha256,
        "precision": generator.precision,
        "seed": pick.seed,
        "controls": {name: str(value) for name, value in pick.controls},
        "directions": {name: list(vector) for name, vector in along.items()},
        "truncation": pick.truncation,
        "mix": None if pick.mix is None else [pick.mix.seed, pick.layer],
        "quality": quality,
    }


@contextlib.contextmanager
def _claimed(target: Path, jobs: Sequence[Job], how: Mapping[str, Any], generator: Generator) -> Iterator[Claim]:
    with contextlib.ExitStack() as stack:
        try:
            claim = stack.enter_context(claimed(target, {job.target.parent for job in jobs if not job.skip}))
            claim.journal.begin(how, model=generator.card.name, i2i=__version__)
        except OSError as error:
            raise ends(error, target, 0, len(jobs)) from error
        yield claim


class _Making:
    """One run: pictures computed in this thread, encoded and written in others, a bounded number ahead."""

    def __init__(
        self, generator: Generator, claim: Claim | None, lines: ReportFile, quality: int | None, workers: int | None
    ) -> None:
        self.generator, self.claim, self.lines, self.quality = generator, claim, lines, quality
        self.workers = max(1, workers) if workers is not None else max(2, min(available_threads(), 8))
        self.files: list[FileResult] = []
        self.began = time.monotonic()
        self.source = source_now(generator.path)

    def run(self, rows: Sequence[tuple[Job, Pick]], progress: Progress | None) -> ConversionReport:
        """All of it, until the end or until something ends it, which is raised once the report has it."""
        pixels = self.generator.size[1] * self.generator.size[2]
        made = 0

        def note(result: FileResult) -> None:
            nonlocal made
            made += result.status == "written"
            self.lines.add(result)
            self.files.append(result)
            if progress is not None:
                progress(len(self.files), len(rows), made * pixels)

        for job, _ in rows:
            if job.skip:
                note(FileResult(job.source, job.target, "skipped", state=job.state))
        waiting: deque[Future[FileResult]] = deque()
        left = [row for row in rows if not row[0].skip]
        try:
            with ThreadPoolExecutor(self.workers, "i2i-write") as pool:
                try:
                    for sample, job, pick in self._computed(left):
                        waiting.append(pool.submit(self._written, sample, job, pick, len(rows)))
                        while len(waiting) > 2 * self.workers:
                            note(waiting.popleft().result())
                    while waiting:
                        note(waiting.popleft().result())
                except BaseException:
                    pool.shutdown(cancel_futures=True)
                    for future in waiting:
                        if not future.cancelled() and future.exception() is None:
                            note(future.result())  # those begun are whole
                    raise
            if self.claim is not None:
                self.claim.sync()
                self.claim.check()
        except BaseException as error:
            self._ended(f"{type(error).__name__}: {error}".rstrip(": "))
            raise
        return self._ended()

    def _computed(self, rows: Sequence[tuple[Job, Pick]]) -> Iterator[tuple[FloatArray, Job, Pick]]:
        done = 0
        while done < len(rows):
            part = rows[done : done + max(1, self.generator.largest)]
            samples = self.generator.pictures([pick for _, pick in part])
            yield from ((sample, *row) for sample, row in zip(samples, part, strict=True))
            done += len(part)

    def _written(self, sample: FloatArray, job: Job, pick: Pick, total: int) -> FileResult:
        """Encode a picture and write it; raises StorageError where no further file could be written."""
        assert self.claim is not None
        try:
            data = volume_file(sample) if job.format == VOLUMES else self._encoded(sample, job, pick)
            digest = self.claim.write(job.target, data, job.source, self.source)
        except OSError as error:
            if error.errno in STORAGE_ERRORS:
                done = sum(file.status == "written" for file in self.files)
                raise ends(error, job.target.parent, done, total) from error
            return FileResult(job.source, job.target, "failed", why_unwritten(job, error))
        return FileResult(job.source, job.target, "written", target_sha256=digest)

    def _encoded(self, sample: FloatArray, job: Job, pick: Pick) -> bytes:
        picture = dataclasses.replace(self.generator.picture(sample), texts=tuple(self._texts(pick).items()))
        return encode(picture, job.format, self.quality)

    def _texts(self, pick: Pick) -> dict[str, str]:
        """What stands in a PNG: by what it can be made again."""
        label, port = label_of(self.generator, pick), classes_of(self.generator)
        told = {"Software": f"i2i {__version__}", "model": self.generator.card.name, "seed": str(pick.seed)}
        told |= {"number": str(pick.number)} | ({} if label is None else {"label": label})
        told |= {name: str(value) for name, value in pick.controls if port is None or name != port.name}
        if pick.truncation is not None:
            told["truncation"] = f"{pick.truncation:g}"
        if pick.mix is not None:
            told["mix"] = f"seed {pick.mix.seed} from layer {pick.layer}"
        return told

    def _ended(self, why: str | None = None) -> ConversionReport:
        self.files.sort(key=lambda file: file.target.name)
        notes = notes_on_existing(self.files)
        if self.lines.broken is not None:
            notes.append(f"The report is not whole ({self.lines.broken}).")
        seconds = time.monotonic() - self.began
        report = ConversionReport(self.files, self.generator.provider, seconds, Counter(), tuple(notes), why)
        self.lines.end(report)
        return report
