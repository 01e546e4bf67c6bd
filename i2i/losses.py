"""Losses as functions of tensors; a scalar out, the formula beside the code."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F


def gan_loss(logits: Tensor, *, real: bool) -> Tensor:
    """Cross-entropy of logits (any shape) against one answer, in nats a logit (Goodfellow et al., 2014).

    For a generator, `real=True` on its fakes is the non-saturating form, -log D(fake).
    """
    return F.softplus(-logits.float() if real else logits.float()).mean()  # -log D, or -log(1 - D)


def l1(output: Tensor, truth: Tensor) -> Tensor:
    """Mean absolute difference, in the unit of the pictures (Isola et al., 2017, eq. 3)."""
    return (output.float() - truth.float()).abs().mean()
