"""What the votes say: a rate, its interval, who was left out; as sentences, JSON and CSV.

Raters differ in skill and pictures in difficulty, so votes are not independent. The interval is Student's on the logit
of the rate, with the variance that is robust to clusters of raters and of pictures at once (Cameron, Gelbach and
Miller, Journal of Business & Economic Statistics 29, 2011): that by raters, plus that by pictures, less that of the
votes, which both contain. The first two are jackknifed, a rater or a picture left out at a time.
"""

from __future__ import annotations

import csv
import dataclasses
import io
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .design import Design, Trial
from .votes import Vote

Array = npt.NDArray[Any]

LEAST_RATERS = 5
"""Below, there is no interval."""


@dataclasses.dataclass(frozen=True)
class Rate:
    """How often the counted choice was made."""

    count: int
    value: float | None
    interval: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Results:
    """Of all votes so far."""

    design: Design
    rate: Rate
    raters: int
    """Who finished and passed the checks."""
    unfinished: int
    left_out: int
    """Who finished and missed too many checks."""
    median_ms: float | None
    by_picture: list[tuple[str, int, float]]
    """(name, votes, rate), the highest rate first."""

    def sentence(self) -> str:
        """What it means."""
        a, b = self.design.titles
        if self.rate.value is None:
            return "Nobody has finished yet who passed the attention checks."
        said = f"{100 * self.rate.value:.1f} %" + (
            f" (95 % interval {100 * self.rate.interval[0]:.1f} to {100 * self.rate.interval[1]:.1f})"
            if self.rate.interval
            else f" (no interval: that needs {LEAST_RATERS} raters)"
        )
        if self.design.kind == "real-or-fake":
            end = "At 50 % nobody could tell."
            return f"Fooling rate of {a}: {said}. So often the real picture was taken for the fake one. {end}"
        verdict = ""
        if self.rate.interval:
            low, high = self.rate.interval
            verdict = f" {a} is preferred." if low > 0.5 else f" {b} is preferred." if high < 0.5 else (
                " The interval includes 50 %: no preference is shown."
            )  # fmt: skip
        return f"{a} is preferred to {b} in {said}.{verdict}"

    def who(self) -> str:
        """Whose votes those are."""
        return (
            f"{self.raters} raters and {self.rate.count} votes count; {self.left_out} raters are left out for missing "
            f"more than {self.design.missed} of {self.design.checks_each} attention checks, {self.unfinished} have not "
            "finished."
        )

    def to_dict(self) -> dict[str, Any]:
        """For a file of JSON."""
        return {
            "kind": self.design.kind,
            "a": self.design.titles[0],
            "b": self.design.titles[1],
            "rate": self.rate.value,
            "interval": list(self.rate.interval) if self.rate.interval else None,
            "votes": self.rate.count,
            "raters": self.raters,
            "left_out": self.left_out,
            "unfinished": self.unfinished,
            "median_ms": self.median_ms,
            "pictures": {name: {"votes": count, "rate": rate} for name, count, rate in self.by_picture},
        }


def results(design: Design, votes: Sequence[Vote]) -> Results:
    """Of those who finished; the others may yet come back."""
    of_rater: defaultdict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        of_rater[vote.rater].append(vote)
    good, left_out, unfinished = standing(design, of_rater)
    main = [vote for rater in good for vote in of_rater[rater] if vote.part == "main"]
    counted = np.array([vote.choice == design.counted for vote in main], float)
    rate = rate_of(counted, np.array([v.rater for v in main], int), np.array([v.item for v in main], int))
    by_item: defaultdict[int, list[float]] = defaultdict(list)
    for vote, hit in zip(main, counted.tolist(), strict=True):
        by_item[vote.item].append(hit)
    pictures = [(design.items[item].name, len(hits), float(np.mean(hits))) for item, hits in by_item.items()]
    pictures.sort(key=lambda row: (-row[2], row[0]))
    times = [vote.ms for vote in main]
    median = float(np.median(times)) if times else None
    return Results(design, rate, len(good), len(unfinished), len(left_out), median, pictures)


