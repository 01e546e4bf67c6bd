"""D is left as it is while it is right too often (Wu et al., 2016, section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from ...hardware.batch_part import over_batch

ACCURACY = "d_accuracy"
"""Share of all of D's logits of a batch on the right side."""


class Resting:
    """Whether D rests in the next step: where it was right on more than `above` of the last batch."""

    def __init__(self, above: float) -> None:
        self.above = above
        self.now = False

    def accuracy(self, scalars: Mapping[str, Tensor]) -> Tensor:
        """Over real and generated pictures of the batch, on all processes."""
        return over_batch((scalars["d_accuracy_real"] + scalars["d_accuracy_fake"]) / 2)

    def look(self, scalars: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """After a step, at its scalars; gives them with `d_rested`, 1 where D did in this one."""
        if ACCURACY not in scalars:
            return dict(scalars)
        rested, self.now = self.now, float(scalars[ACCURACY]) > self.above
        return {**scalars, "d_rested": torch.tensor(float(rested))}

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"now": self.now}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state_dict` gave."""
        self.now = state["now"]
