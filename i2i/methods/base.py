"""What every method is: networks, optimizers, a step. The loop, checkpoints and export know no more than this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from typing import Any, ClassVar, Protocol, Self

import torch
from torch import Tensor, nn

from ..adversarial import AdversarialObjective, UpdateSchedule
from ..hardware.device import Placement
from ..networks import for_inference
from ..ports import Port
from .building import moments_like_weights
from .config import AdamConfig, TrainConfig
from .ema import EMA, EmaConfig
from .schedules import constant_then_linear

Batch = Mapping[str, Tensor]


class Stateful(Protocol):
    """Something with a state of its own that a resumed run must have back."""

    def state_dict(self) -> dict[str, Any]:
        """Tensors and plain values only."""
        ...

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Take back what `state` gave."""
        ...


class Method(ABC):
    """A paper's training method.

    A subclass sets `networks`, `optimizers` and `generators` in its constructor, puts its discriminators, as
    AdversarialObjectives, into `objectives`, and writes `step` like the paper.
    """

    Config: ClassVar[type[TrainConfig]]
    """The settings that the method has."""
    PRESETS: ClassVar[dict[str, dict[str, Any]]]
    """Rows of settings by name."""
    best_metric: ClassVar[str]
    """The validation figure by which the best generator is kept; lower is better."""
    data_kind: ClassVar[str] = "paired"
    """What it is trained on: a key of `i2i.datasets.DATASETS`."""
    task: str = "translation"
    """What an exported model is said to do."""
    ports: ClassVar[tuple[Port, ...]] = ()
    """What an exported generator takes beside the picture, each by its name; a label without choices has the names of
    the data's domains."""
    notes: tuple[str, ...] = ()
    """What is worth saying before the first step."""
    late: frozenset[str] = frozenset()
    """Names of networks, optimizers and objectives that a later stage brings: older checkpoints lack them."""

    networks: dict[str, nn.Module]
    """Everything with weights, by the paper's names."""
    optimizers: dict[str, torch.optim.Optimizer]
    generators: dict[str, str]
    """Exported file's stem -> name in `networks`: `model`, or `a2b` and `b2a`."""

    def __init__(self, placement: Placement, turns: UpdateSchedule, optimizer: AdamConfig) -> None:
        self.placement = placement
        self.clip, self.decay_from = optimizer.clip, optimizer.decay_from
        self.scalers: dict[int, torch.amp.GradScaler] = {}
        self.turns = turns
        self.objectives: dict[str, AdversarialObjective] = {}
        self.averages: list[EMA] = []
        self.seen = 0
        """Images that the run has shown before this step."""
        self.followed: int | None = 0
        """Images that it had shown after the last step of the generators; None where a checkpoint does not say."""

    @classmethod
    @abstractmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with every `auto` and None decided, for `count` training pictures."""

    @classmethod
    @abstractmethod
    def from_config(cls, config: TrainConfig, placement: Placement) -> Self:
        """The method with fresh networks; raises for names and options that do not exist."""

    @classmethod
    def to_export(cls, config: TrainConfig, placement: Placement) -> Self:
        """The same, to put trained weights in: what training alone needs may be missing."""
        return cls.from_config(config, placement)

    @classmethod
    def resume_config(cls, config: TrainConfig, before: TrainConfig) -> TrainConfig:  # noqa: ARG003
        """`config` for a run that began with `before`: what was decided by what lay at hand then stays so."""
        return config

    @classmethod
    def source_options(cls, config: TrainConfig) -> dict[str, Any]:  # noqa: ARG003
        """What a source of `data_kind` takes beside the folder, by name."""
        return {}

    @classmethod
    def batch_transform(cls, config: TrainConfig) -> Callable[[Batch], Batch] | None:  # noqa: ARG003
        """What changes every batch between the loader and `step` or `sample_columns`, on the device; None leaves it."""
        return None

    @classmethod
    def card_facts(cls, config: TrainConfig) -> dict[str, Any]:  # noqa: ARG003
        """What an exported file's card says of the training beside what every method's does."""
        return {}

    @abstractmethod
    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of every network on a batch in [-1, 1]; gives the scalars that are logged.

        Their names say where the report shows them: `g_` and `d_` are losses of generator and discriminator,
        `p_` are probabilities.
        """

    @abstractmethod
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Columns of the sample grid by name, (N, C, H, W) in [-1, 1], from the networks as they are served."""

    @abstractmethod
    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Validation figures of what `sample_columns` gave, named `val_…`."""

    @abstractmethod
    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The losses in words, for the progress bar."""

    def at(self, seen: int, total: int) -> None:
        """Told before each step: `seen` of the run's `total` images have been shown."""
        self.seen = seen
        for objective in self.objectives.values():
            objective.share = seen / total

    def rate_factor(self, seen: int, total: int) -> float:
        """What every learning rate is multiplied by when `seen` of `total` images have been shown."""
        return constant_then_linear(seen / total, self.decay_from)

    def served(self, stem: str) -> nn.Module:
        """The generator that is exported as `stem`, as it is served."""
        return for_inference(self.networks[self.generators[stem]])

    def average(self, config: EmaConfig) -> None:
        """Keep a running average of every generator, when `config` asks for one, and export that instead."""
        if config.images == 0:
            return
        for stem, name in self.generators.items():
            self.averages.append(EMA(self.networks[name], config))
            self.networks[f"{name}_ema"] = self.averages[-1].average
            self.generators[stem] = f"{name}_ema"

    def follow(self, shown: int) -> None:
        """Let the averages follow a step of the generators on `shown` images."""
        now = self.seen + shown
        since = shown if self.followed is None else max(shown, now - self.followed)  # what D alone was shown counts too
        for average in self.averages:
            average.follow(now, since)
        self.followed = now

    def descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of `optimizer` down `loss`, no longer than `clip` allows."""
        scaler = self._scaler(optimizer)
        optimizer.zero_grad(set_to_none=True)
        scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if self.clip is not None:
            scaler.unscale_(optimizer)
            nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], self.clip)
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

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the weights: tensors and plain values only."""
        return {
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
            "scalers": {
                n: self.scalers[id(o)].state_dict() for n, o in self.optimizers.items() if id(o) in self.scalers
            },
            "followed": self.followed,
            "keeps": {name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state` gave."""
        self.followed = state.get("followed")
        for name, optimizer in self.optimizers.items():
            if self.expects(name, state["optimizers"]):
                optimizer.load_state_dict(state["optimizers"][name])
                moments_like_weights(optimizer)
        for name, saved in state["scalers"].items():
            if saved and self.placement.precision == "fp16":  # a run may change its precision when it is resumed
                self._scaler(self.optimizers[name]).load_state_dict(saved)
        for name, part in self._parts().items():
            if self.expects(name, state["keeps"]):
                part.load_state_dict(state["keeps"][name])

    def expects(self, name: str, saved: Collection[str]) -> bool:
        """Whether a checkpoint that has the names `saved` must have this one: all but what a later stage brings."""
        return name in saved or name not in self.late

    def _parts(self) -> dict[str, Stateful]:
        return {"turns": self.turns, **self.objectives}
