"""Ways to double the sides of a picture inside a generator, by name; docs/training.md shows the spectrum of each.

A transposed convolution with stride 2 reaches neighbouring output pixels through different weights, so even a flat
input comes out as a checkerboard until training has evened them out (Odena, Dumoulin and Olah, "Deconvolution and
Checkerboard Artifacts", Distill 2016). The other rows reach every output pixel through the same weights, from the
start (`shuffle`) or always (`resize`, `bilinear`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import field
from .wide import Conv2d, ConvTranspose2d


class ResizeConv2d(Conv2d):
    """(N, in, H, W) -> (N, out, 2H, 2W): pixels repeated (`nearest`) or mixed (`bilinear`), then a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool, mode: str) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, 2H, 2W)."""
        return super().forward(F.interpolate(x, scale_factor=2.0, mode=self.mode))


class ShuffleConv2d(Conv2d):
    """(N, in, H, W) -> (N, out, 2H, 2W): a 3x3 convolution to four times the channels, laid out as 2x2 pixels.

    The four kernels of an output channel begin equal (ICNR: Aitken et al., 2017), so at first it is `resize` with
    nearest neighbours, without a checkerboard; whoever initialises the weights calls `repeat_kernels` afterwards.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool) -> None:
        super().__init__(in_channels, 4 * out_channels, 3, padding=1, bias=bias)
        self.repeat_kernels()

    @torch.no_grad()
    def repeat_kernels(self) -> None:
        """Give the four pixels of each output channel the kernel, and the bias, of the first."""
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                parameter.copy_(parameter[::4].repeat_interleave(4, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, 2H, 2W)."""
        return F.pixel_shuffle(super().forward(x), 2)


class BlurDown(nn.Module):
    """(N, C, H, W) -> (N, C, H/2, W/2): the blur [1, 2, 1]/4 along both sides, reflected edges, every second pixel.

    Takes out what a coarser grid cannot hold before it is thinned (Zhang, "Making Convolutional Networks
    Shift-Invariant Again", ICML 2019). H and W are even.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H/2, W/2)."""
        # [1, 1] after [1, 1] is [1, 2, 1]: two averages over 2x2 pixels, the second of which thins.
        return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="reflect"), 2, stride=1), 2, stride=2)


def _transposed(in_channels: int, out_channels: int, bias: bool, kernel: int) -> nn.Module:
    if kernel == 4:
        return ConvTranspose2d(in_channels, out_channels, 4, stride=2, padding=1, bias=bias)
    return nn.ConvTranspose2d(in_channels, out_channels, 3, stride=2, padding=1, output_padding=1, bias=bias)


@dataclasses.dataclass(frozen=True)
class Upsampler:
    """One row of UPSAMPLERS."""

    build: Callable[[int, int, bool, int], nn.Module]
    """(channels in, channels out, bias, the network's own kernel: 3 or 4) -> the layer that doubles both sides."""
    back: Callable[[int], tuple[field.Back, ...]]
    """(the network's own kernel) -> what an output pixel sees, first layer first."""


UPSAMPLERS: dict[str, Upsampler] = {
    "transposed": Upsampler(_transposed, lambda kernel: (field.transposed(kernel, 2, 1),)),
    "resize": Upsampler(
        lambda i, o, bias, _: ResizeConv2d(i, o, bias, "nearest"), lambda _: (field.nearest, field.convolution(3))
    ),
    "shuffle": Upsampler(
        lambda i, o, bias, _: ShuffleConv2d(i, o, bias), lambda _: (field.convolution(3), field.nearest)
    ),
    "bilinear": Upsampler(
        lambda i, o, bias, _: ResizeConv2d(i, o, bias, "bilinear"), lambda _: (field.bilinear, field.convolution(3))
    ),
}
"""`i2i train … --set generator.up=NAME`; `transposed` is the papers'."""
