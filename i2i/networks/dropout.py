"""Dropout whose mask is that of the undivided batch."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from ..hardware.batch_part import drawn, like, part_at_hand


class Dropout(nn.Dropout):
    """torch's own; over several processes or passes, each image has the mask that it would have in the whole batch."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same, each value 0 with probability p in training, and the others larger by as much."""
        if not self.training or self.p == 0 or part_at_hand() is None:
            return super().forward(x)
        return x * drawn(lambda count: F.dropout(like(x, count).fill_(1), self.p), len(x))
