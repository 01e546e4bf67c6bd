"""What of each training step is multiplying: `python -m benchmarks.training.limits [NAME ...]` measures and keeps it.

A step has so much to multiply, and matrix products here reach so many operations a second. The quotient is what the
step would take if nothing but its products were left; its share of the step's time is what is published. Step and
products are timed in turns in one process. `make bench` measures all rows; with names, those rows alone are replaced.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from i2i.errors import UnknownNameError
from i2i.hardware.device import DTYPES, place
from i2i.settings import parse_assignments

from .. import stabilisers, workloads
from ..command import end_with
from ..processes import alone
from ..results import PAGE, ROOT, facts, put_between_marks, writable, write

LIMITS = ROOT / "benchmarks" / "training" / "limits.json"
MARK = "<!-- measured: written by python -m benchmarks.training.limits -->"
LARGE = 2048
"""Rows and columns of the matrices whose product tells what the machine can do."""
WARM = 2
"""Turns before anything counts, beside the one in which operations are counted: so long the heap grows."""
PRODUCTS = 3
"""Products a round, of which the quickest counts."""

Work = Callable[[], object]
Step = tuple[str, Callable[[bool], Work], int]
"""What it is, what makes a turn of steps (`small`), and how many steps a turn has."""


def _of_method(name: str, title: str, batch: int) -> Step:
    setting = workloads.SETTINGS[name]
    what = f"{title}, {setting.size} pixels, batch {batch}"
    return what, partial(workloads.stepping, "ours", name, batch), setting.steps


def _of_stabiliser(setting: str) -> Step:
    d, g = (parse_assignments(setting.split()).get("gan", {}).get(key, 1) for key in ("d_steps", "g_steps"))
    what = f"CycleGAN, {stabilisers.SIZE} pixels, batch {stabilisers.BATCH}, "
    what += f"with `{setting}`" if setting else "half the width"
    return what, partial(_stabilised, setting), 1 if d == g == 1 else d + g


def _stabilised(setting: str, small: bool) -> Work:
    method = stabilisers.method_with(parse_assignments(setting.split()), small)
    batch = workloads.batch_of_pairs(stabilisers.BATCH, method.placement.device, stabilisers.SIZE)
    turns = method.updates

    def turn() -> None:
        for _ in range(1 if turns.d == turns.g == 1 else turns.d + turns.g):
            method.step(batch)

    return workloads.finished(turn, method.placement.device)


STEPS: dict[str, Step] = {
    "pix2pix-step-256-batch1": _of_method("pix2pix", "Pix2Pix", 1),
    "pix2pix-step-256-batch4": _of_method("pix2pix", "Pix2Pix", 4),
    "cyclegan-step-256-batch1": _of_method("cyclegan", "CycleGAN", 1),
    "discogan-step-64-batch64": _of_method("discogan", "DiscoGAN", 64),
    "srresnet-step-96-batch16": _of_method("srresnet", "SRResNet x4", 16),
    "rrdbnet-step-128-batch16": _of_method("rrdbnet", "RRDBNet x4", 16),
    "srgan-step-96-batch16": _of_method("srgan", "SRGAN x4, its adversarial stage", 16),
    **{setting or "toolbox": _of_stabiliser(setting) for setting in ("", *stabilisers.STABILISERS)},
}
"""Every training row: those of `make bench` by their names, and a step with each stabiliser by its setting."""


def rate(dtype: torch.dtype, size: int, repeats: int, clock: Callable[[], float] = time.perf_counter) -> float:
    """The most operations a second that a product of two square matrices reaches in `repeats` tries."""
    a, b = torch.randn(2, size, size, device=place().device).to(dtype)
    multiply, least = workloads.finished(lambda: a @ b, a.device), float("inf")
    for _ in range(repeats):
        started = clock()
        multiply()
        least = min(least, clock() - started)
    return 2 * size**3 / least


def operations(turn: Work) -> float:
    """Multiplications and additions of convolutions and products in it; Winograd's are as few as they are."""
    with _Counter() as counted:
        turn()
    return counted.total


class _Counter(TorchDispatchMode):
    """torch's FlopCounterMode without its hooks on modules, in which a gradient of a gradient cannot be taken."""

    total = 0.0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func._overloadpacket in flop_registry:
            self.total += flop_registry[func._overloadpacket](*args, **(kwargs or {}), out_val=result)
        return result


