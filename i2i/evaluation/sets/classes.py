"""Inception Score's formula (Salimans et al., 2016) on the class probabilities of any classifier."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from ...images.image import Doubles
from .estimate import Estimate, skewed


def class_score(logits: Doubles) -> float:
    """Exp of the mean KL(p(y|x) || p(y)) over pictures (n, classes), all in one split."""
    logs = log_softmax(logits, axis=1)
    probabilities = np.exp(logs)
    information = (probabilities * logs).sum(1).mean() - _negative_entropy(probabilities.mean(0))
    return float(np.exp(information))


def class_score_estimate(logits: Doubles) -> Estimate:
    """`class_score` with the interval of what sets of this size have on average."""
    whole, _, parts = _jackknifed(logits)
    return _exp(skewed(whole, [parts]))


def class_score_unbiased(logits: Doubles) -> float:
    """The score of infinitely many pictures: without the bias of the mean prediction, by the jackknife."""
    return float(np.exp(_jackknifed(logits)[1]))


def class_score_unbiased_estimate(logits: Doubles) -> Estimate:
    """`class_score_unbiased` with its interval."""
    _, unbiased, parts = _jackknifed(logits)
    return _exp(skewed(unbiased, [parts]))


def _jackknifed(logits: Doubles) -> tuple[float, float, Doubles]:
    """Logarithm of the score, the same without bias, and each picture's centred contribution (n,)."""
    logs = log_softmax(logits, axis=1)
    probabilities = np.exp(logs)
    n = len(logits)
    certain, total = (probabilities * logs).sum(1), probabilities.sum(0)
    whole = float(certain.mean() - _negative_entropy(total / n))
    left = np.empty(n)
    for start in range(0, n, 256):  # not all at once: n times the classes
        part = slice(start, start + 256)
        rest = (total - probabilities[part]) / (n - 1)
        left[part] = (certain.sum() - certain[part]) / (n - 1) - _negative_entropy(rest)
    return whole, n * whole - (n - 1) * float(left.mean()), (n - 1) * (left.mean() - left)


def _exp(found: Estimate) -> Estimate:
    """From the logarithm; the score is 1 at least."""
    return Estimate(*(float(np.exp(max(0.0, value))) for value in (found.value, found.low, found.high)))


def _negative_entropy(probabilities: Doubles) -> Doubles:
    """Sum of p log p over the last axis."""
    p = np.maximum(probabilities, 0)
    values: Doubles = (p * np.log(np.maximum(p, 1e-300))).sum(-1)
    return values
