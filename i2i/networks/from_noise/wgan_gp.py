"""WGAN-GP's networks for digits (Gulrajani et al., 2017): 5x5 transposed convolutions, a map of 8x8 cut to 7x7."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from .base import Critic, NoiseGenerator


class WganGpGenerator(NoiseGenerator):
    """z of 128 -> 28x28."""

    def __init__(self, out_channels: int = 1, latent: int = 128, channels: int = 64) -> None:
        super().__init__()
        self.latent, self.grid = latent, (4 * channels, 4, 4)
        self.first = nn.Linear(latent, 4 * channels * 16)

        def double(into: int, out: int) -> nn.Module:
            return nn.ConvTranspose2d(into, out, 5, stride=2, padding=2, output_padding=1)

        self.up1, self.up2 = double(4 * channels, 2 * channels), double(2 * channels, channels)
        self.up3 = double(channels, out_channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, out_channels, 28, 28) in [-1, 1]."""
        x = self.first(z).relu().unflatten(1, self.grid)
        x = self.up1(x).relu()[:, :, :7, :7]
        x = self.up2(x).relu()
        picture: Tensor = self.up3(x).tanh()
        return picture


class WganGpCritic(Critic):
    """28x28 -> three 5x5 convolutions that halve, without norms -> a logit."""

    def __init__(self, in_channels: int = 1, channels: int = 64) -> None:
        super().__init__()
        widths = [in_channels, channels, 2 * channels, 4 * channels]
        self.layers = nn.Sequential()
        for a, b in itertools.pairwise(widths):
            self.layers.extend([nn.Conv2d(a, b, 5, stride=2, padding=2), nn.LeakyReLU(0.2)])
        self.last = nn.Linear(widths[-1] * 16, 1)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, 28, 28) -> (N, F)."""
        found: Tensor = self.layers(x).flatten(1)
        return found

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, C, 28, 28) -> (N, 1)."""
        logit: Tensor = self.last(self.features(x))
        return logit
