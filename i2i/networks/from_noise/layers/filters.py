"""Doubling and halving with the filter [1, 3, 3, 1], as StyleGAN2 and R3GAN do."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

TAPS = (1.0, 3.0, 3.0, 1.0)


def _kernel(x: Tensor, gain: float) -> Tensor:
    taps = torch.tensor(TAPS, dtype=x.dtype, device=x.device) / sum(TAPS)
    return (gain * taps[:, None] * taps[None]).expand(x.shape[1], 1, 4, 4)


def double(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, 2H, 2W): zeros between the pixels, then the filter."""
    return F.conv_transpose2d(x, _kernel(x, 4.0), stride=2, padding=1, groups=x.shape[1])


def halve(x: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, C, H/2, W/2): the filter, then every second pixel."""
    return F.conv2d(x, _kernel(x, 1.0), stride=2, padding=1, groups=x.shape[1])


def blur(x: Tensor, border: int, gain: float = 1.0) -> Tensor:
    """(N, C, H, W) -> (N, C, H + 2 border - 3, W + 2 border - 3): the filter alone, on a border of zeros."""
    return F.conv2d(x, _kernel(x, gain), padding=border, groups=x.shape[1])
