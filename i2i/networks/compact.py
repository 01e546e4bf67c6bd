"""A generator for speed: all its work at the small size, then one pixel shuffle (Shi et al., ESPCN, CVPR 2016).

The stack of 3x3 convolutions with PReLU, and the sum with the enlarged input, are those of Real-ESRGAN's compact
network (SRVGG; Wang et al., 2021, as released with its models). Parameters bear the names of that code.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import receptive_field
from .geometry import Generator, Geometry, Layers
from .init import kaiming
from .kernels.layers import PReLU, SameConv2d, to_channels_last
from .options import Count
from .upsampling import ShuffleConv2d
from .upscaling import Skip, add_skip, input_skip, stages, with_skip


class CompactNetwork(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W).

    A 3x3 convolution to `width` channels, `blocks` more, each with a PReLU; one to scale² sub-pixels, which the pixel
    shuffle brings into place. Their sum with the input, enlarged by `skip` (a name of SKIPS). The last weights are 0 at
    first, so it begins as that enlargement.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        scale: int = 4,
        blocks: Count = 8,
        width: Count = 64,
        skip: Skip = "bicubic",
    ) -> None:
        super().__init__()
        stages(scale)  # refuses what no generator has
        last = SameConv2d(width, out_channels, 3) if scale == 1 else ShuffleConv2d(width, out_channels, True, scale)
        self.body = Layers.of(
            {
                "stem": [SameConv2d(in_channels, width, 3), PReLU(width)],
                **{f"body.{n}": [SameConv2d(width, width, 3), PReLU(width)] for n in range(blocks)},
                "output": [last],
            }
        )
        self.roles = self.body.roles
        self.skip = input_skip(in_channels, out_channels, scale, skip)
        third = receptive_field.convolution(3)
        back = [*[third] * (blocks + 2), receptive_field.enlarged(scale)]
        self.geometry = Geometry(scale=scale, receptive_field=with_skip(back, self.skip, scale))
        kaiming(self)
        if self.skip is not None:
            nn.init.zeros_(last.weight)

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) -> the maps, and (N, out_channels, scale H, scale W)."""
        if self.geometry.scale > 1 and torch.onnx.is_in_onnx_export():
            yield "output", F.pixel_shuffle(self._sub_pixels(x), self.geometry.scale)
            return
        for role, y in self.body.parts(to_channels_last(x)):
            yield role, add_skip(self.skip, x, y) if role == "output" else y

    def _sub_pixels(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) -> (N, scale² out_channels, H, W): the sum before the pixel shuffle.

        For the exported file: to shuffle both parts and add them up then takes 2 to 3 % longer on a CPU.
        """
        residual = cast(ShuffleConv2d, self.body[-1]).sub_pixels(self.body[:-1](x))
        if self.skip is None:
            return residual
        base = self.skip.sub_pixels(x)
        if base.shape[1] < residual.shape[1]:  # grey, which is added to each channel
            base = base.repeat(1, residual.shape[1] // base.shape[1], 1, 1)
        return base + residual
