"""The doctor beside a run: it reads each line before it is written, and can end the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..diagnostics.doctor import Ailment, Monitor
from ..methods import Batch
from .run_directory import Run

Record = dict[str, Any]


class Watch:
    """Names what ails a run as it happens; with `ends`, a new failure that can be cured within the run ends it.

    What it says depends on the lines of the log alone, so that a resumed run hears the same.
    """

    def __init__(self, total: int | None, settings: Mapping[str, Any], *, ends: bool = False) -> None:
        self.monitor = Monitor(total, settings)
        self.ends = ends
        self.ended_by: Ailment | None = None
        self.further: Sequence[Batch] = ()
        """Held-out pictures that it looks at beside those that validate, in batches."""

    def catch_up(self, run: Run, images: int) -> None:
        """Read what the log has up to the checkpoint that the run goes on from."""
        for record in run.records():
            if record.get("images", 0) <= images:
                self.monitor.add(record)

    def see(self, record: Record) -> Record:
        """What a line gets besides: `health_found`, the failures that it is the first to show."""
        found = self.monitor.add(record)
        if self.ends and found and self.ended_by is None:
            self.ended_by = found[0]
        return {"health_found": [one.record() for one in found]} if found else {}
