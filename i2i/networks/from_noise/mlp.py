"""Fully connected networks: the first GAN, its conditional form, and those that teaching texts begin with."""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor, nn

from ..kernels.layers import Dropout
from ..norms import BatchNormRunning
from ..options import Count, Share
from .base import Critic, NoiseGenerator, Prior, one_hot

LEAK = 0.2


class Maxout(nn.Module):
    """(N, F) -> (N, units): of each unit the largest of `pieces` linear functions (Goodfellow et al., ICML 2013)."""

    def __init__(self, features: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear, self.units, self.pieces = nn.Linear(features, units * pieces), units, pieces

    def forward(self, x: Tensor) -> Tensor:
        """(N, F) -> (N, units)."""
        most: Tensor = self.linear(x).unflatten(1, (self.units, self.pieces)).amax(2)
        return most


class FlatNorm(BatchNormRunning):
    """Batch norm of (N, F)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, F) -> the same."""
        return super().forward(x[:, :, None, None])[:, :, 0, 0]


Activation = Literal["relu", "leaky"]


def _activation(name: Activation) -> nn.Module:
    return nn.ReLU() if name == "relu" else nn.LeakyReLU(LEAK)


class MlpGenerator(NoiseGenerator):
    """z -> hidden layers -> a picture, or a point, through tanh; linear where `bounded` is off."""

    def __init__(
        self,
        channels: int,
        *,
        size: tuple[int, ...],
        latent: Count = 100,
        widths: tuple[Count, ...] = (1200, 1200),
        activation: Activation = "relu",
        norm: bool = False,
        bounded: bool = True,
        prior: Prior = "normal",
    ) -> None:
        super().__init__()
        self.latent, self.prior, self.shape = latent, prior, (channels, *size)
        layers: list[nn.Module] = []
        before = latent
        for width in widths:
            layers += [nn.Linear(before, width), _activation(activation), *([FlatNorm(width)] if norm else [])]
            before = width
        out = math.prod(self.shape)
        self.layers = nn.Sequential(*layers, nn.Linear(before, out), *([nn.Tanh()] if bounded else []))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, *shape)."""
        picture: Tensor = self.layers(z).reshape(-1, *self.shape)
        return picture


class MlpCritic(Critic):
    """Pictures or points -> hidden layers -> a logit; `dropout` follows the first hidden layer."""

    def __init__(
        self,
        channels: int,
        *,
        size: tuple[int, ...],
        widths: tuple[Count, ...] = (512, 256),
        activation: Activation = "leaky",
        dropout: Share = 0.0,
    ) -> None:
        super().__init__()
        before, layers = channels * math.prod(size), []
        for n, width in enumerate(widths):
            layers += [nn.Linear(before, width), _activation(activation)]
            layers += [Dropout(dropout)] if dropout and n == 0 else []
            before = width
        self.layers, self.last = nn.Sequential(nn.Flatten(), *layers), nn.Linear(before, 1)


class VanillaCritic(Critic):
    """Goodfellow et al., 2014: two layers of maxout, 240 units of 5 pieces, with dropout."""

    def __init__(self, channels: int, *, size: tuple[int, ...], units: Count = 240, pieces: Count = 5) -> None:
        super().__init__()
        numbers = channels * math.prod(size)
        self.layers = nn.Sequential(
            nn.Flatten(), Maxout(numbers, units, pieces), Dropout(0.2), Maxout(units, units, pieces), Dropout(0.5)
        )
        self.last = nn.Linear(units, 1)


class ConditionalMlpGenerator(NoiseGenerator):
    """Mirza and Osindero, 2014 (arXiv 1411.1784): z and the class, each through a layer of its own, then together."""

    def __init__(
        self,
        channels: int,
        *,
        size: tuple[int, ...],
        classes: int,
        latent: Count = 100,
        widths: tuple[Count, Count, Count] = (200, 1000, 1200),
        prior: Prior = "normal",
    ) -> None:
        super().__init__()
        self.latent, self.prior, self.classes, self.shape = latent, prior, classes, (channels, *size)
        of_z, of_class, joint = widths
        self.of_z, self.of_class = nn.Linear(latent, of_z), nn.Linear(classes, of_class)
        self.joint = nn.Linear(of_z + of_class, joint)
        self.last = nn.Linear(joint, math.prod(self.shape))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, *shape)."""
        assert label is not None
        both = torch.cat([self.of_z(z), self.of_class(one_hot(label, self.classes).to(z.dtype))], 1).relu()
        picture: Tensor = self.last(self.joint(both).relu()).tanh().reshape(-1, *self.shape)
        return picture


class ConditionalMlpCritic(Critic):
    """The same for the discriminator, with maxout: 240 units of 5 for the picture, 50 of 5 for the class, 240 of 4."""

    def __init__(self, channels: int, *, size: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.of_x = Maxout(channels * math.prod(size), 240, 5)
        self.of_class, self.joint = Maxout(classes, 50, 5), Maxout(290, 240, 4)
        self.dropout, self.last = Dropout(0.5), nn.Linear(240, 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        assert label is not None
        of_class = self.of_class(one_hot(label, self.classes).to(x.dtype))
        logit: Tensor = self.last(self.dropout(self.joint(torch.cat([self.of_x(x.flatten(1)), of_class], 1))))
        return logit
