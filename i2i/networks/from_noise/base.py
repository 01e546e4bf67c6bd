"""What the networks of a GAN from noise are: a generator of latent numbers, a discriminator with a logit a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

Prior = Literal["normal", "uniform"]
Size = tuple[int, int]
"""Height and width of a picture."""


class NoiseGenerator(nn.Module):
    """z (N, latent), and the class (N,) where there are `classes`, -> pictures (N, C, H, W)."""

    latent: int
    """Numbers that a picture is made of."""
    classes: int = 0
    """0 where pictures are of no class."""
    prior: Prior = "normal"
    """What z is drawn from: `normal`, N(0, 1), or `uniform`, U(-1, 1)."""

    @property
    def noises(self) -> Sequence[Size]:
        """Height and width of each map of noise that its layers add, in their order."""
        return ()

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, C, H, W) in [-1, 1]; where it has `noises`, those of the file come after them."""
        raise NotImplementedError


class Critic(nn.Module):
    """Pictures (N, C, H, W), and their class (N,) where there are `classes`, -> logits (N, 1), above 0 for real.

    What is no chain has a `features` of its own, what looks at classes a `forward`.
    """

    classes: int = 0
    layers: nn.Sequential
    """All but the last layer."""
    last: nn.Module
    """(N, F) -> (N, 1)."""

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): what the last layer decides by."""
        found: Tensor = self.layers(x).flatten(1)
        return found

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, C, H, W), (N,) -> (N, 1)."""
        logit: Tensor = self.last(self.features(x))
        return logit


def grid(size: Size, smallest: int = 4, most: int = 32) -> tuple[int, int, int]:
    """Where a generator that doubles begins: height and width of its first map, and how often it doubles them.

    The shorter side begins with `smallest` or a little more (28 with 7), so that any size is met by cutting what is too
    much: 4, 4 and 4 for 64x64; 6, 4 and 4 for 96x64. It doubles `most` times at most, and begins with more then.
    """
    height, width = size
    doublings = min(most, max(0, int(math.log2(min(height, width) / smallest))))
    return -(-height // 2**doublings), -(-width // 2**doublings), doublings


def middle(x: Tensor, size: Size) -> Tensor:
    """The middle (N, C, height, width) of larger maps."""
    height, width = size
    top, left = (x.shape[2] - height) // 2, (x.shape[3] - width) // 2
    return x[:, :, top : top + height, left : left + width]


def padded(x: Tensor, size: Size) -> Tensor:
    """With a border of -1, where the picture is smaller than the map that is halved."""
    down, across = size[0] - x.shape[2], size[1] - x.shape[3]
    if not (down or across):
        return x
    return nn.functional.pad(x, (across // 2, across - across // 2, down // 2, down - down // 2), value=-1.0)


class Projection(nn.Module):
    """The last layer of a discriminator: a logit of the features, and of how well they fit the class.

    w h + b + <e(y), h> (Miyato and Koyama, ICLR 2018, arXiv 1802.05637).
    """

    def __init__(self, features: int, classes: int = 0, *, bias: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(features, 1, bias=bias)
        self.embedding = nn.Embedding(classes, features) if classes else None
        if self.embedding is not None:
            nn.init.xavier_uniform_(self.embedding.weight)

    def forward(self, h: Tensor, label: Tensor | None) -> Tensor:
        """(N, F), (N,) -> (N, 1)."""
        logit: Tensor = self.linear(h)
        if self.embedding is not None and label is not None:
            logit = logit + (self.embedding(label) * h).sum(1, keepdim=True)
        return logit


def one_hot(label: Tensor, classes: int) -> Tensor:
    """(N,) -> (N, classes) of 0 and 1."""
    return torch.nn.functional.one_hot(label, classes).float()
