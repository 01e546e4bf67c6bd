"""The share of outputs that are suspected copies: likelier to a training picture than held-out real ones are."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from scipy import stats

from ...images.image import Array, Floats
from ..metrics import SetMetric
from .search import Originals, Seen

ALARMS = 0.025
"""Share of honest pictures that are suspected, at most and on average."""
SURE = 0.95
"""Similarity that is a copy, whatever held-out pictures have: recoloured copies have as much, other pictures never."""
LEAST = 50
"""Held-out pictures that the threshold takes."""


@dataclasses.dataclass(frozen=True)
class Suspect:
    """An output that looks copied."""

    output: int
    """Its number."""
    similarity: float
    original: str
    """Name of the training picture."""
    pictures: tuple[Array, Array]
    """Both, small."""


def threshold(held_out: list[float]) -> float:
    """The similarity that at most ALARMS of further pictures like the held-out ones exceed, on average; SURE at most.

    Of n exchangeable pictures a further one exceeds the k-th smallest with chance 1 - k / (n + 1). Held-out pictures
    that are in the training set themselves, as in sets with duplicates, do not count.
    """
    honest = sorted(value for value in held_out if value < SURE)
    place = math.ceil((len(honest) + 1) * (1 - ALARMS))
    return min(SURE, honest[min(place, len(honest)) - 1]) if honest else SURE


class Copies:
    """Searches outputs in training pictures, with held-out real pictures as the measure of what is honest."""

    def __init__(self, originals: Originals) -> None:
        self.originals = originals
        self.suspects: list[Suspect] = []
        self.limit, self.duplicates = SURE, 0
        self._held: tuple[list[Seen], list[float]] | None = None
        self._shares: dict[int, float] = {}

    def metric(self) -> SetMetric:
        """Its row: the share, lower is better."""
        return SetMetric(
            definition=f"share of outputs likelier to one of {len(self.originals.names):,} training pictures, "
            f"mirrored, recoloured or cropped, than {100 * (1 - ALARMS):g} % of real held-out pictures are",
            update=self.update,
            compute=self.compute,
            interval=self.interval,
            least=LEAST,
        )

    def update(self, seen: list[Seen], picture: Floats) -> list[Seen]:
        """One picture more."""
        seen.append(Seen.of(picture))
        return seen

    def compute(self, outputs: list[Seen], real: list[Seen]) -> float:
        """The share in [0, 1]; the first set that is asked about leaves its suspects."""
        if self._held is None or self._held[0] is not real:
            self._held = real, [value for value, _ in self.originals.likest(real)]
            self.limit = threshold(self._held[1])
            self.duplicates = sum(value >= SURE for value in self._held[1])
        if id(outputs) not in self._shares:
            found = self.originals.likest(outputs)
            copied = [(n, *pair) for n, pair in enumerate(found) if pair[0] > self.limit]
            if not self._shares:
                self.suspects = [
                    Suspect(
                        n,
                        value,
                        self.originals.names[which],
                        (outputs[n].thumbnail, self.originals.thumbnail(which)),
                    )
                    for n, value, which in sorted(copied, key=lambda row: -row[1])
                ]
            self._shares[id(outputs)] = len(copied) / len(outputs)
        return self._shares[id(outputs)]

    def interval(self, outputs: list[Seen], real: list[Seen]) -> tuple[float, float]:
        """Wilson's 95 % interval of the share, for this threshold."""
        share, n, z = self.compute(outputs, real), len(outputs), float(stats.norm.ppf(0.975))
        middle = (share + z * z / (2 * n)) / (1 + z * z / n)
        reach = z / (1 + z * z / n) * float(np.sqrt(share * (1 - share) / n + z * z / (4 * n * n)))
        return max(0.0, middle - reach), min(1.0, middle + reach)
