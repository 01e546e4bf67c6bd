"""What each adversarial loss and stabiliser costs: `python -m benchmarks.stabilisers` fills docs/stabilisers.md.

A CycleGAN step of 64 pixels with one setting changed, against the same step without, in turns. What D's
stabilisers cost depends on how large D is beside G; here both have half the papers' width.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from i2i.hardware.device import place
from i2i.methods import METHODS, Method
from i2i.settings import parse_assignments, resolve

from .command import end_with
from .measure import SETTLE
from .results import ROOT, facts, publish, writable
from .workloads import batch_of_pairs, width

PAGE = ROOT / "docs" / "stabilisers.md"
MARK = "<!-- measured: written by python -m benchmarks.stabilisers -->"

SIZE, BATCH = 64, 4
ADA_P = 0.5
"""Where the adaptive probability is held while it is timed: at 0, where a run begins, it costs nothing."""

STABILISERS: tuple[str, ...] = (
    "gan.loss=minimax",
    "gan.loss=non_saturating",
    "gan.loss=hinge",
    "gan.loss=relativistic",
    "gan.loss=wasserstein gan.gradient_penalty=10",
    "gan.gradient_penalty=10",
    "gan.r1=1",
    "discriminator.spectral=true",
    "discriminator.minibatch_std=true",
    "gan.label_smoothing=0.1",
    "gan.instance_noise=0.1",
    "gan.feature_matching=1",
    "gan.augment=[colour]",
    "gan.augment=[translation]",
    "gan.augment=[cutout]",
    "gan.augment=[colour,translation,cutout] gan.ada=true",
    "gan.d_steps=2",
    "gan.g_steps=2",
    "optimizer.lr_d=4e-4",
    "optimizer.clip=1",
    "ema.images=10000",
    "gan.pool=0",
    "lambda_identity=0",
    "generator.up=resize",
    "generator.up=shuffle",
    "generator.up=bilinear",
)
"""Settings as `--set` takes them; two where the first is refused alone."""


def method_with(settings: Mapping[str, Any], small: bool) -> Method:
    """CycleGAN of 64 pixels and half the papers' width, with `settings`."""
    import torch

    torch.manual_seed(0)
    widths = {"width": width(small) // 2}
    layer = {"data": {"path": "."}, "size": SIZE, "batch": BATCH, "generator": widths, "discriminator": widths}
    made = METHODS["cyclegan"]
    config = made.complete_config(resolve(made.Config, [layer, settings]), count=1)
    method = made.from_config(config, place(config.device, config.precision))
    for objective in method.objectives.values():
        if objective.adaptation is not None:
            objective.adaptation.p = ADA_P
    return method


def measure(rounds: int, small: bool) -> dict[str, list[float]]:
    """Seconds a step for each setting and for "", the step without; entry n of all was taken in round n."""
    methods = {"": method_with({}, small)}
    methods |= {setting: method_with(parse_assignments(setting.split()), small) for setting in STABILISERS}
    batch = batch_of_pairs(BATCH, methods[""].placement.device, SIZE)
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for number in range(rounds + 1):
        for name, method in methods.items():
            time.sleep(SETTLE)
            taken = time_steps(method, batch)
            if number > 0:  # the first round warms up
                seconds[name].append(taken)
        print(f"round {number} of {rounds}", flush=True)
    return seconds


def time_steps(method: Method, batch: Mapping[str, Any]) -> float:
    """Seconds a step, over as many steps as G and D take turns in."""
    import torch

    turns = method.updates
    count = 1 if turns.d == turns.g == 1 else turns.d + turns.g
    started = time.perf_counter()
    for _ in range(count):
        method.step(batch)
    if method.placement.device.type == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - started) / count


def table(seconds: Mapping[str, list[float]]) -> str:
    """A setting a line: the median, least and largest ratio of the rounds to the step without it."""
    plain = seconds[""]
    lines = ["| with | a step takes | single rounds |", "|---|---|---|"]
    lines.append(f"| none of these | {statistics.median(plain):.3g} s | |")
    for setting, taken in seconds.items():
        if setting:
            ratios = [with_it / without for with_it, without in zip(taken, plain, strict=True)]
            settings = " ".join(f"`{part}`" for part in setting.split())
            spread = f"{min(ratios):.2f} to {max(ratios):.2f}, of {len(ratios)}"
            lines.append(f"| {settings} | {statistics.median(ratios):.2f} times as long | {spread} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Measure, show, and write when everything was measured or a page was named."""
    import torch

    parser = argparse.ArgumentParser(prog="python -m benchmarks.stabilisers", description=__doc__)
    parser.add_argument("--rounds", type=int, default=11, metavar="N", help="rounds that are counted (11)")
    parser.add_argument("--small", action="store_true", help="tiny networks: does it run? The figures mean nothing")
    parser.add_argument("--page", type=Path, metavar="FILE", help="the Markdown page whose table is rewritten")
    asked = parser.parse_args()
    if asked.small:
        torch.set_num_threads(1)  # a test must not wait for a busy machine
    page = writable(asked.page or (None if asked.small else PAGE), MARK)
    environment = facts(" ".join(["python -m benchmarks.stabilisers", *sys.argv[1:]]))
    text = table(measure(asked.rounds, asked.small))
    publish(text, environment, page, MARK)
    return 0


if __name__ == "__main__":
    end_with(main)
