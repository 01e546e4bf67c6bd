"""Layers with an equalised learning rate, and what goes with them (Karras et al., ProGAN, ICLR 2018, section 4).

Weights are drawn from N(0, 1) and multiplied by gain / sqrt(fan in) when they are used, so that all learn alike.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

SQRT2 = 2**0.5


class EqualConv2d(nn.Module):
    """A convolution of stride 1 that keeps the sides."""

    def __init__(self, channels: int, out: int, kernel: int, gain: float = SQRT2, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, channels, kernel, kernel))
        self.bias = nn.Parameter(torch.zeros(out)) if bias else None
        self.scale = gain / (channels * kernel**2) ** 0.5

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) -> (N, out, H, W)."""
        return F.conv2d(x, self.weight * self.scale, self.bias, padding=self.weight.shape[2] // 2)


class EqualLinear(nn.Module):
    """A dense layer; `rate` multiplies its learning rate, `start` is what its biases begin with."""

    def __init__(
        self, features: int, out: int, gain: float = 1.0, rate: float = 1.0, start: float = 0.0, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out, features) / rate)
        self.bias = nn.Parameter(torch.full((out,), start / rate)) if bias else None
        self.scale, self.rate = gain * rate / features**0.5, rate

    def forward(self, x: Tensor) -> Tensor:
        """(N, features) -> (N, out)."""
        return F.linear(x, self.weight * self.scale, None if self.bias is None else self.bias * self.rate)


def pixel_norm(x: Tensor) -> Tensor:
    """(N, C, ...) with a mean square of 1 over C, at each place."""
    return x * (x.square().mean(1, keepdim=True) + 1e-8).rsqrt()


def leaky(x: Tensor) -> Tensor:
    """LeakyReLU 0.2."""
    return F.leaky_relu(x, 0.2)
