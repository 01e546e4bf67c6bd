"""Discriminators of pix2pix and CycleGAN (Isola et al., 2017, appendix 6.1.2): patches, or single pixels.

They take pictures in [-1, 1] (for pix2pix: input and output stacked by channel) and give logits.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated

from pydantic import Field
from torch import nn

from ..geometry import Geometry
from ..kernels.im2col import Conv2d
from ..norms import NORMS, Norm, needs_bias
from ..options import Count
from .base import Discriminator, MinibatchStd


class PatchDiscriminator(Discriminator):
    """Classifies overlapping patches: (N, in_channels, H, W) -> (N, 1, H / 2**layers - 2, W / 2**layers - 2) logits.

    The patches are 16, 34, 70, 142, 286 and 574 pixels wide for `layers` 1 to 6.
    """

    def __init__(
        self,
        in_channels: int,
        *,
        layers: Annotated[int, Field(ge=1, le=6)] = 3,
        width: Count = 64,
        norm: Norm = "batch_as_instance",
        spectral: bool = False,
        minibatch_std: bool = False,
    ) -> None:
        widths = [min(2**n, 8) * width for n in range(layers + 1)]
        blocks: list[nn.Module] = []
        for n, (i, o) in enumerate(pairwise(widths), start=1):
            stride = 2 if n < layers else 1  # the last one widens the receptive field and keeps the map
            blocks += [
                Conv2d(i, o, 4, stride=stride, padding=1, bias=needs_bias(norm)),
                NORMS[norm](o),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        patches = nn.Sequential(
            Conv2d(in_channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            *blocks,
            *([MinibatchStd()] if minibatch_std else []),
            Conv2d(widths[-1] + minibatch_std, 1, 4, padding=1),
        )
        super().__init__(patches, spectral=spectral)
        self.geometry = Geometry(smallest=3 * 2**layers)  # leaves one logit


class PixelDiscriminator(Discriminator):
    """Classifies each pixel by its colour alone: (N, in_channels, H, W) -> (N, 1, H, W) logits."""

    geometry = Geometry()

    def __init__(
        self,
        in_channels: int,
        *,
        width: Count = 64,
        norm: Norm = "batch_as_instance",
        spectral: bool = False,
        minibatch_std: bool = False,
    ) -> None:
        pixels = nn.Sequential(
            Conv2d(in_channels, width, 1),
            nn.LeakyReLU(0.2, inplace=True),
            Conv2d(width, 2 * width, 1, bias=needs_bias(norm)),
            NORMS[norm](2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            *([MinibatchStd()] if minibatch_std else []),
            Conv2d(2 * width + minibatch_std, 1, 1, bias=needs_bias(norm)),
        )
        super().__init__(pixels, spectral=spectral)
