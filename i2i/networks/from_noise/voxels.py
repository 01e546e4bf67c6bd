"""3D-GAN (Wu et al., NeurIPS 2016, arXiv 1610.07584): the transposed convolutions of DCGAN in space."""

from __future__ import annotations

from torch import Tensor, nn

from ...errors import ConfigError
from ..init import init_normal
from ..norms import BatchNormRunning
from ..options import Count
from .base import Critic, NoiseGenerator, Prior, Size


class VolumeNorm(BatchNormRunning):
    """Batch norm of (N, C, D, H, W)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, D, H, W) -> the same."""
        return super().forward(x.flatten(2, 3)).reshape(x.shape)


class VoxelGenerator(NoiseGenerator):
    """z -> 4x4x4 -> doubled until the side is met -> occupancy; -1 is empty and 1 is full."""

    def __init__(
        self,
        channels: int = 1,
        *,
        size: Size = (64, 64),
        latent: Count = 200,
        width: Count = 64,
        prior: Prior = "uniform",
    ) -> None:
        """Cubes of `size`; `width` are the channels of the largest map. Raises ConfigError for sides of others."""
        super().__init__()
        self.latent, self.prior = latent, prior
        widths = [width * 2**level for level in reversed(range(_doublings(size)))]
        layers: list[nn.Module] = [nn.ConvTranspose3d(latent, widths[0], 4, bias=False)]
        for a, b in zip(widths, [*widths[1:], channels], strict=True):
            layers += [VolumeNorm(a), nn.ReLU(), nn.ConvTranspose3d(a, b, 4, stride=2, padding=1, bias=False)]
        self.layers = nn.Sequential(*layers, nn.Sigmoid())
        _init(self)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, 1, side, side, side) in [-1, 1]."""
        volume: Tensor = 2 * self.layers(z[:, :, None, None, None]) - 1
        return volume


class VoxelCritic(Critic):
    """The mirror, LeakyReLU 0.2; batch norm, where there is any, but in the first layer."""

    def __init__(self, channels: int = 1, *, size: Size = (64, 64), width: Count = 64, norm: bool = True) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(_doublings(size))]
        self.layers = nn.Sequential()
        for n, (a, b) in enumerate(zip([channels, *widths], widths, strict=False)):
            self.layers.append(nn.Conv3d(a, b, 4, stride=2, padding=1, bias=False))
            if n and norm:
                self.layers.append(VolumeNorm(b))
            self.layers.append(nn.LeakyReLU(0.2))
        self.last = nn.Conv3d(widths[-1], 1, 4, bias=False)
        _init(self)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, 1, side, side, side) -> (N, 1)."""
        logit: Tensor = self.last(self.layers(x)).flatten(1)
        return logit


def _doublings(size: Size) -> int:
    """From 4 to the side."""
    side = size[0]
    doublings = (side // 4).bit_length() - 1
    if size != (side, side) or side < 8 or 4 * 2**doublings != side:
        raise ConfigError(
            f"Volumes of the networks 'voxels' are cubes of 8, 16, 32, 64, … voxels a side, not of {side}. Use --size "
            f"{max(8, 4 * 2 ** max(doublings, 1))}, which sides of the data are a multiple of."
        )
    return doublings


def _init(network: nn.Module) -> None:
    init_normal(network)
    for module in network.modules():
        if isinstance(module, nn.Conv3d | nn.ConvTranspose3d):
            nn.init.normal_(module.weight, 0.0, 0.02)
