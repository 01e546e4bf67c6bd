"""How many of 1,000 kinds of stacked digits small GANs make: DCGAN, packed, unrolled; beside the published numbers.

    python -m benchmarks.stacked_mnist mnist --hours 1
    python -m benchmarks.stacked_mnist mnist --full --hours 10
    python -m benchmarks.stacked_mnist mnist --batched

`mnist` has train/0 to train/9 and test/0 to test/9. The first is the shortened form: five rows, three seeds, 32 packs a
step and rates ten times those published. `--full` is all rows as published, 128 packs a step. Both take as many steps
as the hours have room for, the same for all runs and 500,000 at most; the table says how many. The same command again
goes on where it was. Results go into runs/stacked-mnist, with `--full` into runs/stacked-mnist-full. `--batched`
measures alone whether runs are faster as one batched model.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from i2i.errors import RequestError, require
from i2i.files import write_atomically
from i2i.hardware.system import available_threads
from i2i.workflows.progress import Bar

from ..command import end_with
from ..from_noise.digits import network, trained
from .batched import measured
from .data import Digits, digit_files, read_digits, save, stacked
from .rows import BATCH, ROWS, SAMPLES, SHORT_BATCH, SHORT_RATES, SHORT_SEEDS, SHORTENED, STEPS
from .table import markdown, row_of, sheet
from .train import SHOWN, Job, advance, score, score_real, steps_of

EPOCHS = 2
"""Of the classifier."""
CHUNK = 250
"""Steps after which a run is kept."""
SCORING = 2.0
"""Times that scoring a run may take what the scoring of real pictures took, and its share of the time is kept back."""


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is asked for; another one needs another folder."""

    rows: list[str]
    seeds: list[int]
    batch: int
    rates: float
    count: int
    data: str
    """The folder of digits, from which the kept pictures and the kept classifier are."""
    pictures: int
    """How many digits there are to train on."""

    def jobs(self, out: Path) -> list[Job]:
        """All runs, those of the longest steps first."""
        found = [Job(name, seed, self.batch, self.rates, out) for name in self.rows for seed in self.seeds]
        return sorted(found, key=lambda job: -ROWS[job.row].packed - ROWS[job.row].unrolled)


def planned(told: argparse.Namespace, pictures: int) -> Plan:
    """Raises UnknownNameError for rows that there are not, RequestError where the folder has another plan."""
    short = not told.full
    rows = told.rows.split(",") if told.rows else list(SHORTENED if short else ROWS)
    for name in rows:
        require("row", name, ROWS)
    batch, rates = (SHORT_BATCH, SHORT_RATES) if short else (BATCH, 1.0)
    plan = Plan(rows, list(range(told.seeds or SHORT_SEEDS)), told.batch or batch, rates, told.count,
                str(told.data.resolve()), pictures)  # fmt: skip
    file = told.out / "plan.json"
    asked = json.dumps(dataclasses.asdict(plan), indent=1)
    if file.is_file() and file.read_text() != asked:
        raise RequestError(
            f"{told.out} holds runs of another plan, or of other digits ({file}). Name another folder: --out FOLDER."
        )
    write_atomically(file, asked.encode())
    return plan


@dataclasses.dataclass
class Spent:
    """What was done in all, over interruptions."""

    file: Path
    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def read(cls, file: Path) -> Spent:
        """Nothing where there is no file."""
        return cls(file, **(json.loads(file.read_text()) if file.is_file() else {}))

    def add(self, steps: int, seconds: float) -> None:
        """One round more."""
        self.steps, self.seconds = self.steps + steps, self.seconds + seconds
        write_atomically(self.file, json.dumps({"steps": self.steps, "seconds": self.seconds}).encode())


def train(jobs: list[Job], digits: Path, pool: ProcessPoolExecutor, spent: Spent, seconds: float, most: int) -> None:
    """Take all runs on in rounds, each by as many steps, as long as another round ends within the seconds.

    A round that was interrupted is ended first, whatever the time: runs of one table have taken the same steps.
    """
    reached = max(map(steps_of, jobs))
    most = max(most, reached)
    with Bar("Steps of all runs", most * len(jobs), "steps", start=spent.steps * len(jobs)) as bar:
        longest = 0.0
        while spent.steps < reached or (spent.steps < most and (not spent.steps or spent.seconds + longest <= seconds)):
            began, until = time.monotonic(), max(reached, min(most, spent.steps + CHUNK))
            done = [pool.submit(advance, job, digits, until) for job in jobs]
            for number, future in enumerate(as_completed(done), start=1):
                future.result()
                taken = time.monotonic() - began
                share = (spent.steps + CHUNK * number / len(jobs)) / max(spent.seconds + taken, 1e-9)
                bar.total = len(jobs) * min(most, max(until, math.floor(share * seconds / CHUNK) * CHUNK))
                bar.update(spent.steps * len(jobs) + (until - spent.steps) * number)
            longest = time.monotonic() - began
            spent.add(until - spent.steps, longest)


