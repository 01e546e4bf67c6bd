"""A method's step as a CUDA graph: one for each turn of G and D, the averages of weights beside it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ..hardware.graphs import CudaGraphs, Graphs, Replayed
from .config import TrainConfig

if TYPE_CHECKING:
    from .base import Batch, Method


@dataclasses.dataclass(frozen=True)
class _Done:
    """What a step left."""

    scalars: dict[str, Tensor]
    norms: dict[str, Tensor]
    g_moved: bool
    asked: bool
    """Whether it asked whose turn it was, so that it counts as one."""


class ReplayedStep:
    """`Method.step` on an undivided batch, replayed where it was recorded."""

    def __init__(self, graphs: Graphs, say: Callable[[str], object]) -> None:
        self.replayed: Replayed[_Done] = Replayed(graphs, say)
        self.stage: str | None = None
        self.pools: dict[Hashable, list[str]] = {}
        """Kind of step -> the objectives whose pools it asks, as it was seen to do when Python did it."""

    def __call__(self, method: Method, batch: Batch, whole: int) -> dict[str, Tensor]:
        """One step; `whole` images are in the batch."""
        if method.stage != self.stage:  # with other optimizers
            self.replayed.forget()
            self.stage = method.stage
        for optimizer in method.optimizers.values():
            let_rates_change(optimizer)
        kind = method.kind_of_step()
        for name, objective in method.objectives.items():
            objective.pool.decide(whole if name in self.pools.get(kind, ()) else 0, method.placement.device)
            objective.pool.called = False
        if kind is None:  # it would be recorded for no other
            done = _step(method, batch)
        else:
            done = self.replayed(kind, batch, lambda rows: _step(method, rows), partial(_plan_again, method))
            self.pools.setdefault(kind, [name for name, one in method.objectives.items() if one.pool.called])
        method.updates.asked = done.asked
        method.norms.seen = {name: value.clone() for name, value in done.norms.items()}
        if done.g_moved:
            method.update_averages(whole)
        return {name: value.clone() for name, value in done.scalars.items()}


def _step(method: Method, batch: Batch) -> _Done:
    flow, moved = method.descents(batch), []
    while True:
        try:
            optimizer, loss = next(flow)
        except StopIteration as end:
            scalars = {name: value.detach() for name, value in end.value.items()}
            return _Done(scalars, method.norms.seen, method.optimizers.get("g") in moved, method.updates.asked)
        method.descend(optimizer, loss)
        moved.append(optimizer)


def _plan_again(method: Method) -> None:
    """What pools drew for a step stands: it is exchanged when the step is done anew."""
    for objective in method.objectives.values():
        pool = objective.pool
        pool.decided, pool.called = pool.decided or pool.called, False


def let_rates_change(optimizer: torch.optim.Optimizer) -> None:
    """Have the rates where a replay reads them: in tensors, which the schedule writes."""
    for group in optimizer.param_groups:
        if not torch.is_tensor(group["lr"]):
            group["lr"] = torch.tensor(group["lr"], dtype=torch.float32, device=group["params"][0].device)
            group["capturable"] = True
            # the first steps are not recorded, of which torch would warn
            optimizer._warned_capturable_if_run_uncaptured = True
    for weight, kept in optimizer.state.items():
        if torch.is_tensor(kept.get("step")):  # of a checkpoint: on the CPU, where RMSprop's is without graphs
            kept["step"] = kept["step"].to(weight.device)


def reason_against(config: TrainConfig, processes: int = 1) -> str | None:
    """Why a step with these settings cannot be replayed; None where it can."""
    if processes > 1:
        return "several processes wait for one another in it"
    for asked, why in (
        (config.accumulate > 1, "accumulate goes back to the random state of its first pass"),
        (config.gan.ada, "gan.ada changes what is done by what D said"),
        (config.start.share > 0, "start.share changes settings at each step"),
        (config.gan.instance_noise > 0, "gan.instance_noise is another at each step"),
    ):
        if asked:
            return why
    return None


def replay_steps(method: Method, config: TrainConfig, say: Callable[[str], object]) -> None:
    """Have the steps of `method` replayed as CUDA graphs, where there is such a device and the settings allow it."""
    if method.placement.device.type != "cuda" or not config.speed.graphs:
        return
    why = reason_against(config, method.placement.processes.count)
    if why is None and method.placement.precision == "fp16":
        why = "fp16 looks at each step whether its scale holds"
    if why is not None:
        say(f"The steps are not replayed as a CUDA graph: {why}.")
        return
    say("Steps are replayed as CUDA graphs; --set speed.graphs=false for single orders.")
    method.replayed = ReplayedStep(CudaGraphs(method.placement.device), say)
