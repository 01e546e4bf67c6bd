"""Ways to double the sides of a picture inside a generator, by name; docs/training.md shows the spectrum of each.

A transposed convolution with stride 2 reaches neighbouring output pixels through different weights, so even a flat
input comes out as a checkerboard until training has evened them out (Odena, Dumoulin and Olah, "Deconvolution and
Checkerboard Artifacts", Distill 2016). The other rows reach every output pixel through the same weights, from the
start (`shuffle`) or always (`resize`, `bilinear`).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import receptive_field
from .kernels.im2col import Conv2d, ConvTranspose2d
from .kernels.layers import bf16_on_cpu, to_channels_last
from .options import name_of


class ResizeConv2d(Conv2d):
    """(N, in, H, W) -> (N, out, 2H, 2W): pixels repeated (`nearest`) or mixed (`bilinear`), then a 3x3 convolution."""

    def __init__(self, in_channels: int, out_channels: int, bias: bool, mode: str) -> None:
        super().__init__(in_channels, out_channels, 3, padding=1, bias=bias)
        self.mode = mode

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, 2H, 2W)."""
        return super().forward(F.interpolate(x, scale_factor=2.0, mode=self.mode))


class ShuffleConv2d(Conv2d):
    """(N, in, H, W) -> (N, out, fH, fW): a 3x3 convolution to f² times the channels, laid out as f x f pixels.

    `factor` is f (Shi et al., CVPR 2016). The kernels of an output channel begin equal (ICNR: Aitken et al., 2017), so
    at first it is `resize` with nearest neighbours, without a checkerboard; whoever initialises the weights calls
    `repeat_kernels` afterwards.
    """

    def __init__(self, in_channels: int, out_channels: int, bias: bool, factor: int = 2) -> None:
        super().__init__(in_channels, factor**2 * out_channels, 3, padding=1, bias=bias)
        self.factor = factor
        self.repeat_kernels()

    @torch.no_grad()
    def repeat_kernels(self) -> None:
        """Give all pixels of each output channel the kernel, and the bias, of the first."""
        pixels = self.factor**2
        for parameter in (self.weight, self.bias):
            if parameter is not None:
                parameter.copy_(parameter[::pixels].repeat_interleave(pixels, dim=0))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, fH, fW)."""
        if bf16_on_cpu(x):
            return self._by_rows(x)
        return F.pixel_shuffle(self.sub_pixels(x), self.factor)

    def sub_pixels(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, f² out, H, W): the same before the pixel shuffle."""
        return super().forward(x)

    def _by_rows(self, x: Tensor) -> Tensor:
        """The same, channels-last: with the kernels in the order (row, column, channel), whole pixels are laid out.

        torch lays out single numbers there, which takes as long as the convolution itself.
        """
        f, channels = self.factor, self.out_channels // self.factor**2
        weight = self.weight.view(channels, f**2, self.in_channels, 3, 3).transpose(0, 1).flatten(0, 1)
        bias = None if self.bias is None else self.bias.view(channels, f**2).t().flatten()
        y = F.conv2d(to_channels_last(x), weight, bias, padding=1)
        n, _, height, width = y.shape
        pixels = y.permute(0, 2, 3, 1).reshape(n, height, width, f, f, channels).transpose(2, 3)
        return pixels.reshape(n, f * height, f * width, channels).permute(0, 3, 1, 2)


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
    back: Callable[[int], tuple[receptive_field.Back, ...]]
    """(the network's own kernel) -> what an output pixel sees, first layer first."""


UPSAMPLERS: dict[str, Upsampler] = {
    "transposed": Upsampler(_transposed, lambda kernel: (receptive_field.transposed(kernel, 2, 1),)),
    "resize": Upsampler(
        lambda i, o, bias, _: ResizeConv2d(i, o, bias, "nearest"),
        lambda _: (receptive_field.nearest, receptive_field.convolution(3)),
    ),
    "shuffle": Upsampler(
        lambda i, o, bias, _: ShuffleConv2d(i, o, bias),
        lambda _: (receptive_field.convolution(3), receptive_field.nearest),
    ),
    "bilinear": Upsampler(
        lambda i, o, bias, _: ResizeConv2d(i, o, bias, "bilinear"),
        lambda _: (receptive_field.bilinear, receptive_field.convolution(3)),
    ),
}
"""`i2i train … --set generator.up=NAME`; `transposed` is the papers'."""

Up = Annotated[str, name_of("upsampler", UPSAMPLERS)]
