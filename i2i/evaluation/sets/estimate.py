"""What a figure of sets is: a value, and an interval that covers the truth in 95 of 100 cases.

Two truths can be meant. Of a figure without bias, or whose bias is taken out, it is the figure of infinitely many
pictures. Of the others it is what sets of this size have on average, so that two models are comparable at one size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np
from scipy import stats

from ...images.image import Doubles

GROUPS = 20
"""Parts that the grouped jackknife leaves out in turn, at most."""

Statistic = Callable[[Doubles, Doubles], float]
"""A figure of two sets (n, d) and (m, d)."""


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval."""

    value: float
    low: float
    high: float


def around(value: float, error: float, freedom: float, least: float = -np.inf) -> Estimate:
    """Student's interval of a value with its standard error; neither end lies below `least`."""
    reach = float(stats.t.ppf(0.975, max(freedom, 1))) * error
    return Estimate(value, max(least, value - reach), max(least, value + reach))


def skewed(value: float, parts: Sequence[Doubles], second_order: float = 0.0) -> Estimate:
    """Interval of a sum of means over independent samples, each given by its centred contributions (n,).

    Hall's transformation of Student's t (On the removal of skewness by transformation, JRSS B 54, 1992), which allows
    for the skewness of the contributions: figures of pictures have long tails, and the plain interval then misses the
    truth on one side. `second_order` is variance that the contributions do not show, or show too often (negative).
    """
    freedom = min(len(part) for part in parts) - 1
    linear = sum(float((part**2).sum() / (len(part) * max(len(part) - 1, 1))) for part in parts)
    error = float(np.sqrt(max(linear + second_order, linear / 2)))
    if error == 0 or freedom < 1:
        return Estimate(value, value, value)
    skewness = sum(float((part**3).sum()) / len(part) ** 3 for part in parts) / error**3
    low, high = (_hall(float(stats.t.ppf(tail, freedom)), skewness) for tail in (0.975, 0.025))
    return Estimate(value, value - error * low, value - error * high)


def _hall(quantile: float, skewness: float) -> float:
    """The t whose cubic transform is the quantile: g(t) = t + a t²/3 + a² t³/27 + a/6, a the skewness."""
    if abs(skewness) < 1e-9:
        return quantile
    return 3 / skewness * (float(np.cbrt(1 + skewness * (quantile - skewness / 6))) - 1)


def grouped(statistic: Statistic, generated: Doubles, real: Doubles, groups: int = GROUPS) -> tuple[float, int]:
    """Variance of a statistic by the grouped jackknife (Quenouille, 1956; Tukey, 1958), and its number of parts.

    Every `groups`-th picture of both sets is left out in turn.
    """
    parts = min(groups, len(generated), len(real))
    of_x, of_y = np.arange(len(generated)) % parts, np.arange(len(real)) % parts
    left = [statistic(generated[of_x != part], real[of_y != part]) for part in range(parts)]
    return float((parts - 1) * np.var(left)), parts


def second_order(statistic: Statistic, generated: Doubles, real: Doubles) -> tuple[float, int]:
    """Variance of a smooth statistic, without what the jackknife counts twice, and its degrees of freedom.

    Let the statistic have a linear part of variance A and a quadratic one of variance B (Hoeffding's decomposition): B
    is not small where the two sets are nearly alike. The jackknife gives A + 2B at n pictures and 2A + 8B at n / 2
    (Efron and Stein, 1981), so A + B is 3/2 of the one less 1/4 of the other.
    """
    whole, parts = grouped(statistic, generated, real)
    halves = [grouped(statistic, generated[half::2], real[half::2], GROUPS // 2)[0] for half in (0, 1)]
    return without_twice(whole, halves), parts - 1


def without_twice(whole: float, halves: Sequence[float]) -> float:
    """A + B from the jackknife's variance of all pictures and of both halves, see `second_order`."""
    quadratic = (float(np.mean(halves)) - 2 * whole) / 4
    return whole - float(np.clip(quadratic, 0, whole / 2))
