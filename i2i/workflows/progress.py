"""Progress with rate and time left: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Protocol, Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column

from ..text import duration

T = TypeVar("T")


class Say(Protocol):
    """Where a workflow's sentences go; `typer.echo` is one."""

    def __call__(self, text: str, /, *, err: bool = False) -> object:
        """`err` is for notes and for what was left out, which do not belong among results."""


def silent(_: str, /, *, err: bool = False) -> None:
    """Say nothing."""


class Bar:
    """Counts `unit`s up to a total; `start` of them were done before and do not count for the rate.

    `began` is when the work did, on the monotonic clock, where that was before the bar was made.
    """

    def __init__(
        self,
        what: str,
        total: int,
        unit: str,
        start: int = 0,
        seconds_between_lines: float = 10,
        began: float | None = None,
    ) -> None:
        self.what, self.total, self.unit, self.start = what, total, unit, start
        self.said = time.monotonic()
        self.began = self.said if began is None else began
        self.between = seconds_between_lines
        self.bar: Progress | None = None
        if sys.stderr.isatty():
            columns = (
                TextColumn("{task.description}", table_column=Column(no_wrap=True)),
                BarColumn(bar_width=12),
                TextColumn("{task.completed:.0f}/{task.total:.0f}", table_column=Column(no_wrap=True)),
                TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True)),
                TextColumn(
                    "{task.fields[words]}",
                    style="dim",
                    table_column=Column(no_wrap=True, overflow="ellipsis", ratio=1),
                ),
            )
            self.bar = Progress(*columns, console=Console(stderr=True), expand=True)
            self.task = self.bar.add_task(what, total=total, completed=start, words="")

    def __enter__(self) -> Self:
        if self.bar:
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar:
            self.bar.stop()

    @property
    def seconds(self) -> float:
        """Since the bar was made."""
        return time.monotonic() - self.began

    def update(self, done: int, words: str = "") -> None:
        """`done` of the total are done now."""
        now = time.monotonic()
        rate = (done - self.start) / max(now - self.began, 1e-9)
        words = f"{rate:.3g} {self.unit}/s" + (f"; {words}" if words else "")
        if self.bar:
            self.bar.update(self.task, completed=done, total=self.total, words=words)
        elif now - self.said >= self.between or done >= self.total:
            self.said = now
            left = duration((self.total - done) / rate) if rate > 0 else "?"
            print(f"{self.what}: {done}/{self.total} {self.unit}, {left} left, {words}", file=sys.stderr, flush=True)


class Bars:
    """One bar after another, for work of several steps; each is closed when the next one begins."""

    def __init__(self) -> None:
        self.open: Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def begin(self, what: str, total: int, unit: str) -> Bar:
        """The bar of the next step."""
        self._close()
        self.open = Bar(what, total, unit)
        return self.open.__enter__()

    def counted(self, things: Iterable[T], what: str, total: int, unit: str) -> Iterator[T]:
        """The same things, a step that counts them."""
        bar = self.begin(what, total, unit)
        for done, thing in enumerate(things, start=1):
            yield thing
            bar.update(done)

    def at(self, what: str, unit: str, done: int, total: int) -> None:
        """`done` of `total` are done of that step, which begins with the first call."""
        if self.open is None or self.open.what != what:
            self.begin(what, total, unit)
        assert self.open is not None
        self.open.update(done)

    def of_figures(self, done: int, total: int) -> None:
        """So many figures of sets are there."""
        self.at("Comparing sets", "figures", done, total)

    def _close(self) -> None:
        if self.open is not None:
            self.open.__exit__(None, None, None)
        self.open = None
