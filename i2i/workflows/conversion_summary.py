"""Progress and summary of `i2i convert`."""

from __future__ import annotations

import time
from typing import Self

from ..serving import ConversionReport
from ..serving.conversion.convert import FileResult
from .progress import Bar

MOST_LISTED = 20


class Meter:
    """A bar that appears with the first picture and shows megapixels a second."""

    def __init__(self) -> None:
        self.bar: Bar | None = None

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.__exit__(None, None, None)

    def __call__(self, done: int, total: int, pixels: int) -> None:
        """`done` of `total` pictures are done, of `pixels` in all."""
        if self.bar is None:
            self.bar = Bar("Converting", total, "images", began=self.began).__enter__()
        self.bar.update(done, f"{pixels / 1e6 / max(self.bar.seconds, 1e-9):.2f} megapixels/s")


def summary(report: ConversionReport, dry_run: bool) -> str:
    """What was done, and every failure with its reason."""
    counts = report.counts
    done = f"{counts['planned']} to write" if dry_run else f"{counts['written']} written"
    lines = [f"{done}, {counts['skipped']} already there, {counts['failed']} failed, in {report.seconds:.1f} s."]
    failed = [file for file in report.files if file.status == "failed"]
    lines += [f"  failed: {_named(file)}" for file in failed[:MOST_LISTED]]
    if len(failed) > MOST_LISTED:
        lines.append(f"  … and {len(failed) - MOST_LISTED} more; --report FILE.json lists them all.")
    lines += [f"  note: {note}" for note in report.notes[-MOST_LISTED:]]
    if len(report.notes) > MOST_LISTED:
        lines.append(f"  … and {len(report.notes) - MOST_LISTED} notes before; --report FILE.json lists them all.")
    return "\n".join(lines)


def _named(file: FileResult) -> str:
    """The reason, with the file before it unless the reason names it."""
    reason = file.error or "no reason was given"
    return reason if str(file.source) in reason else f"{file.source}: {reason}"
