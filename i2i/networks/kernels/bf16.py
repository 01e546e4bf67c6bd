"""What layers do to bf16 maps between their convolutions, where torch's own way takes more passes over the memory.

Maps are bf16 on a CPU, (N, C, H, W) channels-last. Each function can be differentiated once. A number is held by its
bits where that is enough: of two bf16 numbers, read as 16-bit integers, the positive one is the larger, and integers
are compared several times as fast as torch turns bf16 into fp32 and back.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional as F

_MINUS_INFINITY = -128
"""The bits of bf16's minus infinity as an integer. Above it and below zero lie the negative NaNs, which must stay."""


def reflected(x: Tensor, border: int) -> Tensor:
    """(N, C, H, W) with its border reflected: (N, C, H + 2 border, W + 2 border); `border` is less than H and W."""
    y: Tensor = _Reflected.apply(x, border)
    return y


def relu_(x: Tensor) -> Tensor:
    """ReLU in place, bit for bit torch's."""
    y: Tensor = _Relu.apply(x)
    return y


def prelu(x: Tensor, slopes: Tensor) -> Tensor:
    """PReLU with fp32 `slopes` (C,): (N, C, H, W) -> the same."""
    y: Tensor = _Prelu.apply(x, slopes)
    return y


def instance_norm(x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
    """(N, C, H, W) -> the same: each channel of each picture by its own mean and deviation, summed in fp32.

    `weight` and `bias` are fp32 (C,), or both None.
    """
    y: Tensor = _InstanceNorm.apply(x, weight, bias, eps)
    return y


class _Reflected(torch.autograd.Function):
    """Folds the gradient of the border back in place, where torch adds up all of it anew."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, border: int) -> Tensor:
        ctx.border = border
        with torch.autocast("cpu", enabled=False):  # it would pad in fp32
            return F.pad(x, (border,) * 4, mode="reflect")

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        n = ctx.border
        for dim in (2, 3):
            last = grad.shape[dim] - 2 * n - 1
            grad.narrow(dim, n + 1, n).add_(grad.narrow(dim, 0, n).flip(dim))
            grad.narrow(dim, last, n).add_(grad.narrow(dim, last + n + 1, n).flip(dim))
        return grad[:, :, n:-n, n:-n], None


class _Relu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        torch.threshold_(x.view(torch.int16), _MINUS_INFINITY, 0)
        ctx.mark_dirty(x)
        ctx.save_for_backward(x)
        return x

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return _where_positive(grad, *ctx.saved_tensors)


class _Prelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, slopes: Tensor) -> Tensor:
        ctx.save_for_backward(x, slopes)
        return torch.prelu(x, slopes.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor]:
        x, slopes = ctx.saved_tensors
        with torch.autocast("cpu", enabled=False):
            passed = _where_positive(grad, x)
            held = grad - passed
            for_slopes = (x * held).sum((0, 2, 3), dtype=torch.float32)
            return torch.addcmul(passed, held, slopes.to(x.dtype)[:, None, None]), for_slopes


class _InstanceNorm(torch.autograd.Function):
    """torch's BatchNorm of each picture alone, which unlike its InstanceNorm leaves channels-last maps as they lie.

    The scale is fp32 though it be 1, as BatchNorm rounds mean and deviation to the type of the scale.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float) -> Tensor:
        channels = x.shape[1]
        scale = torch.ones(channels) if weight is None else weight.detach()
        shift = torch.zeros(channels) if bias is None else bias.detach()
        y, means, inverse_stds = torch.empty_like(x), torch.empty(len(x), channels), torch.empty(len(x), channels)
        for picture, *out in zip(x.chunk(len(x)), y.chunk(len(x)), means, inverse_stds, strict=True):
            torch.native_batch_norm(picture, scale, shift, None, None, True, 0.0, eps, out=tuple(out))
        ctx.save_for_backward(x, scale, means, inverse_stds)
        ctx.eps, ctx.affine = eps, weight is not None
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None, None]:
        x, scale, means, inverse_stds = ctx.saved_tensors
        wanted = [True, ctx.affine, ctx.affine]
        parts = [
            torch.ops.aten.native_batch_norm_backward(g, picture, scale, None, None, *kept, True, ctx.eps, wanted)
            for g, picture, *kept in zip(grad.chunk(len(x)), x.chunk(len(x)), means, inverse_stds, strict=True)
        ]
        for_x, for_weight, for_bias = zip(*parts, strict=True)
        together = for_x[0] if len(for_x) == 1 else torch.cat(for_x)
        return together, sum(for_weight) if ctx.affine else None, sum(for_bias) if ctx.affine else None, None


def _where_positive(grad: Tensor, x: Tensor) -> Tensor:
    """`grad` where `x` is above zero, else 0."""
    bits: Tensor = torch.ops.aten.threshold_backward(grad.view(torch.int16), x.view(torch.int16), 0)
    return bits.view(torch.bfloat16)
