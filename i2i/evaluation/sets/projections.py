"""MIND: sorted random projections of features (arXiv 2605.06797), a sliced 2-Wasserstein distance."""

from __future__ import annotations

import numpy as np

from ...images.image import Doubles
from .estimate import Estimate, around, without_twice

DIRECTIONS = 1000
"""Random unit vectors, the same for all features of one length."""
PARTS = 20


def directions(d: int) -> Doubles:
    """(d, DIRECTIONS) of length 1, by seed 0."""
    drawn = np.random.default_rng(0).standard_normal((d, DIRECTIONS))
    unit: Doubles = drawn / np.linalg.norm(drawn, axis=0)
    return unit


def mind(generated: Doubles, real: Doubles) -> float:
    """3 d × the mean over directions of the mean squared gap of the sorted projections of (n, d) and (m, d).

    For n and m that differ, quantiles of the larger set are looked up in the smaller. Few pictures bias it upwards.
    """
    d = generated.shape[1]
    lines = directions(d)
    return _gap(np.sort((generated @ lines).T), np.sort((real @ lines).T), d)


def mind_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`mind` with the interval of what sets of this size have on average."""
    x, y, d = _Sorted(generated), _Sorted(real), generated.shape[1]
    return around(_gap(x.values, y.values, d), _variance(x, y, d) ** 0.5, PARTS - 1, 0)


def mind_unbiased_estimate(generated: Doubles, real: Doubles) -> Estimate:
    """`mind_unbiased` with the interval of the distance of infinitely many pictures."""
    x, y, d = _Sorted(generated), _Sorted(real), generated.shape[1]
    return around(_unbiased(x, y, d), _variance(x, y, d) ** 0.5, PARTS - 1, 0)


def mind_unbiased(generated: Doubles, real: Doubles) -> float:
    """`mind` without the first order of its bias, by the grouped jackknife; it can be a little below 0."""
    return _unbiased(_Sorted(generated), _Sorted(real), generated.shape[1])


class _Sorted:
    """Projections of a set, sorted (DIRECTIONS, n), and which picture each is of."""

    def __init__(self, pictures: Doubles) -> None:
        projected = (pictures @ directions(pictures.shape[1])).T
        self.order = projected.argsort(1)
        self.values: Doubles = np.take_along_axis(projected, self.order, 1)

    def without(self, parts: int, part: int, half: int | None = None) -> Doubles:
        """Still sorted, without every `parts`-th picture; of one half of them, every other one, when it is said."""
        if half is None:
            kept = self.order % parts != part
        else:
            kept = (self.order % 2 == half) & (self.order // 2 % parts != part)
        left: Doubles = self.values[kept].reshape(len(self.values), -1)
        return left


def _unbiased(x: _Sorted, y: _Sorted, d: int) -> float:
    left = [_gap(x.without(PARTS, part), y.without(PARTS, part), d) for part in range(PARTS)]
    return PARTS * _gap(x.values, y.values, d) - (PARTS - 1) * float(np.mean(left))


def _variance(x: _Sorted, y: _Sorted, d: int) -> float:
    """As `estimate.second_order` has it, with one sorting for all."""

    def grouped(parts: int, half: int | None) -> float:
        left = [_gap(x.without(parts, part, half), y.without(parts, part, half), d) for part in range(parts)]
        return float((parts - 1) * np.var(left))

    return without_twice(grouped(PARTS, None), [grouped(PARTS // 2, half) for half in (0, 1)])


def _gap(a: Doubles, b: Doubles, d: int) -> float:
    """Of sorted projections (DIRECTIONS, n) and (DIRECTIONS, m)."""
    count = max(a.shape[1], b.shape[1])
    middles = (np.arange(count) + 0.5) / count
    a, b = (side if side.shape[1] == count else side[:, (middles * side.shape[1]).astype(int)] for side in (a, b))
    return float(3 * d * ((a - b) ** 2).mean())
