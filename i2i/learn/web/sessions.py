"""The visitors of the page, and the one worker that trains for all of them in turn.

Nothing is computed in the event loop: a request leaves a command, or asks for a frame, and waits in a thread of its
own. A visitor's training is bounded in memory (sizes of CONTROLS, moments that are kept) and in time (steps a second,
seconds of work); without anybody who looks it stands still, and is forgotten later.
"""

from __future__ import annotations

import json
import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from typing import Any

from ...errors import DataError, I2IError, RequestError
from .. import views
from ..cures import ailments
from ..training import Training
from .commanding import act

MOST = 6
"""Visitors at a time, usually."""

SLICE = 0.04
"""Seconds for which a visitor's training runs before the next one's turn."""

PACES = {"play": 25.0, "fast": 400.0}
"""Steps a second, at most."""

UNSEEN, FORGOTTEN, MAY_GO = 20.0, 900.0, 60.0
"""Seconds without a request after which a training stands still, is forgotten, or is so where others wait."""

WORK = 1800.0
"""Seconds of steps that a visitor has."""

SPENT = f"{WORK / 60:.0f} minutes of training are over in this tab. Open its address in a new tab for more."
FAILED = "The server failed at this training ({}). Go back to the best, begin anew, or change a setting."

FULL = (
    "{} people train here already, which is as many as this server takes at a time. Try again in a minute, or start "
    "your own: i2i learn."
)


_LOG = logging.getLogger(__name__)


class Session:
    """One visitor."""

    def __init__(self) -> None:
        self.id = secrets.token_urlsafe(18)
        self.training: Training | None = None
        self.pace = ""
        """A name of PACES, or "" while it stands still."""
        self.seen = time.monotonic()
        self.credit, self.since = 0.0, time.monotonic()
        self.worked = 0.0
        self.version = 0
        """Goes up with everything that changes what is seen."""
        self.frame, self.framed, self.framed_from = b"", -1, 0
        """What was last to be seen, its version, and the line of the log from which on it has them."""
        self.rests_until = 0.0
        """When the next frame may be made while it trains, so that looking takes a third of the time at most."""
        self.wanted = False
        self.lines = 0
        """Lines of the log that the page has."""
        self.number = 0
        """Of the training: goes up with each new one."""
        self.after_d: dict[str, Any] | None = None
        """What was there between the two updates of the last step that was watched."""
        self.note = ""
        self.failed = ""
        """What its last turn failed at; "" where it did not."""
        self.commands: deque[tuple[Mapping[str, Any], Future[dict[str, Any]]]] = deque()
        self.ready = threading.Condition()

    def begin(self, training: Training) -> None:
        """Another training from here on."""
        self.training, self.number, self.after_d, self.note, self.failed = training, self.number + 1, None, "", ""

    @property
    def spent(self) -> bool:
        """Whether it has had its seconds of steps."""
        return self.worked > WORK

    def fail(self, error: Exception) -> None:
        """Stand still, and tell who waits for a frame."""
        with self.ready:
            self.pace, self.failed, self.wanted = "", FAILED.format(type(error).__name__), False
            self.version += 1
            self.ready.notify_all()

    def due(self, now: float) -> int:
        """Steps to be made by now."""
        passed, self.since = min(now - self.since, 0.25), now
        if not self.pace or self.training is None or self.training.done:
            self.credit = 0.0
            return 0
        self.credit += passed * PACES[self.pace]
        return int(self.credit)


