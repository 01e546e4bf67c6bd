"""Several processes that train one network together: who this one is, and what they tell each other.

`torchrun` starts them and says who is who by its environment variables; torch.distributed carries the words, gloo those
of CPUs and NCCL those of CUDA devices. Alone, every function here gives back what it was given.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import os
import signal
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar, cast

import torch
from torch import Tensor, distributed

from ..errors import RequestError, TrainingError

T = TypeVar("T")

TIMEOUT = datetime.timedelta(minutes=30)
"""How long the others are waited for; the first one validates and exports meanwhile."""


@dataclasses.dataclass(frozen=True)
class Processes:
    """Which of how many this process is."""

    rank: int = 0
    """Its number; 0 alone writes and speaks."""
    count: int = 1
    local: int = 0
    """Its number on this machine, which is that of its CUDA device."""

    @property
    def first(self) -> bool:
        """Whether this one writes and speaks."""
        return self.rank == 0


ALONE = Processes()


def of_environment() -> Processes:
    """What `torchrun` says; raises RequestError where that is no number."""
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
    if "RANK" not in os.environ or "WORLD_SIZE" not in os.environ:
        return ALONE
    try:
        return Processes(*(int(os.environ.get(name, 0)) for name in names))
    except ValueError as error:
        raise RequestError(f"{', '.join(names)} are set, and not all to numbers. Start it by torchrun.") from error


@contextlib.contextmanager
def joined() -> Iterator[Processes]:
    """Inside, this process can talk to the others that `torchrun` started. Raises TrainingError when it cannot."""
    mine = of_environment()
    if mine.count == 1 or distributed.is_initialized():
        yield mine
        return
    backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() and distributed.is_nccl_available() else "gloo"
    with _lost(f"Process {mine.rank} of {mine.count} cannot reach the others"):
        distributed.init_process_group(backend, timeout=TIMEOUT)
    try:
        yield mine
    finally:
        distributed.destroy_process_group()


def together() -> bool:
    """Whether there are other processes."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def from_first(value: T) -> T:
    """What the first process has, in all of them: anything that can be pickled."""
    if not together():
        return value
    box = [value]
    with _lost():
        distributed.broadcast_object_list(box, src=0)
    return box[0]


def of_all(value: T) -> list[T]:
    """What each process has, by its number."""
    if not together():
        return [value]
    values: list[T | None] = [None] * distributed.get_world_size()
    with _lost():
        distributed.all_gather_object(values, value)
    return cast(list[T], values)


def refuse_differences(facts: Mapping[str, object]) -> None:
    """Raises RequestError where processes do not have the same facts, by what they are called."""
    every = of_all(dict(facts))
    for name, value in facts.items():
        different = [str(rank) for rank, theirs in enumerate(every) if theirs[name] != every[0][name]]
        if different:
            raise RequestError(
                f"Process {', '.join(different)} of {len(every)} and process 0 differ in {name} "
                f"({every[int(different[0])][name]} and {every[0][name]}; here {value}). All must have the same."
            )


def largest(numbers: list[int]) -> list[int]:
    """The largest of all processes, number by number; quick, for every step."""
    if not together():
        return numbers
    box = torch.tensor(numbers)
    with _lost():
        distributed.all_reduce(box, distributed.ReduceOp.MAX)
    return [int(number) for number in box]


def average(values: Tensor) -> Tensor:
    """The mean over the processes, without gradients."""
    if not together():
        return values
    return _summed(values.detach().clone()) / distributed.get_world_size()


def average_gradients(parameters: Iterable[torch.nn.Parameter]) -> None:
    """Put the mean over the processes into every gradient; one message a type of number."""
    if not together():
        return
    kinds: dict[torch.dtype, list[Tensor]] = {}
    for parameter in parameters:
        if parameter.grad is not None:
            kinds.setdefault(parameter.grad.dtype, []).append(parameter.grad)
    for gradients in kinds.values():
        flat = _summed(torch.cat([gradient.reshape(-1) for gradient in gradients])) / distributed.get_world_size()
        parts = torch.split(flat, [gradient.numel() for gradient in gradients])
        for gradient, part in zip(gradients, parts, strict=True):
            gradient.copy_(part.view(gradient.shape))


def summed(x: Tensor) -> Tensor:
    """The sum over the processes, through which gradients flow, second ones too."""
    return cast(Tensor, _Sum.apply(x)) if together() else x


class _Sum(torch.autograd.Function):
    """Every process's loss depends on everybody's part, so gradients are summed as well."""

    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        return _summed(x.clone())

    @staticmethod
    def backward(_ctx: Any, gradient: Tensor) -> Tensor:
        return cast(Tensor, _Sum.apply(gradient))


def _summed(x: Tensor) -> Tensor:
    """`x` itself, changed in place."""
    x = x.contiguous()
    with _lost():
        distributed.all_reduce(x)
    return x


LOST = "Another process of this training has ended, or cannot be reached any more"


@contextlib.contextmanager
def _lost(what: str = LOST) -> Iterator[None]:
    """What torch says of a broken connection becomes a sentence."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # DistError is a RuntimeError
        with contextlib.suppress(ValueError):  # not the main thread
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # torchrun's, which would cut off what is said now
        reason = str(error).strip().split("\n")[0][:200]
        raise TrainingError(
            f"{what}, so this one stops as well ({reason}). What that one says is the reason. The last checkpoint is "
            "kept: the same command goes on from there, with any number of processes."
        ) from error
