"""What the super-resolution generators share: stages, the enlarged input that is added, how weights begin.

A generator here takes (N, C, H, W) in [-1, 1] and gives (N, C', scale H, scale W), in that range but for overshoot: it
has no tanh, as those of the papers have none, and the exported file clips. Scale 1 restores at the picture's own size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import ConfigError, UnknownNameError
from . import receptive_field
from .options import name_of

STAGES: dict[int, list[int]] = {1: [], 2: [2], 3: [3], 4: [2, 2]}
"""By scale, the factors of the enlarging stages, one after the other."""


SKIPS: dict[str, int] = {"nearest": 0, "bilinear": 1, "bicubic": 2}
"""Ways to enlarge the input for adding, and how many neighbours on either side each mixes; bicubic has a = -0.75."""


Skip = Annotated[str, name_of("skip", SKIPS)]


WIDEST = max(SKIPS.values())
"""Neighbours on either side that the widest of them mixes."""


RESIDUAL = 0.1
"""Weights of a residual branch begin at this share of Kaiming's, so that the branch begins near zero: for networks
without BatchNorm, as Wang et al. (ESRGAN, 2018, section 3.1) found and their code has it."""


def stages(scale: int) -> list[int]:
    """The factors of the enlarging stages; raises ConfigError for a scale that no generator has."""
    if scale not in STAGES:
        known = ", ".join(map(str, STAGES))
        raise ConfigError(f"Generators enlarge by {known}; the scale {scale} is none of them. Try --set scale=4.")
    return STAGES[scale]


class InputSkip(nn.Module):
    """The input itself, enlarged in fp32 and in one of the ways of SKIPS: (N, in, H, W) -> (N, in, scale H, scale W).

    What is added to a residual must be exact: in bf16 a bright pixel would be off by up to half a step of 8 bits. In an
    exported file all but nearest neighbours is a convolution with a kernel for each of the scale² sub-pixels: ONNX
    Runtime computes it faster than its own resizing, and torch more slowly.
    """

    kernels: Tensor

    def __init__(self, scale: int, way: str) -> None:
        super().__init__()
        if way not in SKIPS:
            raise UnknownNameError("skip", way, SKIPS)
        self.scale, self.way = scale, way
        self.register_buffer("kernels", _kernels(scale, way), persistent=False)
        self.back: list[receptive_field.Back] = [] if scale == 1 else [receptive_field.enlarged(scale, SKIPS[way])]

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, in, scale H, scale W)."""
        if self.scale == 1:
            return x
        with torch.autocast(x.device.type, enabled=False):
            # x, which the learnt part has seen in bf16, is here as it was given.
            if self.way == "nearest" or not torch.onnx.is_in_onnx_export():
                return F.interpolate(x, scale_factor=float(self.scale), mode=self.way)
            return F.pixel_shuffle(self.sub_pixels(x), self.scale)

    def sub_pixels(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, scale² in, H, W): the same as `forward` gives, before the pixel shuffle."""
        channels = x.shape[1]
        kernels = self.kernels.to(x.dtype).repeat(channels, 1, 1, 1)
        framed = F.pad(x, (WIDEST,) * 4, mode="replicate")
        return F.conv2d(framed, kernels, groups=channels)


def _kernels(scale: int, way: str) -> Tensor:
    """(scale², 1, 5, 5): what each sub-pixel of an input pixel takes of that one's neighbourhood."""
    impulses = torch.eye(2 * WIDEST + 5)[:, None, None]  # far enough from the ends
    if scale > 1:
        impulses = F.interpolate(impulses, scale_factor=(1.0, float(scale)), mode=way)
    middle = WIDEST + 2
    taps = impulses[middle - WIDEST : middle + WIDEST + 1, 0, 0, middle * scale : (middle + 1) * scale]
    return torch.einsum("yp,xq->pqyx", taps, taps).flatten(0, 1)[:, None]


def input_skip(in_channels: int, out_channels: int, scale: int, way: str) -> InputSkip | None:
    """The enlarged input to add to an output of so many channels; None where the channels do not fit.

    A grey input (one channel) is added to each channel of the output.
    """
    skip = InputSkip(scale, way)
    return skip if in_channels in (1, out_channels) else None


def add_skip(skip: nn.Module | None, x: Tensor, residual: Tensor) -> Tensor:
    """`residual` plus the input `x` through `skip`, where there is such a skip."""
    return residual if skip is None else cast(Tensor, skip(x)) + residual


def with_skip(layers: Sequence[receptive_field.Back], skip: InputSkip | None, grid: int) -> int:
    """The receptive field, in input pixels, of `layers` and of `skip` beside them; `grid` output pixels repeat."""
    ways = [layers] if skip is None else [layers, skip.back]
    return receptive_field.receptive_field([receptive_field.either(*ways)], grid)
