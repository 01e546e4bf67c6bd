"""Convolutions as matrix products (im2col), for layers with many weights and few pixels, as inside an encoder-decoder.

On a CPU in bf16 such a layer spends its time on bringing millions of weights into the order that the convolution
wants, forwards and backwards, for a handful of pixels. A matrix product takes them as they lie: `im2col` copies the
pixels under the kernel into rows, and `col2im` is its transpose. docs/benchmarks.md has the effect
on a step. The layers are torch's own in every other respect: parameters, names, export, and results but for the last
bits of bf16, in which overlapping windows are added up.
"""

from __future__ import annotations

import dataclasses
from itertools import product
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

from .layers import bf16_on_cpu, has_amx, to_channels_last

LEAST_WEIGHTS = 2_000_000
MOST_PLACES = 256
"""Windows over the batch, on the coarse side; from there on the convolution is faster again."""

MOST_PLACES_OF_GRADIENT = 64
MOST_OVER_BATCH_OF_GRADIENT = 4096
"""For the gradient of the weights alone: windows in one picture, and over the batch as far as it was measured."""

AMX_LEAST_WEIGHTS = 500_000
AMX_MOST_PLACES = 64
"""Windows in one picture. With AMX, products are faster on small maps at any batch size."""


def is_faster(x: Tensor, weight: Tensor, places: int) -> bool:
    """Whether the matrix product is faster; decided by measurement, for bf16 autocast on a CPU alone."""
    if not bf16_on_cpu(x) or places < 1:  # a picture smaller than the kernel is torch's to refuse
        return False
    if has_amx() and weight.numel() >= AMX_LEAST_WEIGHTS and places <= AMX_MOST_PLACES:
        return True
    return weight.numel() >= LEAST_WEIGHTS and len(x) * places <= MOST_PLACES


def gradient_is_faster(x: Tensor, weight: Tensor, places: int) -> bool:
    """Whether the product is faster for the gradient of the weights, where it is not for the rest; likewise."""
    if not bf16_on_cpu(x) or has_amx() or not (torch.is_grad_enabled() and weight.requires_grad):
        return False
    small = 0 < places <= MOST_PLACES_OF_GRADIENT and len(x) * places <= MOST_OVER_BATCH_OF_GRADIENT
    return weight.numel() >= LEAST_WEIGHTS and small


