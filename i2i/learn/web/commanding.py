"""What a visitor can ask for: one row a command, run by the worker."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ...diagnostics.doctor import DETECTORS
from ...errors import RequestError, require
from .. import cures, views
from ..controls import Settings, checked, usual
from ..course import COURSE
from ..data import DATA, MOST_DRAWN
from ..failures import FAILURES
from ..saying import as_command
from ..training import Training

if TYPE_CHECKING:
    from .sessions import Session

Command = Mapping[str, Any]
Answer = dict[str, Any]


def act(session: Session, command: Command) -> Answer:
    """Do what `command["do"]` names. Raises I2IError with a sentence for the visitor."""
    name = str(command.get("do"))
    require("command", name, COMMANDS)
    return COMMANDS[name](session, command)


def _there(session: Session) -> Training:
    if session.training is None:
        raise RequestError("Nothing is trained yet. Load the page again.")
    return session.training


def _drawn(command: Command) -> list[list[float]]:
    """The points that came with a command, within [-1, 1]."""
    given = command.get("drawn") or []
    if not isinstance(given, list) or len(given) > MOST_DRAWN:
        raise RequestError(f"At most {MOST_DRAWN} points can be drawn.")
    points = [p for p in given if isinstance(p, list) and len(p) == 2 and all(isinstance(v, int | float) for v in p)]
    return [[float(max(-1.0, min(1.0, v))) for v in point] for point in points]


def _given(command: Command) -> dict[str, Any]:
    """The settings that came with a command."""
    given = command.get("settings") or {}
    if not isinstance(given, dict):
        raise RequestError('Settings are names with values, as in {"gan.r1": 1}.')
    return given


def _begin(session: Session, settings: Settings, drawn: Sequence[Sequence[float]], pace: str = "") -> Answer:
    training = Training(settings, drawn)
    session.begin(training)
    session.pace = pace
    return {"anew": True, "number": session.number, **views.still(training)}


def _new(session: Session, command: Command) -> Answer:
    """A new training by these settings."""
    return _begin(session, checked(_given(command)), _drawn(command))


def _look(session: Session, command: Command) -> Answer:  # noqa: ARG001
    """What a page that was loaded again has to know; a training by the usual settings where there is none."""
    if session.training is None:
        return _begin(session, usual(), [])
    return {"anew": False, "number": session.number, **views.still(session.training)}


def _set(session: Session, command: Command) -> Answer:
    """Other settings: while it runs where that is possible, else a new training, which runs if the last one did."""
    training = _there(session)
    given, drawn = _given(command), _drawn(command)
    if not drawn and training.change(given):
        return {"anew": False}
    suited = _suited(training.settings, given)
    return _begin(session, checked({**training.settings, **suited, **given}), drawn or training.drawn, session.pace)


def _suited(before: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Layers for another shape, where those of before were the ones that suit the shape of before."""
    after = DATA.get(str(given.get("data")))
    if after is None:
        return {}
    layers = ("generator.widths", "discriminator.widths")
    return {name: after.widths for name in layers if before[name] == DATA[before["data"]].widths}


def _play(session: Session, command: Command) -> Answer:
    from .sessions import PACES, SPENT

    pace = str(command.get("pace", "play"))
    require("pace", pace, PACES)
    training = _there(session)
    if training.ended:
        raise RequestError(f"{training.ended} Go back, or begin anew.")
    if session.spent:
        raise RequestError(SPENT)
    session.pace = pace
    return {}


def _pause(session: Session, command: Command) -> Answer:  # noqa: ARG001
    session.pace = ""
    return {}


def _step(session: Session, command: Command) -> Answer:  # noqa: ARG001
    """One step, and what there was to see between its two updates."""
    training, session.pace = _there(session), ""
    seen: dict[str, Any] = {}

    def look(side: str) -> None:
        if side == "d":
            seen.update(views.view(training))

    training.watched_step(look)
    session.after_d = seen or None
    return {}


def _provoke(session: Session, command: Command) -> Answer:
    """A new training by the settings of a failure."""
    name = str(command.get("name"))
    require("failure", name, FAILURES)
    return _begin(session, checked(FAILURES[name].settings), [], "fast")


def _cure(session: Session, command: Command) -> Answer:
    """The doctor's remedy, from here or from a moment before the failure began."""
    training, name = _there(session), str(command.get("name"))
    require("failure", name, DETECTORS)
    if name not in training.monitor.ailments:  # it ran on between the frame that was looked at and the click
        return {"note": f"{DETECTORS[name].title} is over already: nothing was changed."}
    cured = cures.cured(training, name)
    if cured is not training:
        session.begin(cured)
    if cured.done:
        _lengthen(cured)
    session.pace = "fast"
    anew = {"anew": True, "number": session.number, **views.still(cured)} if cured is not training else {}
    return {"changed": cured.cures[-1]["settings"], **anew}


def _best(session: Session, command: Command) -> Answer:  # noqa: ARG001
    """Back to where held-out samples were matched best."""
    training = _there(session)
    if training.best is None:
        raise RequestError("Nothing was measured yet. Train a little first.")
    session.pace = ""
    training.go_back(training.best)
    return {}


def _lengthen(training: Training) -> None:
    training.change({"steps": min(20_000, training.step_count + 1500)})


def _extend(session: Session, command: Command) -> Answer:  # noqa: ARG001
    """Some more steps for a run that has reached its end."""
    training = _there(session)
    if training.step_count >= 20_000:
        raise RequestError("20,000 steps are as many as a run has here. Copy it as a command to go on.")
    _lengthen(training)
    session.pace = "fast"
    return {}


def _course(session: Session, command: Command) -> Answer:
    """The training that a lesson begins with."""
    place = command.get("lesson")
    if not isinstance(place, int) or not 0 <= place < len(COURSE):
        raise RequestError(f"The course has lessons 0 to {len(COURSE) - 1}.")
    return _begin(session, checked(COURSE[place].settings), [])


def _command(session: Session, command: Command) -> Answer:  # noqa: ARG001
    """The line and the files that train the very same elsewhere."""
    return as_command(_there(session))


COMMANDS: dict[str, Callable[[Session, Command], Answer]] = {
    "new": _new,
    "look": _look,
    "set": _set,
    "play": _play,
    "pause": _pause,
    "step": _step,
    "provoke": _provoke,
    "cure": _cure,
    "best": _best,
    "extend": _extend,
    "course": _course,
    "command": _command,
}
