"""Who holds memory: a model while it is open, a picture while it is under way."""

from __future__ import annotations

import dataclasses
from typing import Protocol


class Holder(Protocol):
    """A model as the ledger sees it."""

    size: int
    """Bytes that it holds while it is open."""
    kept: int
    """Bytes that its sessions keep from picture to picture, beside."""
    last_used: float
    is_retired: bool
    """Whether another took its place."""

    @property
    def is_idle(self) -> bool:
        """Whether it is open and nobody uses it."""

    def close(self) -> None:
        """Give its memory back."""

    def let_go(self) -> None:
        """Give back what its sessions keep."""


@dataclasses.dataclass(eq=False)
class Taken:
    """What a picture takes, and of which model's room it is."""

    size: int
    is_aside: bool
    """Whether it is in the room that small ones have to themselves."""
    holder: Holder | None
    run: int
    """Bytes that the run within may take, what the model keeps included."""
