"""Residual in residual dense network (Wang et al., "ESRGAN", ECCVW 2018, section 3.1; x2 and x1: Real-ESRGAN, 2021).

Pictures are float32 in [-1, 1], shape (N, C, H, W). Parameters bear the names of the authors' code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import ClassVar, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from . import receptive_field
from .geometry import Generator, Geometry
from .init import kaiming
from .kernels.layers import SameConv2d, to_channels_last
from .options import Count
from .upscaling import RESIDUAL, stages

SCALING = 0.2
"""Share of a residual that is added (section 3.1)."""
CONVOLUTIONS = 5
"""In a dense block."""


class DenseBlock(nn.Module):
    """(N, width, H, W) -> the same: five 3x3 convolutions, each of which sees the input and all before it."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        for n in range(CONVOLUTIONS):
            out = growth if n < CONVOLUTIONS - 1 else width
            self.add_module(f"conv{n + 1}", SameConv2d(width + n * growth, out, 3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> (N, width, H, W)."""
        if torch.onnx.is_in_onnx_export():
            return torch.add(x, self._in_pairs(x), alpha=SCALING)
        *growing, last = self.children()
        maps = [x]
        for convolution in growing:
            maps.append(_leaky(convolution(torch.cat(maps, 1))))
        return torch.add(x, last(torch.cat(maps, 1)), alpha=SCALING)

    def _in_pairs(self, x: Tensor) -> Tensor:
        """What is added to x, with no more than two maps laid side by side, for the exported file.

        Laying all of them side by side before each convolution moves more memory than the convolutions do: a run takes
        5 to 20 % longer on a CPU.
        """
        *growing, last = self.children()
        pairs: list[Tensor] = []
        odd = [x]
        for convolution in growing:
            y = _leaky(_of_parts(convolution, [*pairs, *odd]))
            if odd:
                pairs, odd = [*pairs, torch.cat([*odd, y], 1)], []
            else:
                odd = [y]
        return _of_parts(last, [*pairs, *odd])


class RRDB(nn.Module):
    """(N, width, H, W) -> the same: three dense blocks in a row, and the skip over them."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.rdb1, self.rdb2, self.rdb3 = (DenseBlock(width, growth) for _ in range(3))

    def forward(self, x: Tensor) -> Tensor:
        """(N, width, H, W) -> (N, width, H, W)."""
        return torch.add(x, self.rdb3(self.rdb2(self.rdb1(x))), alpha=SCALING)


class RRDBNet(Generator):
    """(N, in_channels, H, W) -> (N, out_channels, scale H, scale W).

    Enlarges by nearest neighbours and a convolution, twice by 2, or once by 3. At scale 2 and 1 each 2x2 or 4x4 pixels
    are first laid into channels, so that the work is done at a half or a quarter of the size and then enlarged by 4.
    """

    UNSHUFFLES: ClassVar[Mapping[int, int]] = {1: 4, 2: 2, 3: 1, 4: 1}
    """By scale, the side of the squares of pixels that are laid into channels."""

    def __init__(
        self,
        in_channels: int = 3,
        out_channels: int = 3,
        *,
        scale: int = 4,
        blocks: Count = 23,
        width: Count = 64,
        growth: Count = 32,
    ) -> None:
        super().__init__()
        stages(scale)  # refuses what no generator has
        self.unshuffle = self.UNSHUFFLES[scale]
        self.factors = stages(scale * self.unshuffle)
        self.conv_first = SameConv2d(in_channels * self.unshuffle**2, width, 3)
        self.body = nn.Sequential(*(RRDB(width, growth) for _ in range(blocks)))
        self.conv_body = SameConv2d(width, width, 3)
        for n in range(len(self.factors)):
            self.add_module(f"conv_up{n + 1}", SameConv2d(width, width, 3))
        self.conv_hr = SameConv2d(width, width, 3)
        self.conv_last = SameConv2d(width, out_channels, 3)
        third = receptive_field.convolution(3)
        rising = [back for factor in self.factors for back in (receptive_field.enlarged(factor), third)]
        depth = blocks * 3 * CONVOLUTIONS + 2
        back = [receptive_field.space_to_depth(self.unshuffle), *[third] * depth, *rising, third, third]
        self.geometry = Geometry(
            multiple=self.unshuffle,
            smallest=self.unshuffle,
            scale=scale,
            receptive_field=receptive_field.receptive_field(back, scale * self.unshuffle),
        )
        inner = (f"body.{n}" for n in range(blocks))
        self.roles = ("stem", *inner, "body", *(f"up.{n}" for n in range(len(self.factors))), "output")
        kaiming(self.body, RESIDUAL)  # the others begin as torch has it, as in the authors' code,
        kaiming(self.conv_last, RESIDUAL)  # but for the last, so that the first pictures are grey and not noise

    def parts(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        """(N, in_channels, H, W) -> the maps, and (N, out_channels, scale H, scale W)."""
        if self.unshuffle > 1:
            x = _unshuffled(x, self.unshuffle)
        y = stem = self.conv_first(to_channels_last(x))
        yield "stem", stem
        for n, block in enumerate(self.body):
            y = block(y)
            yield f"body.{n}", y
        y = stem + self.conv_body(y)
        yield "body", y
        for n, factor in enumerate(self.factors):
            y = _leaky(self.get_submodule(f"conv_up{n + 1}")(F.interpolate(y, scale_factor=float(factor))))
            yield f"up.{n}", y
        yield "output", self.conv_last(_leaky(self.conv_hr(y)))


def _unshuffled(x: Tensor, factor: int) -> Tensor:
    """(N, C, fH, fW) -> (N, f² C, H, W), as `F.pixel_unshuffle`.

    In an exported file by a convolution of ones and noughts, which is the same to the bit: torch writes its own as two
    changes of shape, to sizes that are those of the picture that was traced.
    """
    if not torch.onnx.is_in_onnx_export():
        return F.pixel_unshuffle(x, factor)
    one_of_each = torch.eye(factor**2, device=x.device, dtype=x.dtype).view(-1, 1, factor, factor)
    return F.conv2d(x, one_of_each.repeat(x.shape[1], 1, 1, 1), stride=factor, groups=x.shape[1])


def _of_parts(convolution: nn.Module, parts: list[Tensor]) -> Tensor:
    """What the 3x3 `convolution` gives of the parts side by side, as a sum over them."""
    weight, bias = cast(Tensor, convolution.weight), cast(Tensor, convolution.bias)
    first, *others = torch.split(weight, [part.shape[1] for part in parts], dim=1)
    y = F.conv2d(parts[0], first, bias, padding=1)
    for part, of_part in zip(parts[1:], others, strict=True):
        y = y + F.conv2d(part, of_part, padding=1)
    return y


def _leaky(x: Tensor) -> Tensor:
    return F.leaky_relu(x, 0.2, inplace=True)
