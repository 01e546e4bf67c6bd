"""What a conversion did: in memory for Python, and as JSON lines in a file that grows while it works."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import types
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from ...errors import RequestError
from ...images.metadata.place import MAKERS_NOTES
from .journal import CHANGED, UNKNOWN, State


@dataclasses.dataclass(frozen=True)
class FileResult:
    """What became of one picture."""

    source: Path
    target: Path
    status: str
    """`written`, `skipped` (it was there), `failed`, or `planned` in a dry run."""
    error: str | None = None
    state: State | None = None
    """Of a skipped one: what is known of what made it."""
    source_sha256: str | None = None
    target_sha256: str | None = None
    left_out: tuple[str, ...] = ()
    """What of the source the target's format does not hold: `IPTC`, `16 bits`, `alpha` …"""
    notes: tuple[str, ...] = ()
    """What else is good to know of it."""
    dpi: tuple[float, float] | None = None
    """Pixels an inch of the target, where the model enlarges."""
    milliseconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    """Of `read`, `compute` and `write`, as far as it came; of `frames`, where a file has several."""


@dataclasses.dataclass(frozen=True)
class ConversionReport:
    """What a conversion did, file by file, in the order of the sources."""

    files: list[FileResult]
    provider: str
    seconds: float
    left_alone: Counter[str]
    """How many files and folders below the source were not looked at, by what they are; a folder counts as one."""
    notes: tuple[str, ...]
    """What is no failure, but good to know: sentences on links that were not followed, on what was left alone, and on
    targets that something else made."""
    ended: str | None = None
    """What ended the run early, if anything did. Files that were being written then are whole and listed."""

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


def notes_on_existing(files: list[FileResult]) -> list[str]:
    """Sentences on skipped targets that this model with these options did not make of these sources."""
    states = [file.state for file in files if file.state is not None]
    changed = Counter(state.what for state in states if state.kind == CHANGED)
    said = [
        f"{count} of those already there {_made_by(what, count)}, and left as {'it is' if count == 1 else 'they are'}; "
        f"--existing changed converts {'it' if count == 1 else 'them'} again."
        for what, count in sorted(changed.items())
    ]
    unknown = sum(state.kind == UNKNOWN for state in states)
    if unknown:
        rest = (
            "is in no journal, so nothing is known of what made it."
            if unknown == 1
            else ("are in no journal, so nothing is known of what made them.")
        )
        said.append(f"{unknown} of those already there {rest}")
    return said


def _made_by(what: str, count: int) -> str:
    was, it = ("was", "it was") if count == 1 else ("were", "they were")
    if what == "file":
        return f"{was} changed or cut since {it} written"
    return f"{was} made with another {what.replace(', ', ' and another ')}"


def notes_on_left_out(files: list[FileResult]) -> list[str]:
    """Sentences on what the targets do not hold of their sources, or none."""
    counts = Counter(what for file in files for what in file.left_out)
    notes = counts.pop(MAKERS_NOTES, 0)
    rows = [f"{what} ({count})" for what, count in sorted(counts.items())]
    said = [f"Left out, as the written files cannot hold it: {'; '.join(rows)}."] if rows else []
    return said + ([f"Left out, as a place may stand in them: {MAKERS_NOTES} ({notes})."] if notes else [])


def notes_on_written(files: list[FileResult], scale: int) -> list[str]:
    """Sentences on what is good to know of the targets, or none."""
    scaled = sum(file.dpi is not None for file in files)
    said = (
        [f"The resolution of {scaled} was multiplied by {scale}, so that prints keep their size in inches."]
        if scaled
        else []
    )
    counts = Counter(note for file in files for note in file.notes)
    return said + [f"{note} ({count})." for note, count in sorted(counts.items())]


class ReportFile:
    """JSON lines: what is converted and how, a line a file as it is done, and at the end the counts.

    A line on a file replaces an earlier one on the same target. Where the file cannot be written any more, the
    conversion goes on and `broken` says why.
    """

    def __init__(self, path: Path | None) -> None:
        """No file without a path. Raises RequestError when nothing can be written there."""
        self.broken: str | None = None
        self._file = None
        if path is not None:
            try:
                self._file = path.open("w", encoding="utf-8")
            except OSError as error:
                raise RequestError(
                    f"No report can be written to {path} ({error.strerror}). Name another file."
                ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: types.TracebackType | object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()

    def begin(self, **about: Any) -> None:
        """The first line."""
        self._add({"report": 1, **about})

    def add(self, file: FileResult) -> None:
        """A line on one file."""
        line = {"source": _text(file.source), "target": _text(file.target), "status": file.status}
        if file.error is not None:
            line["error"] = _text(file.error)
        if file.state is not None:
            line["made"] = file.state.kind if not file.state.what else f"{file.state.kind}: {file.state.what}"
        for key in ("source_sha256", "target_sha256", "left_out", "notes", "dpi", "milliseconds"):
            if value := getattr(file, key):
                line[key] = value
        self._add(line)

    def end(self, report: ConversionReport) -> None:
        """The last line."""
        totals: dict[str, Any] = {key: report.counts[key] for key in ("written", "skipped", "failed")}
        totals |= {"provider": report.provider, "seconds": round(report.seconds, 3)}
        totals |= {"left_alone": dict(report.left_alone), "notes": [_text(note) for note in report.notes]}
        self._add(totals | ({} if report.ended is None else {"ended": _text(report.ended)}))

    def _add(self, line: Mapping[str, Any]) -> None:
        if self._file is None or self.broken is not None:
            return
        try:
            self._file.write(json.dumps(line, ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            self.broken = error.strerror or str(error)


def _text(path: Path | str) -> str:
    """A path for people and JSON; bytes that are no UTF-8 show as the replacement character."""
    return os.fsencode(path).decode("utf-8", "replace")
