"""What becomes of each picture of a conversion: read, translated, encoded, and handed to whoever writes files."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from ...errors import PictureError, SeveralFramesError, StorageError
from ...images.decode import read_picture
from ...images.encode import Encoded, encoded
from ...images.frames import check_frames, encode_frames, read_frames
from ...images.image import Picture, Timing
from .failures import STORAGE_ERRORS, ends, lacked_memory, why_failed, why_unwritten
from .journal import Source, source_now
from .pipeline import Outcome, Pipeline, Translator
from .plan import Job
from .report import FileResult
from .single import described, translated
from .stores.fetch import fetched, named
from .stores.url import Url

Results = Generator[tuple[FileResult, int], None, None]
"""What became of each job, with the pixels that were read of it."""


Write = Callable[[Path, bytes, Path, Source], str]
"""Called with target, bytes, source, and the source as it was read; puts the file into its place and gives its SHA-256.
Raises StorageError and OSError."""


class Making:
    """Files made by one engine in one way."""

    def __init__(
        self, engine: Translator, write: Write, quality: int | None, metadata: str, controls: Mapping[str, object]
    ) -> None:
        """The options are those of convert_folder."""
        self.engine, self.write = engine, write
        self.quality, self.metadata, self.controls = quality, metadata, controls
        self._sources: dict[Path, Source] = {}
        self._written: dict[Path, dict[str, Any]] = {}

    def results(self, jobs: list[Job], workers: int, total: int) -> Results:
        """In the order of `jobs`, but those last that memory does not suffice for beside others.

        `workers` threads read and write, and `total` is of all the run, for its messages.

        Raises StorageError when nothing more can be written.
        """
        written = 0
        with contextlib.closing(self._tried(jobs, workers)) as outcomes:
            for outcome in outcomes:
                result = self._settle(outcome, written, total)
                written += result.status == "written"
                yield result, outcome.pixels
                self._sources.pop(result.target, None)
                self._written.pop(result.target, None)

    def unsettled(self, jobs: list[Job]) -> list[FileResult]:
        """Those of the jobs that were written, but given to nobody, when the results were closed."""
        return [
            FileResult(job.source, job.target, "written", source_sha256=self._sources[job.target].sha256, **about)
            for job in jobs
            if (about := self._written.get(job.target)) is not None
        ]

    def _tried(self, jobs: list[Job], workers: int) -> Generator[Outcome[Job], None, None]:
        """What became of jobs; last of those that memory did not suffice for beside others."""
        scarce: list[Job] = []
        yield from self._outcomes(jobs, workers, scarce)
        # Once more with nothing read ahead or kept of others, small files first: what fits alone is written.
        for job in sorted(scarce, key=_size):
            self.engine.let_go()
            yield from self._outcomes([job], 1)

    def _outcomes(
        self, jobs: list[Job], workers: int, scarce: list[Job] | None = None
    ) -> Generator[Outcome[Job], None, None]:
        """What became of jobs, without those that memory did not suffice for, which are added to `scarce`."""
        pipeline = Pipeline(self.engine, self._read, self._write, workers, self.controls)
        with contextlib.closing(pipeline.run(jobs)) as outcomes:
            for outcome in outcomes:
                if isinstance(outcome.untranslated, SeveralFramesError):
                    outcome = self._frames(outcome.item)
                if scarce is not None and lacked_memory(outcome.untranslated or outcome.unwritten):
                    scarce.append(outcome.item)
                else:
                    yield outcome

    def _read(self, job: Job) -> Picture:
        """The picture; its digest is kept."""
        if isinstance(job.source, Url):
            data, self._sources[job.target] = fetched(job.source)
            with named(job.source):
                return read_picture(data)
        with contextlib.suppress(OSError):  # which the decoder says better
            self._sources[job.target] = source_now(job.source)
        return read_picture(job.source)

    def _write(self, job: Job, picture: Picture) -> None:
        result = described(self.engine, picture, job.format, self.metadata)
        self._store(job, encoded(result, job.format, self.quality))

    def _store(self, job: Job, file: Encoded) -> None:
        """Write a file; raises PictureError where its source is another by now, and what writing raises."""
        read = self._sources.get(job.target)
        if read is None or not read.is_at(job.source):
            raise PictureError("it was changed while it was converted. Run the same command again.")
        digest = self.write(job.target, file.data, job.source, read)
        dpi = file.dpi if self.engine.card.scale > 1 else None
        said = {"left_out": file.left_out, "notes": file.notes, "dpi": dpi}
        self._written[job.target] = {"target_sha256": digest, **said}

    def _frames(self, job: Job) -> Outcome[Job]:
        """An animation, or a book of pages, frame by frame into a file of the same structure, in the calling thread."""
        began = time.monotonic()
        results: list[Picture] = []
        durations: list[float] = []
        pixels = 0
        try:
            with named(job.source):
                frames = read_frames(fetched(job.source)[0] if isinstance(job.source, Url) else job.source)
                check_frames(str(job.source), frames.count, frames.are_pages, job.format)
                for picture, duration in frames.pictures:
                    result = translated(self.engine, picture, self.controls)
                    results.append(described(self.engine, result, job.format, self.metadata))
                    durations.append(duration)
                    pixels += picture.pixels.shape[0] * picture.pixels.shape[1]
        except Exception as error:
            return Outcome(job, untranslated=error)
        try:
            timing = Timing(tuple(durations), frames.plays)
            self._store(job, encode_frames(results, timing, frames.are_pages, job.format, self.quality))
        except Exception as error:
            return Outcome(job, pixels, unwritten=error)
        return Outcome(job, pixels, milliseconds={"frames": round((time.monotonic() - began) * 1000, 2)})

    def _settle(self, outcome: Outcome[Job], written: int, total: int) -> FileResult:
        """What became of a job; raises StorageError when nothing more can be written."""
        job = outcome.item
        source = self._sources.get(job.target)
        result = FileResult(
            job.source,
            job.target,
            "failed",
            source_sha256=None if source is None else source.sha256,
            milliseconds=outcome.milliseconds,
        )
        if outcome.untranslated is not None:
            return dataclasses.replace(result, error=why_failed(job, outcome.untranslated))
        error = outcome.unwritten
        if error is None:
            return dataclasses.replace(result, status="written", **self._written[job.target])
        if isinstance(error, StorageError):
            error.status = 1 if written else error.status
            raise error
        if isinstance(error, OSError) and error.errno in STORAGE_ERRORS:
            raise ends(error, job.target, written, total) from error
        return dataclasses.replace(result, error=why_unwritten(job, error))


def _size(job: Job) -> int:
    """Bytes of the source; 0 where it is not there any more."""
    try:
        return job.source.stat().st_size
    except OSError:
        return 0
