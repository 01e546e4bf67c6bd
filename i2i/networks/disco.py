"""The generator of DiscoGAN as its authors released it (Kim et al., ICML 2017, arXiv 1703.05192).

Pictures are float32 in [-1, 1], shape (N, C, H, W). Inside, the authors' range [0, 1] is kept: convolutions without
bias see it, and the sigmoid gives it.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from torch import Tensor, nn

from .geometry import Generator, Geometry, Layers
from .kernels.im2col import Conv2d, ConvTranspose2d
from .kernels.layers import ReLU, to_channels_last
from .norms import NORMS, Norm, tiling
from .options import Count

CONVOLUTIONS = 4


def steps_down(in_channels: int, widths: list[int], norm: str) -> dict[str, list[nn.Module]]:
    """What G and D begin with: a convolution a step, each halving the sides; the first one is not normalised."""
    steps: dict[str, list[nn.Module]] = {}
    for step, (i, o) in enumerate(pairwise([in_channels, *widths])):
        normed = [NORMS[norm](o)] if step else []
        steps[f"down.{step}"] = [Conv2d(i, o, 4, 2, 1, bias=False), *normed, nn.LeakyReLU(0.2, inplace=True)]
    return steps


class DiscoGenerator(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, H, W) in [-1, 1]; H and W multiples of 16.

    Four steps down, four up, no skips. With `bottleneck` 100 channels of one pixel stand between (of 64 pixels a
    side; larger pictures keep a map of them, overlapping), so that places cannot be copied.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        bottleneck: bool = False,
        width: Count = 64,
        norm: Norm = "batch_running",
    ) -> None:
        super().__init__()
        # With statistics of the picture alone the bottleneck must not be a single pixel, which has no deviation.
        smallest = (80 if tiling(norm) == "global" else 64) if bottleneck else 32
        # An output pixel sees 3 of the coarsest positions, each of which sees 46 pixels at steps of 16; the
        # bottleneck widens both ways by 3 positions.
        field = 46 + 16 * 2 + (16 * 6 if bottleneck else 0)
        self.geometry = Geometry(2**CONVOLUTIONS, smallest, receptive_field=field, tiling=tiling(norm))
        widths = [width * 2**n for n in range(CONVOLUTIONS)]
        narrow = 100 * width // 64 or 1
        steps = steps_down(in_channels, widths, norm)
        if bottleneck:
            inwards = [Conv2d(widths[-1], narrow, 4, bias=False), NORMS[norm](narrow), nn.LeakyReLU(0.2, inplace=True)]
            outwards = [ConvTranspose2d(narrow, widths[-1], 4, bias=False), NORMS[norm](widths[-1]), ReLU()]
            steps |= {"body.0": inwards, "body.1": outwards}
        for step, (i, o) in enumerate(pairwise(reversed(widths))):
            steps[f"up.{step}"] = [ConvTranspose2d(i, o, 4, 2, 1, bias=False), NORMS[norm](o), ReLU()]
        steps["output"] = [ConvTranspose2d(width, out_channels, 4, 2, 1, bias=False), nn.Sigmoid()]
        self.layers = Layers.of(steps)
        self.roles = self.layers.roles

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) in [-1, 1] -> the maps, and (N, out_channels, H, W) in [-1, 1]."""
        for role, y in self.layers.parts(to_channels_last((x + 1) / 2)):
            yield role, y * 2 - 1 if role == "output" else y
