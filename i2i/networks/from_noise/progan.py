"""ProGAN (Karras et al., ICLR 2018, arXiv 1710.10196): networks that grow, each new block faded in.

`level` says how many doublings there are, `alpha` how far the newest one is faded in: at 0 the picture is that of the
networks before, doubled; at 1 theirs alone.
"""

from __future__ import annotations

import itertools
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..options import Count
from .base import Critic, NoiseGenerator, Size, grid, middle, padded
from .layers.equalised import SQRT2, EqualConv2d, EqualLinear, leaky, pixel_norm
from .layers.minibatch import GroupedStd


def channels_of(level: int, base: int = 8192, most: int = 512) -> int:
    """Nf of the paper: channels of the map after so many doublings of 4x4."""
    return min(base // (2 << level), most)


class Growing(nn.Module):
    """Where growth stands, of a generator and of its discriminator; no weight depends on it."""

    grown: Tensor
    """(2,): level and alpha, as a checkpoint has them."""

    doublings: int
    """Of the whole network."""
    level: int
    alpha: float

    def grow(self, level: int, alpha: float) -> None:
        """So many doublings, the newest faded in by `alpha` in [0, 1]."""
        self.level, self.alpha = level, alpha
        if "grown" not in self._buffers:
            self.register_buffer("grown", torch.zeros(2))
            self.register_load_state_dict_post_hook(_as_loaded)  # type: ignore[no-untyped-call]
        with torch.no_grad():
            self.grown[0], self.grown[1] = level, alpha


def _as_loaded(network: nn.Module, _keys: object) -> None:
    """A network of a checkpoint is as large as it was."""
    growing = cast(Growing, network)
    if not growing.grown.is_meta:
        growing.level, growing.alpha = int(growing.grown[0]), float(growing.grown[1])


class ProganGenerator(NoiseGenerator, Growing):
    """z, pixel-normalised, -> 4x4 -> doubled: nearest, 3x3, 3x3, each with pixel norm; a 1x1 to RGB at each level."""

    def __init__(
        self, channels: int, *, size: Size, latent: Count = 512, base: Count = 8192, most: Count = 512
    ) -> None:
        super().__init__()
        self.latent, self.size = latent, size
        rows, columns, self.doublings = grid(size)
        widths = [channels_of(level, base, most) for level in range(self.doublings + 1)]
        self.grid = (widths[0], rows, columns)
        self.first = EqualLinear(latent, widths[0] * rows * columns, SQRT2 / 4, bias=False)
        self.first_bias = nn.Parameter(torch.zeros(widths[0]))
        self.first_conv = EqualConv2d(widths[0], widths[0], 3)
        self.blocks = nn.ModuleList(
            nn.ModuleList([EqualConv2d(a, b, 3), EqualConv2d(b, b, 3)]) for a, b in itertools.pairwise(widths)
        )
        self.to_rgb = nn.ModuleList(EqualConv2d(width, channels, 1, 1.0) for width in widths)
        self.grow(self.doublings, 1.0)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, C, h, w), h and w those of the level; of the last one height and width."""
        x = self.first(pixel_norm(z)).reshape(-1, *self.grid) + self.first_bias[:, None, None]
        x = pixel_norm(leaky(self.first_conv(pixel_norm(leaky(x)))))
        before = x
        for block in self.blocks[: self.level]:
            before, x = x, doubled(x)
            for layer in cast(nn.ModuleList, block):
                x = pixel_norm(leaky(layer(x)))
        picture: Tensor = self.to_rgb[self.level](x)
        if self.level and self.alpha < 1:
            old = doubled(self.to_rgb[self.level - 1](before))
            picture = old if self.alpha == 0 else old.lerp(picture, self.alpha)
        return middle(picture, self.size) if self.level == self.doublings else picture


class ProganCritic(Critic, Growing):
    """The mirror: 1x1 from RGB, 3x3, 3x3, halved; at 4x4 minibatch standard deviation, 3x3, two dense layers."""

    def __init__(self, channels: int, *, size: Size, base: Count = 8192, most: Count = 512) -> None:
        super().__init__()
        rows, columns, self.doublings = grid(size)
        self.whole = rows * 2**self.doublings, columns * 2**self.doublings
        widths = [channels_of(level, base, most) for level in range(self.doublings + 1)]
        self.from_rgb = nn.ModuleList(EqualConv2d(channels, width, 1) for width in widths)
        self.blocks = nn.ModuleList(
            nn.ModuleList([EqualConv2d(b, b, 3), EqualConv2d(b, a, 3)]) for a, b in itertools.pairwise(widths)
        )
        self.spread, self.conv = GroupedStd(), EqualConv2d(widths[0] + 1, widths[0], 3)
        self.dense = EqualLinear(widths[0] * rows * columns, widths[0], SQRT2)
        self.last = EqualLinear(widths[0], 1)
        self.grow(self.doublings, 1.0)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, h, w) of the level -> (N, F)."""
        if self.level == self.doublings:
            x = padded(x, self.whole)
        y = leaky(self.from_rgb[self.level](x))
        for level in range(self.level, 0, -1):
            for layer in cast(nn.ModuleList, self.blocks[level - 1]):
                y = leaky(layer(y))
            y = F.avg_pool2d(y, 2)
            if level == self.level and self.alpha < 1:
                old = leaky(self.from_rgb[level - 1](F.avg_pool2d(x, 2)))
                y = old if self.alpha == 0 else old.lerp(y, self.alpha)
        y = leaky(self.conv(self.spread(y)))
        return leaky(self.dense(y.flatten(1)))


def doubled(x: Tensor) -> Tensor:
    """Each pixel four times."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def faded(real: Tensor, alpha: float) -> Tensor:
    """Real pictures as the generator's are while a level is faded in: what the level before cannot show is weak."""
    coarse = doubled(F.avg_pool2d(real, 2))
    return coarse.lerp(real, alpha)
