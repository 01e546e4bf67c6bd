"""Unrolled GANs (Metz et al., ICLR 2017, arXiv 1611.02163): G's loss by the D that its next updates would make.

Collapsing on what D does not know yet does not pay, for the D that is looked ahead to knows it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..networks import Discriminator
from ..networks.norms import frozen_running_stats

Judge = Callable[[Tensor], Any]


class _Features(nn.Module):
    """`D.features` as a module's own call, which can be made with other weights."""

    def __init__(self, D: Discriminator) -> None:
        super().__init__()
        self.D = D

    def forward(self, x: Tensor) -> Any:
        """What `D.features` gives."""
        return self.D.features(x)


def looked_ahead(D: Discriminator, steps: int, rate: float, d_loss: Callable[[Judge], Tensor]) -> Judge:
    """`D.features` after so many gradient steps of `rate` down `d_loss` (eq. 3 of the paper); D stays as it is.

    `d_loss` is given `D.features` to be called; gradients of what depends on G flow through all steps.
    """
    module = _Features(D)
    weights = {f"D.{name}": weight.detach().requires_grad_() for name, weight in D.named_parameters()}

    def judge(x: Tensor) -> Any:
        with frozen_running_stats(D):
            return functional_call(module, weights, (x,))

    for _ in range(steps):
        gradients = torch.autograd.grad(d_loss(judge), list(weights.values()), create_graph=True, allow_unused=True)
        weights = {
            name: weight if gradient is None else weight - rate * gradient
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
    return judge
