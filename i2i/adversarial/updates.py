"""The schedule of updates of D and of G (n_critic)."""

from __future__ import annotations

from typing import Any


class UpdateSchedule:
    """`d` updates of D, then `g` of G, each on a batch of its own; 1 and 1 share their batches."""

    def __init__(self, d: int, g: int) -> None:
        self.d, self.g = d, g
        self.count = 0
        """Steps taken."""

    def next(self) -> tuple[bool, bool]:
        """(whether G is updated on the next batch, whether D is)."""
        place = self.count % (self.d + self.g)
        self.count += 1
        if self.d == self.g == 1:
            return True, True
        return place >= self.d, place < self.d

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.count = state["count"]
