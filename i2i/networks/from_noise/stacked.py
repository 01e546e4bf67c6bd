"""The small networks of PacGAN's table of collapse (Lin et al., NeurIPS 2018, arXiv 1712.04086), 28x28."""

from __future__ import annotations

from torch import Tensor, nn

from ..init import init_normal
from ..norms import BatchNormRunning
from ..options import Count
from .base import Critic, NoiseGenerator, Size
from .wgan_gp import SIZE, refuse_other_sizes


class StackedGenerator(NoiseGenerator):
    """z of 256 -> 4x4 of 64 -> 7, 14, 28 by transposed 3x3 convolutions -> 3x3 -> three digits as red, green, blue."""

    def __init__(self, channels: int = 3, *, size: Size = SIZE, latent: Count = 256) -> None:
        super().__init__()
        refuse_other_sizes(size)
        self.latent = latent
        self.first = nn.Linear(latent, 64 * 16)
        layers: list[nn.Module] = [BatchNormRunning(64), nn.ReLU()]
        for a, b, more in ((64, 32, 0), (32, 16, 1), (16, 8, 1)):
            layers += [
                nn.ConvTranspose2d(a, b, 3, stride=2, padding=1, output_padding=more),
                BatchNormRunning(b),
                nn.ReLU(),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8, channels, 3, padding=1), nn.Tanh())
        init_normal(self)  # as the released code has it; the paper does not say

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, 3, 28, 28) in [-1, 1]."""
        picture: Tensor = self.layers(self.first(z).reshape(-1, 64, 4, 4))
        return picture


class StackedCritic(Critic):
    """Three 3x3 convolutions that halve; `width` channels, doubled each time; `packed` pictures at once (PacGAN)."""

    def __init__(self, channels: int = 3, *, size: Size = SIZE, width: Count = 2, packed: Count = 1) -> None:
        super().__init__()
        refuse_other_sizes(size)
        self.layers, before = nn.Sequential(), channels * packed
        for after in (width, 2 * width, 4 * width):
            self.layers.extend(
                [nn.Conv2d(before, after, 3, stride=2, padding=1), BatchNormRunning(after), nn.LeakyReLU(0.3)]
            )
            before = after
        self.last = nn.Linear(16 * before, 1)
        init_normal(self)
