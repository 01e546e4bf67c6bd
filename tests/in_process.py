"""A command of i2i in the test's own process, or in a fork of one that has loaded torch."""

from __future__ import annotations

import functools
import multiprocessing
import os
import signal
import sys
import tempfile
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from multiprocessing.reduction import DupFd
from pathlib import Path
from typing import Any

import pytest

from i2i.commands import main


def exit_status(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    """Of `i2i ARGUMENTS`, once it has ended."""
    monkeypatch.setattr(sys, "argv", ["i2i", *map(str, arguments)])
    status: object = 0
    try:
        main()
    except SystemExit as end:
        status = end.code or 0
    assert isinstance(status, int)
    return status


class Forked:
    """`i2i ARGUMENTS` in a process to kill and to signal, which need not load torch for seconds.

    It is forked from a server that has: torch forbids backward passes to forks of a process that has made some.

    `out` and `err` are descriptors for its streams; what has none goes to a file that `said()` reads.
    """

    def __init__(
        self, *arguments: object, cwd: Path | None = None, out: int | None = None, err: int | None = None
    ) -> None:
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - read after the process has ended
        streams = [DupFd(self._said.fileno() if stream is None else stream) for stream in (out, err)]
        words = [str(word) for word in arguments]
        self._process = _server().Process(target=_run, args=(streams, words, cwd or Path.cwd()))
        self._process.start()

    def send_signal(self, number: int) -> None:
        assert self._process.pid is not None
        os.kill(self._process.pid, number)

    def ended(self, timeout: float = 240) -> int:
        """Its exit status, that of a signal negative; killed and failed when it takes longer."""
        self._process.join(timeout)
        if self._process.exitcode is None:
            self._process.kill()
            self._process.join(10)
            raise AssertionError(f"not ended within {timeout} s: {self.said()}")
        return self._process.exitcode

    def status(self) -> int | None:
        """Its exit status as `ended` gives it, None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """Kill it, if it lives, and wait for its end."""
        self._process.kill()
        self._process.join(60)

    def said(self) -> str:
        """What came to neither `out` nor `err`."""
        self._said.seek(0)
        return self._said.read().decode()


@functools.cache
def _server() -> ForkServerContext:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["loaded"])
    with pytest.MonkeyPatch.context() as patch:  # it looks for modules along no other path
        patch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")]))
        ensure_running()
    return context


def _run(streams: list[Any], words: list[str], cwd: Path) -> None:
    for number, stream in enumerate(streams, 1):
        os.dup2(stream.detach(), number)
    for number, name in enumerate(("stdout", "stderr"), 1):
        stream = open(number, "w", encoding="utf-8", closefd=False)  # noqa: SIM115 - the process's own, as at its start
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.chdir(cwd)
    sys.argv = ["i2i", *words]
    main()
