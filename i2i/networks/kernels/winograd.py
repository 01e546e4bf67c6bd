"""3x3 convolution with 16 products for each four results where the usual way has 36, in bf16 and channels-last.

Winograd's F(2x2, 3x3) (Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016, eq. 8-12):
a tile of 4x4 inputs d and a kernel g give 2x2 outputs y = A' [(G g G') * (B' d B)] A, with ' for the transpose.
The products of all tiles and channels together are 16 matrix products. The gradients take
the transposed transforms.

The transforms add and subtract in bf16, so results are off by about twice as much as those of a bf16 convolution;
tests/networks/test_kernels.py holds that to a bound.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

_G = torch.tensor([[1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
_GG = torch.kron(_G, _G)
"""(16, 9): G g G' of a kernel as a product with its nine weights."""


def winograd_conv(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """`F.conv2d(x, weight, bias)` of bf16 (N, C, H + 2, W + 2), H and W even -> bf16 (N, K, H, W), channels-last.

    `weight` is (K, C, 3, 3) and `bias` (K,), both fp32. Can be differentiated once.
    """
    y: Tensor = _Winograd.apply(x, weight, bias)
    return y


class _Winograd(torch.autograd.Function):
    """Keeps the input alone for the backward pass: its tiles overlap and would take four times the memory."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        n, channels, height, width = x.shape
        with torch.autocast("cpu", enabled=False):
            tiles = _tiles(x)
            products = torch.bmm(tiles.view(16, -1, channels), _kernels(weight).transpose(1, 2))
            products = products.view(4, 4, n, height // 2 - 1, width // 2 - 1, len(weight))
            if bias is not None:
                products[1, 1] += bias.to(products.dtype)  # the one product that is in all four results, with weight 1
            return _results(products)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        n, channels, height, width = x.shape
        for_x = for_weight = for_bias = None
        with torch.autocast("cpu", enabled=False):
            products = _results_back(grad).view(16, -1, len(weight))
            if ctx.needs_input_grad[0]:
                tiles = torch.bmm(products, _kernels(weight))
                tiles = tiles.view(4, 4, n, height // 2 - 1, width // 2 - 1, channels)
                for_x = _tiles_back(tiles)
            if ctx.needs_input_grad[1]:
                kernels = torch.bmm(products.transpose(1, 2), _tiles(x).view(16, -1, channels))
                taps = _GG.t() @ kernels.float().transpose(0, 1)  # (K, 9, C), which is how channels-last weights lie
                for_weight = taps.view(len(weight), 3, 3, channels).permute(0, 3, 1, 2)
            if ctx.needs_input_grad[2]:
                for_bias = grad.sum((0, 2, 3), dtype=torch.float32)
        return for_x, for_weight, for_bias


def _kernels(weight: Tensor) -> Tensor:
    """(K, C, 3, 3) -> (16, K, C) in bf16: G g G', summed in fp32."""
    taps = weight.detach().permute(0, 2, 3, 1).flatten(1, 2)  # (K, 9, C), which is how channels-last weights lie
    return (_GG @ taps).bfloat16().transpose(0, 1).contiguous()


def _tiles(x: Tensor) -> Tensor:
    """(N, C, H + 2, W + 2) -> (4, 4, N, H / 2, W / 2, C): B' d B of the overlapping 4x4 tiles."""
    return _tile(_tile(x.permute(0, 2, 3, 1)))  # columns, and then what was dimension 1 has become 2: rows


def _tile(d: Tensor) -> Tensor:
    """B' d along dimension 2: (., ., 2 n + 2, ...) -> (4, ., ., n, ...)."""
    d0, d1, d2, d3 = d[:, :, :-2:2], d[:, :, 1:-1:2], d[:, :, 2::2], d[:, :, 3::2]
    tiles = d.new_empty((4, *d0.shape))
    torch.sub(d0, d2, out=tiles[0])
    torch.add(d1, d2, out=tiles[1])
    torch.sub(d2, d1, out=tiles[2])
    torch.sub(d1, d3, out=tiles[3])
    return tiles


def _tiles_back(tiles: Tensor) -> Tensor:
    """The transpose of `_tiles`."""
    return _tile_back(_tile_back(tiles)).permute(0, 3, 1, 2)


def _tile_back(tiles: Tensor) -> Tensor:
    """The transpose of `_tile`; a tile's last two of four fall on the next tile's first two."""
    t0, t1, t2, t3 = tiles
    a, b, n, *rest = t0.shape
    d = tiles.new_empty((a, b, n + 1, 2, *rest))
    even, odd = d[:, :, :, 0], d[:, :, :, 1]
    d[:, :, n].zero_()
    even[:, :, :n].copy_(t0)
    even[:, :, 1:].add_((t1 + t2).sub_(t0))
    torch.sub(t1, t2, out=odd[:, :, :n]).add_(t3)
    odd[:, :, 1:].sub_(t3)
    return d.flatten(2, 3)


def _results(products: Tensor) -> Tensor:
    """(4, 4, N, H / 2, W / 2, K) -> (N, K, H, W), channels-last: A' m A of every tile."""
    _, _, n, rows, columns, channels = products.shape
    halves = products.new_empty((2, *products.shape[1:]))
    # Allocated in its final shape: a view could not be changed in place, as the next activation may want to.
    picture = torch.empty((n, channels, 2 * rows, 2 * columns), dtype=products.dtype, memory_format=torch.channels_last)
    y = picture.permute(0, 2, 3, 1).view(n, rows, 2, columns, 2, channels)
    _add_up(products, halves[0], halves[1])
    wanted = y.permute(2, 4, 0, 1, 3, 5)  # (2, 2, N, rows, columns, K)
    _add_up(halves.transpose(0, 1), wanted[:, 0], wanted[:, 1])
    return picture


def _add_up(m: Tensor, first: Tensor, second: Tensor) -> None:
    """A' m along dimension 0, of size 4, into two places."""
    torch.add(m[1], m[2], out=first).add_(m[0])
    torch.sub(m[1], m[2], out=second).sub_(m[3])


def _results_back(grad: Tensor) -> Tensor:
    """The transpose of `_results`."""
    n, channels, height, width = grad.shape
    y = grad.permute(0, 2, 3, 1).contiguous().view(n, height // 2, 2, width // 2, 2, channels)
    columns = _add_up_back(y[:, :, :, :, 0], y[:, :, :, :, 1])
    return _add_up_back(columns[:, :, :, 0], columns[:, :, :, 1])


def _add_up_back(first: Tensor, second: Tensor) -> Tensor:
    """The transpose of `_add_up`: (...) twice -> (4, ...)."""
    m = first.new_empty((4, *first.shape))
    m[0].copy_(first)
    torch.add(first, second, out=m[1])
    torch.sub(first, second, out=m[2])
    torch.neg(second, out=m[3])
    return m
