"""The schedule of updates of D and of G (n_critic)."""

from __future__ import annotations

from typing import Any


class UpdateSchedule:
    """`d` updates of D, then `g` of G, each on a batch of its own; 1 and 1 share their batches."""

    def __init__(self, d: int, g: int) -> None:
        self.d, self.g = d, g
        self.count = 0
        """Steps taken."""
        self.asked = False

    @property
    def place(self) -> int:
        """Of the next step in the turn of D and G; 0 where they share their batches."""
        return 0 if self.d == self.g == 1 else self.count % (self.d + self.g)

    @property
    def of_d(self) -> int:
        """Updates of D before the next step."""
        return (
            self.count if self.d == self.g == 1 else self.count // (self.d + self.g) * self.d + min(self.place, self.d)
        )

    @property
    def of_g(self) -> int:
        """Updates of G before the next step."""
        return self.count if self.d == self.g == 1 else self.count - self.of_d

    def turn(self) -> tuple[bool, bool]:
        """(whether G is updated on this batch, whether D is)."""
        self.asked = True
        if self.d == self.g == 1:
            return True, True
        return self.place >= self.d, self.place < self.d

    def go_on(self) -> None:
        """The batch is over; it counts when somebody asked whose turn it was."""
        self.count += self.asked
        self.asked = False

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"count": self.count}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.count = state["count"]