def classifier(folder: Path, kept: Path) -> tuple[torch.nn.Module, float]:
    """The classifier of digits and its accuracy; from the file once it was trained."""
    if not kept.is_file():
        net, accuracy = trained(folder, EPOCHS)
        save({"net": net.state_dict(), "accuracy": accuracy}, kept)
    found = torch.load(kept, weights_only=True)
    net = network()
    net.load_state_dict(found["net"])
    return net.eval(), found["accuracy"]


def parameters_of(name: str) -> tuple[int, int]:
    """Of G and D."""
    method = ROWS[name].method()
    return tuple(sum(p.numel() for p in method.networks[one].parameters()) for one in "GD")  # type: ignore[return-value]


def tell(plan: Plan, told: argparse.Namespace, pool: ProcessPoolExecutor, digits: Digits, steps: int) -> dict[str, Any]:
    """Score all runs: the JSON of the table."""
    net, accuracy = classifier(told.data, told.out / "classifier.pt")
    jobs = plan.jobs(told.out)
    real = dataclasses.asdict(score_real(digits, net, plan.count))
    found: dict[str, list[dict[str, float]]] = {name: [] for name in plan.rows}
    shown = [("real pictures", stacked(digits, 0, 0, SHOWN))]
    with Bar("Scoring runs", len(jobs), "runs") as bar:
        asked = [(job.row, pool.submit(score, job, net, plan.count)) for job in jobs]
        for number, (name, future) in enumerate(asked, start=1):
            modes, pictures = future.result()
            found[name].append(dataclasses.asdict(modes))
            if len(found[name]) == 1:
                shown.append((f"{name}, seed {plan.seeds[0]}: {modes.modes} modes", pictures))
            bar.update(number)
    write_atomically(told.out / "stacked_mnist.png", sheet(shown))
    rows = [row_of(name, found[name], parameters_of(name)) for name in plan.rows]
    facts = {"steps": steps, "workers": told.workers, "accuracy": accuracy, "torch": torch.__version__}
    return {**dataclasses.asdict(plan), **facts, "real": real, "rows": rows}


def main() -> int:
    """Train, score, and write OUT/stacked_mnist.json, .md and .png."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.stacked_mnist", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("data", type=Path, help="folder of unpacked MNIST")
    parser.add_argument("--out", type=Path, help="folder for runs and table")
    parser.add_argument("--hours", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=STEPS, help="of a run, at most")
    parser.add_argument("--full", action="store_true", help="all rows, as published")
    parser.add_argument("--rows", help=f"names with commas between, of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, help=f"runs a row, {SHORT_SEEDS} unless given")
    parser.add_argument("--batch", type=int, help="packs that D sees at once")
    parser.add_argument("--count", type=int, default=SAMPLES, help="pictures that are scored")
    parser.add_argument("--workers", type=int, default=available_threads())
    parser.add_argument("--batched", action="store_true", help="measure runs as one batched model, and nothing else")
    told = parser.parse_args()
    told.out = told.out or Path("runs/stacked-mnist-full" if told.full else "runs/stacked-mnist")
    files = digit_files(told.data)
    if told.batched:
        digits = read_digits(files, told.out / "batched.npy")  # not those of a plan: they may be of another folder
        found = [
            measured(ROWS[name], digits, runs, told.batch or BATCH) for name in ("dcgan", "pac2") for runs in (2, 4)
        ]
        write_atomically(told.out / "batched.json", json.dumps(found, indent=1).encode())
        for one in found:
            apart, beside = (f"{1e3 * one[key]:.1f} ms" for key in ("apart", "batched"))
            times = f"a step and run, {apart} one after the other: {one['ratio']:.2f} times as fast"
            print(f"{one['row']}, {one['runs']} runs as one batched model: {beside} {times}")
        return 0
    plan = planned(told, len(files))
    digits, began = read_digits(files, kept := told.out / "digits.npy"), time.monotonic()
    net, _ = classifier(told.data, told.out / "classifier.pt")
    (told.out / "runs").mkdir(exist_ok=True)
    jobs, spent = plan.jobs(told.out), Spent.read(told.out / "spent.json")
    middle = time.monotonic()
    score_real(digits, net, plan.count)
    scoring = SCORING * (time.monotonic() - middle) * len(jobs) / told.workers
    left = told.hours * 3600 - (time.monotonic() - began) - scoring
    with ProcessPoolExecutor(
        told.workers, get_context("spawn"), initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        before = spent.seconds
        train(jobs, kept, pool, spent, left, told.steps)
        table = tell(plan, told, pool, digits, spent.steps)
    table["minutes"] = (before + time.monotonic() - began) / 60
    write_atomically(told.out / "stacked_mnist.json", json.dumps(table, indent=1).encode())
    write_atomically(told.out / "stacked_mnist.md", markdown(table).encode())
    print(markdown(table))
    return 0


if __name__ == "__main__":
    end_with(main)
