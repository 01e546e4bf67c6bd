"""U-Net generator of pix2pix (Isola et al., 2017, appendix 6.1.1), at any depth.

Pictures are float32 in [-1, 1], shape (N, C, H, W); H and W are multiples of 2**depth.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ConfigError
from . import receptive_field
from .geometry import Generator, Geometry
from .kernels.im2col import Conv2d
from .kernels.layers import Dropout
from .norms import NORMS, Norm, needs_bias, tiling
from .options import Count, Share
from .upsampling import UPSAMPLERS, Up
from .upscaling import add_skip, input_skip


class UNet(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, H, W) in [-1, 1]; H and W multiples of `multiple`.

    Each of `depth` encoder steps halves the sides; each decoder step doubles them and takes the encoder's
    activations of its size beside its own. Dropout follows the first three decoder steps, as in the authors' code.
    `up` is how they double, a name of UPSAMPLERS. With `residual` the result is the input and what is learned, without
    a tanh, and the network begins as the input: for pictures that are to be restored.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        depth: Count = 8,
        width: Count = 64,
        norm: Norm = "instance_affine",
        dropout: Share = 0.5,
        up: Up = "transposed",
        residual: bool = False,
    ) -> None:
        super().__init__()
        # By the way through the bottleneck; what the skips see lies within.
        through = [*[receptive_field.convolution(4, 2, 1)] * depth, *UPSAMPLERS[up].back(4) * depth]
        self.geometry = Geometry(
            multiple=2**depth,
            smallest=2**depth,
            receptive_field=receptive_field.receptive_field(through, 2**depth),
            tiling=tiling(norm),
        )
        self.roles = (*(f"down.{n}" for n in range(depth)), *(f"up.{n}" for n in range(depth - 1)), "output")
        bias = needs_bias(norm)
        widths = [min(2**level, 8) * width for level in range(depth)]

        self.down = nn.ModuleList(
            Conv2d(i, o, 4, stride=2, padding=1, bias=bias) for i, o in pairwise([in_channels, *widths])
        )
        # The first encoder step has no norm, nor has the bottleneck: one pixel has no deviation to divide by.
        self.down_norms = nn.ModuleList(
            NORMS[norm](w) if 0 < level < depth - 1 else nn.Identity() for level, w in enumerate(widths)
        )
        inner = list(reversed(widths))
        self.up = nn.ModuleList(
            UPSAMPLERS[up].build(i if level == 0 else 2 * i, o, bias, 4) for level, (i, o) in enumerate(pairwise(inner))
        )
        self.up_norms = nn.ModuleList(NORMS[norm](w) for w in inner[1:])
        self.dropouts = nn.ModuleList(Dropout(dropout if level < 3 else 0.0) for level in range(depth - 1))
        self.last = UPSAMPLERS[up].build(2 * width, out_channels, True, 4)
        self.residual = residual
        self.skip = input_skip(in_channels, out_channels, 1, "nearest") if residual else None
        if residual:
            for parameter in self.last.parameters():
                nn.init.zeros_(parameter)

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) in [-1, 1] -> the maps, and (N, out_channels, H, W) in [-1, 1].

        With `residual` the picture may overshoot that range. `up.N` is a decoder step's own map, without the encoder's.
        """
        given, skips = x, list[Tensor]()
        for level, (down, norm) in enumerate(zip(self.down, self.down_norms, strict=True)):
            x = norm(down(x if level == 0 else F.leaky_relu(x, 0.2)))
            skips.append(x)
            yield f"down.{level}", x
        skips.pop()
        for level, (up, norm, dropout) in enumerate(zip(self.up, self.up_norms, self.dropouts, strict=True)):
            y = dropout(norm(up(F.relu(x))))
            yield f"up.{level}", y
            # ReLU of the activated skip is ReLU of the raw one, so the order of the two does not matter here.
            x = torch.cat([skips.pop(), y], dim=1)
        learned = self.last(F.relu(x))
        yield "output", add_skip(self.skip, given, learned) if self.residual else torch.tanh(learned)


def unet_for(size: int) -> str:
    """The deepest U-Net, up to the paper's `unet256`, whose multiple divides `size` pixels.

    Raises ConfigError when none does.
    """
    for depth in (8, 7, 6, 5, 4):
        if size % 2**depth == 0:
            return f"unet{2**depth}"
    raise ConfigError(
        f"No U-Net takes pictures of {size} pixels: the size must be a multiple of 16. "
        f"Try --size {max(16, round(size / 16) * 16)}, or --set generator.name=resnet6 (any multiple of 4)."
    )
