"""Precision, recall, density and coverage: balls around each picture's features that reach to a near neighbour.

Kynkäänniemi et al. (NeurIPS 2019): k 3, a picture on the edge of a ball is in it. Naeem et al. (ICML 2020): k 5, on the
edge is outside. Intervals are those of what sets of this size have on average, since balls shrink as sets grow.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy import stats

from ...images.image import Doubles
from .estimate import Estimate, around

Indices = npt.NDArray[np.int64]

PAIRS = 20
"""Pairs of random subsets that the standard error is estimated from."""
KEPT = 0.4
"""Share of the pictures in a subset."""


def distances(a: Doubles, b: Doubles) -> Doubles:
    """(n, d) and (m, d) -> (n, m) Euclidean distances."""
    middle = b.mean(0)  # large features lose digits in the squares otherwise
    a, b = a - middle, b - middle
    squares = (a * a).sum(1)[:, None] + (b * b).sum(1)[None] - 2 * (a @ b.T)
    apart: Doubles = np.sqrt(np.maximum(squares, 0))
    return apart


@dataclasses.dataclass(frozen=True)
class Apart:
    """Distances among real pictures (n, n), infinite from each to itself, and of generated (m) ones to them (m, n)."""

    among: Doubles
    across: Doubles

    @classmethod
    def of(cls, generated: Doubles, real: Doubles) -> Apart:
        """Of features (m, d) and (n, d)."""
        among = distances(real, real)
        np.fill_diagonal(among, np.inf)
        return cls(among, distances(generated, real))

    def some(self, generated: Indices, real: Indices) -> Apart:
        """Of these pictures alone."""
        return Apart(self.among[np.ix_(real, real)], self.across[np.ix_(generated, real)])

    def reach(self, k: int) -> Doubles:
        """(n,): from each real picture to its k-th neighbour."""
        reach: Doubles = np.partition(self.among, k - 1, axis=1)[:, k - 1]
        return reach


def _precision(apart: Apart) -> float:
    return float((apart.across <= apart.reach(3)).any(1).mean())


def _density(apart: Apart) -> float:
    return float((apart.across < apart.reach(5)).sum(1).mean() / 5)


def _coverage(apart: Apart) -> float:
    return float((apart.across.min(0) < apart.reach(5)).mean())


def precision(generated: Doubles, real: Doubles) -> float:
    """Share of generated pictures (m, d) in a ball of some real one (n, d), k 3."""
    return _precision(Apart.of(generated, real))


def recall(generated: Doubles, real: Doubles) -> float:
    """Share of real pictures in a ball of some generated one, k 3."""
    return precision(real, generated)


def density(generated: Doubles, real: Doubles) -> float:
    """Mean number of real balls that hold a generated picture, over k 5: 1 for equal distributions."""
    return _density(Apart.of(generated, real))


def coverage(generated: Doubles, real: Doubles) -> float:
    """Share of real pictures whose ball, k 5, holds a generated one."""
    return _coverage(Apart.of(generated, real))


def precision_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`precision` with its interval."""
    return _share(*_subsampled(_precision, Apart.of(generated, real)), min(len(generated), len(real)))


def recall_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`recall` with its interval."""
    return precision_estimate(real, generated)


def density_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`density` with its interval."""
    value, error = _subsampled(_density, Apart.of(generated, real))
    return around(value, error, 2 * PAIRS - 1, 0)


def coverage_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`coverage` with its interval."""
    return _share(*_subsampled(_coverage, Apart.of(generated, real)), min(len(generated), len(real)))


def _subsampled(figure: Callable[[Apart], float], apart: Apart) -> tuple[float, float]:
    """A figure and its standard error: that of random subsets of KEPT of both sets, brought to the whole size.

    Neighbours are no smooth function of the pictures, so the jackknife, which leaves out one or a few, is too wide:
    by 1.3 to 1.5 times. Subsets that leave out more are right (Shao and Wu, Annals of Statistics 17, 1989).
    """
    m, n = apart.across.shape
    draw = np.random.default_rng(0)
    found = []
    for _ in range(PAIRS):
        orders = draw.permutation(m), draw.permutation(n)
        kept = [max(6, round(KEPT * len(order))) for order in orders]
        for side in (slice(None), slice(None, None, -1)):  # two subsets that share no picture
            found.append(figure(apart.some(*(order[side][:k] for order, k in zip(orders, kept, strict=True)))))
    return figure(apart), float(np.sqrt(np.var(found, ddof=1) * KEPT / (1 - KEPT)))


def _share(share: float, error: float, count: int) -> Estimate:
    """Wilson's interval of a share, at the number of independent pictures that gives the same standard error."""
    spread = share * (1 - share)
    size = spread / error**2 if error > 0 and spread > 0 else count
    size = min(size, count)
    z = float(stats.t.ppf(0.975, 2 * PAIRS - 1))
    middle = (share + z * z / (2 * size)) / (1 + z * z / size)
    reach = z / (1 + z * z / size) * np.sqrt(spread / size + z * z / (4 * size * size))
    return Estimate(share, float(max(0, middle - reach)), float(min(1, middle + reach)))
