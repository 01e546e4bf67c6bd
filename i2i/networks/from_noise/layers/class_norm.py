"""Batch norm whose gain and bias may depend on the class, or on a vector: how a generator is told what to make."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ...norms import BatchNormRunning


class PlainNorm(BatchNormRunning):
    """Batch norm that takes a condition and does not use it."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:  # noqa: ARG002
        """(N, C, H, W) -> the same."""
        return super().forward(x)


class ClassNorm(nn.Module):
    """Batch norm with a gain and a bias for each class (de Vries et al., 2017; Dumoulin et al., 2017)."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.norm = BatchNormRunning(channels, affine=False)
        self.gain, self.bias = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        with torch.no_grad():
            self.gain.weight.fill_(1)
            self.bias.weight.zero_()

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(N, C, H, W), classes (N,) -> the same as x."""
        gain, bias = (table(condition)[:, :, None, None] for table in (self.gain, self.bias))
        y: Tensor = self.norm(x) * gain + bias
        return y


class VectorNorm(nn.Module):
    """Batch norm with gain 1 + A v and bias B v of a vector v (BigGAN: Brock et al., ICLR 2019)."""

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        self.norm = BatchNormRunning(channels, affine=False)
        self.gain, self.bias = nn.Linear(length, channels, bias=False), nn.Linear(length, channels, bias=False)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """(N, C, H, W), (N, length) -> the same as x."""
        gain, bias = (layer(condition)[:, :, None, None] for layer in (self.gain, self.bias))
        y: Tensor = self.norm(x) * (1 + gain) + bias
        return y


def norm_for(channels: int, classes: int) -> nn.Module:
    """By the class, where there are any."""
    return ClassNorm(channels, classes) if classes else PlainNorm(channels)
