"""Discriminators of pix2pix and CycleGAN (Isola et al., 2017, appendix 6.1.2): patches, or single pixels.

They take pictures in [-1, 1] (for pix2pix: input and output stacked by channel) and give logits.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from .norms import NORMS, needs_bias
from .wide import Conv2d


class PatchDiscriminator(nn.Module):
    """Judges overlapping patches: (N, in_channels, H, W) -> (N, 1, H / 2**layers - 2, W / 2**layers - 2) logits.

    The patches are 16, 34, 70, 142, 286 and 574 pixels wide for `layers` 1 to 6.
    """

    def __init__(self, in_channels: int, *, layers: int = 3, width: int = 64, norm: str = "batch") -> None:
        super().__init__()
        self.smallest = 3 * 2**layers  # leaves one logit
        widths = [min(2**n, 8) * width for n in range(layers + 1)]
        blocks: list[nn.Module] = []
        for n, (i, o) in enumerate(pairwise(widths), start=1):
            stride = 2 if n < layers else 1  # the last one widens the view and keeps the map
            blocks += [
                Conv2d(i, o, 4, stride=stride, padding=1, bias=needs_bias(norm)),
                NORMS[norm](o),
                nn.LeakyReLU(0.2, inplace=True),
            ]
        self.patches = nn.Sequential(
            Conv2d(in_channels, width, 4, stride=2, padding=1),
            nn.LeakyReLU(0.2, inplace=True),
            *blocks,
            Conv2d(widths[-1], 1, 4, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) in [-1, 1] -> one logit a patch."""
        logits: Tensor = self.patches(x)
        return logits


class PixelDiscriminator(nn.Module):
    """Judges each pixel by its colour alone: (N, in_channels, H, W) -> (N, 1, H, W) logits."""

    smallest = 1

    def __init__(self, in_channels: int, *, width: int = 64, norm: str = "batch") -> None:
        super().__init__()
        self.pixels = nn.Sequential(
            Conv2d(in_channels, width, 1),
            nn.LeakyReLU(0.2, inplace=True),
            Conv2d(width, 2 * width, 1, bias=needs_bias(norm)),
            NORMS[norm](2 * width),
            nn.LeakyReLU(0.2, inplace=True),
            Conv2d(2 * width, 1, 1, bias=needs_bias(norm)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_channels, H, W) in [-1, 1] -> (N, 1, H, W) logits."""
        logits: Tensor = self.pixels(x)
        return logits
