"""What the comparison says in sentences: which run is ahead, by how much, and whether chance explains it."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence

from ...evaluation.metrics import LEAST
from ...text import listed
from ...training.best import higher_is_better
from .runs import Compared
from .scores import Difference, Scored, difference, in_common

NOT_SHOWN = "not told apart: the interval of the difference includes zero"


@dataclasses.dataclass(frozen=True)
class Against:
    """How a run stands to the first one in a metric of pairs."""

    difference: Difference | None
    words: str
    level: str
    """`good` when it is better, `bad` when it is worse, else `note`."""


def verdict(runs: Sequence[Compared]) -> str:
    """The sentence at the top; where some runs were not scored, it is of the others."""
    scored = [one for one in runs if one.scores]
    if 2 <= len(scored) < len(runs):
        rest = [one.name for one in runs if not one.scores]
        return f"{verdict(scored)} {listed(*rest, last='and')} {'is' if len(rest) == 1 else 'are'} not scored yet."
    common = [name for name in runs[0].scores if all(name in one.scores for one in runs)]
    for metric in common:
        if said := _by_scores(runs, metric, common):
            return said
    for metric in common:  # of sets, where nothing is paired
        best = _best(runs, metric)
        ends = [one.scores[metric].interval for one in runs]
        apart = all(one is best or _apart(one.scores[metric], best.scores[metric]) for one in runs)
        if all(ends):
            return f"{best.name} has the best {_label(metric)} ({best.scores[metric].value:.4g}), and " + (
                "its interval lies apart from those of the others." if apart else "the intervals overlap."
            )
    return _by_validation(runs)


def against_first(runs: Sequence[Compared], metric: str) -> list[Against | None]:
    """For each run; None for the first one, and where either has no such figure."""
    first = runs[0].scores.get(metric)
    found: list[Against | None] = [None]
    for one in runs[1:]:
        scored = one.scores.get(metric)
        if first is None or scored is None or not (first.values and scored.values):
            found.append(None)
            continue
        found.append(_stands(difference(first, scored), metric, runs[0].name))
    return found


def unscored(runs: Sequence[Compared]) -> list[str]:
    """The command for each run that was not scored."""
    commands = [(one.run.path, one.data) for one in runs if not one.scores]
    return [shlex.join(["i2i", "evaluate", str(path), data]) for path, data in commands]


def _stands(found: Difference | None, metric: str, first: str) -> Against:
    if found is None:
        return Against(None, "scored on other pictures", "note")
    if found.interval is None:
        return Against(found, f"{found.count} pictures in common are too few to say ({LEAST} are needed)", "note")
    if not found.excludes_zero:
        return Against(found, NOT_SHOWN, "note")
    better = (found.mean > 0) == higher_is_better(metric)
    word = "better" if better else "worse"
    return Against(found, f"{word} than {first}: the interval excludes zero", "good" if better else "bad")


def _by_scores(runs: Sequence[Compared], metric: str, common: Sequence[str]) -> str:
    """By a metric of pairs; "" where the runs were not scored on the same pictures."""
    names = in_common([one.scores[metric] for one in runs])
    if not names:
        return ""
    scored = [one.scores[metric].over(names) for one in runs]  # or each mean would be over pictures of its own
    values = [one.value for one in scored]
    number = values.index((max if higher_is_better(metric) else min)(values))
    best, value = runs[number], values[number]
    fewer = any(len(one.scores[metric].values) > len(names) for one in runs)
    apart: list[tuple[Compared, Difference]] = []
    close: list[tuple[Compared, Difference]] = []
    for one, its in zip(runs, scored, strict=True):
        if one is best:
            continue
        found = difference(its, scored[number])
        if found is None or found.interval is None:
            return ""
        (apart if found.excludes_zero else close).append((one, found))
    over = f" over the {len(names)} pictures that all have" if fewer else ""
    said = f"{best.name} has the best {_label(metric)}{over} ({value:.4g}). "
    if close:
        one, found = close[0]
        others = listed(*(one.name for one, _ in close), last="and")
        said += (
            f"It is not told apart from {others}: over {found.count} pictures that both have, the difference from "
            f"{one.name} is {_span(found)}, which includes zero."
        )
    for one, found in apart if not close else ():
        said += f"Over {found.count} pictures that both have, it is ahead of {one.name} by {_span(found)}. "
    if not close:
        said += (
            "Chance alone would hardly give that: zero is excluded." if len(apart) == 1 else "No interval holds zero."
        )
    return said.strip() + _contradicted(runs, best, metric, common)


def _contradicted(runs: Sequence[Compared], best: Compared, metric: str, common: Sequence[str]) -> str:
    """Where another metric says the opposite, and is sure of it."""
    for other in common:
        for one in runs:
            found = difference(best.scores[other], one.scores[other]) if one is not best and other != metric else None
            if found and found.excludes_zero and (found.mean > 0) == higher_is_better(other):
                return f" But by {_label(other)} {one.name} is better than it, by {_span(found)}."
    return ""


def _by_validation(runs: Sequence[Compared]) -> str:
    figures = {one.figure[0] for one in runs if one.figure}
    with_figure = [one for one in runs if one.figure]
    if len(figures) != 1 or len(with_figure) < len(runs):
        return "These runs have no figure in common that says which is better; look at the pictures."
    (key,) = figures
    pick = max if higher_is_better(key) else min
    best = pick(with_figure, key=lambda one: one.figure[1].value if one.figure else 0)
    rest = ", ".join(f"{one.name} {one.figure[1].value:.4g}" for one in with_figure if one is not best and one.figure)
    assert best.figure is not None
    if len({one.figure[1].value for one in with_figure if one.figure}) == 1:
        same = f"All have the same best validation {_label(key.removeprefix('val_'))} ({best.figure[1].value:.4g})."
        return f"{same} {_to_know(runs)}"
    return (
        f"By its best validation {_label(key.removeprefix('val_'))} {best.name} is ahead ({best.figure[1].value:.4g}; "
        f"{rest}), but that figure has no interval. {_to_know(runs)}"
    )


def _to_know(runs: Sequence[Compared]) -> str:
    """What would give one."""
    known = [metric for metric in runs[0].scores if all(metric in one.scores for one in runs)]
    found = [difference(runs[0].scores[metric], one.scores[metric]) for metric in known for one in runs[1:]]
    common = min((one.count for one in found if one), default=0)
    if not common:
        return "Score the runs on the same pictures to know."
    return f"They have been scored on {common} pictures in common; {LEAST} or more would tell."


def _best(runs: Sequence[Compared], metric: str) -> Compared:
    pick = max if higher_is_better(metric) else min
    return pick(runs, key=lambda one: one.scores[metric].value)


def _apart(one: Scored, other: Scored) -> bool:
    if one.interval is None or other.interval is None:
        return False
    return one.interval[0] > other.interval[1] or other.interval[0] > one.interval[1]


def _label(metric: str) -> str:
    return metric.upper() if len(metric) <= 5 else metric.replace("_", " ")


def _span(found: Difference) -> str:
    assert found.interval is not None
    low, high = sorted(abs(end) for end in found.interval) if found.excludes_zero else found.interval
    mean = abs(found.mean) if found.excludes_zero else found.mean
    return f"{mean:.3g} (95 % interval {low:.3g} to {high:.3g})"
