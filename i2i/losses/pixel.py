"""Losses as functions of tensors; scalars out, the formula beside the code. Adversarial ones: adversarial/losses.py."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from ..hardware.batch_part import over_batch


def l1(output: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference, in the unit of the pictures (Isola et al., 2017, eq. 3)."""
    return (output.float() - truth.float()).abs().mean()


def mse(output: Tensor, truth: Tensor) -> Tensor:
    """Mean squared difference, in the squared unit of the pictures."""
    return (output.float() - truth.float()).square().mean()


def feature_matching(real: Sequence[Tensor], fake: Sequence[Tensor]) -> Tensor:
    """Feature matching (Salimans et al., 2016, section 3.1; summed over layers as in DiscoGAN's authors' code).

    Sum over the layers of the mean squared distance between the batch means of the features (N, C, H, W) of real and
    of generated pictures.
    """
    layers = [_as_the_second_lies(*maps) for maps in zip(real, fake, strict=True)]
    means = [[over_batch(maps.float().mean(0)) for maps in layer] for layer in layers]
    return torch.stack([mse(f, r) for r, f in means]).sum()


def _as_the_second_lies(real: Tensor, fake: Tensor) -> tuple[Tensor, Tensor]:
    """Both maps (N, C, H, W), as (N, H, W, C) where the second lies channels-last, so that its gradient does too."""
    if not fake.is_contiguous(memory_format=torch.channels_last) or fake.is_contiguous():
        return real, fake
    return real.permute(0, 2, 3, 1), fake.permute(0, 2, 3, 1)


def charbonnier(output: Tensor, truth: Tensor, epsilon: float = 2e-3) -> Tensor:
    """Mean of sqrt(d² + epsilon²), d the difference: L1 with a rounded tip (Lai et al., LapSRN, 2017, eq. 2).

    `epsilon` is in the unit of the pictures: the paper's 0.001 of pictures in [0, 1].
    """
    return ((output.float() - truth.float()).square() + epsilon**2).sqrt().mean()


def checkerboard_loss(output: Tensor, truth: Tensor, scale: int, window: int = 8) -> Tensor:
    """How far a regular pattern of period `scale` stands out: (N, C, H, W) pictures -> a scalar in their unit.

    A super-resolution network gives scale² pixels for each input pixel. The difference at each of these sub-pixels is
    averaged over `window` x `window` input pixels, and its absolute value over all of them:
    texture averages out, a pattern does not.
    """
    subpixels = F.pixel_unshuffle(output.float() - truth.float(), scale)
    window = min(window, *subpixels.shape[2:])
    return F.avg_pool2d(subpixels, window, max(1, window // 2)).abs().mean()
