"""Progress and summary of `i2i convert` and `i2i verify`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Self

from ..serving import ConversionReport
from ..serving.conversion.report import FileResult
from ..serving.conversion.verify import Verification
from .progress import Bar

MOST_LISTED = 20


class Meter:
    """A bar that appears with the first file and shows megapixels a second, where pixels are told."""

    def __init__(self, what: str = "Converting", unit: str = "images") -> None:
        self.what, self.unit = what, unit
        self.bar: Bar | None = None

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        if self.bar:
            self.bar.__exit__(None, None, None)

    def __call__(self, done: int, total: int, pixels: int | None = None) -> None:
        """`done` of `total` files are done, of `pixels` in all."""
        if self.bar is None:
            self.bar = Bar(self.what, total, self.unit, began=self.began).__enter__()
        rate = "" if pixels is None else f"{pixels / 1e6 / max(self.bar.seconds, 1e-9):.2f} megapixels/s"
        self.bar.update(done, rate)
        if done >= total:
            self.bar.__exit__(None, None, None)  # another may follow


class JsonMeter:
    """Progress for programs: a JSON line to standard error, at most every half second and at the end."""

    seconds_between_lines = 0.5

    def __enter__(self) -> Self:
        self.began = self.said = time.monotonic()
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, done: int, total: int, pixels: int) -> None:
        """`done` of `total` files are done, of `pixels` in all."""
        now = time.monotonic()
        if now - self.said < self.seconds_between_lines and done < total:
            return
        self.said, seconds = now, max(now - self.began, 1e-9)
        line = {"done": done, "total": total, "pixels": pixels, "seconds": round(seconds, 3)}
        line |= {"megapixels_per_second": round(pixels / 1e6 / seconds, 4)}
        line |= {"seconds_left": round((total - done) * seconds / done, 1)}
        print(json.dumps(line), file=sys.stderr, flush=True)


class NoMeter:
    """No progress."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def __call__(self, done: int, total: int, pixels: int) -> None:
        """Say nothing."""


METERS: dict[str, type[Meter] | type[JsonMeter] | type[NoMeter]] = {
    "bar": Meter,
    "json": JsonMeter,
    "none": NoMeter,
}
"""What `--progress` takes."""


def summary(report: ConversionReport, dry_run: bool) -> str:
    """What was done, and every failure with its reason."""
    counts = report.counts
    done = f"{counts['planned']} to write" if dry_run else f"{counts['written']} written"
    lines = [f"{done}, {counts['skipped']} already there, {counts['failed']} failed, in {report.seconds:.1f} s."]
    failed = [file for file in report.files if file.status == "failed"]
    lines += [f"  failed: {_named(file)}" for file in failed[:MOST_LISTED]]
    if len(failed) > MOST_LISTED:
        lines.append(f"  … and {len(failed) - MOST_LISTED} more; --report FILE.jsonl lists them all.")
    lines += [f"  note: {note}" for note in report.notes[-MOST_LISTED:]]
    if len(report.notes) > MOST_LISTED:
        lines.append(f"  … and {len(report.notes) - MOST_LISTED} notes before; --report FILE.jsonl lists them all.")
    return "\n".join(lines)


def verified(found: Verification, target: Path) -> str:
    """What `i2i verify` says: counts, and the names of what is not as it was written."""
    lines = [f"{len(found.whole)} as they were written, {len(found.changed)} changed, {len(found.missing)} missing."]
    bad = [f"  changed: {target / name}" for name in found.changed]
    bad += [f"  missing: {target / name}" for name in found.missing]
    lines += bad[:MOST_LISTED]
    if len(bad) > MOST_LISTED:
        lines.append(f"  … and {len(bad) - MOST_LISTED} more; --report FILE.json lists them all.")
    if bad:
        lines.append("  The same i2i convert with --existing changed writes them again.")
    if found.stale:
        what, them = ("source", "it") if len(found.stale) == 1 else ("sources", "them")
        were = "was" if len(found.stale) == 1 else "were"
        lines.append(
            f"  note: the {what} of {len(found.stale)} {were} changed since; --existing changed converts {them} again."
        )
    if found.unknown:
        lines.append(f"  note: {len(found.unknown)} pictures more are there, of which the journal says nothing.")
    return "\n".join(lines)


def _named(file: FileResult) -> str:
    """The reason, with the file before it unless the reason names it."""
    reason = file.error or "no reason was given"
    return reason if str(file.source) in reason else f"{file.source}: {reason}"
