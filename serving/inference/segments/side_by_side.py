"""Work on the channels of a map, in as many threads as there are processors: numpy lets others run meanwhile."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable

from ....hardware.system import available_threads

LITTLE = 2**20
"""Values below which threads cost more than they give."""

Work = Callable[[slice], object]


def for_channels(channels: int, values: int, work: Work) -> None:
    """Do `work` for all channels, some at a time; `values` are all that are gone through. Raises what `work` raises."""
    parts = min(channels, available_threads()) if values > LITTLE else 1
    ends = [part * channels // parts for part in range(parts + 1)]
    first, *others = itertools.starmap(slice, itertools.pairwise(ends))
    helpers = [_Helper(work, some) for some in others]
    work(first)
    for helper in helpers:
        helper.wait()


class _Helper:
    """A part of the work in a thread, or in this one where there is no memory for another."""

    def __init__(self, work: Work, some: slice) -> None:
        self.work, self.some = work, some
        self.error: BaseException | None = None
        self.thread = threading.Thread(target=self._do)
        try:
            self.thread.start()
        except RuntimeError:
            work(some)

    def _do(self) -> None:
        try:
            self.work(self.some)
        except BaseException as error:  # raised by who waits
            self.error = error

    def wait(self) -> None:
        if self.thread.ident is not None:
            self.thread.join()
        if self.error is not None:
            raise self.error
