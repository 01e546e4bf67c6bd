"""How often the interval of a study covers the true rate: raters of known skill, pictures of known difficulty.

    python -m benchmarks.experiments.people.study_intervals

Rater r takes the real one of pair p for the fake one with the probability 1 / (1 + exp(-(level + r's skill + p's
difficulty))), skill and difficulty normal. The true rate is the mean over all raters and pictures that there could be.
Each rater has 40 trials, shared out as in a study. Two minutes on a core.
"""

from __future__ import annotations

import functools
import itertools
from typing import Any

import numpy as np
import numpy.typing as npt

from i2i.study.results import rate_of

REPEATS, TRIALS = 500, 40
LEVELS = (0.0, -1.5, -3.0)
SPREADS = ((0.6, 0.8), (0.3, 1.2), (1.0, 0.3), (0.0, 0.0))
"""Standard deviations of raters and of pictures."""
RATERS, PICTURES = (5, 10, 30), (40, 120, 400)

Votes = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any]]


def simulated(
    rng: np.random.Generator, level: float, of_raters: float, of_pictures: float, raters: int, pictures: int
) -> Votes:
    """Votes (raters * TRIALS,) of 0 and 1, and the numbers of their raters and pictures."""
    skill, difficulty = rng.normal(0, of_raters, raters), rng.normal(0, of_pictures, pictures)
    who = np.repeat(np.arange(raters), TRIALS)
    rounds = -(-len(who) // pictures)
    what = np.concatenate([rng.permutation(pictures) for _ in range(rounds)])[: len(who)]
    chance = 1 / (1 + np.exp(-(level + skill[who] + difficulty[what])))
    return (rng.random(len(who)) < chance).astype(float), who, what


@functools.cache
def truth(level: float, of_raters: float, of_pictures: float) -> float:
    """The rate over all raters and pictures, by quadrature."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(101)
    spread = np.hypot(of_raters, of_pictures)
    return float((weights / (1 + np.exp(-(level + spread * nodes)))).sum() / weights.sum())


def coverage(level: float, of_raters: float, of_pictures: float, raters: int, pictures: int) -> tuple[float, float]:
    """Shares of REPEATS studies whose interval covers the truth: ours, and the one that takes votes for independent."""
    rng = np.random.default_rng((7, raters, pictures))
    right, ours, plain = truth(level, of_raters, of_pictures), 0, 0
    for _ in range(REPEATS):
        votes, who, what = simulated(rng, level, of_raters, of_pictures, raters, pictures)
        low, high = rate_of(votes, who, what).interval or (0.0, 1.0)
        ours += low <= right <= high
        mean = votes.mean()
        plain += abs(mean - right) <= 1.96 * np.sqrt(mean * (1 - mean) / len(votes))
    return ours / REPEATS, plain / REPEATS


def main() -> None:
    print("| raters vary | pictures vary | true rate | raters | pictures | covers | if votes were independent |")
    print("|---|---|---|---|---|---|---|")
    found = []
    for (of_raters, of_pictures), level in itertools.product(SPREADS, LEVELS):
        for raters, pictures in itertools.product(RATERS, PICTURES):
            ours, plain = coverage(level, of_raters, of_pictures, raters, pictures)
            found.append((raters, of_raters, ours, plain))
            rate = truth(level, of_raters, of_pictures)
            cells = [of_raters, of_pictures, f"{100 * rate:.1f} %", raters, pictures]
            print("|", " | ".join(map(str, [*cells, f"{100 * ours:.1f} %", f"{100 * plain:.1f} %"])), "|", flush=True)
    for raters in RATERS:
        part = [(ours, plain) for n, spread, ours, plain in found if n == raters and spread > 0]
        own, other = ([100 * pair[side] for pair in part] for side in (0, 1))
        print(f"{raters} raters who vary: {min(own):.1f} to {max(own):.1f} %, mean {np.mean(own):.1f}; "
              f"if independent {min(other):.1f} to {max(other):.1f} %")  # fmt: skip


if __name__ == "__main__":
    main()