class Sessions:
    """All visitors, and the thread that works for them."""

    def __init__(self, most: int = MOST) -> None:
        self.most = most
        self._all: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._over = False
        self._thread = threading.Thread(target=self._work, name="i2i-learn", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """End the worker."""
        self._over = True
        self._wake.set()
        self._thread.join(10)

    def join(self) -> Session:
        """A new visitor. Raises RequestError where there are too many."""
        with self._lock:
            self._forget(FORGOTTEN)
            if len(self._all) >= self.most:
                self._forget(MAY_GO)
            if len(self._all) >= self.most:
                raise RequestError(FULL.format(self.most))
            session = Session()
            self._all[session.id] = session
            return session

    def get(self, name: str) -> Session | None:
        """The visitor of that id, who is there."""
        with self._lock:
            session = self._all.get(name)
        if session is not None:
            session.seen = time.monotonic()
        return session

    def _forget(self, seconds: float) -> None:
        now = time.monotonic()
        for name in [name for name, one in self._all.items() if now - one.seen > seconds]:
            del self._all[name]

    def do(self, session: Session, command: Mapping[str, Any], seconds: float = 30) -> dict[str, Any]:
        """Have the worker do it; raises what it raises, TimeoutError after so many seconds."""
        found: Future[dict[str, Any]] = Future()
        session.commands.append((command, found))
        self._wake.set()
        return found.result(seconds)

    def frame(self, session: Session, version: int, lines: int, seconds: float = 1.0) -> bytes:
        """What is to be seen, newer than `version`; b"" where nothing new came within so many seconds.

        Raises RequestError where the visitor's last turn failed, once.
        """
        with session.ready:
            session.lines, session.wanted = lines, True
            self._wake.set()
            there = session.ready.wait_for(
                lambda: session.failed or (session.framed > version and session.framed_from == lines), seconds
            )
            if session.failed:
                failed, session.failed = session.failed, ""
                raise RequestError(failed)
            return session.frame if there else b""

    def _work(self) -> None:
        while not self._over:
            self._wake.clear()
            with self._lock:
                self._forget(FORGOTTEN)
                everybody = list(self._all.values())
            turns = [self._turn(session) for session in everybody]
            if not any(turns):
                self._wake.wait(0.02 if any(one.pace for one in everybody) else 0.5)

    def _turn(self, session: Session) -> bool:
        """The same as `_serve`; what fails there ends this turn, and nobody else's."""
        try:
            return self._serve(session)
        except Exception as error:
            _LOG.exception("a turn of a visitor failed")
            session.fail(error)
            return False

    def _serve(self, session: Session) -> bool:
        """A turn of one visitor; whether there was something to do."""
        busy = False
        while session.commands:
            command, found = session.commands.popleft()
            busy = True
            try:
                found.set_result(act(session, command))
            except Exception as error:  # told to who asked
                found.set_exception(error)
            session.version += 1
        busy |= self._train(session)
        stale = session.framed < session.version or session.framed_from != session.lines
        began = time.monotonic()
        rests = bool(session.pace) and began < session.rests_until
        if session.wanted and session.training is not None and stale and not rests:
            lines, version = session.lines, session.version
            frame = json.dumps(told(session, lines), separators=(",", ":"), allow_nan=False).encode()
            with session.ready:
                session.frame, session.framed, session.framed_from, session.wanted = frame, version, lines, False
                session.ready.notify_all()
            session.rests_until = time.monotonic() + 2 * (time.monotonic() - began)
            busy = True
        return busy

    def _train(self, session: Session) -> bool:
        began = time.monotonic()
        if session.pace and began - session.seen > UNSEEN:
            session.pace = ""
            session.version += 1
        if session.pace and session.spent:
            session.pace, session.note = "", SPENT
            session.version += 1
        due = session.due(began)
        training = session.training
        if not due or training is None:
            return False
        done = 0
        while done < due and not training.done and time.monotonic() - began < SLICE:
            training.steps(1)
            done += 1
        session.credit = min(session.credit - done, 50.0)
        session.worked += time.monotonic() - began
        session.after_d = None
        session.version += 1
        if training.done:
            session.pace = ""
        return True


def told(session: Session, since: int) -> dict[str, Any]:
    """A frame, with the lines of the log from `since` on; with all of them where there are not so many."""
    training = session.training
    assert training is not None
    lines = training.lines
    since = since if since <= len(lines) else 0
    return {
        **{"version": session.version, "number": session.number, "step": training.step_count, "total": training.total},
        **{"pace": session.pace, "done": training.done, "ended": training.ended, "note": session.note},
        **{"since": since, "lines": lines[since : since + 2000], "settings": training.settings},
        **{
            "ailments": ailments(training),
            "cures": training.cures,
            "view": views.view(training),
            "after_d": session.after_d,
        },
        **{"best": training.best.step if training.best else None, "changes": training.changes},
        **{"parts": training.shape.parts, "names": training.shape.names},
    }


def refusal(call: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], int]:
    """(answer, status) of a command: what the visitor asked wrongly is told in a sentence."""
    try:
        return call(), 200
    except (I2IError, DataError) as error:
        return {"error": str(error)}, 422
    except TimeoutError:
        return {"error": "The server has too much to do. Try again."}, 503
    except Exception as error:
        _LOG.exception("a command failed")
        return {"error": FAILED.format(type(error).__name__)}, 500
