"""A folder of pictures into a folder of translations: same tree, same names; what `i2i convert` does.

Decoding and encoding run in threads beside the computation, a bounded number of pictures ahead. A broken picture
is listed and the rest is done; a full disk stops the run; what was written stays and is skipped the next time.
"""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol

from ...card import Card
from ...errors import I2IError, PictureError, StorageError
from ...files import write_whole
from ...hardware.system import available_threads
from ...images.decode import read_picture
from ...images.encode import encode
from ...images.image import Picture
from .plan import Job, plan_conversion

Progress = Callable[[int, int, int], None]
"""Called with (files done, files in all, pixels read so far) after each file."""

_STORAGE_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


class Translator(Protocol):
    """What a conversion needs of an Engine."""

    card: Card
    provider: str

    def translate(self, picture: Picture) -> Picture:
        """A picture translated."""
        ...


@dataclasses.dataclass(frozen=True)
class FileResult:
    """What became of one picture."""

    source: Path
    target: Path
    status: str
    """`written`, `skipped` (it was there), `failed`, or `planned` in a dry run."""
    error: str | None = None


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """What a conversion did, file by file, in the order of the sources."""

    files: list[FileResult]
    provider: str
    seconds: float
    others: int
    """Files below the source that are no pictures by their name, left alone."""

    @property
    def counts(self) -> Counter[str]:
        """How many files have each status."""
        return Counter(file.status for file in self.files)

    @property
    def status(self) -> int:
        """Exit status of the command: 0 all done, 1 some failed."""
        return 1 if self.counts["failed"] else 0

    def to_json(self) -> str:
        """The report as `i2i convert --report` writes it."""
        totals = {key: self.counts[key] for key in ("written", "skipped", "failed")}
        files = [
            {"source": _text(f.source), "target": _text(f.target), "status": f.status}
            | ({"error": _text(f.error)} if f.error is not None else {})
            for f in self.files
        ]
        whole = {**totals, "provider": self.provider, "seconds": round(self.seconds, 3), "files": files}
        return json.dumps(whole, ensure_ascii=False, indent=1)


def convert_folder(
    engine: Translator,
    source: Path,
    target: Path,
    *,
    existing: str = "skip",
    format: str = "keep",
    quality: int | None = None,
    workers: int | None = None,
    dry_run: bool = False,
    progress: Progress | None = None,
) -> ConversionReport:
    """Translate every picture below `source` (or the one picture it is) to the same name below `target`.

    `existing` is a key of EXISTING and `format` of FORMATS or `keep` (plan.py); `quality` is 1 to 100 for JPEG and
    WebP; `workers` are threads that decode and encode. A dry run plans and checks, and writes nothing.

    Raises RequestError before anything is done when the request makes no sense (two sources for one target, a
    folder onto itself, nothing to convert), StorageError when the disk is full: what was written stays.
    """
    started = time.monotonic()
    plan = plan_conversion(source, target, existing, format, quality, engine.card.output_channels)
    if dry_run:
        files = [FileResult(j.source, j.target, "skipped" if j.skip else "planned") for j in plan.jobs]
        return ConversionReport(files, engine.provider, time.monotonic() - started, plan.others)
    count = workers if workers is not None else max(2, min(available_threads(), 8))
    files, pixels = [], 0
    for result, seen in _pipeline(engine, plan.jobs, quality, max(1, count)):
        files.append(result)
        pixels += seen
        if progress is not None:
            progress(len(files), len(plan.jobs), pixels)
    return ConversionReport(files, engine.provider, time.monotonic() - started, plan.others)


def _pipeline(
    engine: Translator, jobs: list[Job], quality: int | None, workers: int
) -> Iterator[tuple[FileResult, int]]:
    """Results in the order of `jobs`, each with the pixels that were read."""
    ahead = iter(jobs)
    reading: deque[tuple[Job, Future[Picture] | None]] = deque()
    writing: deque[tuple[Job, Future[None] | str | None, int]] = deque()
    written = 0
    pool = ThreadPoolExecutor(workers, thread_name_prefix="i2i-convert")
    try:
        while True:
            while len(reading) <= workers and (job := next(ahead, None)) is not None:
                reading.append((job, None if job.skip else pool.submit(read_picture, job.source)))
            if reading:
                writing.append(_compute(engine, *reading.popleft(), quality, pool))
            while writing and (len(writing) > workers or not reading or _is_done(writing[0][1])):
                job, outcome, pixels = writing.popleft()
                result = _settle(job, outcome, written, len(jobs))
                written += result.status == "written"
                yield result, pixels
            if not reading and not writing:
                return
    finally:  # also when the user interrupts: begun files are finished or removed, the others are not begun
        pool.shutdown(wait=True, cancel_futures=True)


def _compute(
    engine: Translator, job: Job, read: Future[Picture] | None, quality: int | None, pool: ThreadPoolExecutor
) -> tuple[Job, Future[None] | str | None, int]:
    """The job with its writing under way, or with why there is nothing to write (None: it was there)."""
    if read is None:
        return job, None, 0
    try:
        picture = read.result()
        done = engine.translate(picture)
    except (I2IError, MemoryError) as error:
        return job, str(error) or "There is not enough memory for this picture.", 0
    height, width = picture.pixels.shape[:2]
    return job, pool.submit(_write, done, job, quality), height * width


def _write(picture: Picture, job: Job, quality: int | None) -> None:
    write_whole(job.target, encode(picture, job.format, quality))


def _is_done(outcome: Future[None] | str | None) -> bool:
    return outcome.done() if isinstance(outcome, Future) else True


def _settle(job: Job, outcome: Future[None] | str | None, written: int, total: int) -> FileResult:
    """What became of a job; raises StorageError when the disk takes no more."""
    if not isinstance(outcome, Future):
        return FileResult(job.source, job.target, "skipped" if outcome is None else "failed", outcome)
    try:
        outcome.result()
    except PictureError as error:
        return FileResult(job.source, job.target, "failed", f"{job.source}: {error}")
    except OSError as error:
        if error.errno in _STORAGE_ERRORS:
            full = StorageError(
                f"The disk takes no more ({error.strerror}) at {job.target}; {written} of {total} pictures were "
                "written and are whole. Make room and run the same command again: it goes on from there."
            )
            full.status = 1 if written else full.status  # 2 says that nothing was done
            raise full from error
        return FileResult(job.source, job.target, "failed", f"{job.target} cannot be written ({error.strerror}).")
    return FileResult(job.source, job.target, "written")


def _text(path: Path | str) -> str:
    """A path for people and JSON; bytes that are no UTF-8 show as the replacement character."""
    return os.fsencode(path).decode("utf-8", "replace")
