"""A step whose batch is divided over processes and passes: what it computes is the step on the undivided batch."""

from __future__ import annotations

import dataclasses
from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.checkpoint import checkpoint

from ..errors import ConfigError
from ..hardware.batch_part import Division, Part, at_hand
from ..hardware.processes import Processes, average_gradients
from ..networks import has_batch_statistics
from .config import TrainConfig

if TYPE_CHECKING:
    from .base import Batch, Method

Descents = Generator[tuple[Optimizer, Tensor], None, dict[str, Tensor]]
"""The updates of a step: yields (optimizer, loss), gives the scalars."""


def division_of(config: TrainConfig, mine: Processes) -> Division:
    """Raises ConfigError where the batch cannot be divided evenly."""
    parts = mine.count * config.accumulate
    if config.batch % parts:
        up = -(-config.batch // parts) * parts
        over = " and ".join(
            words
            for words, number in (
                (f"{mine.count} processes", mine.count),
                (f"{config.accumulate} passes", config.accumulate),
            )
            if number > 1
        )
        raise ConfigError(f"A batch of {config.batch} cannot be divided evenly over {over}. Use --batch {up}.")
    return Division(config.batch, mine.rank, mine.count, config.accumulate)


COUPLED = "{what} over the images of a batch, which {passes} passes of {each} do not see together. {way_out}"


def refuse_divided_statistics(config: TrainConfig, networks: Mapping[str, nn.Module]) -> None:
    """Raises ConfigError where passes (`accumulate`) would change what is computed over a batch."""
    if config.accumulate == 1:
        return
    gan, reasons = config.gan, []
    for name, network in networks.items():
        if any(weight.requires_grad for weight in network.parameters()) and has_batch_statistics(network):
            key = "generator" if name.startswith(("G", "F")) else "discriminator"
            if config.discriminator.options.get("minibatch_std") and key == "discriminator":
                reasons.append((f"{name} measures the variety", "Use --set discriminator.minibatch_std=false."))
            elif name == "D" and (getattr(config, "minibatch_std", False) or getattr(config, "minibatch_kernels", 0)):
                reasons.append((f"{name} compares", "Leave minibatch_std and minibatch_kernels out."))
            else:
                has_choice = isinstance(getattr(config, key).options.get("norm"), str)
                way_out = f"Use --set {key}.norm=instance_affine." if has_choice else "Take a smaller --batch."
                reasons.append((f"{name} normalises", way_out))
    if gan.feature_matching:
        reasons.append(("gan.feature_matching compares means", "Use --set gan.feature_matching=0."))
    if gan.loss == "relativistic":
        reasons.append(("The relativistic loss compares means", "Use --set gan.loss=non_saturating."))
    if reasons:
        what, way_out = reasons[0]
        each = config.batch // config.accumulate
        said = COUPLED.format(what=what, passes=config.accumulate, each=each, way_out=way_out)
        raise ConfigError(f"{said} Or leave --accumulate out: several processes (torchrun) see a batch together.")


def add_gradients(method: Method, optimizer: Optimizer, loss: Tensor) -> None:
    """Those of `loss` to the ones that the optimizer's weights have."""
    method.scaler(optimizer).scale(loss).backward()  # type: ignore[no-untyped-call]


def move(method: Method, optimizer: Optimizer) -> None:
    """One step of `optimizer` along its gradients, averaged over the processes, no longer than `clip` allows."""
    scaler = method.scaler(optimizer)
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    average_gradients(weights)
    method.norms.after_backward(optimizer, method.optimizers, scaler.get_scale)
    if method.clip is not None:
        scaler.unscale_(optimizer)
        nn.utils.clip_grad_norm_(weights, method.clip)
    scaler.step(optimizer)
    scaler.update()


@dataclasses.dataclass
class _Pass:
    """A flow of `descents` on a part of the batch."""

    part: Part | None
    """None for all of it."""
    flow: Descents
    scalars: dict[str, Tensor] = dataclasses.field(default_factory=dict)

    def next(self) -> tuple[Optimizer, Tensor] | None:
        try:
            return next(self.flow)
        except StopIteration as end:
            self.scalars = end.value
            return None


def stepped(method: Method, batch: Batch, whole: int) -> dict[str, Tensor]:
    """One step of `method` on its rows of a batch of `whole` images; gives the scalars."""
    if method.division.divided:
        return _divided(method, batch, method.division.parts(whole))
    one = _Pass(None, method.descents(batch))
    while (descent := one.next()) is not None:
        method.descend(*descent)
        _average(method, descent[0], whole)
    return one.scalars


def _average(method: Method, moved: Optimizer, whole: int) -> None:
    if moved is method.optimizers.get("g"):
        method.update_averages(whole)


def _divided(method: Method, batch: Batch, parts: Sequence[Part]) -> dict[str, Tensor]:
    """The same pass by pass; the scalars are means over the passes.

    All passes come as far as an update before it is made. Each begins with the random state and the buffers (the
    vectors of spectral normalisation) that the first one began with, as there is one pass over an undivided batch.
    """
    passes = [_Pass(part, method.descents(rows)) for part, rows in zip(parts, _rows(batch, parts), strict=True)]
    while (moved := _next_update(method, passes)) is not None:
        move(method, moved)
        _average(method, moved, parts[0].whole)
    names = dict.fromkeys(name for one in passes for name in one.scalars)
    return {
        name: torch.stack([one.scalars[name].detach() * one.part.share for one in passes if one.part]).sum(0)
        for name in names
    }


def _next_update(method: Method, passes: Sequence[_Pass]) -> Optimizer | None:
    """Bring every pass to its next update and add up its gradients; gives whose they are, None where there is none."""
    before = _State(method) if len(passes) > 1 else None
    moving: Optimizer | None = None
    for number, one in enumerate(passes):
        if before and number:
            before.restore()
        assert one.part
        with at_hand(one.part):
            descent = one.next()
            if descent is None:
                continue
            optimizer, loss = descent
            if moving is None:
                optimizer.zero_grad(set_to_none=True)
            moving = optimizer
            add_gradients(method, optimizer, loss * one.part.share)
    return moving


def _rows(batch: Batch, parts: Sequence[Part]) -> Iterator[Batch]:
    """The rows of each part, of those that this process has."""
    if len(parts) == 1:
        yield batch
        return
    first = 0
    for part in parts:
        count = part.stop - part.start
        yield {name: rows[first : first + count] for name, rows in batch.items()}
        first += count


class _State:
    """What a pass changes beside gradients: torch's random generators and the buffers of networks."""

    def __init__(self, method: Method) -> None:
        self.device = method.placement.device
        self.random = torch.get_rng_state()
        self.on_device = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        self.buffers = [(b, b.clone()) for network in method.networks.values() for b in network.buffers()]

    @torch.no_grad()
    def restore(self) -> None:
        torch.set_rng_state(self.random)
        if self.on_device is not None:
            torch.cuda.set_rng_state(self.on_device, self.device)
        for buffer, value in self.buffers:
            buffer.copy_(value)


def kept_small(network: nn.Module, x: Tensor, division: Division) -> Tensor:
    """network(x); where there are passes, what its gradient needs is computed again instead of kept for all passes."""
    if division.passes == 1 or not torch.is_grad_enabled():
        return network(x)  # type: ignore[no-any-return]
    return checkpoint(network, x, use_reentrant=False)  # type: ignore[no-any-return]
