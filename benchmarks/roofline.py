"""How near the rows are to what this machine can do: `python -m benchmarks.roofline [NAME ...]` measures and writes it.

A row has so much to multiply, and matrix products here reach so many operations a second. Where our side takes little
more than the quotient it cannot become much faster, and that sets a limit to its ratio to the plain way.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import time
from functools import partial
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from i2i.errors import UnknownNameError

from . import workloads
from .command import end_with
from .measure import Measured
from .processes import alone
from .results import ROOT, facts, publish, writable
from .rows import measured

MARK = "<!-- measured: written by python -m benchmarks.roofline -->"
PAGE = ROOT / "docs" / "benchmarks.md"
LARGE = 2048
"""Rows and columns of the matrices whose product tells what the machine can do."""


def operations_of_step(method: str, batch: int, small: bool) -> float:
    """Multiplications and additions of convolutions and products in our step; Winograd's are as few as they are."""
    turn = workloads.stepping("ours", method, batch, small)
    with FlopCounterMode(display=False) as counted:
        turn()
    return counted.get_total_flops() / workloads.SETTINGS[method].steps


def operations_of_run(name: str, height: int, width: int, small: bool) -> float:
    """The same of a picture through a generator."""
    G = workloads.untrained(name, small)
    with FlopCounterMode(display=False) as counted, torch.no_grad():
        G(torch.zeros(1, 3, height, width))
    return float(counted.get_total_flops())


LIMITED = {
    "cyclegan-step-256-batch1": partial(operations_of_step, "cyclegan", 1),
    "discogan-step-64-batch64": partial(operations_of_step, "discogan", 64),
    "srresnet-step-96-batch16": partial(operations_of_step, "srresnet", 16),
    "rrdbnet-step-128-batch16": partial(operations_of_step, "rrdbnet", 16),
    "run-compact-x4-768x512": partial(operations_of_run, "compact", 512, 768),
    "run-rrdbnet-x4-768x512": partial(operations_of_run, "rrdbnet", 512, 768),
}
"""Rows of ROWS, and what counts their operations."""


def rate(dtype: torch.dtype, size: int, repeats: int = 50) -> float:
    """The most operations a second that a product of two square matrices reaches in `repeats` tries."""
    a, b = torch.randn(2, size, size).to(dtype)
    least = float("inf")
    for _ in range(repeats):
        started = time.perf_counter()
        a @ b
        least = min(least, time.perf_counter() - started)
    return 2 * size**3 / least


@dataclasses.dataclass(frozen=True)
class Limit:
    """A row, what it has to multiply, and how fast this machine multiplies at best."""

    row: Measured
    operations: float
    rate: float
    """Operations a second."""

    @property
    def least(self) -> float:
        """Seconds that our side would take if it did nothing but multiply, at that rate."""
        return self.operations / self.rate

    @property
    def ratio(self) -> float:
        """The ratio to the plain way that this would give."""
        return self.row.theirs / self.least


def table(limits: list[Limit]) -> str:
    """A row a line."""
    lines = ["| | ours takes | multiplying alone | is | ours is | and at most |", "|---|---|---|---|---|---|"]
    for limit in limits:
        row = limit.row
        lines.append(
            f"| {row.what} | {row.ours:.3g} {row.unit} | {limit.operations / 1e9:.0f} billion operations: "
            f"{limit.least:.3g} s | {limit.least / row.ours:.0%} of it | {row.ratio:.3g} times as fast "
            f"| {limit.ratio:.3g} times |"
        )
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, show, and write when everything was measured or a page was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.roofline", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure; all without one")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run? The figures mean nothing")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown page whose table is rewritten")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in LIMITED:
            raise UnknownNameError("row", name, LIMITED)
    page = writable(asked.page or (None if asked.small or asked.names else PAGE), MARK)
    environment = facts(" ".join(["python -m benchmarks.roofline", *sys.argv[1:]]))
    size = 256 if asked.small else LARGE
    rates = {name: rate(dtype, size) for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16))}
    limits = []
    for name in asked.names or LIMITED:
        print(f"{name} ...", flush=True)
        row = measured(name, True) if asked.small else alone(measured, name, False)
        count = LIMITED[name]
        operations = count(True) if asked.small else alone(count, False)
        limits.append(Limit(row, operations, max(rates.values())))
    reached = " and ".join(f"{found / 1e9:.0f} billion in {name}" for name, found in rates.items())
    text = f"{table(limits)}\nA product of two matrices of {size} rows reaches {reached} operations a second.\n"
    publish(text, environment, page, MARK)
    return 0


if __name__ == "__main__":
    end_with(main)
