"""R3GAN (Huang et al., NeurIPS 2024, arXiv 2501.05441): residual blocks of grouped convolutions, and nothing else.

No normalisation, no noise, no style: what training needs of stability comes from its loss (relativistic pairs with R1
and R2).
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from ..options import Count
from .base import Critic, NoiseGenerator, Size, grid, middle, padded
from .layers.equalised import leaky
from .layers.filters import double, halve

GAIN = (2 / 1.04) ** 0.5
"""That keeps the variance behind LeakyReLU 0.2."""
INNER = 2
"""Channels inside a block over those around it."""


class Block(nn.Module):
    """x + 1x1(act(grouped 3x3(act(1x1 x)))); the last is zero at the start, so that the block is the identity then."""

    def __init__(self, channels: int, blocks: int, group: int) -> None:
        """`blocks` are in the whole network: the deeper it is, the smaller the first weights. `group`: its channels."""
        super().__init__()
        inner = INNER * channels
        self.widen = nn.Conv2d(channels, inner, 1, bias=False)
        self.grouped = nn.Conv2d(inner, inner, 3, padding=1, groups=max(1, inner // group), bias=False)
        self.bias1, self.bias2 = (nn.Parameter(torch.zeros(inner)) for _ in range(2))
        self.narrow = nn.Conv2d(inner, channels, 1, bias=False)
        start(self.widen, GAIN * blocks**-0.25)
        start(self.grouped, GAIN * blocks**-0.25)
        nn.init.zeros_(self.narrow.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> the same."""
        y = leaky(self.widen(x) + self.bias1[:, None, None])
        y = leaky(self.grouped(y) + self.bias2[:, None, None])
        both: Tensor = x + self.narrow(y)
        return both


def start(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> None:
    """N(0, gain² / fan in)."""
    nn.init.normal_(layer.weight, 0.0, gain / layer.weight[0].numel() ** 0.5)


class R3ganGenerator(NoiseGenerator):
    """A learned basis times a vector of z -> two blocks a level, doubled between -> 1x1."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 64,
        widths: tuple[Count, ...] = (768, 768, 768, 768),
        classes: int = 0,
        embedding: Count = 64,
        group: Count = 16,
    ) -> None:
        """`widths` from 4x4 on; with `classes`, an embedding of that length joins z."""
        super().__init__()
        self.latent, self.classes, self.size = latent, classes, size
        rows, columns, doublings = grid(size, most=len(widths) - 1)
        widths = tuple(widths)[: doublings + 1]
        self.embedding = nn.Linear(classes, embedding, bias=False) if classes else None
        self.basis = nn.Parameter(torch.randn(widths[0], rows, columns))
        self.first = nn.Linear(latent + (embedding if classes else 0), widths[0], bias=False)
        start(self.first)
        count = 2 * len(widths)
        self.levels = nn.ModuleList(
            nn.Sequential(Block(width, count, group), Block(width, count, group)) for width in widths
        )
        self.widths = nn.ModuleList(_matched(a, b) for a, b in itertools.pairwise(widths))
        self.last = nn.Conv2d(widths[-1], channels, 1, bias=False)
        start(self.last)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, C, height, width), around [-1, 1] and not bounded."""
        if self.embedding is not None:
            assert label is not None
            z = torch.cat([z, self.embedding.weight.t()[label]], 1)
        x = self.basis * self.first(z)[:, :, None, None]
        for n, level in enumerate(self.levels):
            if n:
                x = double(self.widths[n - 1](x))
            x = level(x)
        return middle(self.last(x), self.size)


class R3ganCritic(Critic):
    """The mirror; at 4x4 a depth-wise convolution over the whole map, then a dense layer, or a class's embedding."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        widths: tuple[Count, ...] = (768, 768, 768, 768),
        classes: int = 0,
        embedding: Count = 768,
        group: Count = 16,
    ) -> None:
        super().__init__()
        self.classes = classes
        rows, columns, doublings = grid(size, most=len(widths) - 1)
        self.whole = rows * 2**doublings, columns * 2**doublings
        widths = tuple(widths)[: doublings + 1][::-1]
        count = 2 * len(widths)
        self.first = nn.Conv2d(channels, widths[0], 1, bias=False)
        start(self.first)
        self.levels = nn.ModuleList(
            nn.Sequential(Block(width, count, group), Block(width, count, group)) for width in widths
        )
        self.widths = nn.ModuleList(_matched(a, b) for a, b in itertools.pairwise(widths))
        self.whole_map = nn.Conv2d(widths[-1], widths[-1], (rows, columns), groups=widths[-1], bias=False)
        self.last = nn.Linear(widths[-1], embedding if classes else 1, bias=False)
        self.embedding = nn.Linear(classes, embedding, bias=False) if classes else None
        start(self.whole_map)
        start(self.last)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F)."""
        x = self.first(padded(x, self.whole))
        for n, level in enumerate(self.levels):
            if n:
                x = self.widths[n - 1](halve(x))
            x = level(x)
        found: Tensor = self.whole_map(x).flatten(1)
        return found

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        y: Tensor = self.last(self.features(x))
        if self.embedding is None:
            return y
        assert label is not None
        wanted = self.embedding.weight.t()[label]
        logit: Tensor = (y * wanted).sum(1, keepdim=True) / y.shape[1] ** 0.5
        return logit


def _matched(channels: int, out: int) -> nn.Module:
    """A 1x1 where the width changes."""
    if channels == out:
        return nn.Identity()
    layer = nn.Conv2d(channels, out, 1, bias=False)
    start(layer)
    return layer
