"""One run: some steps further, and what a classifier of digits sees in its pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from i2i.methods.from_noise.gan import Gan, prior
from i2i.networks.norms import frozen_running_stats

from ..from_noise.digits import seen
from .data import Digits, chance, save, stacked
from .rows import BATCH, ROWS

SHOWN = 12
"""Pictures of a run on the sheet."""
TEST = 10**6
"""Added to the seed of real pictures that are scored, so that none is of the training stream."""


@dataclasses.dataclass(frozen=True)
class Job:
    """A run: a row of the table with a seed."""

    row: str
    seed: int
    batch: int
    rates: float
    out: Path

    @property
    def file(self) -> Path:
        """Where it stands."""
        return self.out / "runs" / f"{self.row}-{self.seed}.pt"


@dataclasses.dataclass(frozen=True)
class Modes:
    """What the classifier sees in pictures of three digits."""

    modes: int
    """Of 1,000, those that at least one picture shows."""
    kl: float
    """KL(their shares || uniform) in nats, 0 to 6.9."""
    sure: float
    """Mean probability that it gives to the digits which it sees."""


def begun(job: Job) -> tuple[Gan, int]:
    """The method of the run as it stands, and its steps."""
    chance(job.seed, "weights")
    method = ROWS[job.row].method(job.batch, job.rates)
    if not job.file.is_file():
        return method, 0
    state = torch.load(job.file, weights_only=True)
    for name, network in method.networks.items():
        network.load_state_dict(state["networks"][name])
    method.load_state_dict(state["method"])
    return method, int(state["steps"])


def steps_of(job: Job) -> int:
    """How far the run has come."""
    return int(torch.load(job.file, weights_only=True)["steps"]) if job.file.is_file() else 0


def advance(job: Job, file: Path, until: int) -> None:
    """Take the run to so many steps on the digits of the file, and keep it; one that is further stays as it is."""
    digits: Digits = np.load(file, mmap_mode="r")
    method, done = begun(job)
    if done >= until:
        return
    count = job.batch * ROWS[job.row].packed
    for step in range(done, until):
        one_step(method, digits, job.seed, step, count)
    state: dict[str, Any] = {name: network.state_dict() for name, network in method.networks.items()}
    save({"steps": until, "networks": state, "method": method.state_dict()}, job.file)


def one_step(method: Gan, digits: Digits, seed: int, step: int, count: int) -> None:
    """On `count` pictures: a function of the run's state, its seed and the step's number."""
    chance(seed, step)
    method.at(step * count)
    method.step({"image": stacked(digits, seed, step * count, count).to(next(method.G.parameters()).dtype)})


@torch.no_grad()
def generated(G: nn.Module, seed: int, count: int) -> Tensor:
    """(count, 3, 28, 28) in [-1, 1] by batches' own statistics, as the released code samples."""
    chance(seed, "samples")
    with frozen_running_stats(G):
        return torch.cat([G(prior(G, BATCH, torch.device("cpu"))) for _ in range(-(-count // BATCH))])[:count]  # type: ignore[arg-type]


def modes_of(pictures: Tensor, net: nn.Module) -> Modes:
    """Of (N, 3, 28, 28) in [-1, 1], by a classifier of one digit."""
    probabilities = seen(net, (pictures.reshape(-1, 1, 28, 28) + 1) / 2)
    sure, found = probabilities.max(1)
    kinds = found.reshape(-1, 3) @ torch.tensor([100, 10, 1])
    shares = np.bincount(kinds.numpy(), minlength=1000) / len(pictures)
    there = shares[shares > 0]
    return Modes(len(there), float((there * np.log(1000 * there)).sum()), float(sure.mean()))


def score(job: Job, net: nn.Module, count: int) -> tuple[Modes, Tensor]:
    """Of the run as it stands, and the first pictures of those that were scored."""
    pictures = generated(begun(job)[0].G, job.seed, count)
    return modes_of(pictures, net), pictures[:SHOWN].clone()


def score_real(digits: Digits, net: nn.Module, count: int) -> Modes:
    """Of real pictures: what no generator can do better than."""
    return modes_of(stacked(digits, TEST, 0, count), net)
