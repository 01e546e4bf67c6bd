"""3D-GAN (Wu et al., NeurIPS 2016, arXiv 1610.07584): the transposed convolutions of DCGAN in space."""

from __future__ import annotations

import math

from torch import Tensor, nn

from ..init import init_normal
from ..options import Count
from .base import Critic, NoiseGenerator


class VoxelGenerator(NoiseGenerator):
    """z, U(-1, 1), -> 4x4x4 -> doubled until the side is met -> occupancy; -1 is empty and 1 is full."""

    prior = "uniform"

    def __init__(self, channels: int = 1, *, side: Count = 64, latent: Count = 200, width: Count = 64) -> None:
        """`side` is 8 times a power of two; `width` are the channels of the largest map."""
        super().__init__()
        self.latent = latent
        doublings = int(math.log2(side // 4))
        widths = [width * 2**level for level in reversed(range(doublings))]
        layers: list[nn.Module] = [nn.ConvTranspose3d(latent, widths[0], 4, bias=False)]
        for a, b in zip(widths, [*widths[1:], channels], strict=True):
            layers += [nn.BatchNorm3d(a), nn.ReLU(), nn.ConvTranspose3d(a, b, 4, stride=2, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())
        _init(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, 1, side, side, side) in [-1, 1]."""
        volume: Tensor = 2 * self.layers(z[:, :, None, None, None]) - 1
        return volume


class VoxelCritic(Critic):
    """The mirror, LeakyReLU 0.2; batch norm but in the first layer."""

    def __init__(self, channels: int = 1, *, side: Count = 64, width: Count = 64) -> None:
        super().__init__()
        doublings = int(math.log2(side // 4))
        widths = [width * 2**level for level in range(doublings)]
        self.layers = nn.Sequential()
        for n, (a, b) in enumerate(zip([channels, *widths], widths, strict=False)):
            self.layers.append(nn.Conv3d(a, b, 4, stride=2, padding=1, bias=False))
            if n:
                self.layers.append(nn.BatchNorm3d(b))
            self.layers.append(nn.LeakyReLU(0.2))
        self.last = nn.Conv3d(widths[-1], 1, 4, bias=False)
        _init(self)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, 1, side, side, side) -> (N, 1)."""
        logit: Tensor = self.last(self.layers(x)).flatten(1)
        return logit


def _init(network: nn.Module) -> None:
    init_normal(network)
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.normal_(module.weight, 0.0, 0.02)
