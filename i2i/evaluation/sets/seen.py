"""What a classifier sees in two sets of pictures: numpy alone.

A set is (n, K + 1): a row a picture, the probabilities of K classes and the number of the class that it is, or was
asked to be; -1 where none was.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
from scipy import stats

from ...images.image import Doubles
from .estimate import Estimate, around, skewed

OFTEN = 0.1
"""Share of a class's share among real pictures that makes it a mode of the outputs: a classifier errs, so that a single
picture is none."""


@dataclasses.dataclass(frozen=True)
class SeenFigure:
    """A figure of two such sets."""

    words: str
    """What it is; `{by}` is where the classifier is named."""
    estimate: Callable[[Doubles, Doubles], Estimate]
    """With the interval."""
    least: int = 50
    """Pictures of each set below which there is none."""


def classes_seen(rows: Doubles) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """(n,): the likeliest class of each picture."""
    found: np.ndarray[tuple[int], np.dtype[np.int64]] = rows[:, :-1].argmax(1)
    return found


def accuracy(rows: Doubles) -> float:
    """Share of pictures whose class is seen, of those that have one; NaN where none has."""
    known = rows[rows[:, -1] >= 0]
    return float((classes_seen(known) == known[:, -1]).mean()) if len(known) else float("nan")


def modes(generated: Doubles, real: Doubles) -> Estimate:
    """Classes that outputs show at least OFTEN times as often as real pictures do; the interval is Wilson's of each."""
    of_real, counts = _shares(real), np.bincount(classes_seen(generated), minlength=real.shape[1] - 1)
    there = of_real > 0
    low, high = wilson(counts / len(generated), len(generated))
    found = [float((side[there] >= OFTEN * of_real[there]).sum()) for side in (counts / len(generated), low, high)]
    return Estimate(*found)


def kl(generated: Doubles, real: Doubles) -> Estimate:
    """KL(shares of classes among outputs || among real pictures) in nats.

    The interval is of the delta method to the second order: of sets that are alike the first derivatives g are 0 but
    for chance. With covariances C of the shares and second derivatives H, the linear part's variance is gᵀCg less
    tr(HCHC), what chance adds to it, and the quadratic part's is tr(HCHC) / 2. Where classes were asked for, pictures
    are drawn anew within each.
    """
    by_class = bool((generated[:, -1] >= 0).any())
    of_outputs, of_real = _shares(generated), _smoothed(real)
    there = of_outputs > 0
    p, q = of_outputs[there], of_real[there]
    spread_p, spread_q = (_covariance(rows, by_class)[np.ix_(there, there)] for rows in (generated, real))
    slopes = ((np.log(p / q) + 1, spread_p), (-p / q, spread_q))
    linear = sum(float(slope @ spread @ slope) for slope, spread in slopes)
    bends = ((1 / p, spread_p, spread_p), (-1 / q, spread_p, spread_q), (-1 / q, spread_p, spread_q),
             (p / q**2, spread_q, spread_q))  # fmt: skip
    quadratic = sum(float(bend @ (one * other) @ bend) for bend, one, other in bends) / 2
    variance = max(linear - 2 * quadratic, 0.0) + quadratic
    return around(_kl(generated, real), variance**0.5, min(len(generated), len(real)) - 1, 0)


def confidence(generated: Doubles, real: Doubles) -> Estimate:  # noqa: ARG001  one signature for all
    """Mean probability of the class that is seen."""
    sure = generated[:, :-1].max(1)
    return skewed(float(sure.mean()), [sure - sure.mean()])


def label_accuracy(generated: Doubles, real: Doubles) -> Estimate:  # noqa: ARG001
    """Share of outputs that show the class which was asked for, of those whose class real pictures have too."""
    share, known = accuracy(generated), int((generated[:, -1] >= 0).sum())
    if not known:
        return Estimate(share, share, share)
    low, high = wilson(np.array([share]), known)
    return Estimate(share, float(low[0]), float(high[0]))


def wilson(shares: Doubles, n: int) -> tuple[Doubles, Doubles]:
    """Ends of Wilson's 95 % interval of shares of n."""
    z = float(stats.norm.ppf(0.975))
    middle = (shares + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * np.sqrt(shares * (1 - shares) / n + z * z / (4 * n * n))
    return np.maximum(0.0, middle - reach), np.minimum(1.0, middle + reach)


def _shares(rows: Doubles) -> Doubles:
    shares: Doubles = np.bincount(classes_seen(rows), minlength=rows.shape[1] - 1) / len(rows)
    return shares


def _smoothed(real: Doubles) -> Doubles:
    """Shares of which none is quite 0."""
    shares: Doubles = (_shares(real) * len(real) + 0.5) / (len(real) + 0.5 * (real.shape[1] - 1))
    return shares


def _covariance(rows: Doubles, by_class: bool) -> Doubles:
    """(K, K): of the shares, if as many pictures were drawn anew: of all, or within each class of the last column."""
    counts = np.zeros((rows.shape[1], rows.shape[1] - 1))
    strata = rows[:, -1].astype(int) if by_class else np.zeros(len(rows), int)
    np.add.at(counts, (strata, classes_seen(rows)), 1)  # of no class is -1, the last
    counts = counts[counts.sum(1) > 0]
    if (counts.sum(1) == 1).any():  # which tells nothing of how a class varies
        counts = counts.sum(0, keepdims=True)
    many = counts.sum(1, keepdims=True)
    weighted = counts * many / (many - 1)
    spread: Doubles = (np.diag(weighted.sum(0)) - weighted.T @ (counts / many)) / len(rows) ** 2
    return spread


def _kl(generated: Doubles, real: Doubles) -> float:
    of_real, of_outputs = _smoothed(real), _shares(generated)
    there = of_outputs > 0
    return float((of_outputs[there] * np.log(of_outputs[there] / of_real[there])).sum())


MODES = SeenFigure(
    f"classes that outputs show at least {OFTEN:g} times as often as real pictures do, as seen {{by}}", modes
)
KL = SeenFigure(
    "KL(shares of classes among outputs || among real pictures) in nats, as seen {by}; its interval is of what sets of "
    "this size have on average",
    kl,
)
CONFIDENCE = SeenFigure("mean probability of the class that is seen {by}", confidence, least=20)
LABEL_ACCURACY = SeenFigure(
    "share of outputs that show the class which was asked for, as seen {by}", label_accuracy, least=1
)
