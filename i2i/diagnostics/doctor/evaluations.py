"""What the evaluations of a run show together: scores that contradict each other, and copies behind good ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from .across import Across

COPIED = 0.05
"""Share of suspected copies that an honest model has at most (docs/evaluation/sets.md)."""
BASELINE = "input"
"""The baseline that a score is compared with: the pictures as they came in."""
OF_SETS = ("frechet", "kernel", "mind")
"""Distances of sets, lower is better; each on some features: `frechet_squeezenet`."""


def gamed(evaluations: Sequence[Mapping[str, Any]]) -> list[Across]:
    """Of what `i2i evaluate` wrote of one model (`scores.json`, each on features of its own), what cannot all be true.

    Copies: the interval of their share lies above COPIED. Contradiction: one distance of sets is better than that of
    the untranslated input with all of its interval, and the same on other features, or another distance, is worse so.
    """
    found = [_copies(one) for one in evaluations]
    better, worse = ({name for one in evaluations for name in _beside(one, sign)} for sign in (-1, 1))
    better, worse = better - worse, worse - better  # the same at two times, or of two splits, is no contradiction
    if better and worse:
        found.append(
            Across(
                "gaming",
                f"The score is gamed, or means little here: by {_listed(better)} the outputs are nearer to the real "
                f"pictures than the inputs are, by {_listed(worse)} they are farther, both beyond their intervals.",
                "Judge it by features that it was not chosen by, and by people: i2i evaluate … --features vgg16, "
                "i2i study.",
            )
        )
    return [one for one in found if one is not None]


def is_evaluation(known: Any) -> bool:
    """Whether it has the form of what `i2i evaluate` writes, as far as it is read here."""
    parts = [known.get(part, {}) for part in ("metrics", "intervals", "baselines")] if isinstance(known, dict) else []
    if not parts or not all(isinstance(part, dict) for part in parts):
        return False
    metrics, intervals, baselines = parts
    of_input = baselines.get(BASELINE, {})
    return (
        isinstance(of_input, dict)
        and all(isinstance(value, int | float) for value in (*metrics.values(), *of_input.values()))
        and all(found is None or (_is_pair(found) and name in metrics) for name, found in intervals.items())
    )


def _is_pair(found: Any) -> bool:
    return isinstance(found, list) and len(found) == 2 and all(isinstance(end, int | float) for end in found)


def _copies(evaluation: Mapping[str, Any]) -> Across | None:
    low = _ends(evaluation, "copies")[0]
    if not low > COPIED:
        return None
    share = float(evaluation["metrics"]["copies"])
    return Across(
        "gaming",
        f"{share:.0%} of the outputs are suspected copies of training pictures (at least {low:.0%}; {COPIED:.0%} is "
        "what honest models have at most): scores of sets reward that, and say nothing of new pictures.",
        "More training pictures, or gan.augment: --set gan.augment=[colour,translation,cutout].",
    )


def _beside(evaluation: Mapping[str, Any], sign: int) -> Iterator[str]:
    """Names of the distances whose whole interval is below (-1), or above (1), the baseline's figure."""
    known = evaluation.get("baselines", {}).get(BASELINE, {})
    for name, figure in known.items():
        low, high = _ends(evaluation, name)
        if name.startswith(OF_SETS) and (high < figure if sign < 0 else low > figure):
            yield name


def _ends(evaluation: Mapping[str, Any], name: str) -> tuple[float, float]:
    """Of an interval; no numbers where there is none."""
    found = evaluation.get("intervals", {}).get(name)
    return (float(found[0]), float(found[1])) if found else (math.nan, math.nan)


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))
