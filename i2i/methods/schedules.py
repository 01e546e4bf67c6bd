"""How settings go through a run: learning rates of super-resolution papers, and what R3GAN begins with.

A share is the part of the stage, or of the run, that is over, from 0 to 1.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

import torch
from pydantic import Field

from ..settings import Strict

if TYPE_CHECKING:
    from .base import Method

Share = Annotated[float, Field(gt=0, lt=1)]


class ScheduleConfig(Strict):
    """The learning rate of one stage, as a factor of the optimizer's."""

    kind: Literal["constant", "cosine", "steps"] = "cosine"
    """`constant`; `cosine` from 1 to `floor`; or `steps`, each times `by`."""
    periods: int = Field(1, ge=1)
    """Times that `cosine` begins anew at 1 (warm restarts: Loshchilov and Hutter, 2017, eq. 5)."""
    floor: float = Field(0, ge=0, le=1)
    """Lowest factor of `cosine`."""
    at: tuple[Share, ...] = ()
    """Shares of the stage at which `steps` falls."""
    by: float = Field(0.5, gt=0, le=1)
    """What `steps` multiplies the rate by at each of them."""

    def factor(self, share: float) -> float:
        """What the rate is multiplied by when `share` of the stage is over."""
        if self.kind == "cosine":
            within = share * self.periods % 1 if share < 1 else 1.0
            return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * within)) / 2
        if self.kind == "steps":
            return self.by ** sum(share >= place for place in self.at)
        return 1.0


def constant_then_linear(done: float, decay_from: float) -> float:
    """Factor of the learning rate when the share `done` of a run is over: 1, then linearly to 0 at the end."""
    return 1.0 if done <= decay_from or decay_from >= 1 else (1 - done) / (1 - decay_from)


class StartConfig(Strict):
    """What a run begins with, and how long it takes until the settings hold; half a cosine leads from one to the other.

    As R3GAN is trained (Huang et al., NeurIPS 2024, arXiv 2501.05441, appendix): strong penalties and quick rates while
    the networks know nothing, no augmentation and no averaging yet.
    """

    share: float = Field(0, ge=0, le=1)
    """Part of the run until they hold; 0: from the beginning on."""
    lr: float = Field(1, gt=0, allow_inf_nan=False)
    """Times each learning rate."""
    penalty: float = Field(1, ge=0, allow_inf_nan=False)
    """Times the weight of each penalty on D's gradient: `gan.gradient_penalty`, `gan.r1`, `gan.r2`."""
    augment: float = Field(1, ge=0, le=1)
    """Times `gan.augment_p`."""
    ema: float = Field(1, ge=0, allow_inf_nan=False)
    """Times the half-life `ema.images`."""
    beta2: float | None = Field(None, ge=0, lt=1)
    """Adam's, in place of `optimizer.beta2`."""


def between(start: float, end: float, way: float) -> float:
    """Half a cosine from `start` to `end` when the part `way` of it is gone; from 1 on it is `end` itself."""
    return end if way >= 1 else end + (start - end) * (1 + math.cos(math.pi * way)) / 2


class Start:
    """Leads a method from what its run begins with to its settings."""

    def __init__(self, config: StartConfig) -> None:
        self.config = config

    def factor(self, times: float, share: float) -> float:
        """Of a setting that begins `times` as large, when `share` of the run is over."""
        return between(times, 1.0, share / self.config.share) if self.config.share else 1.0

    def lead(self, method: Method) -> None:
        """Have everything but the rates as it is at this place of the run."""
        c = self.config
        for name, optimizer in method.optimizers.items():
            if isinstance(optimizer, torch.optim.Adam):
                first, second = optimizer.defaults["betas"]  # the settings'; those of a checkpoint may be others
                if c.share and c.beta2 is not None:
                    second = between(c.beta2, second, method.timeline.share_since(name, method.seen) / c.share)
                for group in optimizer.param_groups:
                    group["betas"] = (first, second)
        if not c.share:
            return
        for objective in method.objectives.values():
            objective.strength = self.factor(c.penalty, objective.share)
            objective.often = self.factor(c.augment, objective.share)
        for average in method.averages:
            average.times = self.factor(c.ema, method.timeline.share_since("g", method.seen))
