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
from .estimate import Estimate, around, second_order, skewed

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
    """KL(shares of classes among outputs || among real pictures) in nats."""
    variance, freedom = second_order(_kl, generated, real)
    return around(_kl(generated, real), variance**0.5, freedom, 0)


def sureness(generated: Doubles, real: Doubles) -> Estimate:  # noqa: ARG001  one signature for all
    """Mean probability of the class that is seen."""
    sure = generated[:, :-1].max(1)
    return skewed(float(sure.mean()), [sure - sure.mean()])


def as_asked(generated: Doubles, real: Doubles) -> Estimate:  # noqa: ARG001
    """Share of outputs that show the class which was asked for."""
    share = accuracy(generated)
    low, high = wilson(np.array([share]), len(generated))
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


def _kl(generated: Doubles, real: Doubles) -> float:
    kinds = real.shape[1] - 1
    of_real = (_shares(real) * len(real) + 0.5) / (len(real) + 0.5 * kinds)  # none is quite 0
    of_outputs = _shares(generated)
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
SURENESS = SeenFigure("mean probability of the class that is seen {by}", sureness, least=20)
AS_ASKED = SeenFigure("share of outputs that show the class which was asked for, as seen {by}", as_asked, least=1)
