"""A running average of a generator's weights, which makes better pictures than the weights of any one step."""

from __future__ import annotations

import copy

import torch
from pydantic import Field
from torch import nn

from ..settings import Strict


class EMA:
    """`average` follows `network` with a half-life counted in images (Karras et al., 2018; warm-up as StyleGAN2's).

    Weights are averaged; buffers, such as running statistics, are taken as they are.
    """

    def __init__(self, network: nn.Module, config: EmaConfig) -> None:
        self.network, self.config = network, config
        self.average = copy.deepcopy(network).requires_grad_(False)
        self.times = 1.0
        """The half-life is so many times as long as set, as `start.ema` has it."""

    def decay(self, seen: int, shown: int) -> float:
        """What is kept of the average by a step on `shown` images after `seen` of the run."""
        half_life = min(self.times * self.config.images, seen * self.config.rampup)
        return 0.5 ** (shown / half_life) if half_life > 0 else 0.0

    @torch.no_grad()
    def update(self, seen: int, shown: int) -> None:
        """Move on by one step."""
        keep = self.decay(seen, shown)
        for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
            mean.lerp_(now, 1 - keep)
        for kept, new in zip(self.average.buffers(), self.network.buffers(), strict=True):
            kept.copy_(new)


class EmaConfig(Strict):
    """A running average of the generator's weights, which is then what is shown and exported."""

    images: int = Field(0, ge=0)
    """Images after which a weight counts half; 0 keeps no average, 10000 is usual."""
    rampup: float = Field(0.05, ge=0, allow_inf_nan=False)
    """Early on the half-life is at most this share of the images seen, so that the start is soon forgotten."""
