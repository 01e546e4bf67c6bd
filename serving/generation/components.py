"""Principal components of rows that come a few at a time and are too long for their covariance."""

from __future__ import annotations

import numpy as np

from .directions import MOST, Doubles

KEPT = 2 * MOST
"""Components that are carried on from batch to batch."""
LEAST = 1e-9
"""Share of the largest variance below which a component is rounding."""


class Components:
    """Incremental PCA (Ross et al., 2008), as GANSpace has it, with each class centred.

    Exact where no more than KEPT components vary, as in a first map that is linear in fewer latent numbers.
    """

    def __init__(self) -> None:
        self._scaled: list[Doubles] = []
        """Components so far (k, p), each as long as its singular value."""
        self._count: dict[float, int] = {}
        self._mean: dict[float, Doubles] = {}

    def add(self, rows: Doubles, classes: Doubles) -> None:
        """Some more rows (n, p), and the class of each (n,)."""
        stack = list(self._scaled)
        for each in np.unique(classes):
            part = rows[classes == each]
            mean, new, old = part.mean(axis=0), len(part), self._count.get(each, 0)
            before = self._mean.get(each, mean)
            stack += [part - mean, np.sqrt(old * new / (old + new)) * (mean - before)[None]]
            self._mean[each] = (old * before + new * mean) / (old + new)
            self._count[each] = old + new
        whole = np.concatenate(stack)
        _, turn = np.linalg.eigh(whole @ whole.T)  # ten times as fast as the singular values of so long rows
        self._scaled = [turn.T[::-1][:KEPT] @ whole]

    def found(self) -> tuple[Doubles, Doubles]:
        """Axes (k, p) of length 1 and variances (k,), the largest first; none that is rounding."""
        lengths = np.linalg.norm(self._scaled[0], axis=1)
        real = lengths**2 > LEAST * max(float(lengths[0]) ** 2, 1e-30)
        return self._scaled[0][real] / lengths[real, None], lengths[real] ** 2 / sum(self._count.values())
