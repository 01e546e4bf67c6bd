"""Fully connected networks: the first GAN, its conditional form, and those that teaching texts begin with."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .base import Critic, NoiseGenerator, one_hot

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


def _activation(name: str) -> nn.Module:
    return {"relu": nn.ReLU(), "leaky": nn.LeakyReLU(LEAK)}[name]


class MlpGenerator(NoiseGenerator):
    """z -> hidden layers -> a picture, or a point, through tanh; linear where `bounded` is off."""

    def __init__(
        self,
        shape: Sequence[int],
        latent: int = 100,
        widths: Sequence[int] = (1200, 1200),
        activation: str = "relu",
        *,
        norm: bool = False,
        bounded: bool = True,
    ) -> None:
        super().__init__()
        self.latent, self.shape = latent, tuple(shape)
        layers: list[nn.Module] = []
        size = latent
        for width in widths:
            layers += [nn.Linear(size, width), _activation(activation), *([nn.BatchNorm1d(width)] if norm else [])]
            size = width
        out = math.prod(self.shape)
        self.layers = nn.Sequential(*layers, nn.Linear(size, out), *([nn.Tanh()] if bounded else []))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, *shape)."""
        picture: Tensor = self.layers(z).unflatten(1, self.shape)
        return picture


class MlpCritic(Critic):
    """Pictures or points -> hidden layers -> a logit; `dropout` follows the first hidden layer."""

    def __init__(
        self,
        shape: Sequence[int],
        widths: Sequence[int] = (512, 256),
        activation: str = "leaky",
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        size, layers = math.prod(shape), []
        for n, width in enumerate(widths):
            layers += [nn.Linear(size, width), _activation(activation)]
            layers += [nn.Dropout(dropout)] if dropout and n == 0 else []
            size = width
        self.hidden, self.last = nn.Sequential(*layers), nn.Linear(size, 1)

    def features(self, x: Tensor) -> Tensor:
        """(N, ...) -> (N, F)."""
        found: Tensor = self.hidden(x.flatten(1))
        return found

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, ...) -> (N, 1)."""
        logit: Tensor = self.last(self.features(x))
        return logit


class VanillaCritic(Critic):
    """Goodfellow et al., 2014: two layers of maxout, 240 units of 5 pieces, with dropout."""

    def __init__(self, shape: Sequence[int], units: int = 240, pieces: int = 5) -> None:
        super().__init__()
        size = math.prod(shape)
        self.hidden = nn.Sequential(
            Maxout(size, units, pieces), nn.Dropout(0.2), Maxout(units, units, pieces), nn.Dropout(0.5)
        )
        self.last = nn.Linear(units, 1)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, units)."""
        found: Tensor = self.hidden(x.flatten(1))
        return found

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, C, H, W) -> (N, 1)."""
        logit: Tensor = self.last(self.features(x))
        return logit


class ConditionalMlpGenerator(NoiseGenerator):
    """Mirza and Osindero, 2014 (arXiv 1411.1784): z and the class, each through a layer of its own, then together."""

    def __init__(
        self, shape: Sequence[int], classes: int, latent: int = 100, widths: Sequence[int] = (200, 1000, 1200)
    ) -> None:
        super().__init__()
        self.latent, self.classes, self.shape = latent, classes, tuple(shape)
        of_z, of_class, joint = widths
        self.of_z, self.of_class = nn.Linear(latent, of_z), nn.Linear(classes, of_class)
        self.joint = nn.Linear(of_z + of_class, joint)
        self.last = nn.Linear(joint, math.prod(self.shape))

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, *shape)."""
        assert label is not None
        both = torch.cat([self.of_z(z), self.of_class(one_hot(label, self.classes).to(z.dtype))], 1).relu()
        picture: Tensor = self.last(self.joint(both).relu()).tanh().unflatten(1, self.shape)
        return picture


class ConditionalMlpCritic(Critic):
    """The same for the discriminator, with maxout: 240 units of 5 for the picture, 50 of 5 for the class, 240 of 4."""

    def __init__(self, shape: Sequence[int], classes: int) -> None:
        super().__init__()
        self.classes = classes
        self.of_x = Maxout(math.prod(shape), 240, 5)
        self.of_class, self.joint = Maxout(classes, 50, 5), Maxout(290, 240, 4)
        self.dropout, self.last = nn.Dropout(0.5), nn.Linear(240, 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        assert label is not None
        of_class = self.of_class(one_hot(label, self.classes).to(x.dtype))
        logit: Tensor = self.last(self.dropout(self.joint(torch.cat([self.of_x(x.flatten(1)), of_class], 1))))
        return logit
