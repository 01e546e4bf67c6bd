"""A command of i2i in the test's own process, or in a fork of it."""

from __future__ import annotations

import functools
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
from pathlib import Path

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
    """`i2i ARGUMENTS` in a fork of the test's process: one to kill and to signal, which need not load torch for seconds.

    `out` and `err` are descriptors for its streams; what has none goes to a file that `said()` reads.
    """

    def __init__(
        self, *arguments: object, cwd: Path | None = None, out: int | None = None, err: int | None = None
    ) -> None:
        _load()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - read after the process has ended
        words = [str(word) for word in arguments]
        streams = [self._said.fileno() if stream is None else stream for stream in (out, err)]
        self._process = multiprocessing.get_context("fork").Process(target=_run, args=(streams, words, cwd))
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

    def said(self) -> str:
        """What came to neither `out` nor `err`."""
        self._said.seek(0)
        return self._said.read().decode()


@functools.cache
def _load() -> None:
    """What training loads, once for all forks."""
    from exports import load_exporter

    importlib.import_module("albumentations")
    importlib.import_module("i2i.workflows.train")
    load_exporter()


def _run(streams: list[int], words: list[str], cwd: Path | None) -> None:
    for number, stream in enumerate(streams, 1):
        os.dup2(stream, number)
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", closefd=False) for n in (1, 2))  # noqa: SIM115
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    sys.modules["torch"].set_num_threads(1)  # OpenMP's other threads were not forked along
    if cwd is not None:
        os.chdir(cwd)
    sys.argv = ["i2i", *words]
    main()
