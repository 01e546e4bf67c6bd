"""The discriminator of Real-ESRGAN: a U-Net with a prediction for each pixel (Wang et al., 2021).

Section 3.3 of the paper, after Schönfeld et al., CVPR 2020; layer for layer the authors' code. Pictures are in [-1, 1].
"""

from __future__ import annotations

from itertools import pairwise
from typing import cast

from torch import Tensor, nn
from torch.nn import functional as F

from ..geometry import Geometry
from ..kernels.im2col import Conv2d
from ..kernels.layers import to_channels_last
from ..norms import NORMS, Norm
from ..options import Count
from .base import Discriminator, MinibatchStd, Outputs

_Layers = tuple[nn.Module, nn.ModuleList, nn.ModuleList, nn.ModuleList, nn.Module]

STEPS = 3
"""Halvings, and doublings."""


class UNetDiscriminator(Discriminator):
    """(N, in_channels, H, W) -> (N, 1, H, W) logits, with spectral normalisation but for the first and the last layer.

    Three 4x4 convolutions with stride 2 down to 8 times `width` channels; up again by bilinear enlargement and a 3x3
    convolution, to which the map of the way down is added; three more convolutions at the full size.
    """

    geometry = Geometry(smallest=16)
    ends_free = True

    def __init__(
        self,
        in_channels: int,
        *,
        width: Count = 64,
        norm: Norm = "none",
        spectral: bool = True,
        minibatch_std: bool = False,
    ) -> None:
        widths = [width * 2**n for n in range(STEPS + 1)]

        def normed(i: int, o: int, kernel: int, stride: int = 1) -> nn.Module:
            convolution = Conv2d(i, o, kernel, stride=stride, padding=1, bias=False)
            return nn.Sequential(convolution, NORMS[norm](o), nn.LeakyReLU(0.2, inplace=True))

        layers = nn.ModuleDict(
            {
                "first": nn.Sequential(Conv2d(in_channels, width, 3, padding=1), nn.LeakyReLU(0.2, inplace=True)),
                "down": nn.ModuleList(normed(i, o, 4, 2) for i, o in pairwise(widths)),
                "up": nn.ModuleList(normed(o, i, 3) for i, o in reversed([*pairwise(widths)])),
                "more": nn.ModuleList(normed(width, width, 3) for _ in range(2)),
                "last": nn.Sequential(
                    *([MinibatchStd()] if minibatch_std else []), Conv2d(width + minibatch_std, 1, 3, padding=1)
                ),
            }
        )
        super().__init__(layers, spectral=spectral)

    def features(self, x: Tensor) -> Outputs:
        """(N, in_channels, H, W) in [-1, 1] -> the activated maps in the order of the layers, and the logits."""
        first, down, up, more, last = cast(_Layers, tuple(self.layers.children()))
        maps: list[Tensor] = [first(to_channels_last(x))]
        for layer in down:
            maps.append(layer(maps[-1]))
        skips = maps[:-1]
        y = maps[-1]
        for layer in up:
            skip = skips.pop()
            y = layer(F.interpolate(y, size=skip.shape[2:], mode="bilinear"))
            maps.append(y)
            y = y + skip
        for layer in more:
            y = layer(y)
            maps.append(y)
        return Outputs(maps, last(y))
