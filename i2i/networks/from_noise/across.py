"""A discriminator whose last layer sees the other pictures of the batch, against mode collapse; for any of CRITICS."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from .base import Critic, Size
from .lapgan import LapganCritic
from .layers.minibatch import GroupedStd, MinibatchDiscrimination


class AcrossBatch(nn.Module):
    """A last layer for h and what `across` appends to it: the same layer of more features, the rest being linear."""

    def __init__(self, last: nn.Module, across: nn.Module, appended: int, out: int) -> None:
        """`out` numbers a picture come out of `last`."""
        super().__init__()
        self.last, self.across, self.appended = last, across, appended
        self.of_appended = nn.Linear(appended, out, bias=False)

    def forward(self, h: Tensor, *given: Tensor | None) -> Tensor:
        """Features (N, F), or maps of as many numbers, and what else `last` takes -> what it gives."""
        logit: Tensor = self.last(h, *given)
        more: Tensor = self.of_appended(self.across(h.flatten(1))[:, -self.appended :])
        return logit + more.reshape(*more.shape, *[1] * (logit.ndim - more.ndim))


def see_across_batch(D: Critic, channels: int, sides: Size | tuple[int, ...], *, std: bool, kernels: int) -> None:
    """Lets the last layer of `D`, of each level where it has some, see the rest of the batch.

    Either by its standard deviation (Karras et al., 2018, section 3), or by minibatch discrimination with so many
    `kernels` of 5 (Salimans et al., 2016, section 3.2), or by both. `D` judges pictures of `channels` and `sides`.
    """
    if isinstance(D, LapganCritic):
        for level, size in zip(D.levels, D.sizes, strict=True):
            see_across_batch(cast(Critic, level), channels, size, std=std, kernels=kernels)
        return
    features, out = _around_last(D, (1, channels, *sides))
    if std:
        D.last = AcrossBatch(D.last, GroupedStd(), 1, out)
    if kernels:
        D.last = AcrossBatch(D.last, MinibatchDiscrimination(features, kernels), kernels, out)


@torch.no_grad()
def _around_last(D: Critic, shape: tuple[int, ...]) -> tuple[int, int]:
    """How many numbers of a picture go into the last layer, and how many come out."""
    found: list[tuple[int, int]] = []
    hook = D.last.register_forward_hook(lambda _, given, y: found.append((given[0][0].numel(), y.shape[1])))
    device = next(D.parameters()).device
    D.eval()(torch.zeros(shape, device=device), torch.zeros(1, dtype=torch.long, device=device) if D.classes else None)
    D.train()
    hook.remove()
    return found[0]
