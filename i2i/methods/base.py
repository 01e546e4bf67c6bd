"""What every method is: stages, networks, optimizers, a step. Loop, checkpoints and export know no more than this."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Hashable, Mapping
from functools import partial
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn

from .. import renamed
from ..adversarial import AdversarialObjective, UpdateSchedule
from ..diagnostics.health import NormWatch, Observed
from ..hardware.batch_part import UNDIVIDED
from ..hardware.device import Placement
from ..networks import Generator, for_inference
from ..ports import Port, Ports
from .building import Stateful, moments_like_weights, optimizer_state, scale_rates, without_effect
from .config import MethodOptions, TrainConfig
from .dividing import Descents, add_gradients, division_of, move, refuse_divided_statistics, stepped
from .ema import EMA
from .replaying import ReplayedStep
from .schedules import Start, constant_then_linear
from .stages import Stage, Timeline

Batch = Mapping[str, Tensor]


class Method(ABC):
    """A paper's training method.

    A subclass has its own options, sets `networks`, `optimizers` and `objectives` (a discriminator's name to what
    trains it) in its constructor, and writes `step` like the paper.
    """

    Config: ClassVar[type[TrainConfig]]
    """The settings that the method has."""
    PRESETS: ClassVar[dict[str, dict[str, Any]]]
    """Rows of settings by name."""
    best_metric: ClassVar[str]
    """The validation figure by which the best generator is kept; lower is better."""
    data_kind: ClassVar[str] = "paired"
    """What it is trained on: a key of `i2i.datasets.DATASETS`."""
    exports: ClassVar[Mapping[str, str]] = {"model": "G"}
    """Exported file's stem -> the generator in `networks`: `model`, or `a2b` and `b2a`."""
    ports: ClassVar[tuple[Port, ...]] = ()
    """What an exported generator takes beside the picture; a label without choices has the data's domains' names."""

    networks: dict[str, nn.Module]
    """Everything with weights, by the paper's names."""
    optimizers: dict[str, torch.optim.Optimizer]

    def __init__(self, placement: Placement, options: MethodOptions) -> None:
        self.placement = placement
        self.clip = options.optimizer.clip
        self.scalers: dict[int, torch.amp.GradScaler] = {}
        self.updates = UpdateSchedule(options.gan.d_steps, options.gan.g_steps)
        self.objectives: dict[str, AdversarialObjective] = {}
        self.averages: list[EMA] = []
        self.start = Start(options.start)
        self.norms = NormWatch()
        self.timeline = Timeline((Stage("training", 1),))
        """The stages of the run."""
        self.stage: str | None = None
        """Name of the stage that has begun last."""
        self.division = UNDIVIDED
        """Over which processes and passes a batch is divided."""
        self.seen = 0
        """Images that the run has shown before this step."""
        self.whole: int | None = None
        """Images of this step's batch over all processes; None where they are those that `step` gets."""
        self.averaged: int | None = 0
        """Images that it had shown after the last step of the generators; None where a checkpoint does not say."""
        self.replayed: ReplayedStep | None = None
        """What replays the steps, on a CUDA device."""

    @classmethod
    def for_samples(cls, config: TrainConfig, shape: tuple[int, ...] | None) -> TrainConfig:  # noqa: ARG003
        """The configuration for samples that have a shape (C, …) of their own; None: pictures, of any size."""
        return config

    @classmethod
    @abstractmethod
    def complete_config(cls, config: TrainConfig, count: int) -> TrainConfig:
        """The configuration with every `auto` and None decided, for `count` training pictures."""

    @classmethod
    @abstractmethod
    def build(cls, config: TrainConfig, placement: Placement) -> Self:
        """The method with fresh networks; raises for names and options that do not exist."""

    @classmethod
    def from_config(cls, config: TrainConfig, placement: Placement) -> Self:
        """The same with the stages of the run."""
        method = cls.build(config, placement)
        method.timeline = Timeline(cls.stages(config))
        method.division = division_of(config, placement.processes)
        refuse_divided_statistics(config, method.networks)
        return method

    @classmethod
    @abstractmethod
    def generators(cls, config: TrainConfig) -> dict[str, Generator]:
        """Fresh generators by the stem of their file, and nothing else: what an export puts trained weights into."""

    @classmethod
    def file_ports(cls, config: TrainConfig, stem: str) -> Ports | None:  # noqa: ARG003
        """All ports of an exported file; None: those of a translator, and `ports`."""
        return None

    @classmethod
    def exported_weights(cls, config: TrainConfig) -> dict[str, str]:
        """By the same stems, the names of their weights in a checkpoint: those of the average where there is one."""
        return {stem: f"{name}_ema" if config.ema.images else name for stem, name in cls.exports.items()}

    @classmethod
    def stages(cls, config: TrainConfig) -> tuple[Stage, ...]:
        """The stages of a run with this complete configuration, in order."""
        schedule = partial(constant_then_linear, decay_from=config.optimizer.decay_from)
        return (Stage("training", config.images or 0, schedule=schedule),)

    @classmethod
    def notes(cls, config: TrainConfig) -> list[str]:
        """What is worth saying before the first step."""
        return without_effect(config, paired=cls.data_kind != "unpaired")

    @classmethod
    def scored_by(cls, config: TrainConfig) -> tuple[str, ...]:  # noqa: ARG003
        """Names of the validation figures that the best may be kept by, the method's own first."""
        return (cls.best_metric,)

    @classmethod
    def task(cls, config: TrainConfig) -> str:  # noqa: ARG003
        """What an exported model is said to do."""
        return "translation"

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

    def descents(self, batch: Batch) -> Descents:
        """The updates of one step, as the paper has them: yields (optimizer, loss), and goes on when that is made.

        `batch` is in [-1, 1]; losses are means over its images. Gives the scalars that are logged: `g_` and `d_` are
        losses (but `d_accuracy…` and `d_rested` shares), `p_` probabilities. Several such flows run side by side where
        a batch is divided into passes.
        """
        raise NotImplementedError

    def step(self, batch: Batch) -> dict[str, Tensor]:
        """One update of every network on a batch in [-1, 1]; gives the scalars that are logged. Of a divided batch,
        `batch` has the rows that are this process's; `at` was told how many there are in all.
        """
        whole = self.whole or len(next(iter(batch.values())))
        scalars = self.replayed(self, batch, whole) if self.replayed else stepped(self, batch, whole)
        self.updates.go_on()
        return scalars

    def kind_of_step(self) -> Hashable | None:
        """What decides, beside the settings and the shapes of a batch, what the next step does; None where no other
        step does the same.
        """
        return self.stage, self.updates.place, self.norms.due, *(one.penalises for one in self.objectives.values())

    @abstractmethod
    def sample_columns(self, batch: Batch) -> dict[str, Tensor]:
        """Columns of the sample grid by name, (N, C, H, W) in [-1, 1], from the networks as they are served."""

    def grid_columns(self, columns: Mapping[str, Tensor], rows: int) -> dict[str, Tensor]:
        """What the grid shows of `sample_columns`: the first `rows` of each, unless they are no pictures."""
        return {name: column[:rows] for name, column in columns.items()}

    @abstractmethod
    def validate(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Validation figures of what `sample_columns` gave, named `val_…`, beside the means of `picture_figures`."""

    def picture_figures(self, columns: Mapping[str, Tensor]) -> dict[str, list[float]]:  # noqa: ARG002
        """For figures of `validate` values whose mean is the figure: a picture each, or parts of a jackknife. Their
        spread tells whether a difference is noise.
        """
        return {}

    def observed(self, batch: Batch, columns: Mapping[str, Tensor]) -> dict[str, Observed]:  # noqa: ARG002
        """What health figures are measured on, by the ending of their names: of a batch and its `sample_columns`."""
        return {}

    @abstractmethod
    def loss_summary(self, scalars: Mapping[str, float]) -> str:
        """The losses in words, for the progress bar."""

    def at(self, seen: int, whole: int | None = None) -> None:
        """Told before each step: `seen` images have been shown; of the batch `whole` over all processes, where that is
        not what `step` gets. Begins a stage when its time has come.
        """
        self.seen, self.whole = seen, whole
        position = self.timeline.at(seen)
        if self.stage != position.stage.name:
            for stage in self.timeline.to_begin(self.stage, position.stage):
                self.stage = stage.name
                self.begin_stage(stage)
        for name, objective in self.objectives.items():
            objective.share = self.timeline.share_since(name, seen)
            objective.penalises = self.updates.of_d % objective.gan.penalty_every == 0
        for name, optimizer in self.optimizers.items():
            at_first = self.start.factor(self.start.config.lr, self.timeline.share_since(name, seen))
            scale_rates(optimizer, at_first * position.stage.schedule(position.share))
        self.start.lead(self)

    def begin_stage(self, stage: Stage) -> None:  # noqa: B027  # most methods have one stage
        """Called once in a run, before the first step of the stage; networks that it `adds` are there before."""

    def average_generators(self, options: MethodOptions) -> None:
        """Keep an exponential moving average of every exported generator, where the options ask for one."""
        for name in self.exports.values() if options.ema.images else ():
            self.averages.append(EMA(self.networks[name], options.ema))
            self.networks[f"{name}_ema"] = self.averages[-1].average

    def update_averages(self, shown: int) -> None:
        """Move the averages on by a step of the generators on `shown` images."""
        now = self.seen + shown
        since = shown if self.averaged is None else max(shown, now - self.averaged)  # what D alone was shown counts too
        for average in self.averages:
            average.update(now, since)
        self.averaged = now

    def trained(self, stem: str) -> nn.Module:
        """The generator whose weights are exported as `stem`: the average where there is one."""
        name = self.exports[stem]
        return self.networks.get(f"{name}_ema", self.networks[name])

    def served(self, stem: str) -> nn.Module:
        """The same as it is served."""
        return for_inference(self.trained(stem))

    def descend(self, optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
        """One step of `optimizer` down `loss`."""
        optimizer.zero_grad(set_to_none=True)
        add_gradients(self, optimizer, loss)
        move(self, optimizer)

    def scaler(self, optimizer: torch.optim.Optimizer) -> torch.amp.GradScaler:
        """The optimizer's own loss scaling, which fp16 alone needs."""
        if id(optimizer) not in self.scalers:
            enabled = self.placement.precision == "fp16"
            self.scalers[id(optimizer)] = torch.amp.GradScaler(self.placement.device.type, enabled=enabled)
        return self.scalers[id(optimizer)]

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps beside the weights: tensors and plain values only."""
        scalers = {name: self.scalers[id(o)] for name, o in self.optimizers.items() if id(o) in self.scalers}
        return {
            "optimizers": {name: optimizer_state(o) for name, o in self.optimizers.items()},
            "scalers": {name: scaler.state_dict() for name, scaler in scalers.items()},
            "averaged": self.averaged,
            "stage": self.stage,
            "parts": {name: part.state_dict() for name, part in self._parts().items()},
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        state = renamed.method_state(state)
        self.averaged, self.stage = state.get("averaged"), state.get("stage")
        for name, optimizer in self.optimizers.items():
            if self.expects(name, state["optimizers"]):
                optimizer.load_state_dict(state["optimizers"][name])
                moments_like_weights(optimizer)
        for name, saved in state["scalers"].items():
            if saved and self.placement.precision == "fp16":  # a run may change its precision when it is resumed
                self.scaler(self.optimizers[name]).load_state_dict(saved)
        for name, part in self._parts().items():
            if self.expects(name, state["parts"]):
                part.load_state_dict(state["parts"][name])

    def expects(self, name: str, saved: Collection[str]) -> bool:
        """Whether a checkpoint that has the names `saved` must have this one: all but what a later stage brings."""
        return name in saved or name not in self.timeline.adds

    def _parts(self) -> dict[str, Stateful]:
        return {"updates": self.updates, **self.objectives}
