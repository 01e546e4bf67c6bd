"""Penalties on the gradient of a discriminator, for pictures (N, C, H, W); scalars out, in full precision.

The gradient of a PatchGAN is that of the mean of its logits, which is what the losses move.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ..hardware.batch_part import drawn
from ..networks.norms import exact


def gradient_penalty(D: nn.Module, real: Tensor, fake: Tensor) -> Tensor:
    """(|gradient of D| - 1)^2 at points drawn between real and generated pictures (Gulrajani et al., 2017, eq. 3)."""
    share = drawn(lambda n: torch.rand(n, *(1 for _ in real.shape[1:]), device=real.device), len(real))
    between = share * exact(real) + (1 - share) * exact(fake)
    norm = (gradient_norm_squared(D, between) + 1e-12).sqrt()  # the root alone has no derivative where D is flat
    return (norm - 1).square().mean()


def zero_centred_penalty(D: nn.Module, pictures: Tensor, raw: Tensor | None = None) -> Tensor:
    """|gradient of D|^2 / 2: R1 at real pictures, R2 at generated ones (Mescheder et al., 2018, eq. 9).

    Where `pictures` were made of `raw`, it is the gradient with respect to that: R1 goes through an augmentation
    (Karras et al., NeurIPS 2020, and Huang et al., 2024, by their codes).
    """
    return gradient_norm_squared(D, exact(pictures), raw).mean() / 2


def gradient_norm_squared(D: nn.Module, x: Tensor, raw: Tensor | None = None) -> Tensor:
    """(N, C, H, W) -> (N,): squared length of the gradient of D's mean logit with respect to each picture.

    Or to what `x` was made of, `raw`, which has requires_grad.
    """
    if raw is None:
        raw = x = x.detach().requires_grad_()
    with torch.autocast(x.device.type, enabled=False):  # a gradient in bf16 has two digits
        value = D(x).flatten(1).mean(1).sum()
        (gradient,) = torch.autograd.grad(value, raw, create_graph=True)
    return gradient.flatten(1).square().sum(1)
