"""The health figures of a run: norms at steps, and what validation and training pictures show at each sample grid."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from ..diagnostics.health import Further, health_figures
from ..methods import Batch, Method

MOST_BYTES = 64 * 2**20
"""Memory for the training pictures that are looked at again."""

MOST_PICTURES = 256


FURTHER_EVERY = 40
"""Images between two grids for each further held-out picture, so that making them takes a per cent of the time or so.

A picture is translated and back in fp32: about a fifth of a training step on one, or two fifths of one in bf16.
"""


class HealthWatch:
    """Keeps the latest training pictures, and measures them with the validation pictures.

    They are forgotten at each measurement and at each checkpoint, so that a resumed run measures the same.
    """

    def __init__(self, method: Method, validation: Batch) -> None:
        self.method, self.validation = method, validation
        self.latest: deque[Batch] = deque()
        self.further: Sequence[Batch] = ()
        """More held-out pictures than validate, a few at a time; on whatever device."""

    def step(self, number: int, batch: Batch) -> dict[str, Tensor]:
        """Update number `number`, from 0, on `batch`, with the scalars of the step and its norms."""
        updates = self.method.updates
        self.method.norms.begin(number, 1 if updates.d == updates.g == 1 else updates.d + updates.g)
        scalars = self.method.step(batch)
        self.latest.append(batch)
        size = sum(value.nbytes for value in batch.values()) or 1
        count = len(next(iter(batch.values())))
        while len(self.latest) > max(1, min(MOST_BYTES // size, MOST_PICTURES // count)):
            self.latest.popleft()
        return scalars | self.method.norms.seen

    def forget(self) -> None:
        """A checkpoint is written: a run that goes on from it has not seen what came before either."""
        self.latest.clear()

    @torch.no_grad()
    def figures(self, columns: Mapping[str, Tensor]) -> dict[str, float]:
        """Every `health_…` figure of the validation pictures, whose `sample_columns` are `columns`."""
        found: dict[str, float] = {}
        further = self._further()
        for ending, seen in self.method.observed(self.validation, columns).items():
            real = self._latest(seen.key)
            given = self._latest(seen.given_key)
            figures = health_figures(seen, real, given, further.get(ending))
            found |= {f"{name}{ending}": value for name, value in figures.items()}
        self.forget()
        return {name: float(f"{value:.6g}") for name, value in found.items()}

    def _further(self) -> dict[str, Further]:
        """What there is of the further pictures, by the ending of the figures' names."""
        found: dict[str, Further] = {}
        for pictures in self.further:
            batch = {key: value.to(self.method.placement.device) for key, value in pictures.items()}
            for ending, seen in self.method.observed(batch, self.method.sample_columns(batch)).items():
                one = Further.of(seen)
                found[ending] = found[ending] + one if ending in found else one
        return found

    def _latest(self, key: str) -> Tensor | None:
        kept = [batch[key] for batch in self.latest if key in batch]
        return torch.cat(kept) if kept else None
