"""What a conversion will take, before it begins: pictures and megapixels by their headers, time, room on the disk."""

from __future__ import annotations

import contextlib
import shutil
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ...errors import PictureError
from ...hardware.system import available_threads
from ...images.decode import read_header
from ...images.find import identity
from ...images.formats import FORMATS, format_of
from ...images.image import Header, Picture
from ...text import duration
from .pipeline import Translator
from .plan import Job
from .report import FileResult
from .single import translated
from .stores.url import Url

BYTES_A_PIXEL = {"jpg": 0.5, "webp": 0.4, "avif": 0.3, "jxl": 0.6, "png": 2.5, "tiff": 2.5, "bmp": 3, "tga": 3}
"""Of photographs in 8 bits, roughly; where the format stays, the source's own size says it better."""
PROBE = 256
"""Pixels a side of what the model is timed on."""


def planned(
    engine: Translator, jobs: list[Job], controls: Mapping[str, object]
) -> tuple[list[FileResult], tuple[str, ...]]:
    """What would become of each job, by its header, and sentences on the whole."""
    with ThreadPoolExecutor(max(2, available_threads())) as pool:
        looked = list(pool.map(_look, jobs))
    results, pixels, room = [], 0, 0.0
    for job, found in zip(jobs, looked, strict=True):
        if isinstance(found, str):
            results.append(FileResult(job.source, job.target, "failed", found))
            continue
        results.append(FileResult(job.source, job.target, "skipped" if job.skip else "planned", state=job.state))
        if isinstance(found, Header):
            pixels += found.width * found.height
            room += _room(job, found, engine.card.scale)
    ahead = [job for job, found in zip(jobs, looked, strict=True) if isinstance(found, Header)]
    said = _said(engine, ahead, pixels, room, controls) if ahead else []
    return results, (*said, *_said_of_stores([job for job in jobs if not job.skip and isinstance(job.source, Url)]))


def _look(job: Job) -> Header | str | None:
    """The header; why there is none; None for what is left alone, or lies in a store, where it would be fetched."""
    if job.skip or isinstance(job.source, Url):
        return None
    try:
        return read_header(job.source)
    except PictureError as error:
        return str(error)


def _room(job: Job, header: Header, scale: int) -> float:
    """Bytes of the file to come, roughly."""
    if format_of(job.source.suffix) == job.format:
        return job.source.stat().st_size * scale**2
    return BYTES_A_PIXEL.get(job.format, 3) * header.width * header.height * scale**2 * max(header.depth // 8, 1)


def _said(engine: Translator, ahead: list[Job], pixels: int, room: float, controls: Mapping[str, object]) -> list[str]:
    kinds = Counter(FORMATS[format_of(job.source.suffix)].title for job in ahead)
    listed = ", ".join(f"{count} {title}" for title, count in kinds.most_common())
    said = [f"To read: {listed}; {pixels / 1e6:.1f} megapixels."]
    with contextlib.suppress(Exception):  # a model that cannot be run says so when it is
        said.append(
            f"Takes about {duration(pixels * _seconds_a_pixel(engine, controls))} here, by a first measurement."
        )
    if isinstance(ahead[0].target, Url):
        return said
    place = ahead[0].target.parent
    while identity(place) is None and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    said.append(f"Needs about {room / 2**20:.1f} MB; {free / 2**20:.0f} MB are free at {place.absolute()}.")
    if room > free:
        said.append("They will not fit, as far as can be told. Make room, or name another target.")
    return said


def _said_of_stores(far: list[Job]) -> list[str]:
    size = sum(job.source.stat().st_size for job in far)
    return [f"To fetch: {len(far)} pictures, {size / 2**20:.1f} MB; a dry run opens none of them."] if far else []


def _seconds_a_pixel(engine: Translator, controls: Mapping[str, object]) -> float:
    """Of the second of two runs, the first being dear."""
    pixels = np.zeros((PROBE, PROBE, engine.card.input_channels), np.uint8)
    for _ in range(2):
        began = time.monotonic()
        translated(engine, Picture(pixels), controls)
        seconds = time.monotonic() - began
    return seconds / PROBE**2
