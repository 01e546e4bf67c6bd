"""Residual networks from noise: WGAN-GP's, SN-GAN's, and BigGAN's as rows of widths.

Gulrajani et al. (NeurIPS 2017, arXiv 1704.00028), Miyato et al. (ICLR 2018, arXiv 1802.05957), Brock et al. (ICLR 2019,
arXiv 1809.11096).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from ..options import Count
from .base import Critic, NoiseGenerator, Projection, Size, grid, middle
from .layers.attention import Attention
from .layers.class_norm import PlainNorm, VectorNorm, norm_for

Norm = Callable[[int], nn.Module]


class UpBlock(nn.Module):
    """norm, ReLU, double, 3x3, norm, ReLU, 3x3, beside 1x1 of the doubled input."""

    def __init__(self, channels: int, out: int, norm: Norm) -> None:
        super().__init__()
        self.norm1, self.conv1 = norm(channels), nn.Conv2d(channels, out, 3, padding=1)
        self.norm2, self.conv2 = norm(out), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1)

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor:
        """(N, channels, H, W) -> (N, out, 2H, 2W)."""
        y = self.conv1(_doubled(self.norm1(x, condition).relu()))
        y = self.conv2(self.norm2(y, condition).relu())
        both: Tensor = y + self.shortcut(_doubled(x))
        return both


class DownBlock(nn.Module):
    """ReLU (but before the first), 3x3, ReLU, 3x3, the mean of 2x2 where it halves; beside it 1x1, or x itself."""

    def __init__(self, channels: int, out: int, *, halves: bool, first: bool = False) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        self.conv1, self.conv2 = nn.Conv2d(channels, out, 3, padding=1), nn.Conv2d(out, out, 3, padding=1)
        self.shortcut = nn.Conv2d(channels, out, 1) if halves or channels != out else None

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, out, H, W), of half the sides where it halves."""
        y = self._halved(self.conv2(self.conv1(x if self.first else x.relu()).relu()))
        if self.shortcut is None:
            return y + x
        beside = self.shortcut(self._halved(x)) if self.first else self._halved(self.shortcut(x))
        both: Tensor = y + beside
        return both

    def _halved(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(x, 2) if self.halves else x


def _doubled(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


class ResnetNoiseGenerator(NoiseGenerator):
    """z -> 4x4 of widths[0] -> a block that doubles for each further width -> norm, ReLU, 3x3, tanh."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 128,
        widths: tuple[Count, ...] = (256, 256, 256, 256),
        classes: int = 0,
        attention: int | None = None,
        spectral: bool = False,
        shared: int = 0,
    ) -> None:
        """`attention` is the number of channels of the map that has it, before the last ones.

        With `shared`, as in BigGAN, classes share an embedding of that length, z is dealt out to the first map and to
        the blocks, and both together decide gain and bias.
        """
        super().__init__()
        self.latent, self.classes, self.size = latent, classes, size
        rows, columns, doublings = grid(size, most=len(widths) - 1)
        widths = tuple(widths)[: doublings + 1]
        blocks = len(widths) - 1
        self.slot = latent // (blocks + 1) if shared else latent
        self.embedding = nn.Embedding(classes, shared) if shared else None
        self.grid = (widths[0], rows, columns)
        self.first = nn.Linear(self.slot, widths[0] * rows * columns)
        norm: Norm = partial(VectorNorm, length=shared + self.slot) if shared else partial(norm_for, classes=classes)
        self.blocks = nn.ModuleList(UpBlock(a, b, norm) for a, b in itertools.pairwise(widths))
        self.attentions = nn.ModuleDict({str(n): Attention(w) for n, w in enumerate(widths[1:-1]) if w == attention})
        self.last_norm, self.last = PlainNorm(widths[-1]), nn.Conv2d(widths[-1], channels, 3, padding=1)
        if shared:
            _orthogonal(self)
        else:
            _glorot(self)
        if spectral:
            _normalise(self, but=self.embedding)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, channels, height, width) in [-1, 1]."""
        conditions: Sequence[Tensor | None] = [label] * len(self.blocks)
        first = z
        if self.embedding is not None:
            assert label is not None
            first, *slots = torch.split(z[:, : self.slot * (len(self.blocks) + 1)], self.slot, 1)
            conditions = [torch.cat([self.embedding(label), slot], 1) for slot in slots]
        x = self.first(first).reshape(-1, *self.grid)
        for n, (block, condition) in enumerate(zip(self.blocks, conditions, strict=True)):
            x = block(x, condition)
            if str(n) in self.attentions:
                x = self.attentions[str(n)](x)
        x = self.last(self.last_norm(x).relu())
        return middle(x, self.size).tanh()


class ResnetCritic(Critic):
    """A block for each width, `halved` of which halve the map; then the sum, or the mean, of all places."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size | None = None,
        widths: tuple[Count, ...] = (128, 128, 128, 128),
        halved: Count = 2,
        classes: int = 0,
        attention: int | None = None,
        spectral: bool = True,
        mean: bool = False,
        bias: bool = False,
    ) -> None:
        """`mean` pools by the mean (WGAN-GP): a 64th of the sum's logits at 8x8. `bias` is the last layer's."""
        super().__init__()
        self.classes, self.mean = classes, mean
        before = [channels, *widths]
        self.blocks = nn.Sequential()
        halved = min(halved, max(1, int(math.log2(min(size) / 2)))) if size else halved  # 2 pixels at least are left
        for n, (a, b) in enumerate(zip(before, widths, strict=False)):
            self.blocks.append(DownBlock(a, b, halves=n < halved, first=n == 0))
            if b == attention and n == widths.index(b):
                self.blocks.append(Attention(b))
        self.last = Projection(widths[-1], classes, bias=bias)
        _glorot(self)
        if spectral:
            _normalise(self)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F)."""
        found = self.blocks(x).relu()
        pooled: Tensor = found.mean((2, 3)) if self.mean else found.sum((2, 3))
        return pooled

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        logit: Tensor = self.last(self.features(x), label)
        return logit


@torch.no_grad()
def _glorot(network: nn.Module) -> None:
    """Uniform by Glorot and Bengio (2010), gain sqrt 2 inside blocks and 1 on shortcuts and at the ends; biases 0."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and "parametrizations" not in name and hasattr(module, "weight"):
            if hasattr(module, "parametrizations"):
                continue  # attention has its own
            nn.init.xavier_uniform_(module.weight, 2**0.5 if name.endswith(("conv1", "conv2")) else 1.0)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


@torch.no_grad()
def _orthogonal(network: nn.Module) -> None:
    """Orthogonal weights (Saxe et al., 2014), biases 0."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear) and not hasattr(module, "parametrizations"):
            nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def _normalise(network: nn.Module, but: nn.Module | None = None) -> None:
    """Spectral normalisation of every layer with a matrix, but for those of attention, which have it, and of `but`."""
    for module in network.modules():
        is_free = isinstance(module, nn.Conv2d | nn.Linear | nn.Embedding) and not hasattr(module, "parametrizations")
        if is_free and module is not but:
            spectral_norm(module)
