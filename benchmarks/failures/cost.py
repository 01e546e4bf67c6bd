"""What the doctor's figures cost: `python -m benchmarks.failures.cost`.

For each method, at two sizes of networks: the time of a step with and without what is measured at steps, in turns, and
that of the figures of a sample grid, as a share of the steps between two grids of the usual run.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch

from i2i.diagnostics.health.norms import EVERY
from i2i.hardware.device import place
from i2i.methods import METHODS
from i2i.settings import resolve
from i2i.training.health import HealthWatch

from ..command import end_with

ROWS = (("pix2pix", 64, 16, 4), ("cyclegan", 64, 16, 1), ("pix2pix", 256, 32, 1), ("cyclegan", 128, 32, 1))
"""Method, pixels, width of the networks, batch."""
GRID = 1000
"""Steps between two grids of a usual run, of 20,000 steps."""
VALIDATION, ROUNDS = 16, 5
clock = time.perf_counter if torch.cuda.is_available() else time.process_time
"""On a processor, what the others on the machine take does not count."""


def main() -> int:
    """Print a line for each row."""
    for name, size, width, batch in ROWS:
        networks = {"generator": {"width": width}, "discriminator": {"width": width}}
        config = resolve(METHODS[name].Config, [{"data": {"path": "noise"}, "size": size, "batch": batch}, networks])
        torch.manual_seed(0)
        method = METHODS[name].from_config(METHODS[name].complete_config(config, 100), place("auto", "fp32"))
        device = method.placement.device
        pictures = {key: torch.rand(batch, 3, size, size, device=device) * 2 - 1 for key in "ab"}
        held_out = {key: torch.rand(VALIDATION, 3, size, size, device=device) * 2 - 1 for key in "ab"}
        watch = HealthWatch(method, held_out)
        plain, watched = [], []
        for _ in range(ROUNDS):
            plain.append(_seconds(lambda _, m=method, p=pictures: m.step(p)))
            watched.append(_seconds(lambda n, w=watch, p=pictures: w.step(n, p)))
        columns = method.sample_columns(held_out)
        began = clock()
        watch.figures(columns)
        grid = clock() - began
        step = statistics.median(plain)
        share = statistics.median(b / a - 1 for a, b in zip(plain, watched, strict=True))
        print(
            f"{name:10} {size:4} px, width {width}, batch {batch}: step {step * 1e3:.1f} ms, at steps {share:+.2%}, "
            f"grid {grid * 1e3:.0f} ms or {grid / GRID / step:.2%} of the steps",
            flush=True,
        )
    return 0


def _seconds(step: Callable[[int], object]) -> float:
    """Mean time of a step, over as many as the doctor takes to look once."""
    began = clock()
    for number in range(EVERY):
        step(number)
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return (clock() - began) / EVERY


if __name__ == "__main__":
    end_with(main)
