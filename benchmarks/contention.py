"""What other work costs a training step: `python -m benchmarks.contention` measures and writes it.

Ours is a step with the short waiting of i2i/hardware/openmp.py, theirs the same step with torch's own; alone, and
beside a process that keeps one core busy and belongs to another session, as another program's would.
"""

from __future__ import annotations

import argparse
import contextlib
import multiprocessing
import os
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from unittest import mock

from i2i.hardware.openmp import SAID, wait_briefly

from .command import end_with
from .measure import Measured, compare
from .processes import built_alone
from .results import ROOT, facts, publish, writable

PAGE = ROOT / "docs" / "benchmarks.md"
MARK = "<!-- measured: written by python -m benchmarks.contention -->"
STEPS = {"pix2pix": ("Pix2Pix, 256 pixels", 1), "srresnet": ("SRResNet x4, 96 pixels", 16)}
"""Method -> what it is called, and its batch."""


OTHERS = (0, 1)
"""Processes beside the step."""


def steps(method: str, title: str, batch: int, small: bool) -> dict[int, Measured]:
    """The step beside each of OTHERS."""
    from . import workloads

    build = partial(workloads.stepping, "ours", method, batch, small)
    with contextlib.ExitStack() as stack:
        sides = []
        for briefly in (True, False):
            with _waiting(briefly):
                sides.append(stack.enter_context(built_alone(build, quick=small)))
                sides[-1]()  # its process begins with its first work
        found = {}
        for others in OTHERS:
            print(f"{method} beside {others} ...", flush=True)
            with _others(others):
                timings = compare(
                    *sides, rounds=2 if small else 10, seconds=40.0, say=lambda text: print(f"  {text}", flush=True)
                )
            found[others] = Measured(what=f"{title}, batch {batch}", unit="s/step", timings=timings, note="")
    return found


@contextlib.contextmanager
def _waiting(briefly: bool) -> Iterator[None]:
    """Processes that begin inside wait as `i2i train` does, or as torch does."""
    with mock.patch.dict(os.environ):
        for name in SAID:
            os.environ.pop(name, None)
        if briefly:
            wait_briefly()
        yield


@contextlib.contextmanager
def _others(count: int) -> Iterator[None]:
    busy = [multiprocessing.get_context("spawn").Process(target=_keep_busy, daemon=True) for _ in range(count)]
    for process in busy:
        process.start()
    try:
        yield
    finally:
        for process in busy:
            process.kill()


def _keep_busy() -> None:
    if hasattr(os, "setsid"):
        os.setsid()  # a scheduler may share cores out among sessions
    while True:
        pass


def table(found: dict[int, list[Measured]]) -> str:
    """A step and a number of other processes a line."""
    lines = [
        "| a step of | other processes | waiting briefly | torch's own waiting | ours is |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {row.what} | {others} | {row.ours:.3g} s | {row.theirs:.3g} s | {row.ratio:.3g} times as fast |"
        for others, rows in found.items()
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, show, write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.contention", description=__doc__)
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run? The figures mean nothing")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown page whose table is rewritten")
    asked = parser.parse_args()
    page = writable(asked.page or (None if asked.small else PAGE), MARK)
    environment = facts(" ".join(["python -m benchmarks.contention", *sys.argv[1:]]))
    measured = [
        steps(method, title, batch, asked.small)
        for method, (title, batch) in list(STEPS.items())[: 1 if asked.small else None]
    ]
    text = table({others: [each[others] for each in measured] for others in OTHERS})
    publish(text, environment, page, MARK)
    return 0


if __name__ == "__main__":
    end_with(main)
