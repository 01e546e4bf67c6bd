"""Convolutions that are quick where weights are many and pixels few, as in the middle of a U-Net.

On a CPU in bf16 such a layer spends its time on bringing millions of weights into the order that the convolution
wants, forwards and backwards, for a handful of pixels. As one matrix product it needs no such order. Measured on two
Zen 4 cores: 1.1 to 3.7 times as fast, forwards and backwards together; docs/benchmarks.md has the effect on a step.
The layers are torch's own in every other respect: parameters, names, results, export.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from .quick import bf16_on_cpu

LEAST_WEIGHTS = 2_000_000
MOST_POSITIONS = 256
"""On the coarse side, over the batch; from there on the convolution is quicker again."""


def pays(x: Tensor, weight: Tensor, positions: int) -> bool:
    """Whether the matrix product is the quicker way; decided by measurement, for bf16 autocast on a CPU alone."""
    return weight.numel() >= LEAST_WEIGHTS and positions <= MOST_POSITIONS and bf16_on_cpu(x)


def conv_by_product(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """`F.conv2d` with a square kernel: patches as columns, times the weights as a matrix."""
    n, _, height, width = x.shape
    kernel = weight.shape[2]
    rows, columns = ((side + 2 * padding - kernel) // stride + 1 for side in (height, width))
    patches = F.unfold(x, kernel, padding=padding, stride=stride)
    y: Tensor = weight.flatten(1) @ patches.transpose(0, 1).flatten(1)
    y = y.reshape(len(weight), n, rows, columns).transpose(0, 1)
    return y if bias is None else y + bias[:, None, None]


def deconv_by_product(x: Tensor, weight: Tensor, bias: Tensor | None, stride: int, padding: int) -> Tensor:
    """`F.conv_transpose2d` with a square kernel: the weights as a matrix, times the pixels, patches added up."""
    n, _, height, width = x.shape
    kernel = weight.shape[2]
    size = tuple((side - 1) * stride - 2 * padding + kernel for side in (height, width))
    patches = weight.flatten(1).t() @ x.transpose(0, 1).flatten(1)
    patches = patches.reshape(len(patches), n, height * width).transpose(0, 1)
    y: Tensor = F.fold(patches, size, kernel, padding=padding, stride=stride)
    return y if bias is None else y + bias[:, None, None]


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` with a square kernel and one stride, as a matrix product where that pays."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        stride, padding = self.stride[0], cast(int, self.padding[0])
        side = x.shape[2] // stride * (x.shape[3] // stride)
        weight = self.weight  # asked for once: spectral normalisation computes it anew each time
        if pays(x, weight, x.shape[0] * side):
            return conv_by_product(x, weight, self.bias, stride, padding)
        y: Tensor = self._conv_forward(x, weight, self.bias)
        return y


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a square kernel, one stride and no output padding, likewise."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        if output_size is None and pays(x, self.weight, x.shape[0] * x.shape[2] * x.shape[3]):
            return deconv_by_product(x, self.weight, self.bias, self.stride[0], cast(int, self.padding[0]))
        return super().forward(x, output_size)
