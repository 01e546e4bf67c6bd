"""A step whose batch is divided over processes and passes: what it computes is the step on the undivided batch."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.checkpoint import checkpoint

from ..adversarial.losses import ADVERSARIAL
from ..errors import ConfigError
from ..hardware.batch_part import Division, Part, at_hand
from ..hardware.processes import Processes, average_gradients
from ..networks import has_batch_statistics
from .config import TrainConfig

if TYPE_CHECKING:
    from .base import Batch, Method

T = TypeVar("T")

Descents = Generator[tuple[Optimizer, Tensor], None, dict[str, Tensor]]
"""The updates of a step: yields (optimizer, loss), gives the scalars."""


def division_of(config: TrainConfig, mine: Processes) -> Division:
    """Raises ConfigError where the batch cannot be divided evenly."""
    packed = getattr(config, "packed", 1)
    smallest = mine.count * config.accumulate * packed
    if config.batch % smallest:
        up = -(-config.batch // smallest) * smallest
        over = " and ".join(
            words
            for words, number in (
                (f"{mine.count} processes", mine.count),
                (f"{config.accumulate} passes", config.accumulate),
            )
            if number > 1
        )
        packs = f" in packs of {packed}" if packed > 1 else ""
        raise ConfigError(f"A batch of {config.batch} cannot be divided evenly over {over}{packs}. Use --batch {up}.")
    return Division(config.batch, mine.rank, mine.count, config.accumulate, packed)


COUPLED = "{what} over the images of a batch, which {passes} passes of {each} do not see together. {way_out}"


def refuse_divided_statistics(config: TrainConfig, networks: Mapping[str, nn.Module]) -> None:
    """Raises ConfigError where passes (`accumulate`) would change what is computed over a batch."""
    if config.accumulate == 1:
        return
    reasons = [
        _mixing(config, name, network)
        for name, network in networks.items()
        if any(weight.requires_grad for weight in network.parameters()) and has_batch_statistics(network)
    ]
    gan = config.gan
    compared = (
        (gan.feature_matching, "gan.feature_matching compares means", "gan.feature_matching=0"),
        (gan.loss == "relativistic", "The relativistic loss compares means", "gan.loss=non_saturating"),
        (gan.unrolled, "gan.unrolled looks ahead", "gan.unrolled=0"),
        (getattr(config, "path_length", 0), "path_length compares lengths", "path_length=0"),
        (
            getattr(config, "d_rests_above", 1) < 1 and ADVERSARIAL[gan.loss].threshold is None,
            f"D's accuracy of the {gan.loss} loss compares means",
            "d_rests_above=1",
        ),
    )
    reasons += [(what, f"Use --set {setting}.") for is_asked, what, setting in compared if is_asked]
    if reasons:
        what, way_out = reasons[0]
        each = config.batch // config.accumulate
        said = COUPLED.format(what=what, passes=config.accumulate, each=each, way_out=way_out)
        raise ConfigError(f"{said} Or leave --accumulate out: several processes (torchrun) see a batch together.")


def _mixing(config: TrainConfig, name: str, network: nn.Module) -> tuple[str, str]:
    """What a network does over a batch, and the way out."""
    key = "generator" if name.startswith(("G", "F")) else "discriminator"
    options = getattr(config, key).options
    if options.get("minibatch_std") and key == "discriminator":
        return f"{name} measures the variety", "Use --set discriminator.minibatch_std=false."
    if name == "D" and (getattr(config, "minibatch_std", False) or getattr(config, "minibatch_kernels", 0)):
        return f"{name} compares", "Leave minibatch_std and minibatch_kernels out."
    if not any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in network.modules()):
        return f"{name} compares", "Take a smaller --batch."
    norm = options.get("norm")
    without = "instance_affine" if isinstance(norm, str) else "false"
    return f"{name} normalises", f"Use --set {key}.norm={without}." if norm else "Take a smaller --batch."


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


class _Buffers:
    """What networks keep beside weights, as it is now: the vectors of spectral normalisation, say."""

    def __init__(self, networks: Iterable[nn.Module]) -> None:
        self.values = [(buffer, buffer.clone()) for network in networks for buffer in network.buffers()]

    @torch.no_grad()
    def restore(self) -> None:
        for buffer, value in self.values:
            buffer.copy_(value)


class _State:
    """What a pass changes beside gradients: torch's random generators and the buffers of networks."""

    def __init__(self, method: Method) -> None:
        self.device = method.placement.device
        self.random = torch.get_rng_state()
        self.on_device = torch.cuda.get_rng_state(self.device) if self.device.type == "cuda" else None
        self.buffers = _Buffers(method.networks.values())

    def restore(self) -> None:
        torch.set_rng_state(self.random)
        if self.on_device is not None:
            torch.cuda.set_rng_state(self.on_device, self.device)
        self.buffers.restore()


def kept_small(division: Division, network: nn.Module, compute: Callable[..., T], *inputs: Tensor | None) -> T:
    """compute(*inputs), by `network`; where there are passes, what its gradient needs is computed again instead of kept
    for all passes, with the same random numbers and buffers.
    """
    if division.passes == 1 or not torch.is_grad_enabled():
        return compute(*inputs)
    then = _Buffers([network])
    made: T = checkpoint(
        compute, *inputs, use_reentrant=False, context_fn=lambda: (contextlib.nullcontext(), _as_at(then, network))
    )
    return made


@contextlib.contextmanager
def _as_at(then: _Buffers, network: nn.Module) -> Iterator[None]:
    now = _Buffers([network])
    then.restore()
    try:
        yield
    finally:
        now.restore()
