"""Norms of gradients and weights, taken every few steps where the gradients are."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

EVERY = 16
"""Steps from one look to the next: a look reads every gradient once, which is to cost less than 2 % of the steps."""


class NormWatch:
    """Keeps the norms of gradients and weights of each optimizer until they are logged.

    Which steps are looked at depends on their number alone, so that a resumed run looks at the same.
    """

    def __init__(self) -> None:
        self.due = False
        self.seen: dict[str, Tensor] = {}

    def begin(self, step: int, turns: int = 1) -> None:
        """Told before step number `step`, from 0; where G and D take `turns` steps in turns, a whole round is due."""
        self.due = step % (EVERY * turns) < turns
        self.seen = {}

    def after_backward(
        self, optimizer: torch.optim.Optimizer, named: Mapping[str, torch.optim.Optimizer], scale: Callable[[], float]
    ) -> None:
        """Note `grad_norm_g` and `weight_norm_g` of optimizer `g`, whose gradients are `scale()` times too long."""
        if not self.due:
            return
        name = next((name for name, one in named.items() if one is optimizer), None)
        weights = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        if name is None or not weights:
            return
        times = scale()  # asked for now alone: on a GPU the answer waits for it
        norm = _norm([p.grad for p in weights if p.grad is not None]) / times
        if times != 1 and not bool(torch.isfinite(norm)):  # fp16 is looking for its scale, and skips the step
            return
        self.seen |= {f"grad_norm_{name}": norm, f"weight_norm_{name}": _norm(weights)}


@torch.no_grad()
def _norm(tensors: list[Tensor]) -> Tensor:
    """Euclidean norm over all of them."""
    norms = torch.stack([norm.float() for norm in torch._foreach_norm(tensors)])
    whole: Tensor = torch.linalg.vector_norm(norms)
    return whole
