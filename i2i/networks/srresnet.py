"""Residual generators for super-resolution: SRResNet, and the variant without normalisation.

SRResNet is Ledig et al.'s ("Photo-Realistic Single Image Super-Resolution Using a GAN", CVPR 2017, section 2.1 and
figure 4). The variant is the one that the ESRGAN authors train (MSRResNet; Lim et al., EDSR, 2017, took the norm out).
Pictures are float32 in [-1, 1], shape (N, C, H, W), of any size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor, nn

from . import receptive_field
from .geometry import Generator, Geometry, Layers
from .init import kaiming
from .kernels.layers import PReLU, ReLU, SameConv2d, to_channels_last
from .norms import NORMS, Norm, needs_bias, tiling
from .options import Count
from .upsampling import ShuffleConv2d
from .upscaling import RESIDUAL, Skip, add_skip, input_skip, stages, with_skip

Activation = Callable[[], nn.Module]


class Block(nn.Module):
    """(N, width, H, W) -> the same: x plus two 3x3 convolutions of x with an activation between."""

    def __init__(self, width: int, norm: str, activation: Activation) -> None:
        super().__init__()
        bias = needs_bias(norm)
        self.branch = nn.Sequential(
            SameConv2d(width, width, 3, bias=bias),
            NORMS[norm](width),
            activation(),
            SameConv2d(width, width, 3, bias=bias),
            NORMS[norm](width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> (N, width, H, W)."""
        y: Tensor = x + self.branch(x)
        return y


def _enlarging(width: int, factors: list[int], activation: Activation) -> dict[str, list[nn.Module]]:
    return {f"up.{n}": [ShuffleConv2d(width, width, True, factor), activation()] for n, factor in enumerate(factors)}


def _back(factors: list[int]) -> list[receptive_field.Back]:
    return [back for factor in factors for back in (receptive_field.convolution(3), receptive_field.enlarged(factor))]


class SRResNet(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W), the paper's.

    9x9 to `width` channels, `blocks` residual blocks, a 3x3 convolution and the skip over all of them, pixel shuffles,
    9x9 to a picture. PReLU with a slope for each channel, as in the paper's framework. At scale 1, which the paper does
    not have, the input is added.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        scale: int = 4,
        blocks: Count = 16,
        width: Count = 64,
        norm: Norm = "batch_running",
    ) -> None:
        super().__init__()
        factors = stages(scale)

        def activation() -> nn.Module:
            return PReLU(width)

        bias = needs_bias(norm)
        self.first = nn.Sequential(SameConv2d(in_channels, width, 9), activation())
        self.body = nn.Sequential(
            *(Block(width, norm, activation) for _ in range(blocks)),
            SameConv2d(width, width, 3, bias=bias),
            NORMS[norm](width),
        )
        self.last = Layers.of(
            {**_enlarging(width, factors, activation), "output": [SameConv2d(width, out_channels, 9)]}
        )
        self.blocks = blocks
        self.roles = ("stem", *(f"body.{n}" for n in range(blocks)), "body", *self.last.roles)
        self.skip = input_skip(in_channels, out_channels, 1, "nearest") if scale == 1 else None
        ends = receptive_field.convolution(9)
        inner = [receptive_field.convolution(3)] * (2 * blocks + 1)
        self.geometry = Geometry(
            smallest=1 if tiling(norm) == "local" else 2,  # a single pixel has no standard deviation to divide by
            scale=scale,
            receptive_field=with_skip([ends, *inner, *_back(factors), ends], self.skip, scale),
            tiling=tiling(norm),
        )
        kaiming(self)
        if norm == "none":
            kaiming(self.body, RESIDUAL)
        kaiming(self.last[-1], RESIDUAL)  # begin near the middle grey, or at the input

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) -> the maps, and (N, out_channels, scale H, scale W)."""
        y = stem = self.first(to_channels_last(x))
        yield "stem", stem
        for n, layer in enumerate(self.body):
            y = layer(y)
            if n < self.blocks:
                yield f"body.{n}", y
        y = stem + y
        yield "body", y
        for role, larger in self.last.parts(y):
            yield role, add_skip(self.skip, x, larger) if role == "output" else larger


class MSRResNet(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W): no norm, LeakyReLU 0.1, and the enlarged input.

    `blocks` residual blocks of `width` channels, pixel shuffles, two 3x3 convolutions at the full size; their sum with
    the input, enlarged by `skip` (a name of SKIPS). At scale 1 there are no shuffles.
    """

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        scale: int = 4,
        blocks: Count = 16,
        width: Count = 64,
        skip: Skip = "bilinear",
    ) -> None:
        super().__init__()
        factors = stages(scale)

        def activation() -> nn.Module:
            return nn.LeakyReLU(0.1)

        self.layers = Layers.of(
            {
                "stem": [SameConv2d(in_channels, width, 3), activation()],
                **{f"body.{n}": [Block(width, "none", ReLU)] for n in range(blocks)},
                **_enlarging(width, factors, activation),
                "output": [SameConv2d(width, width, 3), activation(), SameConv2d(width, out_channels, 3)],
            }
        )
        self.roles = self.layers.roles
        self.skip = input_skip(in_channels, out_channels, scale, skip)
        third = receptive_field.convolution(3)
        back = [third] * (2 * blocks + 1) + _back(factors) + [third] * 2
        self.geometry = Geometry(scale=scale, receptive_field=with_skip(back, self.skip, scale))
        kaiming(self, RESIDUAL)  # every convolution, as in BasicSR's code

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) -> the maps, and (N, out_channels, scale H, scale W)."""
        for role, y in self.layers.parts(to_channels_last(x)):
            yield role, add_skip(self.skip, x, y) if role == "output" else y
