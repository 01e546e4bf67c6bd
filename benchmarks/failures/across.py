"""Sets of runs that end far apart, and sets that agree: made of the runs of the proof, by their logs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from i2i.diagnostics.doctor import ailments_across

from .one import logged
from .provoked import CASES

RATES = ("healthy ring", "hopping", "weak")
"""The ring with both rates at 0.001, G's at 0.01, and D's at 0.00001."""

ALIKE = (
    ("healthy ring", "val_distance"),
    ("healthy digits", "val_distance"),
    ("leak", "val_distance"),
    ("healthy facades", "val_l1"),
    ("healthy seasons", "val_swd"),
)
"""Kinds of runs whose seeds agree, and the figure by which they are compared."""


def sensitivity(data: Path, seeds: Sequence[int]) -> str:
    """How many sets of three rates, a seed each, are called sensitive, and how many of three seeds of one kind."""
    found = [_sensitive([(name, seed) for name in RATES], "val_distance", data) for seed in seeds]
    wrong = [_sensitive([(name, seed) for seed in seeds[:3]], key, data) for name, key in ALIKE]
    return (
        f"`sensitivity`: named in {sum(found)} of {len(found)} sets of three rates, "
        f"and in {sum(wrong)} of {len(wrong)} sets of three seeds of one kind."
    )


def _sensitive(runs: Sequence[tuple[str, int]], key: str, data: Path) -> bool:
    logs = {f"{name} {seed}": logged(CASES[name], data, seed, ())[0] for name, seed in runs}
    return bool(ailments_across(logs, key))
