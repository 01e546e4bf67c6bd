"""Intervals cover the truth about as often as they say; the full table is `python -m benchmarks.scores.intervals`."""

import importlib.util
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[2] / "benchmarks" / "scores" / "intervals.py"
SPEC = importlib.util.spec_from_file_location("the_intervals", FILE)
the_intervals = importlib.util.module_from_spec(SPEC)
sys.modules["the_intervals"] = the_intervals  # its dataclasses look their module up
SPEC.loader.exec_module(the_intervals)
CHOSEN = ("mean of pairs", "frechet", "frechet_unbiased", "kernel", "classes", "classes_unbiased", "recall", "coverage")


@pytest.mark.slow
@pytest.mark.parametrize("figure", CHOSEN)
def test_an_interval_covers_at_200_pictures(figure):
    """150 repeats of a true 95 % show 91.5 to 98.5 in 95 of 100 cases; 90 is what no case may fall below."""
    cases = [case for case in the_intervals.cases() if case.figure == figure and case.chosen]
    found = {case.key: the_intervals.coverage(case, 200, 150)["covered"] for case in cases if "heavy" not in case.key}
    assert found
    assert min(found.values()) >= 0.9, found
