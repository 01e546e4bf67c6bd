"""Decoded pairs kept in memory, as many as a budget allows."""

from __future__ import annotations

from typing import Any

from .layouts import Pair
from .loading import Array, Fit, decode_pair


class PairCache:
    """Pairs at training size, decoded once: (H, W, C) arrays of the files' own type and channels.

    Filled before workers are forked it is shared with them at no cost. A copy sent to a spawned worker comes empty
    and stays so: its pictures would be there once a worker.
    """

    def __init__(self, fit: Fit, budget_mb: float = 2048) -> None:
        self.fit = fit
        self.budget = int(budget_mb * 2**20)
        self.used = 0
        """Bytes held."""
        self._held: dict[Pair, tuple[Array, Array]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, pair: Pair) -> bool:
        return pair in self._held

    def __getstate__(self) -> dict[str, Any]:
        return {"fit": self.fit, "budget": 0, "used": 0, "_held": {}}

    def read(self, pair: Pair) -> tuple[Array, Array]:
        """Both sides at training size; decoded when they are not held, and held then if they fit."""
        held = self._held.get(pair)
        if held is None:
            a, b = decode_pair(pair)
            held = self.fit(a), self.fit(b)
            self.hold(pair, *held)
        return held

    def hold(self, pair: Pair, a: Array, b: Array) -> None:
        """Keep what `fit` has made of this pair, unless the budget is used up."""
        size = a.nbytes + b.nbytes
        if pair not in self._held and self.used + size <= self.budget:
            self._held[pair] = a, b
            self.used += size
