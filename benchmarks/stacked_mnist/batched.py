"""Several runs of one row as one batched model: their weights stacked, each step one call of the networks over all.

Grouped convolutions are what this comes to. `measured` says how much faster that is than the same runs one after the
other.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call, stack_module_state, vmap

from i2i.adversarial.losses import ADVERSARIAL
from i2i.methods.building import adam
from i2i.methods.from_noise.gan import Gan, prior
from i2i.methods.from_noise.judged import pack

from .data import Digits, chance, stacked
from .train import one_step

ROUNDS = 5


class _Stack(nn.Module):
    """Copies of one network; parameters and buffers have an axis in front, (R, …)."""

    def __init__(self, networks: Sequence[nn.Module]) -> None:
        super().__init__()
        self.one = [networks[0]]  # in a list: its own weights are no parameters of this
        weights, self.state = stack_module_state(list(networks))
        self.weights = {name: nn.Parameter(weight.detach()) for name, weight in weights.items()}
        for name, weight in self.weights.items():
            self.register_parameter(name.replace(".", "_"), weight)

    def forward(self, x: Tensor, *, learns: bool = True) -> Tensor:
        """(R, N, …) -> (R, N, …)."""
        weights = self.weights if learns else {name: weight.detach() for name, weight in self.weights.items()}

        def one(weights: dict[str, Tensor], state: dict[str, Tensor], x: Tensor) -> Tensor:
            found: Tensor = functional_call(self.one[0], (weights, state), (x,))
            return found

        return vmap(one)(weights, self.state, x)


class Batched:
    """Runs of one row without unrolling, by their seeds; a step of it is a step of each, to rounding."""

    def __init__(self, methods: Sequence[Gan], seeds: Sequence[int], batch: int) -> None:
        self.seeds, self.options, self.batch = seeds, methods[0].o, batch * methods[0].o.packed
        self.loss = ADVERSARIAL[self.options.gan.loss]
        self.G, self.D = _Stack([m.G for m in methods]), _Stack([m.D for m in methods])
        self.opt_g = adam([self.G], self.options.optimizer)
        self.opt_d = adam([self.D], self.options.optimizer, lr=self.options.optimizer.lr_d)
        self.one = methods[0].G

    def step(self, digits: Digits, number: int) -> None:
        """D's update, then G's, of all runs."""
        x = torch.stack([stacked(digits, seed, number * self.batch, self.batch) for seed in self.seeds])
        x = x.to(next(self.one.parameters()).dtype)
        fake = self.G(torch.stack([self._latents(seed, number) for seed in self.seeds]))
        of_real, of_fake = self.D(self._packs(x)), self.D(self._packs(fake.detach()))
        d_real, d_fake = vmap(lambda real, fake: self.loss.d(real, fake, 0.0))(of_real, of_fake)
        _descend(self.opt_d, (d_real + d_fake).sum())
        _descend(self.opt_g, vmap(lambda fake: self.loss.g(None, fake))(self.D(self._packs(fake), learns=False)).sum())

    def _latents(self, seed: int, number: int) -> Tensor:
        chance(seed, number)
        return prior(self.one, self.batch, torch.device("cpu"))

    def _packs(self, x: Tensor) -> Tensor:
        return vmap(lambda one: pack(one, self.options.packed))(x)


def _descend(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    optimizer.step()


def measured(row: Any, digits: Digits, runs: int, batch: int, steps: int = 3) -> dict[str, Any]:
    """Seconds a step and run, one after the other and batched, in turns on one thread; and the ratio of the medians."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    methods = [row.method(batch) for _ in range(runs)]
    together, count = Batched(methods, range(runs), batch), batch * row.packed
    apart: list[float] = []
    beside: list[float] = []
    for turn in range(ROUNDS + 1):
        began = time.perf_counter()
        for seed, method in enumerate(methods):
            for step in range(steps):
                one_step(method, digits, seed, step, count)
        middle = time.perf_counter()
        for step in range(steps):
            together.step(digits, step)
        if turn:  # the first warms up
            apart.append((middle - began) / runs / steps)
            beside.append((time.perf_counter() - middle) / runs / steps)
    torch.set_num_threads(threads)
    one, many = statistics.median(apart), statistics.median(beside)
    return {"row": row.name, "runs": runs, "batch": batch, "apart": one, "batched": many, "ratio": one / many}
