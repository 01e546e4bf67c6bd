"""Residual generator of CycleGAN (Zhu et al., 2017, appendix 7.2, after Johnson et al., 2016).

Pictures are float32 in [-1, 1], shape (N, C, H, W); H and W are multiples of 4.
"""

from __future__ import annotations

from collections.abc import Iterator

from torch import Tensor, nn

from . import receptive_field
from .geometry import Generator, Geometry, Layers
from .kernels.layers import Dropout, ReflectConv2d, ReLU, to_channels_last
from .norms import NORMS, Norm, needs_bias, tiling
from .options import Count, Share
from .upsampling import UPSAMPLERS, BlurDown, Up


class ResidualBlock(nn.Module):
    """(N, width, H, W) -> the same: x plus two reflection-padded 3x3 convolutions of x."""

    def __init__(self, width: int, norm: str, dropout: float) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.branch = nn.Sequential(
            ReflectConv2d(width, width, 3, bias=bias),
            NORMS[norm](width),
            ReLU(),
            Dropout(dropout),
            ReflectConv2d(width, width, 3, bias=bias),
            NORMS[norm](width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> (N, width, H, W)."""
        y: Tensor = x + self.branch(x)
        return y


class ResnetGenerator(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, H, W) in [-1, 1]; H and W multiples of 4.

    Two steps down, `blocks` residual blocks at a quarter of the size, two steps up by `up`, a name of UPSAMPLERS.
    `antialias` blurs before it thins, on the way down; with `up="bilinear"` that is the generator of the CUT code
    (Park et al., 2020).
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        blocks: Count = 9,
        width: Count = 64,
        norm: Norm = "instance",
        dropout: Share = 0.0,
        up: Up = "transposed",
        antialias: bool = False,
    ) -> None:
        super().__init__()
        thinning = (
            [receptive_field.convolution(3), receptive_field.convolution(3, 2)]
            if antialias
            else [receptive_field.convolution(3, 2)]
        )
        rising = UPSAMPLERS[up].back(3)
        ends = receptive_field.convolution(7)
        inner = [receptive_field.convolution(3)] * (2 * blocks)
        multiple = 4
        self.geometry = Geometry(
            multiple=multiple,
            smallest=8,  # the residual blocks reflect one pixel at a quarter of the size
            receptive_field=receptive_field.receptive_field([ends, *thinning * 2, *inner, *rising * 2, ends], multiple),
            tiling=tiling(norm),
        )
        bias = needs_bias(norm)

        def normed(convolution: nn.Module, channels: int) -> list[nn.Module]:
            return [convolution, NORMS[norm](channels), ReLU()]

        def down(i: int, o: int) -> list[nn.Module]:
            stride = 1 if antialias else 2
            blur: list[nn.Module] = [BlurDown()] if antialias else []
            return [*normed(nn.Conv2d(i, o, 3, stride=stride, padding=1, bias=bias), o), *blur]

        def rise(i: int, o: int) -> list[nn.Module]:
            return normed(UPSAMPLERS[up].build(i, o, bias, 3), o)

        self.layers = Layers.of(
            {
                "stem": normed(ReflectConv2d(in_channels, width, 7, bias=bias), width),
                "down.0": down(width, 2 * width),
                "down.1": down(2 * width, 4 * width),
                **{f"body.{n}": [ResidualBlock(4 * width, norm, dropout)] for n in range(blocks)},
                "up.0": rise(4 * width, 2 * width),
                "up.1": rise(2 * width, width),
                "output": [ReflectConv2d(width, out_channels, 7), nn.Tanh()],
            }
        )
        self.roles = self.layers.roles

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) in [-1, 1] -> the maps, and (N, out_channels, H, W) in [-1, 1]."""
        return self.layers.parts(to_channels_last(x))
