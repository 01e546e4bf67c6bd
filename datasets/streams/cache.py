"""Decoded pictures kept in memory, as many as a budget allows."""

from __future__ import annotations

from typing import Any

from ..layouts.items import Item
from .loading import Array, ResizePolicy, decode


class PictureCache:
    """Pairs or single pictures at training size, decoded once: (H, W, C) arrays of the files' own type and channels.

    Filled before workers are forked it is shared with them at no cost. A copy sent to a spawned worker comes empty
    and stays so: its pictures would be there once a worker.
    """

    def __init__(self, fit: ResizePolicy, budget_mb: float = 2048) -> None:
        self.fit = fit
        self.budget = int(budget_mb * 2**20)
        self.used = 0
        """Bytes held."""
        self._held: dict[Item, tuple[Array, ...]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, item: Item) -> bool:
        return item in self._held

    def __getstate__(self) -> dict[str, Any]:
        return {"fit": self.fit, "budget": 0, "used": 0, "_held": {}}

    def read(self, item: Item) -> tuple[Array, ...]:
        """The pictures of its sides at training size; decoded when they are not held, and held then if they fit."""
        held = self._held.get(item)
        if held is None:
            held = self.fitted(item, decode(item))
            self.hold(item, *held)
        return held

    def fitted(self, item: Item, pictures: tuple[Array, ...]) -> tuple[Array, ...]:  # noqa: ARG002
        """What is kept of the decoded pictures of an item's sides."""
        return tuple(map(self.fit, pictures))

    def has_room(self, size: int) -> bool:
        """Whether so many bytes more can be held."""
        return self.used + size <= self.budget

    def hold(self, item: Item, *pictures: Array) -> None:
        """Keep what `fit` has made of its pictures, unless the budget is used up."""
        size = sum(picture.nbytes for picture in pictures)
        if item not in self._held and self.has_room(size):
            self._held[item] = pictures
            self.used += size
