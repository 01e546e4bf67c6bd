"""The figures of two sets of features, or of class logits: what each is, how it is computed, and how many it takes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from ...images.image import Doubles
from . import classes, frechet, kernel, neighbours, projections
from .estimate import Estimate

OF_SIZE = "; its interval is of what sets of this size have on average"
UNBIASED = ", without the bias of few pictures; its interval is of the true figure"


@dataclasses.dataclass(frozen=True)
class Figure:
    """A figure of sets (n, d) and (m, d), or of logits (n, classes)."""

    words: str
    """What it is and what its interval is of; `{on}` is where the embedding is named."""
    compute: Callable[[Doubles, Doubles], float]
    estimate: Callable[[Doubles, Doubles], Estimate]
    """With the interval."""
    least: int = 50
    """Pictures of each set below which the interval does not cover as it says, by docs/evaluation/intervals.md."""
    over: float = 0.0
    """Pictures of each set that it needs for each feature."""
    higher_is_better: bool = False
    logits: bool = False
    """Of class logits, and of the outputs alone."""


def _of_outputs(
    words: str, compute: Callable[[Doubles], float], estimate: Callable[[Doubles], Estimate], least: int
) -> Figure:
    return Figure(words, lambda x, _: compute(x), lambda x, _: estimate(x), least, higher_is_better=True, logits=True)


def _share(
    words: str,
    compute: Callable[[Doubles, Doubles], float],
    estimate: Callable[[Doubles, Doubles], Estimate],
    least: int = 50,
) -> Figure:
    return Figure(words + OF_SIZE, compute, estimate, least, higher_is_better=True)


FRECHET = Figure("Fréchet distance{on}" + OF_SIZE, frechet.frechet, frechet.frechet_estimate)
FRECHET_UNBIASED = Figure(
    "Fréchet distance{on}" + UNBIASED, frechet.frechet_unbiased, frechet.frechet_unbiased_estimate, 100, 4
)
KERNEL = Figure(
    "squared MMD with the polynomial kernel of degree 3{on}, unbiased; its interval is of the true figure",
    kernel.kernel_distance,
    kernel.kernel_estimate,
    least=200,
)
CLASSES = _of_outputs(
    "Inception Score's formula{on}, one split" + OF_SIZE, classes.class_score, classes.class_score_estimate, 50
)
CLASSES_UNBIASED = _of_outputs(
    "Inception Score's formula{on}" + UNBIASED,
    classes.class_score_unbiased,
    classes.class_score_unbiased_estimate,
    50,
)
PRECISION = _share("precision (Kynkäänniemi et al. 2019){on}, k 3", neighbours.precision, neighbours.precision_estimate)
RECALL = _share("recall (Kynkäänniemi et al. 2019){on}, k 3", neighbours.recall, neighbours.recall_estimate)
DENSITY = _share("density (Naeem et al. 2020){on}, k 5", neighbours.density, neighbours.density_estimate, 200)
COVERAGE = _share("coverage (Naeem et al. 2020){on}, k 5", neighbours.coverage, neighbours.coverage_estimate, 200)
MIND = Figure(
    "MIND, sorted projections on 1,000 directions{on}" + OF_SIZE, projections.mind, projections.mind_estimate, 200
)
MIND_UNBIASED = Figure(
    "MIND, sorted projections on 1,000 directions{on}" + UNBIASED,
    projections.mind_unbiased,
    projections.mind_unbiased_estimate,
    100,
)