def measured(name: str, rounds: int, seconds: float, small: bool) -> dict[str, Any]:
    """The row `name`: medians over the rounds, per step."""
    if small:
        torch.set_num_threads(1)  # a test must not wait for a busy machine
    one = torch.get_num_threads() == 1 and place().device.type == "cpu"
    clock = time.process_time if one else time.perf_counter  # of one thread, other work takes nothing from the first
    what, build, steps = STEPS[name]
    turn = build(small)
    count = operations(turn) / steps
    for _ in range(WARM):
        turn()
    dtype, size = DTYPES[place().precision], 256 if small else LARGE
    taken, rates, began = [], [], time.monotonic()
    for number in range(rounds):
        rates.append(rate(dtype, size, PRODUCTS, clock))
        started = clock()
        turn()
        taken.append((clock() - started) / steps)
        if number and (time.monotonic() - began) * (number + 2) / (number + 1) > seconds:
            break
    shares = [count / reached / took for reached, took in zip(rates, taken, strict=True)]
    return {
        "name": name,
        "what": what,
        "operations": count,
        "rate": statistics.median(rates),
        "seconds": statistics.median(taken),
        "share": statistics.median(shares),
        "spread": [min(shares), max(shares)],
        "rounds": len(taken),
        "clock": "processor time" if one else "time",
        "precision": place().precision,
    }


def kept(row: dict[str, Any], started: str, load: float | None) -> dict[str, Any]:
    """The row with its date and the load before, three digits each."""
    digits = {key: _digits(value) for key, value in row.items() if isinstance(value, float)}
    spread = [_digits(end) for end in row["spread"]]
    return {**row, **digits, "spread": spread, "started": started, "load_before": load}


def _digits(value: float) -> float:
    return float(f"{value:.3g}")


def table(rows: list[dict[str, Any]]) -> str:
    """A row a line."""
    lines = ["| a step of | takes | multiplying alone | is | single rounds | measured |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row['what']} | {row['seconds']:.3g} s of {row['clock']} | {_billions(row['operations'])} billion at "
        f"{row['rate'] / 1e9:.0f} billion a second: {row['operations'] / row['rate']:.3g} s | {row['share']:.0%} of it "
        f"| {row['spread'][0]:.0%} to {row['spread'][1]:.0%}, of {row['rounds']} "
        f"| {row['started'][:10]}, {row['load_before']} processors busy before |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _billions(number: float) -> str:
    return f"{number / 1e9:,.0f}" if number >= 100e9 else f"{number / 1e9:.3g}"


def main() -> int:
    """Measure, show, and write when the figures mean something or a place was named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.training.limits", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure anew; all without one")
    parser.add_argument("--rounds", type=int, default=7, metavar="N", help="rounds of a row (7)")
    parser.add_argument("--seconds", type=float, default=40, metavar="S", help="about as long for a row (40)")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run? The figures mean nothing")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="where the JSON goes (benchmarks/training/limits.json)"
    )
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown page whose table is rewritten")
    asked = parser.parse_args()
    for name in asked.names:
        if name not in STEPS:
            raise UnknownNameError("row", name, STEPS)
    page = writable(asked.page or (None if asked.small else PAGE), MARK)
    file = asked.results or (None if asked.small else LIMITS)
    environment = facts(" ".join(["python -m benchmarks.training.limits", *sys.argv[1:]]))
    before = json.loads(file.read_text("utf-8"))["rows"] if file and file.exists() else []
    rows = {row["name"]: row for row in before}
    for name in asked.names or STEPS:
        print(f"{name} ...", flush=True)
        asked_of = (name, asked.rounds, asked.seconds, asked.small)
        found = measured(*asked_of) if asked.small else alone(measured, *asked_of)
        rows[name] = kept(found, environment["started"], environment["load_before"])
        print(f"  {found['share']:.0%} of {found['seconds']:.3g} s", flush=True)
        ordered = [rows[name] for name in STEPS if name in rows]
        if file is not None:  # row by row, for it takes long
            write({"environment": environment, "rows": ordered}, file)
        if page is not None:
            put_between_marks(page, MARK, f"{table(ordered)}\n{_where(environment)}")
    print(f"\n{table(ordered)}")
    return 0


def _where(environment: dict[str, Any]) -> str:
    return f"On {environment['processor']}, {environment['cores']} cores, torch {environment['packages']['torch']}.\n"


if __name__ == "__main__":
    end_with(main)
