"""A folder of pictures into a folder of translations: same tree, same names; what `i2i convert` does.

Decoding and encoding run in threads beside the computation, a bounded number of pictures ahead. A broken picture
is listed and the rest is done; a full disk stops the run; what was written stays and is skipped the next time.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import json
import os
import time
from collections import Counter
from collections.abc import Callable, Generator, Mapping
from pathlib import Path

from ...errors import I2IError, SeveralFramesError, StorageError, first_line
from ...files import write_whole
from ...hardware.system import available_threads
from ...images.decode import read_picture
from ...images.encode import encode
from ...images.image import Picture
from ..inference.controls import NO_CONTROLS, resolve_controls
from .frames import convert_frames
from .pipeline import Outcome, Pipeline, Translator
from .plan import Job, plan_conversion

Progress = Callable[[int, int, int], None]
"""Called with (files done, files in all, pixels read so far) after each file."""

_STORAGE_ERRORS = {
    errno.ENOSPC: ("The disk takes no more", "Make room"),
    errno.EDQUOT: ("The quota takes no more", "Make room"),
    errno.EROFS: ("The target can be read alone", "Mount it for writing, or name another target,"),
}
"""What ends a run, as no further file could be written: what is said of it, and the way out."""


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
    left_alone: Counter[str]
    """How many files and folders below the source were not looked at, by what they are; a folder counts as one."""
    notes: tuple[str, ...]
    """What is no failure, but good to know: sentences on links that were not followed, and on what was left alone."""
    ended: str | None = None
    """What ended the run early, if anything did. Files that were being written then are whole, but not listed."""

    @property
    def others(self) -> int:
        """How many files and folders were left alone."""
        return self.left_alone.total()

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
        whole |= {"left_alone": dict(self.left_alone), "notes": [_text(note) for note in self.notes]}
        whole |= {} if self.ended is None else {"ended": _text(self.ended)}
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
    controls: Mapping[str, object] = NO_CONTROLS,
    progress: Progress | None = None,
    on_end: Callable[[ConversionReport], object] | None = None,
) -> ConversionReport:
    """Translate every picture below `source` (or the one picture it is) to the same name below `target`.

    `existing` is a key of EXISTING and `format` of FORMATS or `keep` (plan.py); `quality` is 1 to 100 for JPEG and
    WebP; `workers` are threads that decode and encode; `controls` are values by port name, the same for every picture.
    A dry run plans and checks, and writes nothing. `on_end` gets the report whatever ends the run once it is planned:
    Ctrl-C or a full disk too, with what was done until then and `ended` saying why.

    Raises RequestError before anything is done when the request makes no sense (two sources for one target, a
    folder onto itself, nothing to convert, a control that the model has not), StorageError when the disk is full:
    what was written stays.
    """
    started = time.monotonic()
    resolve_controls(engine.card, controls)  # what is no control should not fail once for each picture
    plan = plan_conversion(source, target, existing, format, quality, engine.card.output_channels)
    told = (plan.around.left_alone, plan.around.notes())
    closed = zip(plan.unreadable, plan.around.refusals(), strict=True)
    files = [FileResult(job.source, job.target, "failed", why) for job, why in closed]

    def ended(why: str | None = None) -> ConversionReport:
        report = ConversionReport(files, engine.provider, time.monotonic() - started, *told, why)
        if on_end is not None:
            on_end(report)
        return report

    if dry_run:
        files += [FileResult(j.source, j.target, "skipped" if j.skip else "planned") for j in plan.jobs]
        return ended()
    count = workers if workers is not None else max(2, min(available_threads(), 8))
    pixels = 0
    try:
        with contextlib.closing(_results(engine, plan.jobs, quality, max(1, count), controls)) as results:
            for result, seen in results:
                files.append(result)
                pixels += seen
                if progress is not None:
                    progress(len(files) - len(plan.unreadable), len(plan.jobs), pixels)
    except BaseException as error:
        with contextlib.suppress(Exception):  # a full disk takes no report either; what is said is why it ended
            ended(f"{type(error).__name__}: {error}".rstrip(": "))
        raise
    return ended()


def _results(
    engine: Translator, jobs: list[Job], quality: int | None, workers: int, controls: Mapping[str, object]
) -> Generator[tuple[FileResult, int], None, None]:
    """Results in the order of `jobs`, each with the pixels that were read."""

    def read(job: Job) -> Picture:
        return read_picture(job.source)

    def write(job: Job, picture: Picture) -> None:
        write_whole(job.target, encode(picture, job.format, quality))

    written = 0
    pipeline = Pipeline(engine, read, write, workers, controls)
    with contextlib.closing(pipeline.run(job for job in jobs if not job.skip)) as outcomes:
        for job in jobs:
            if job.skip:
                yield FileResult(job.source, job.target, "skipped"), 0
                continue
            outcome = next(outcomes)
            if isinstance(outcome.untranslated, SeveralFramesError):
                outcome = convert_frames(engine, job, quality, controls)
            result = _settle(outcome, written, len(jobs))
            written += result.status == "written"
            yield result, outcome.pixels


def _settle(outcome: Outcome[Job], written: int, total: int) -> FileResult:
    """What became of a job; raises StorageError when the disk takes no more."""
    job = outcome.item
    if outcome.untranslated is not None:
        return FileResult(job.source, job.target, "failed", _why(job, outcome.untranslated))
    error = outcome.unwritten
    if error is None:
        return FileResult(job.source, job.target, "written")
    if isinstance(error, OSError) and error.errno in _STORAGE_ERRORS:
        what, way_out = _STORAGE_ERRORS[error.errno]
        full = StorageError(
            f"{what} ({error.strerror}) at {job.target}; {written} of {total} pictures were written and are whole. "
            f"{way_out} and run the same command again: it goes on from there."
        )
        full.status = 1 if written else full.status  # 2 says that nothing was done
        raise full from error
    if isinstance(error, OSError):
        return FileResult(job.source, job.target, "failed", f"{job.target} cannot be written ({error.strerror}).")
    if isinstance(error, I2IError):
        return FileResult(job.source, job.target, "failed", f"{job.source}: {error}")
    why = f"{job.target} cannot be written ({type(error).__name__}: {first_line(error)})."
    return FileResult(job.source, job.target, "failed", why)


def _why(job: Job, error: Exception) -> str:
    """Why a picture was not translated, in a sentence."""
    if isinstance(error, I2IError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"There is not enough memory for {job.source}."
    return f"{job.source} cannot be translated ({type(error).__name__}: {first_line(error)})."


def _text(path: Path | str) -> str:
    """A path for people and JSON; bytes that are no UTF-8 show as the replacement character."""
    return os.fsencode(path).decode("utf-8", "replace")
