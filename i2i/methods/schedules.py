"""How the learning rate goes through one stage of a run: the schedules of the super-resolution papers.

A share is the part of the stage that is over, from 0 to 1.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import Field

from ..settings import Strict

Share = Annotated[float, Field(gt=0, lt=1)]


class ScheduleConfig(Strict):
    """The learning rate of one stage, as a factor of the optimizer's."""

    kind: Literal["constant", "cosine", "steps"] = "cosine"
    """`constant`; `cosine` from 1 to `floor`; or `steps`, each times `by`."""
    periods: int = Field(1, ge=1)
    """Times that `cosine` begins anew at 1 (warm restarts: Loshchilov and Hutter, 2017, eq. 5)."""
    floor: float = Field(0, ge=0, le=1)
    """Lowest factor of `cosine`."""
    at: tuple[Share, ...] = ()
    """Shares of the stage at which `steps` falls."""
    by: float = Field(0.5, gt=0, le=1)
    """What `steps` multiplies the rate by at each of them."""

    def factor(self, share: float) -> float:
        """What the rate is multiplied by when `share` of the stage is over."""
        if self.kind == "cosine":
            within = share * self.periods % 1 if share < 1 else 1.0
            return self.floor + (1 - self.floor) * (1 + math.cos(math.pi * within)) / 2
        if self.kind == "steps":
            return self.by ** sum(share >= place for place in self.at)
        return 1.0


def constant_then_linear(done: float, decay_from: float) -> float:
    """Factor of the learning rate when the share `done` of a run is over: 1, then linearly to 0 at the end."""
    return 1.0 if done <= decay_from or decay_from >= 1 else (1 - done) / (1 - decay_from)