@dataclasses.dataclass(frozen=True)
class Window:
    """A square kernel that moves over a picture whose border is padded with zeros."""

    kernel: int
    stride: int
    padding: int

    def places(self, height: int, width: int) -> tuple[int, int]:
        """(rows, columns) of places that it takes; 0 where the picture is smaller than the kernel."""
        rows, columns = (max(0, (s + 2 * self.padding - self.kernel) // self.stride + 1) for s in (height, width))
        return rows, columns

    def size(self, rows: int, columns: int) -> tuple[int, int]:
        """(height, width) of the smallest picture with so many places."""
        height, width = ((n - 1) * self.stride - 2 * self.padding + self.kernel for n in (rows, columns))
        return height, width


def im2col(x: Tensor, window: Window) -> Tensor:
    """(N, C, H, W) -> (N, rows, columns, kernel² C): the pixels under the window at each place, row by row."""
    kernel, border = window.kernel, window.padding
    n, channels, height, width = x.shape
    padded = x.new_zeros(n, height + 2 * border, width + 2 * border, channels)
    padded[:, border : border + height, border : border + width] = x.permute(0, 2, 3, 1)
    n_stride, row_stride, column_stride, _ = padded.stride()
    shape = (n, *window.places(height, width), kernel, kernel * channels)  # pixels of a row lie side by side
    strides = (n_stride, window.stride * row_stride, window.stride * column_stride, row_stride, 1)
    return padded.as_strided(shape, strides).flatten(3)


def col2im(p: Tensor, window: Window, height: int, width: int) -> Tensor:
    """The transpose of `im2col`, (N, rows, columns, kernel² C) -> (N, C, H, W): windows that overlap are added."""
    kernel, border = window.kernel, window.padding
    n, rows, columns, numbers = p.shape
    channels = numbers // kernel**2
    parts = p.reshape(n, rows, columns, kernel, kernel, channels)
    padded = p.new_zeros(n, height + 2 * border, width + 2 * border, channels)
    ends = window.stride * (rows - 1) + 1, window.stride * (columns - 1) + 1
    for i, j in product(range(kernel), repeat=2):
        padded[:, i : i + ends[0] : window.stride, j : j + ends[1] : window.stride] += parts[:, :, :, i, j]
    # Allocated in its final shape: a view could not be changed in place, as the next activation may want to.
    shape = (n, channels, height, width)
    picture = torch.empty(shape, dtype=p.dtype, device=p.device, memory_format=torch.channels_last)
    picture.permute(0, 2, 3, 1).copy_(padded[:, border : border + height, border : border + width])
    return picture


class _Im2col(torch.autograd.Function):
    """`im2col`, whose gradient torch would compute pixel by pixel. Can be differentiated as often as one likes."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, window: Window) -> Tensor:
        ctx.window, ctx.size = window, x.shape[2:]
        return im2col(x, window)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Col2im.apply(grad, ctx.window, *ctx.size), None


class _Col2im(torch.autograd.Function):
    """`col2im`, likewise."""

    @staticmethod
    def forward(ctx: Any, p: Tensor, window: Window, height: int, width: int) -> Tensor:
        ctx.window = window
        return col2im(p, window, height, width)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        return _Im2col.apply(grad, ctx.window), None, None, None


def conv_by_product(x: Tensor, weight: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """`F.conv2d` with that window: im2col, times the weights as a matrix; channels-last."""
    x = to_channels_last(x)
    p, w = _Im2col.apply(x, window), weight.to(x.dtype).flatten(1)
    if p.shape[:3].numel() < len(w):  # the fewer rows are brought into the order of the others
        p = _transposed_groups(p, window.kernel**2)
    else:
        w = _transposed_groups(w, x.shape[1])
    return _add_bias((p @ w.t()).permute(0, 3, 1, 2), bias)


def deconv_by_product(x: Tensor, weight: Tensor, bias: Tensor | None, window: Window) -> Tensor:
    """`F.conv_transpose2d` with that window: pixels times the weights, and col2im; channels-last."""
    x = to_channels_last(x)
    size, channels = window.size(*x.shape[2:]), weight.shape[1]
    pixels, w = x.permute(0, 2, 3, 1), weight.to(x.dtype).flatten(1)
    few = pixels.shape[:3].numel() < len(w)  # likewise
    p = _transposed_groups(pixels @ w, channels) if few else pixels @ _transposed_groups(w, channels)
    y: Tensor = _Col2im.apply(p, window, *size)
    return _add_bias(y, bias)


class _ProductGradient(torch.autograd.Function):
    """torch's convolution, or the transposed one, without bias; the gradient of the weights is a matrix product.

    Can be differentiated once.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, window: Window, transposed: bool) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.window, ctx.transposed = window, transposed
        convolve = F.conv_transpose2d if transposed else F.conv2d
        with torch.autocast("cpu", enabled=False):
            return convolve(x, weight, stride=window.stride, padding=window.padding)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        window, for_x = ctx.window, None
        sides = [window.stride] * 2, [window.padding] * 2, [1, 1], ctx.transposed, [0, 0], 1
        with torch.autocast("cpu", enabled=False):
            if ctx.needs_input_grad[0]:
                only_x = [True, False, False]
                for_x = torch.ops.aten.convolution_backward(grad, x, weight, None, *sides, only_x)[0]
            coarse, picture = (x, grad) if ctx.transposed else (grad, x)
            pixels = coarse.permute(0, 2, 3, 1).flatten(0, 2)
            taps = pixels.t() @ im2col(picture, window).flatten(0, 2)
        for_weight = taps.view(len(weight), window.kernel, window.kernel, -1).permute(0, 3, 1, 2)
        return for_x, for_weight, None, None


def conv_with_product_gradient(
    x: Tensor, weight: Tensor, bias: Tensor | None, window: Window, *, transposed: bool = False
) -> Tensor:
    """`F.conv2d` or `F.conv_transpose2d` with that window, whose weights get their gradient by im2col and a product."""
    y: Tensor = _ProductGradient.apply(x.to(torch.bfloat16), weight.to(torch.bfloat16), window, transposed)
    return _add_bias(y, bias)


def _transposed_groups(rows: Tensor, groups: int) -> Tensor:
    """(..., groups n) -> (..., n groups): from the order of weights to that of im2col's rows, or back."""
    return rows.reshape(*rows.shape[:-1], groups, -1).transpose(-1, -2).flatten(-2)


def _add_bias(y: Tensor, bias: Tensor | None) -> Tensor:
    return y if bias is None else y + bias.to(y.dtype)[:, None, None]


def _window(layer: nn.Conv2d | nn.ConvTranspose2d) -> Window:
    return Window(layer.kernel_size[0], layer.stride[0], cast(int, layer.padding[0]))


class Conv2d(nn.Conv2d):
    """`nn.Conv2d` with a square kernel and one stride, as a matrix product where that is faster."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        window, weight = _window(self), self.weight  # asked for once: spectral normalisation computes it anew each time
        rows, columns = window.places(*x.shape[2:])
        if is_faster(x, weight, rows * columns):
            return conv_by_product(x, weight, self.bias, window)
        if gradient_is_faster(x, weight, rows * columns):
            return conv_with_product_gradient(x, weight, self.bias, window)
        y: Tensor = self._conv_forward(x, weight, self.bias)
        return y


class ConvTranspose2d(nn.ConvTranspose2d):
    """`nn.ConvTranspose2d` with a square kernel, one stride and no output padding, likewise."""

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """(N, in, H, W) -> (N, out, H', W')."""
        weight, places = self.weight, x.shape[2] * x.shape[3]
        if output_size is None and is_faster(x, weight, places):
            return deconv_by_product(x, weight, self.bias, _window(self))
        if output_size is None and gradient_is_faster(x, weight, places):
            return conv_with_product_gradient(x, weight, self.bias, _window(self), transposed=True)
        return super().forward(x, output_size)
