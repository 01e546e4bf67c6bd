"""What the doctor has named in a training, what is done against it, and whether that has helped."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict

from ..diagnostics.doctor import DETECTORS, Ailment, Monitor
from ..settings import flat, parse_assignments
from .controls import CONTROLS, checked
from .failures import FAILURES

if TYPE_CHECKING:
    from .training import Training


class Cure(TypedDict):
    """What was done against a failure."""

    name: str
    title: str
    settings: dict[str, Any]
    at: int
    """The step at which it was done."""
    back: int | None
    """The step from which it goes on, where that is an earlier one."""
    over: int | None
    """The step at which it had helped; None while it has not yet."""


def remedy(ailment: Ailment) -> dict[str, Any]:
    """What the doctor says, as settings of the page; those that it does not have are left out."""
    row, anew = FAILURES.get(ailment.name), DETECTORS[ailment.name].anew
    asked = flat(parse_assignments(ailment.remedy), keep_empty=True) | dict(row.besides if row else {})
    return {name: value for name, value in asked.items() if name in CONTROLS and (anew or not CONTROLS[name].anew)}


def goes_back(training: Training, name: str) -> bool:
    """Whether the cure of this failure begins from a moment before it."""
    row = FAILURES.get(name)
    return bool(training.ended) or DETECTORS[name].anew or bool(row and row.back)


def cured(training: Training, name: str) -> Training:
    """What goes on with the remedy of the failure `name`: this training, from here or from a moment before it began.

    A new one where the remedy is of other networks. Raises KeyError where the failure is not there, ConfigError where
    the remedy does not go with the settings; then nothing is done.
    """
    ailment, goes_on = training.monitor.ailments[name], training
    given, until, back = remedy(ailment), training.step_count, goes_back(training, name)
    if DETECTORS[name].anew:
        goes_on = type(training)(checked({**training.settings, **given}), training.drawn)
    else:
        training.verify(given)
        if back:
            before = [one for one in training.moments if one.images < ailment.images]
            training.go_back(before[-1] if before else training.moments[0])
        training.change(given)
    done = Cure(
        name=name, title=ailment.title, settings=given, at=until, back=goes_on.step_count if back else None, over=None
    )
    goes_on.cures = [*(one for one in training.cures if one["name"] != name), done]
    return goes_on


def see(cures: Sequence[Cure], monitor: Monitor, step: int) -> None:
    """Whether what was done has helped: the failure is over, or did not come again where it had been before."""
    for cure in cures:
        if cure["name"] in monitor.ailments:
            cure["over"] = None
        elif cure["over"] is None and (cure["back"] is None or step >= cure["at"]):
            cure["over"] = step


def ailments(training: Training) -> list[dict[str, Any]]:
    """What the doctor has named, newest first: what is there, then what is over."""
    there = sorted(training.monitor.ailments.values(), key=lambda one: -one.found)
    past = sorted(training.monitor.past, key=lambda one: -(one.over or 0))
    batch = training.settings["batch"]
    return [
        {
            **{"name": one.name, "title": one.title, "sentence": one.sentence(), "began": one.step},
            **{"found": one.found // batch, "over": one.over // batch if one.over is not None else None},
            **{"remedy": one.remedy, "settings": remedy(one), "back": goes_back(training, one.name)},
        }
        for one in (*there, *past)
    ]
