"""Tests of what the outputs are: each gives the evidence, or None."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from itertools import pairwise

from ..failure_modes import FAILURE_MODES
from .history import Evidence, History

WINDOW = 6
"""Grids over which modes are followed."""


def collapse(seen: History, ending: str) -> Evidence | None:
    """Outputs all alike, or half of the modes or more never reached in the last grids."""
    spread, twins = seen.now(f"health_spread{ending}"), seen.now(f"health_duplicates{ending}", 0.0)
    found, whole, ever = _modes(seen, ending)
    if found and ever - found[-1] >= _few(whole):
        return None  # it moves: mode hopping
    alike = seen.now(f"fail_collapse{ending}", 1.0)
    if spread < 0.15 or twins > 0.9 or alike < 0.3:
        figures = {"health_spread": spread, "health_duplicates": twins, "fail_collapse": alike}
        return {name: value for name, value in figures.items() if math.isfinite(value)}
    if len(found) >= 3 and max(found[-3:]) <= whole / 2 and spread < 2:
        return {"modes": float(found[-1]), "of": float(whole)}
    return None


def hopping(seen: History, ending: str) -> Evidence | None:
    """At each grid few modes, over the last ones many: outputs go from one to the next."""
    found, whole, ever = _modes(seen, ending)
    if len(found) < WINDOW - 2:
        return None
    usual = statistics.median(found)
    moves = usual <= 0.5 * whole and ever - usual >= _few(whole) and _lost(seen, ending) >= 3
    return {"modes at a time": usual, "modes in all": float(ever), "of": float(whole)} if moves else None


def _lost(seen: History, ending: str) -> int:
    """How often a mode that one of the last grids had was gone in the next."""
    masks = [int(bits) for bits in seen.column(f"health_modes_seen{ending}", WINDOW)]
    return sum((before & ~after).bit_count() for before, after in pairwise(masks))


def _few(whole: int) -> float:
    return max(2, whole / 4)


def _modes(seen: History, ending: str) -> tuple[list[int], int, int]:
    """Modes reached at each of the last grids, how many there are, and how many were reached in any of them."""
    masks = [int(bits) for bits in seen.column(f"health_modes_seen{ending}", WINDOW)]
    whole = int(seen.latest(f"health_modes_real{ending}", 0.0))
    ever = 0
    for bits in masks:
        ever |= bits
    return [bits.bit_count() for bits in masks], whole, ever.bit_count()


def memorisation(seen: History, ending: str) -> Evidence | None:
    """Outputs of many kinds and like real ones, clearly nearer to training pictures than to as many held-out ones."""
    ratio = seen.now(f"health_nearest_train{ending}")
    steady = _steady(seen, f"health_nearest_train{ending}") < 0.8
    like_real = seen.now(f"health_distance{ending}", 0.0) < 6
    bad = ratio < 0.75 and steady and like_real and seen.now(f"health_spread{ending}") > 0.4
    return {"health_nearest_train": ratio} if bad else None


def leak(seen: History, ending: str) -> Evidence | None:
    """Of outputs of many kinds, more than of real pictures look turned or mirrored."""
    usual = _steady(seen, f"health_leak{ending}", 4)
    return {"health_leak": usual} if usual > 0.1 and _steady(seen, f"health_spread{ending}", 4) > 0.6 else None


def checkerboard(seen: History, ending: str) -> Evidence | None:
    """A peak of the generator's grid in the spectrum that real pictures have not."""
    peak = seen.now(f"health_checkerboard{ending}")
    return {"health_checkerboard": peak} if peak > 4 else None


def gaming(seen: History, ending: str) -> Evidence | None:
    """One measure says as good as real, the other tells every output from a real picture."""
    distance, told = seen.now(f"health_distance{ending}"), seen.now(f"health_separable{ending}")
    return {"health_distance": distance, "health_separable": told} if distance < 1.3 and told > 0.95 else None


def translator(name: str) -> Callable[[History, str], Evidence | None]:
    """The test of a row of FAILURE_MODES, on the direction `ending`."""
    mode = FAILURE_MODES[name]

    def test(seen: History, ending: str) -> Evidence | None:
        figures = {figure: seen.now(f"fail_{figure}{ending}") for figure in mode.figures}
        figures = {figure: value for figure, value in figures.items() if math.isfinite(value)}
        bad = name in figures and mode.bad(figures)
        return {f"fail_{figure}": value for figure, value in figures.items()} if bad else None

    return test


def _steady(seen: History, key: str, last: int = 3) -> float:
    values = seen.column(key, last)
    return statistics.median(values) if len(values) == last else math.nan
