"""An animation, or a book of pages, converted frame by frame into a file of the same structure."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from ...images.encode import Encoded
from ...images.frames import check_frames, encode_frames, read_frames
from ...images.image import Picture, Timing
from .pipeline import Outcome, Translator
from .plan import Job
from .single import described, translated


def convert_frames(
    engine: Translator,
    job: Job,
    quality: int | None,
    metadata: str,
    controls: Mapping[str, object],
    store: Callable[[Job, Encoded], object],
) -> Outcome[Job]:
    """What became of the job; every frame is computed by itself, with the same controls, in the calling thread.

    `store` writes the job's file.
    """
    began = time.monotonic()
    results: list[Picture] = []
    durations: list[float] = []
    pixels = 0
    try:
        frames = read_frames(job.source)
        check_frames(str(job.source), frames.count, frames.are_pages, job.format)
        for picture, duration in frames.pictures:
            result = translated(engine, picture, controls)
            results.append(described(engine, result, job.format, metadata))
            durations.append(duration)
            pixels += picture.pixels.shape[0] * picture.pixels.shape[1]
    except Exception as error:
        return Outcome(job, untranslated=error)
    try:
        timing = Timing(tuple(durations), frames.plays)
        store(job, encode_frames(results, timing, frames.are_pages, job.format, quality))
    except Exception as error:
        return Outcome(job, pixels, unwritten=error)
    return Outcome(job, pixels, milliseconds={"frames": round((time.monotonic() - began) * 1000, 2)})
