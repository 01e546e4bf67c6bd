"""Layers faster than torch's in bf16 on a CPU, where a step of the residual generators spends its time in them.

Activations lie channels-last there (N, H, W, C in memory): oneDNN's convolutions want them so, a reflected border is
quick to add, and a Winograd tile is whole rows of channels. Borders are added in bf16, where autocast would take fp32.
Some layers need help of their own: the 3x3 convolutions (winograd.py), the 7x7 convolutions from and to three
channels, and what lies between convolutions (bf16.py). docs/benchmarks.md says what they are worth. Elsewhere (fp32, a
GPU, the exported file) the layers are torch's own; parameters and names are so everywhere.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...hardware.batch_part import drawn, like, part_at_hand
from . import bf16, enabled
from .winograd import winograd_conv

Convolution = Callable[[Tensor, Tensor, Tensor | None], Tensor]
Border = Literal["zeros", "reflect"]

LEAST_CHANNELS = 128
"""In and out, from which on Winograd's transforms cost less than the products they save."""
LEAST_POSITIONS = 1024
"""Pixels over the batch, likewise: the kernels are transformed whatever the picture."""
FEW_CHANNELS = 4
LEAST_KERNEL = 5
"""Pixels a side, from which on a convolution from or to few channels is split by rows of its kernel."""


def bf16_on_cpu(x: Tensor) -> bool:
    """Whether `x` is on a CPU, under autocast to bf16, and the kernels here are switched on."""
    return (
        enabled()
        and x.device.type == "cpu"
        and torch.is_autocast_enabled("cpu")
        and torch.get_autocast_dtype("cpu") == torch.bfloat16
    )


def _held_in_bf16(x: Tensor) -> bool:
    return x.dtype == torch.bfloat16 and bf16_on_cpu(x)


def to_channels_last(x: Tensor) -> Tensor:
    """`x` in bf16 and channels-last where `bf16_on_cpu`, else as it is."""
    return x.to(torch.bfloat16, memory_format=torch.channels_last) if bf16_on_cpu(x) else x


def weights_to_channels_last(network: nn.Module) -> None:
    """Bring the weights of a network with layers of these into the order of its activations, channels-last.

    Else a convolution brings them into that order anew, on its way there and back. Whoever keeps tensors beside the
    weights, as optimizers do, keeps them in the weights' order.
    """
    if enabled() and any(isinstance(module, SameConv2d) for module in network.modules()):
        network.to(memory_format=torch.channels_last)


class SameConv2d(nn.Conv2d):
    """`nn.Conv2d` with an odd square kernel and stride 1, with `zeros` or a `reflect`ed border: the size stays."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True, border: Border = "zeros"
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, padding=kernel // 2, padding_mode=border, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H, W)."""
        convolution = self.faster(x)
        if convolution is None:
            return super().forward(x)
        return convolution(self._padded(x.bfloat16()), self.weight, self.bias)

    def _padded(self, x: Tensor) -> Tensor:
        border = self.kernel_size[0] // 2
        if border and self.padding_mode == "reflect":
            return bf16.reflected(x, border)
        return F.pad(x, (border,) * 4)  # zeros, which autocast leaves in bf16

    def faster(self, x: Tensor) -> Convolution | None:
        """The fastest function for this shape and device, of the padded map; None: all of it as torch does it."""
        if not bf16_on_cpu(x):
            return None
        size = self.kernel_size[0]
        if size == 3 and not has_amx():
            positions = len(x) * x.shape[2] * x.shape[3]
            wide = min(self.in_channels, self.out_channels) >= LEAST_CHANNELS and positions >= LEAST_POSITIONS
            if wide and x.shape[2] % 2 == 0 == x.shape[3] % 2:
                return winograd_conv
        if size >= LEAST_KERNEL and self.in_channels <= FEW_CHANNELS:
            return conv_from_few
        if size >= LEAST_KERNEL and self.out_channels <= FEW_CHANNELS:
            return conv_to_few
        return F.conv2d if self.padding_mode == "reflect" else None  # zeros are no copy: the convolution adds them


class ReflectConv2d(SameConv2d):
    """The same with a reflected border."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, *, bias: bool = True) -> None:
        super().__init__(in_channels, out_channels, kernel, bias=bias, border="reflect")


def conv_from_few(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias)` for few channels in: a kernel's rows become channels, its columns stay a kernel.

    A convolution works on 16 or 32 channels at a time, and leaves them idle where there are three.
    """
    size = weight.shape[2]
    height = x.shape[2] - size + 1
    rows = torch.cat([x.narrow(2, row, height) for row in range(size)], dim=1)
    y: Tensor = F.conv2d(rows, weight.transpose(1, 2).flatten(1, 2).unsqueeze(2), bias)
    return y


def conv_to_few(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias)` for few channels out: each row of the kernel gives channels, which are then added."""
    size = weight.shape[2]
    height = x.shape[2] - size + 1
    rows = F.conv2d(x, weight.permute(2, 0, 1, 3).flatten(0, 1).unsqueeze(2)).contiguous()
    first, *others = (part.narrow(2, row, height) for row, part in enumerate(rows.chunk(size, dim=1)))
    y = first if bias is None else first + bias.to(first.dtype)[:, None, None]
    for other in others:
        y = y + other
    return y


@functools.cache
def has_amx() -> bool:
    """Whether this CPU multiplies matrices in tiles; then a convolution is quicker than Winograd's transforms."""
    return bool(getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)())  # a private name: absent counts as no


class InstanceNorm2d(nn.InstanceNorm2d):
    """`nn.InstanceNorm2d` without running averages, which keeps a channels-last bf16 picture as it lies."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        channels_last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        if channels_last and _held_in_bf16(x):
            return bf16.instance_norm(x, self.weight, self.bias, self.eps)
        return super().forward(x)


class ReLU(nn.ReLU):
    """`nn.ReLU` in place."""

    def __init__(self) -> None:
        super().__init__(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same."""
        return bf16.relu_(x) if _held_in_bf16(x) else super().forward(x)


class PReLU(nn.PReLU):
    """`nn.PReLU` with a slope for each channel, with a backward pass that is faster in bf16 on a CPU."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        return bf16.prelu(x.bfloat16(), self.weight) if bf16_on_cpu(x) else super().forward(x)


class Dropout(nn.Dropout):
    """torch's own; over several processes or passes, each image has the mask that it would have in the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same, each value 0 with probability p in training, and the others larger by as much."""
        if not self.training or self.p == 0 or part_at_hand() is None:
            return super().forward(x)
        return x * drawn(lambda count: F.dropout(like(x, count).fill_(1), self.p), len(x))
