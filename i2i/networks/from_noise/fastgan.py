"""FastGAN's kind (Liu et al., ICLR 2021, arXiv 2101.04775): for a hundred pictures, light, with gates across levels.

The discriminator learns to draw the pictures that it sees from its own maps, so that it cannot live on a few traits.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from ...hardware.batch_part import drawn
from ..norms import BatchNormRunning
from ..options import Count
from .base import Critic, NoiseGenerator, Size, grid, middle, padded
from .stylegan2 import normalised

MULTIPLES = (16, 8, 4, 2, 2, 1, 0.5, 0.25, 0.125)
"""Channels at 4, 8, 16, … pixels, in units of the width."""
GATED = 4
"""Levels between the map that gates and the one that is gated: 4x4 gates 64x64."""


NOISES = 2
"""Layers of a level that add noise, where it is not light."""


class NoiseInjection(nn.Module):
    """A learned strength (0 at the start) of noise, one number a place."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(1))

    def forward(self, x: Tensor, noise: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N, 1, H, W) -> as the first; `noise` that is not given is drawn in training, and none else."""
        if noise is None:
            if not self.training:
                return x
            noise = drawn(lambda n: torch.randn(n, 1, *x.shape[2:], device=x.device, dtype=x.dtype), len(x))
        return x + self.strength * noise


class UpBlock(nn.Sequential):
    """Layers one after the other, some of which add noise."""

    def forward(self, x: Tensor, noise: Sequence[Tensor] = ()) -> Tensor:
        """(N, C, H, W), (N, 1, H', W') for each layer that adds noise, or none -> (N, C', 2H, 2W)."""
        maps = iter(noise)
        for layer in self:
            x = layer(x, next(maps, None)) if isinstance(layer, NoiseInjection) else layer(x)
        return x


def _gated_conv(channels: int, out: int) -> list[nn.Module]:
    return [spectral_norm(nn.Conv2d(channels, 2 * out, 3, padding=1, bias=False))]


def up_block(channels: int, out: int, *, light: bool) -> UpBlock:
    """Doubled, 3x3, norm, gated linear unit; once more with noise where it is not light."""
    layers = [nn.Upsample(scale_factor=2.0), *_gated_conv(channels, out)]
    norm_and_gate: list[nn.Module] = [BatchNormRunning(2 * out), nn.GLU(1)]
    if light:
        return UpBlock(*layers, *norm_and_gate)
    again = [*_gated_conv(out, out), NoiseInjection(), BatchNormRunning(2 * out), nn.GLU(1)]
    return UpBlock(*layers, NoiseInjection(), *norm_and_gate, *again)


class Excitation(nn.Module):
    """Skip-layer excitation: a small map, pooled to 4x4, gates the channels of a large one."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            spectral_norm(nn.Conv2d(channels, out, 4, bias=False)),
            nn.SiLU(),
            spectral_norm(nn.Conv2d(out, out, 1, bias=False)),
            nn.Sigmoid(),
        )

    def forward(self, small: Tensor, large: Tensor) -> Tensor:
        """(N, channels, h, w), (N, out, H, W) -> (N, out, H, W)."""
        gated: Tensor = large * self.layers(small)
        return gated


class FastganGenerator(NoiseGenerator):
    """z, normalised, -> 4x4 -> doubled; from 64 pixels on each map is gated by the one four levels below."""

    def __init__(
        self, channels: int, *, size: Size, latent: Count = 256, width: Count = 64, light: bool = True
    ) -> None:
        """`width` is the unit of MULTIPLES."""
        super().__init__()
        self.latent, self.size, self.light = latent, size, light
        rows, columns, doublings = grid(size, most=len(MULTIPLES) - 1)
        self.grid = rows, columns
        widths = [max(1, int(width * multiple)) for multiple in MULTIPLES[: doublings + 1]]
        self.first = nn.Sequential(
            spectral_norm(nn.ConvTranspose2d(latent, 2 * widths[0], (rows, columns), bias=False)),
            BatchNormRunning(2 * widths[0]),
            nn.GLU(1),
        )
        self.ups = nn.ModuleList(up_block(a, b, light=light) for a, b in itertools.pairwise(widths))
        self.gates = nn.ModuleList(Excitation(a, b) for a, b in zip(widths, widths[GATED:], strict=False))
        self.last = spectral_norm(nn.Conv2d(widths[-1], channels, 3, padding=1))

    @property
    def noises(self) -> list[Size]:
        """Two of each level's size; none where it is light."""
        rows, columns = self.grid
        levels = () if self.light else range(1, len(self.ups) + 1)
        return [(rows * 2**level, columns * 2**level) for level in levels for _ in range(NOISES)]

    def forward(
        self,
        z: Tensor,
        label: Tensor | None = None,  # noqa: ARG002  of no class
        noise: Sequence[Tensor] = (),
    ) -> Tensor:
        """(N, latent), and maps (N, 1, h, w) as `noises` has them, or none -> (N, C, height, width) in [-1, 1]."""
        maps = [self.first(normalised(z)[:, :, None, None])]
        for n, up in enumerate(self.ups):
            x = up(maps[-1], noise[NOISES * n : NOISES * (n + 1)])
            maps.append(x if n + 1 < GATED else self.gates[n + 1 - GATED](maps[n + 1 - GATED], x))
        return middle(self.last(maps[-1]).tanh(), self.size)


class FastganCritic(Critic):
    """Residual blocks that halve to 8x8, then a logit a place, averaged; a decoder draws the picture from that map."""

    def __init__(self, channels: int, *, size: Size, width: Count = 64) -> None:
        super().__init__()
        rows, columns, doublings = grid(size, 8)
        self.whole = rows * 2**doublings, columns * 2**doublings
        widths = [max(8, width * min(8, 2**n)) for n in range(doublings + 1)]
        self.first = nn.Sequential(spectral_norm(nn.Conv2d(channels, widths[0], 3, padding=1)), nn.LeakyReLU(0.2))
        self.blocks = nn.Sequential(*(_Down(a, b) for a, b in itertools.pairwise(widths)))
        self.last = nn.Sequential(
            spectral_norm(nn.Conv2d(widths[-1], widths[-1], 1, bias=False)),
            BatchNormRunning(widths[-1]),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(widths[-1], 1, 4, bias=False)),
        )
        narrow = [widths[-1], *(max(8, width // 2 ** min(3, n)) for n in range(doublings))]
        self.decoder = nn.Sequential(
            *(up_block(a, b, light=True) for a, b in itertools.pairwise(narrow)),
            nn.Conv2d(narrow[-1], channels, 3, padding=1),
            nn.Tanh(),
        )

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F): the mean of the last map."""
        return self._map(x).mean((2, 3))

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, C, H, W) -> (N, 1)."""
        logit: Tensor = self.last(self._map(x)).mean((2, 3))
        return logit

    def rebuilt(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, C, H, W) -> what its decoder draws of it, and the picture that it should be, of the same size."""
        whole = padded(x, self.whole)
        return self.decoder(self._map(x)), whole

    def _map(self, x: Tensor) -> Tensor:
        found: Tensor = self.blocks(self.first(padded(x, self.whole)))
        return found


class _Down(nn.Module):
    """The mean of two ways to half the sides: 4x4 and 3x3, and 1x1 of the averaged map."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.main = nn.Sequential(
            spectral_norm(nn.Conv2d(channels, out, 4, stride=2, padding=1, bias=False)),
            BatchNormRunning(out), nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(out, out, 3, padding=1, bias=False)), BatchNormRunning(out), nn.LeakyReLU(0.2),
        )  # fmt: skip
        self.direct = nn.Sequential(
            nn.AvgPool2d(2),
            spectral_norm(nn.Conv2d(channels, out, 1, bias=False)),
            BatchNormRunning(out),
            nn.LeakyReLU(0.2),
        )

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = (self.main(x) + self.direct(x)) / 2
        return both
