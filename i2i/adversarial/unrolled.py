"""Unrolled GANs (Metz et al., ICLR 2017, arXiv 1611.02163): G's loss by the D that its next updates would make.

Collapsing on what D does not know yet does not pay, for the D that is looked ahead to knows it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call

from ..hardware.batch_part import over_batch
from ..networks.norms import frozen_running_stats

Judge = Callable[[Tensor], Tensor]


def looked_ahead(D: nn.Module, steps: int, rate: float, d_loss: Callable[[Judge], Tensor]) -> Judge:
    """D after so many gradient steps of `rate` down `d_loss` (eq. 3 of the paper); D itself stays as it is.

    `d_loss` is given D to be called; gradients of what depends on G flow through all steps. Each step is that of all
    processes, as D's own updates are.
    """
    weights = {name: weight.detach().requires_grad_() for name, weight in D.named_parameters()}

    def judge(x: Tensor) -> Tensor:
        with frozen_running_stats(D):
            logits: Tensor = functional_call(D, weights, (x,))
        return logits

    for _ in range(steps):
        gradients = torch.autograd.grad(d_loss(judge), list(weights.values()), create_graph=True, allow_unused=True)
        weights = {
            name: weight if gradient is None else weight - rate * over_batch(gradient)
            for (name, weight), gradient in zip(weights.items(), gradients, strict=True)
        }
    return judge
