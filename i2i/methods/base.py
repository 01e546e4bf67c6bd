"""What every method is: networks, optimizers, a step. The loop, checkpoints and export know no more than this."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from ..config import AdamConfig, TrainConfig
from ..device import Placement

Batch = Mapping[str, Tensor]


class Method(ABC):
    """A paper's training method.

    A subclass sets `networks`, `optimizers` and `generators` in its constructor, and writes `step` like the paper.
    """

    Config: ClassVar[type[TrainConfig]]
    """The settings that the method has."""
    PRESETS: ClassVar[dict[str, dict[str, Any]]]
    """Rows of settings by name."""
    best_metric: ClassVar[str]
    """The validation figure by which the best generator is kept; lower is better."""
    task: ClassVar[str] = "translation"

    networks: dict[str, nn.Module]
    """Everything with weights, by the paper's names."""
    optimizers: dict[str, torch.optim.Optimizer]
    generators: dict[str, str]
    """Exported file's stem -> name in `networks`: `model`, or `a2b` and `b2a`."""

    def __init__(self, placement: Placement) -> None:
        self.placement = placement
        self.scalers: dict[int, torch.amp.GradScaler] = {}

    @classmethod
    @abstractmethod
    def resolved(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with every `auto` and None decided, for `count` training pictures."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: TrainConfig, placement: Placement) -> Self:
        """The method with fresh networks; raises for names and options that do not exist."""

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of every network on a batch in [-1, 1]; gives the scalars that are logged.

        Their names say where the report shows them: `g_` and `d_` are losses of generator and discriminator,
        `p_` are probabilities.
        """

    @abstractmethod
    def show(self, batch: Batch) -> dict[str, Tensor]:
        """Columns of the sample grid by name, (N, C, H, W) in [-1, 1], from the networks as they are served."""

    @abstractmethod
    def score(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Validation figures of what `show` gave, named `val_…`."""

    @abstractmethod
    def words(self, scalars: Mapping[str, float]) -> str:
        """The losses in words, for the progress bar."""

    def descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of `optimizer` down `loss`."""
        scaler = self._scaler(optimizer)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        scaler.step(optimizer)
        scaler.update()

    def _scaler(self, optimizer: torch.optim.Optimizer) -> torch.amp.GradScaler:
        """The optimizer's own loss scaling, which fp16 alone needs."""
        if id(optimizer) not in self.scalers:
            enabled = self.placement.precision == "fp16"
            self.scalers[id(optimizer)] = torch.amp.GradScaler(self.placement.device.type, enabled=enabled)
        return self.scalers[id(optimizer)]

    def set_learning_rate(self, factor: float) -> None:
        """Scale every optimizer's own rate by `factor`."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the weights: tensors and plain values only."""
        return {
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "scalers": {
                n: self.scalers[id(o)].state_dict() for n, o in self.optimizers.items() if id(o) in self.scalers
            },
        }

    def load_state(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
        for name, saved in state["scalers"].items():
            if saved and self.placement.precision == "fp16":  # a run may change its precision when it is resumed
                self._scaler(self.optimizers[name]).load_state_dict(saved)


def adam(network: nn.Module, config: AdamConfig) -> torch.optim.Adam:
    """Fused Adam over a network's parameters, its own rate kept as `initial_lr`."""
    optimizer = torch.optim.Adam(network.parameters(), config.lr, (config.beta1, config.beta2), fused=True)
    for group in optimizer.param_groups:
        group["initial_lr"] = config.lr
    return optimizer


def constant_then_linear(done: float, decay_from: float) -> float:
    """Factor of the learning rate when the share `done` of a run is over: 1, then linearly to 0 at the end."""
    return 1.0 if done <= decay_from or decay_from >= 1 else (1 - done) / (1 - decay_from)


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for the network's own weights inside; they still flow through it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)
