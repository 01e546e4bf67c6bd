"""A generator for speed: all its work at the small size, then one pixel shuffle (Shi et al., ESPCN, CVPR 2016).

The stack of 3x3 convolutions with PReLU, and the sum with the enlarged input, are those of Real-ESRGAN's compact
network (SRVGG; Wang et al., 2021, as released with its models). Parameters bear the names of that code.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import receptive_field
from .init import kaiming
from .kernels.layers import PReLU, SameConv2d, to_channels_last
from .upsampling import ShuffleConv2d
from .upscaling import add_skip, input_skip, seen, stages


class CompactNetwork(nn.Module):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W).

    A 3x3 convolution to `width` channels, `blocks` more, each with a PReLU; one to scale² pixels of a picture, which is
    added to the input, enlarged by `skip` (a name of SKIPS). It begins as that enlargement: its last weights are 0.
    """

    multiple = 1
    smallest = 1
    tiling = "local"

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        scale: int = 4,
        blocks: int = 8,
        width: int = 64,
        skip: str = "bicubic",
    ) -> None:
        super().__init__()
        stages(scale)  # refuses what no generator has
        self.scale = scale
        last = SameConv2d(width, out_channels, 3) if scale == 1 else ShuffleConv2d(width, out_channels, True, scale)
        layers: list[nn.Module] = [SameConv2d(in_channels, width, 3), PReLU(width)]
        for _ in range(blocks):
            layers += [SameConv2d(width, width, 3), PReLU(width)]
        self.body = nn.Sequential(*layers, last)
        self.skip = input_skip(in_channels, out_channels, scale, skip)
        third = receptive_field.convolution(3)
        self.receptive_field = seen([*[third] * (blocks + 2), receptive_field.enlarged(scale)], self.skip, scale)
        kaiming(self)
        if self.skip is not None:
            nn.init.zeros_(last.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W)."""
        if self.scale > 1 and torch.onnx.is_in_onnx_export():
            return F.pixel_shuffle(self._phases(x), self.scale)
        return add_skip(self.skip, x, self.body(to_channels_last(x)))

    def _phases(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, scale² out_channels, H, W): the sum before its pixels are laid out.

        For the exported file: to lay out both parts and add them up then takes 2 to 3 % longer on a CPU.
        """
        residual = cast(ShuffleConv2d, self.body[-1]).phases(self.body[:-1](x))
        if self.skip is None:
            return residual
        base = self.skip.phases(x)
        if base.shape[1] < residual.shape[1]:  # grey, which is added to each channel
            base = base.repeat(1, residual.shape[1] // base.shape[1], 1, 1)
        return base + residual
