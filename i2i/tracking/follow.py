"""Following a run: what its directory has and a tracker was not told yet, until the training ends.

The backlog is the log on the disk: nothing is queued in memory, and nothing is dropped when a tracker is slow or down.
A run that was killed, rewound or trained without a tracker is told in full the next time somebody follows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from ..errors import first_line
from ..training.log_file import LogPlace
from ..training.run_directory import Run
from .trackers import TRACKERS, Tracker, made

POLL = 1.0
"""Seconds between looks at the log."""

LONGEST_PAUSE = 60.0
"""Seconds between attempts at a tracker that fails: 5, 10, 20 … up to this."""


class Follower:
    """Tells one tracker what a run has."""

    def __init__(self, run: Run, tracker: Tracker) -> None:
        self.run, self.tracker = run, tracker
        self.told = self.shown = tracker.begin()
        self.place = LogPlace()

    def catch_up(self) -> None:
        """Tell what is new; where that fails, the next call begins with what failed."""
        records, place = self.run.new_records(self.place)
        if self.place.inode not in (0, place.inode):  # the training went back to a checkpoint
            self.told = self.shown = self.tracker.rewind()
        for record in records:
            images = record.get("images")
            if isinstance(images, int) and images > self.told:
                self._show_until(images)
                self.tracker.tell(record)
                self.told = images
        self.place = place

    def end(self) -> None:
        """The training has ended."""
        planned = self.run.planned()
        self.tracker.end(planned is not None and self.told >= planned)

    def _show_until(self, images: int) -> None:
        """Grids that the log has come to: later ones may be of a stretch that was given up."""
        for at, grid in self.run.grids():
            if self.shown < at <= images:
                self.tracker.show(at, grid)
                self.shown = at


def follow(name: str, run: Run, ended: threading.Event, say: Callable[[str], object]) -> bool:
    """Tell the tracker of that name about `run` until `ended`; gives whether it was told everything.

    Never raises for what a tracker does. What fails is tried again, at growing intervals and once at the end; `say`
    gets one sentence about it, and where people find the run.
    """
    title = TRACKERS[name].title
    follower: Follower | None = None
    pause, complained, last = POLL, False, False
    while not last:
        last = ended.wait(pause)
        if not run.exists:
            continue
        try:
            if follower is None:
                follower = Follower(run, made(name, run))
                if follower.tracker.place:
                    say(f"{title}: {follower.tracker.place}")
            follower.catch_up()
            if last:
                follower.end()
            pause = POLL
        except Exception as error:
            reason = first_line(error) or type(error).__name__
            if not complained and not last:
                say(f"Note: {title} does not take the run ({reason}). The training goes on, and it is tried again.")
            if not TRACKERS[name].apart:
                follower = None  # a file may end in half a record: the next attempt makes it anew
            complained, pause = True, min(LONGEST_PAUSE, max(5.0, 2 * pause))
            if last:
                say(f"Note: {title} was not told everything ({reason}). {way_out(name, run)}")
                return False
    return True


def way_out(name: str, run: Run) -> str:
    """How the rest is told."""
    return f"Nothing is lost: python -m i2i.tracking {run.path} {name} tells it the rest, and so does the next resume."
