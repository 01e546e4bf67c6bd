"""TransGAN (Jiang et al., NeurIPS 2021, arXiv 2102.07074): transformers alone, no convolution over places."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...hardware.batch_part import drawn
from ..options import Count
from .base import Critic, NoiseGenerator, Size, grid, middle, padded

HEADS = 4


class Attention(nn.Module):
    """Attention of all tokens to all, with a learned bias for each offset of places where the grid is known."""

    def __init__(self, width: int, grid: tuple[int, int] | None) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(width, 3 * width, bias=False), nn.Linear(width, width)
        if grid is not None:
            rows, columns = grid
            self.table = nn.Parameter(torch.zeros((2 * rows - 1) * (2 * columns - 1), HEADS))
            self.register_buffer("offsets", _offsets(rows, columns), persistent=False)

    offsets: Tensor
    """(T, T)."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) -> the same."""
        tokens, width = x.shape[1:]
        q, k, v = self.qkv(x).reshape(-1, tokens, 3, HEADS, width // HEADS).permute(2, 0, 3, 1, 4)
        weights = q @ k.transpose(2, 3) / q.shape[3] ** 0.5  # torch's own attention has no second derivative
        if hasattr(self, "table"):
            weights = weights + self.table[self.offsets].permute(2, 0, 1)[None]
        y: Tensor = self.out((weights.softmax(3) @ v).transpose(1, 2).reshape(-1, tokens, width))
        return y


def _offsets(rows: int, columns: int) -> Tensor:
    """(T, T): of two places the number of their offset."""
    y, x = torch.arange(rows).repeat_interleave(columns), torch.arange(columns).repeat(rows)
    down, across = y[:, None] - y[None] + rows - 1, x[:, None] - x[None] + columns - 1
    return down * (2 * columns - 1) + across


class TokenNoise(nn.Module):
    """A learned strength (0 at the start) of noise, one number a token."""

    def __init__(self) -> None:
        super().__init__()
        self.strength = nn.Parameter(torch.zeros(()))

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) -> the same."""
        if not self.training:
            return x
        noise = drawn(lambda n: torch.randn(n, x.shape[1], 1, device=x.device, dtype=x.dtype), len(x))
        return x + self.strength * noise


class Block(nn.Module):
    """x + attention(LN x), then x + MLP(LN x), four times as wide inside."""

    def __init__(self, width: int, grid: tuple[int, int] | None, *, noise: bool) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.noise = TokenNoise() if noise else nn.Identity()
        self.attention = Attention(width, grid)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x: Tensor) -> Tensor:
        """(N, T, width) -> the same."""
        x = x + self.attention(self.norm1(self.noise(x)))
        y: Tensor = x + self.mlp(self.norm2(x))
        return y


def _positions(tokens: int, width: int) -> nn.Parameter:
    return nn.Parameter(torch.nn.init.trunc_normal_(torch.empty(1, tokens, width), std=0.02))


class TransganGenerator(NoiseGenerator):
    """z -> 8x8 tokens -> stages of blocks, between which pixels are shuffled to twice the sides -> 1x1 to RGB."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 256,
        width: Count = 1024,
        depths: tuple[Count, ...] = (5, 4, 2),
    ) -> None:
        """`width` channels at 8x8, a quarter at each further stage; `depths` are the blocks of each stage."""
        super().__init__()
        self.latent, self.size = latent, size
        rows, columns, doublings = grid(size, 8, len(depths) - 1)
        depths = tuple(depths)[: doublings + 1]
        self.width = width
        self.first = nn.Linear(latent, width * rows * columns)
        self.maps = [(rows * 2**n, columns * 2**n) for n in range(len(depths))]
        self.widths = [width // 4**n for n in range(len(depths))]
        self.positions = nn.ParameterList(
            _positions(h * w, c) for (h, w), c in zip(self.maps, self.widths, strict=True)
        )
        self.stages = nn.ModuleList(
            nn.Sequential(*(Block(c, size, noise=False) for _ in range(depth)))
            for c, size, depth in zip(self.widths, self.maps, depths, strict=True)
        )
        self.last = nn.Conv2d(self.widths[-1], channels, 1)

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:  # noqa: ARG002  of no class
        """(N, latent) -> (N, C, height, width), around [-1, 1] and not bounded."""
        x = self.first(z).reshape(-1, self.positions[0].shape[1], self.width)
        for n, stage in enumerate(self.stages):
            if n:
                x = F.pixel_shuffle(x, 2).flatten(2).transpose(1, 2)
            x = stage(x + self.positions[n]).transpose(1, 2)
            x = x.reshape(-1, x.shape[1], *self.maps[n])
        return middle(self.last(x), self.size)


class TransganCritic(Critic):
    """Patches of 2 -> blocks -> halved, beside patches of 4 -> blocks -> a token that has looked at all -> a logit."""

    def __init__(self, channels: int, *, size: Size, width: Count = 384, depth: Count = 3) -> None:
        super().__init__()
        self.whole = (-(-size[0] // 4) * 4, -(-size[1] // 4) * 4)
        half, quarter = ((self.whole[0] // by, self.whole[1] // by) for by in (2, 4))
        fine = width // 4 * 3
        self.patches2 = nn.Conv2d(channels, fine, 2, stride=2)
        self.patches4 = nn.Conv2d(channels, width - fine, 4, stride=4)
        self.positions2 = _positions(half[0] * half[1], fine)
        self.positions4 = _positions(quarter[0] * quarter[1], width)
        self.fine_grid = half
        self.fine = nn.Sequential(*(Block(fine, half, noise=True) for _ in range(depth)))
        self.coarse = nn.Sequential(*(Block(width, quarter, noise=True) for _ in range(depth)))
        self.token = _positions(1, width)
        self.top, self.norm = Block(width, None, noise=True), nn.LayerNorm(width)
        self.last = nn.Linear(width, 1)

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, width)."""
        x = padded(x, self.whole)
        y = self.fine(self.patches2(x).flatten(2).transpose(1, 2) + self.positions2)
        y = F.avg_pool2d(y.transpose(1, 2).unflatten(2, self.fine_grid), 2)
        y = torch.cat([y, self.patches4(x)], 1).flatten(2).transpose(1, 2)
        y = self.coarse(y + self.positions4)
        y = self.top(torch.cat([self.token.expand(len(y), -1, -1), y], 1))
        found: Tensor = self.norm(y)[:, 0]
        return found
