"""What a run does where the system does not let it write: it goes on where that is honest, and loses no checkpoint."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable

from ..errors import StorageError
from ..methods import Method
from . import checkpoint
from .checkpoint import Progress
from .log_file import Record
from .run_directory import Run

PATIENCE = 600.0
"""Seconds for which a run goes on while its checkpoint cannot be written: about what it may cost to lose."""
WAITS = (1.0, 4.0, 15.0)
"""Seconds between the last tries at the end of a run, where there is nothing else left to do."""
MOST_WAITING = 10_000
"""Lines that wait for the log at most."""

Say = Callable[[str], object]


@dataclasses.dataclass
class Tolerance:
    """Tries to write what a run can do without, and says once for each kind of thing that it cannot be written."""

    say: Say
    failing: set[str] = dataclasses.field(default_factory=set)

    def attempt(self, what: str, write: Callable[[], object]) -> bool:
        """Whether `write` could; `what` is what a sentence calls it, such as "the log"."""
        try:
            write()
        except StorageError as error:
            if what not in self.failing:
                self.failing.add(what)
                self.say(f"{error} The run goes on without {what}, and tries again each time.")
            return False
        if what in self.failing:
            self.failing.remove(what)
            self.say(f"{what} can be written again.")
        return True


class Diary:
    """log.jsonl of a run that is not to end for its sake: lines that cannot be written wait until they can be."""

    def __init__(self, run: Run, tolerance: Tolerance) -> None:
        self.run, self.tolerance = run, tolerance
        self.waiting: list[Record] = []

    def rewind(self, images: int) -> None:
        """Drop what was logged after `images`."""
        self.tolerance.attempt("the log", lambda: self.run.rewind_log(images))

    def write(self, record: Record) -> None:
        """Append the line, and before it those that wait."""
        self.waiting = [*self.waiting, record][-MOST_WAITING:]
        if self.tolerance.attempt("the log", lambda: self.run.log(*self.waiting)):
            self.waiting = []


class Saver:
    """Writes checkpoints; one that cannot be written is tried again with each line of the log, for PATIENCE seconds."""

    def __init__(self, run: Run, keep: int, say: Say, spacing: int | None = None) -> None:
        self.run, self.keep, self.say, self.spacing = run, keep, say, spacing
        self.saved_at = time.monotonic()
        self.failing_since: float | None = None

    @property
    def owes(self) -> bool:
        """Whether a checkpoint is due that could not be written."""
        return self.failing_since is not None

    def save(self, method: Method, progress: Progress, *, last: bool) -> None:
        """Write the checkpoint of now; `last` says that there will be no later one.

        Raises StorageError when it could not be written for too long. What was there stays in any case.
        """
        for wait in (*(WAITS if last else ()), None):
            try:
                checkpoint.save(self.run.checkpoints, method, progress, self.keep, self.spacing)
            except StorageError as error:
                self._failed(error, final=wait is None and last)
                if wait is not None:
                    time.sleep(wait)
                continue
            if self.owes:
                self.say(f"The checkpoint of {progress.images} images could be written.")
            self.saved_at, self.failing_since = time.monotonic(), None
            return

    def _failed(self, error: StorageError, *, final: bool) -> None:
        now = time.monotonic()
        if self.failing_since is None:
            self.failing_since = now
            self.say(f"{error} The run goes on, and tries again.")
        if final or now - self.failing_since > PATIENCE:
            kept = self.run.checkpoints_complete()
            where = f"The last checkpoint is {kept[-1]}" if kept else "There is no checkpoint yet"
            raise StorageError(
                f"{error} {where}; what was trained since is lost. Free some space, and the same command goes on."
            ) from error
