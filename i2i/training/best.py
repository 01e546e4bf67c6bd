"""Which checkpoint is the best: one that is better than the best so far by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

HIGHER_IS_BETTER = ("psnr", "ssim", "precision", "recall", "density", "coverage", "inception")
"""Words in the names of validation figures of which more is better."""
LEAST = 5
"""Values below which their spread tells nothing, and the figures are taken at their word."""


def higher_is_better(key: str) -> bool:
    """Whether a larger value is the better one: of a validation figure `val_*`, or of a metric as scores name it.

    A metric of METRICS may be followed by the embedding that it is measured on, and by ` (b2a)`.
    """
    if key.startswith("val_"):
        return any(name in key for name in HIGHER_IS_BETTER)
    from ..evaluation.metrics import METRICS, FeatureMetric  # late: a report of validation alone needs none of it

    name = key.removesuffix(" (b2a)")
    if name not in METRICS:
        on = (own for own, row in METRICS.items() if isinstance(row, FeatureMetric) and name.startswith(f"{own}_"))
        name = max(on, key=len, default=name)
    return name in METRICS and METRICS[name].higher_is_better


def replaces(
    key: str, value: float, best: float | None, pictures: Sequence[float] = (), kept: Sequence[float] = ()
) -> bool:
    """Whether a checkpoint of this value takes the place of the best one.

    `pictures` and `kept` are the values of both on the same validation pictures. It does when it is better, and the
    95 % interval of the mean of their differences excludes zero; without LEAST values of each, when it is better.
    """
    if not math.isfinite(value):
        return False
    if best is None:
        return True
    sign = 1 if higher_is_better(key) else -1
    if sign * (value - best) <= 0:
        return False
    if len(pictures) != len(kept) or len(kept) < LEAST:
        return True
    from ..evaluation.sets.estimate import skewed  # late: the report reads this file, and needs no scipy

    gains = sign * (np.asarray(pictures, np.float64) - np.asarray(kept, np.float64))
    mean = float(gains.mean())
    return skewed(mean, [gains - mean]).low > 0
