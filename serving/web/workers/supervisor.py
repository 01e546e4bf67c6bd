"""Starts the processes of a server, starts anew one that dies, and stops them together."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ....errors import I2IError, RequestError

Work = Callable[..., None]
"""`work(listening, number, meeting, ready, **options)` serves on a socket until a signal, and calls `ready` before."""

RESTARTS, WITHIN = 5, 60.0
"""So many that die within so many seconds end the server: it would not do better the next time."""
PAUSE = 0.5
"""Seconds between two looks."""


def supervise(
    count: int, listening: socket.socket, work: Work, options: dict[str, Any], say: Callable[[str], None]
) -> None:
    """Have `count` processes `work` on the socket until SIGTERM or Ctrl-C; `work` and `options` have to be such as can
    be sent to another process. SIGHUP goes on to all of them.

    Raises RequestError with what the first of them said that could not begin, and when they die again and again.
    """
    with tempfile.TemporaryDirectory(prefix="i2i-") as folder:
        team = _Team(listening, work, {**options, "meeting": Path(folder)}, say)
        with _heard(team):
            try:
                team.run(count)
            finally:
                team.end()


class _Team:
    def __init__(
        self, listening: socket.socket, work: Work, options: dict[str, Any], say: Callable[[str], None]
    ) -> None:
        self.listening, self.work, self.options, self.say = listening, work, options, say
        self.is_ending = False
        self._context = multiprocessing.get_context("spawn")
        self._members: dict[int, tuple[multiprocessing.process.BaseProcess, Connection]] = {}
        self._died: list[float] = []

    def run(self, count: int) -> None:
        for number in range(count):
            self._start(number)
        for number in range(count):
            self._await(number)
        if not self.is_ending:
            self.say(f"{count} processes are serving.")
        while self._members:
            wait([process.sentinel for process, _ in self._members.values()], PAUSE)
            for number in [n for n, (process, _) in self._members.items() if not process.is_alive()]:
                self._buried(number)

    def signal(self, kind: int) -> None:
        """To all of them."""
        for process, _ in list(self._members.values()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid or 0, kind)

    def end(self) -> None:
        """Whatever is left."""
        self.is_ending = True
        for process, held in self._members.values():
            process.kill()
            process.join(10)
            held.close()

    def _start(self, number: int) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(
            target=_member, args=(self.work, theirs, self.listening, number, self.options), name=f"i2i-{number}"
        )
        process.start()
        theirs.close()
        self._members[number] = (process, ours)

    def _await(self, number: int) -> None:
        """Until it serves."""
        _, said = self._members[number]
        try:
            error = said.recv()
        except EOFError:
            error = None if self.is_ending else "A process of the server ended before it served."
        if error is not None:
            raise RequestError(error)

    def _buried(self, number: int) -> None:
        process, held = self._members.pop(number)
        held.close()
        if self.is_ending:
            return
        now = time.monotonic()
        self._died = [*(when for when in self._died if now - when < WITHIN), now]
        if len(self._died) > RESTARTS:
            raise RequestError(f"Processes of the server died {len(self._died)} times in {WITHIN:g} s; it ends.")
        self.say(f"A process of the server ended ({_why(process.exitcode)}); another is started.")
        self._start(number)
        with contextlib.suppress(RequestError):  # it is seen to be dead with the next look
            self._await(number)


def _why(code: int | None) -> str:
    return f"signal {-code}" if code is not None and code < 0 else f"status {code}"


@contextlib.contextmanager
def _heard(team: _Team) -> Iterator[None]:
    """Signals go to all; the first that ends is followed by a second one only when we are told twice, too."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def ends(*_: object) -> None:
        team.is_ending = True
        team.signal(signal.SIGTERM)

    kinds: dict[int, Any] = {signal.SIGINT: ends, signal.SIGTERM: ends}
    if hasattr(signal, "SIGHUP"):
        kinds[signal.SIGHUP] = lambda kind, _frame: team.signal(kind)
    before = {kind: signal.signal(kind, handler) for kind, handler in kinds.items()}
    try:
        yield
    finally:
        for kind, handler in before.items():
            signal.signal(kind, handler)


def _member(work: Work, held: Connection, listening: socket.socket, number: int, options: dict[str, Any]) -> None:
    """One of the processes. What it says first is None, when it serves, or why it cannot."""
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C reaches the first process alone, which tells us
    threading.Thread(target=_end_with, args=(held,), daemon=True).start()
    try:
        work(listening, number=number, ready=lambda: held.send(None), **options)
    except I2IError as error:
        with contextlib.suppress(OSError):
            held.send(str(error))
        raise SystemExit(2) from error


def _end_with(held: Connection) -> None:
    """End when the process is gone that started this one, even if it was killed."""
    with contextlib.suppress(EOFError, OSError):
        held.recv()
    os.kill(os.getpid(), signal.SIGTERM)
