"""LAPGAN (Denton et al., NeurIPS 2015, arXiv 1506.05751): a generator for each level of a Laplacian pyramid.

The smallest level is fully connected; each other one adds what its picture lacks, given the coarse one doubled.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..kernels.layers import Dropout
from .base import Critic
from .mlp import MlpCritic, MlpGenerator


def coarse(fine: Tensor, height: int, width: int) -> Tensor:
    """The picture as the level below can show it, at its own size: made small, then large again."""
    small = F.interpolate(fine, (height, width), mode="area")
    return F.interpolate(small, fine.shape[2:], mode="bilinear", align_corners=False)


class DetailGenerator(nn.Module):
    """A plane of noise, and the coarse picture, -> what it lacks: 7x7, 7x7, 5x5, ReLU between."""

    def __init__(self, channels: int = 3, width: int = 64, classes: int = 0, height: int = 0) -> None:
        """With `classes`, a dense layer makes a plane of `height` squared of the class."""
        super().__init__()
        self.plane = nn.Linear(classes, height * height) if classes else None
        planes = 1 + channels + bool(classes)
        self.layers = nn.Sequential(
            nn.Conv2d(planes, width, 7, padding=3), nn.ReLU(),
            nn.Conv2d(width, width, 7, padding=3), nn.ReLU(),
            nn.Conv2d(width, channels, 5, padding=2),
        )  # fmt: skip

    def forward(self, noise: Tensor, below: Tensor, of_class: Tensor | None = None) -> Tensor:
        """(N, 1, H, W) of U(-1, 1), (N, C, H, W), (N, classes) -> (N, C, H, W) to be added."""
        planes = [noise, below]
        if self.plane is not None and of_class is not None:
            planes.append(self.plane(of_class).relu().unflatten(1, (1, *below.shape[2:])))
        detail: Tensor = self.layers(torch.cat(planes, 1))
        return detail


class DetailCritic(Critic):
    """What was added, real or generated, and the coarse picture: their sum -> 5x5, 5x5 halving, dropout, a logit."""

    def __init__(self, side: int, channels: int = 3, width: int = 64) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(channels, width, 5), nn.ReLU(),
            nn.Conv2d(width, width, 5, stride=2), nn.ReLU(), Dropout(0.5),
        )  # fmt: skip
        self.last = nn.Linear(width * ((side - 4 - 5) // 2 + 1) ** 2, 1)


def base_networks(channels: int = 3, side: int = 8) -> tuple[MlpGenerator, MlpCritic]:
    """The fully connected ones of the smallest level."""
    size = (side, side)
    generator = MlpGenerator(channels, size=size, latent=100, widths=(1200, 1200))
    return generator, MlpCritic(channels, size=size, widths=(600, 600), activation="relu", dropout=0.5)