def standing(design: Design, of_rater: dict[int, list[Vote]]) -> tuple[list[int], list[int], list[int]]:
    """Raters who count, who missed too many checks, and who have not finished."""
    good, left_out, unfinished = [], [], []
    for rater, given in of_rater.items():
        missed = sum(vote.part == "check" and vote.choice != "a" for vote in given)
        if missed > design.missed:
            left_out.append(rater)
        elif len(given) < len(design.trials_of(rater)):
            unfinished.append(rater)
        else:
            good.append(rater)
    return good, left_out, unfinished


def rate_of(votes: Array, raters: Array, pictures: Array) -> Rate:
    """The rate of votes (n,) of 0 and 1, by the numbers of their raters and pictures, each (n,)."""
    count = len(votes)
    if not count:
        return Rate(0, None, None)
    rate = float(votes.mean())
    if len(np.unique(raters)) < LEAST_RATERS or len(np.unique(pictures)) < 2:
        return Rate(count, rate, None)
    return Rate(count, rate, _exact(rate, count) if rate in (0.0, 1.0) else _two_way(votes, raters, pictures))


def _two_way(votes: Array, raters: Array, pictures: Array) -> tuple[float, float]:
    from scipy import stats

    count, rate = len(votes), float(votes.mean())
    alone = float(((votes - rate) ** 2).sum()) / (count * (count - 1)) / (rate * (1 - rate)) ** 2
    parts = [_jackknife(votes, clusters) for clusters in (raters, pictures)]
    by_rater, by_picture = (variance for variance, _ in parts)
    whole = max(by_rater + by_picture - alone, by_rater, by_picture)
    shares = [(max(variance - alone / 2, variance / 2), groups - 1) for variance, groups in parts]
    if whole < 1e-9 * alone:  # every rater and every picture has the one rate, so the votes are all that varies
        whole, shares = alone, [(alone, count - 1)]
    freedom = sum(share for share, _ in shares) ** 2 / sum(share**2 / free for share, free in shares)  # Satterthwaite's
    reach = float(stats.t.ppf(0.975, freedom)) * whole**0.5
    low, high = (1 / (1 + np.exp(-(_logit(rate) + sign * reach))) for sign in (-1, 1))
    return float(low), float(high)


def _jackknife(votes: Array, clusters: Array) -> tuple[float, int]:
    """Variance of the logit of the rate, by leaving out one cluster at a time; and how many there are."""
    numbers = np.unique(clusters, return_inverse=True)[1]
    hits, sizes = np.bincount(numbers, votes), np.bincount(numbers)
    groups, count = len(sizes), len(votes)
    without = _logit(np.clip((votes.sum() - hits) / (count - sizes), 0.5 / count, 1 - 0.5 / count))
    return (groups - 1) / groups * float(((without - without.mean()) ** 2).sum()), groups


def _logit(rate: Any) -> Any:
    return np.log(rate / (1 - rate))


def _exact(rate: float, count: int) -> tuple[float, float]:
    """Clopper and Pearson's, for nothing but 0 or nothing but 1, where no variance is to be seen."""
    edge = 0.025 ** (1 / count)
    return (0.0, 1 - edge) if rate == 0 else (edge, 1.0)


def to_csv(design: Design, votes: Sequence[Vote]) -> str:
    """A line a vote, practice and checks included; `counts` says whether it is in the rate."""
    of_rater: defaultdict[int, list[Vote]] = defaultdict(list)
    for vote in votes:
        of_rater[vote.rater].append(vote)
    good = set(standing(design, of_rater)[0])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["rater", "trial", "part", "picture", "left", "choice", "ms", "at", "counts"])
    for rater, given in of_rater.items():
        for vote in given:
            name = design.item(Trial(vote.part, vote.item, vote.left)).name
            counts = int(vote.part == "main" and rater in good)
            row = [vote.rater, vote.trial, vote.part, name, vote.left, vote.choice, vote.ms, f"{vote.at:.3f}", counts]
            writer.writerow(row)
    return text.getvalue()
