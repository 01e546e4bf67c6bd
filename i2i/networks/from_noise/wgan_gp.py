"""WGAN-GP's networks for digits (Gulrajani et al., 2017): 5x5 transposed convolutions, a map of 8x8 cut to 7x7."""

from __future__ import annotations

import itertools

from torch import Tensor, nn

from ...errors import ConfigError
from ..options import Count
from .base import Critic, NoiseGenerator, Size

SIZE = (28, 28)


def refuse_other_sizes(size: Size) -> None:
    """Raise ConfigError for another size than that of the digits that the paper's networks are for."""
    if tuple(size) != SIZE:
        raise ConfigError(f"This network is for 28x28 pixels, and the size is {size[0]}x{size[1]}. Try --size 28.")


class WganGpGenerator(NoiseGenerator):
    """z of 128 -> 28x28."""

    def __init__(self, channels: int, *, size: Size = SIZE, latent: Count = 128, width: Count = 64) -> None:
        super().__init__()
        refuse_other_sizes(size)
        self.latent, self.grid = latent, (4 * width, 4, 4)
        self.first = nn.Linear(latent, 4 * width * 16)

        def double(into: int, out: int) -> nn.Module:
            return nn.ConvTranspose2d(into, out, 5, stride=2, padding=2, output_padding=1)

        self.up1, self.up2 = double(4 * width, 2 * width), double(2 * width, width)
        self.up3 = double(width, channels)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, channels, 28, 28) in [-1, 1]."""
        x = self.first(z).relu().reshape(-1, *self.grid)
        x = self.up1(x).relu()[:, :, :7, :7]
        x = self.up2(x).relu()
        picture: Tensor = self.up3(x).tanh()
        return picture


class WganGpCritic(Critic):
    """28x28 -> three 5x5 convolutions that halve, without norms -> a logit."""

    def __init__(self, channels: int, *, size: Size = SIZE, width: Count = 64) -> None:
        super().__init__()
        refuse_other_sizes(size)
        widths = [channels, width, 2 * width, 4 * width]
        self.layers = nn.Sequential()
        for a, b in itertools.pairwise(widths):
            self.layers.extend([nn.Conv2d(a, b, 5, stride=2, padding=2), nn.LeakyReLU(0.2)])
        self.last = nn.Linear(widths[-1] * 16, 1)
