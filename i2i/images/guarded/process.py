"""The nursery and its workers, as the server's process sees them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import Any

from . import wire

_START = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from {package}.nursery import main; main(int(sys.argv[1]))"
)
ENVIRONMENT = {
    # One thread each, and one arena of memory: the limit is of addresses, and of these an arena takes 64 MB.
    **dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"),
    "MALLOC_ARENA_MAX": "1",
    "MALLOC_MMAP_THRESHOLD_": str(1 << 20),  # what is freed goes back to the system
    "MALLOC_TRIM_THRESHOLD_": str(8 << 20),
}
SLOW_START = 60.0
"""Seconds for the nursery to load the decoders."""


class Nursery:
    """Forks workers. Safe to call from several threads."""

    def __init__(self) -> None:
        """Start it; the first `fork` waits for it to be ready. Raises OSError."""
        self._socket, theirs = socket.socketpair()
        with theirs:
            code = _START.format(package=__package__)
            self._process = subprocess.Popen(
                [sys.executable, "-c", code, str(theirs.fileno()), json.dumps(sys.path)],
                pass_fds=[theirs.fileno()],
                env={**os.environ, **ENVIRONMENT},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,  # decoders murmur of every damaged file
                start_new_session=True,  # Ctrl-C is for the server, which lets requests end
            )
        self._socket.settimeout(SLOW_START)
        self._lock = threading.Lock()
        self._is_ready = False

    def fork(self, nice: int = 0) -> Worker:
        """A new worker; raises wire.GoneError where there is no nursery any more."""
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, wire.BUFFER)
        try:
            with theirs:
                pid = self._ask({"do": "fork", "nice": nice}, theirs)["pid"]
            return Worker(self, int(pid), ours)
        except BaseException:
            ours.close()
            raise

    def reap(self, pid: int) -> int:
        """Wait for the end of a process: its exit status, or the negative number of the signal that ended it."""
        return int(self._ask({"do": "reap", "pid": pid})["status"])

    def _ask(self, said: dict[str, Any], end: socket.socket | None = None) -> dict[str, Any]:
        with self._lock:
            try:
                if not self._is_ready:
                    wire.receive(self._socket)
                    self._is_ready = True
                wire.send(self._socket, said)
                if end is not None:
                    socket.send_fds(self._socket, [b"."], [end.fileno()])
                return wire.receive(self._socket)
            except OSError as error:  # a timeout among them
                raise wire.GoneError from error

    def is_alive(self) -> bool:
        """Whether it may still fork."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it, and with it what it forked: workers end when their sockets close."""
        self._socket.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(1)
            return
        self._process.kill()
        self._process.wait()


class Worker:
    """A process that decodes, one picture at a time."""

    def __init__(self, nursery: Nursery, pid: int, connection: socket.socket) -> None:
        self.pid, self.connection, self._nursery = pid, connection, nursery
        self._ended = False

    def is_idle(self) -> bool:
        """Whether it waits for a job: of one that has ended, or says something unasked, the socket can be read."""
        return not select.select([self.connection], [], [], 0)[0]

    def ask(self, said: dict[str, Any], data: bytes, patience: float) -> dict[str, Any]:
        """Give it a job; the header of its answer. Raises wire.GoneError, or TimeoutError after `patience` seconds."""
        self.connection.settimeout(patience)
        if len(data) <= wire.INLINE:
            wire.send(self.connection, {**said, "bytes": len(data)}, data)
        else:
            wire.send(self.connection, {**said, "bytes": len(data)})
            wire.send_memory(self.connection, [data])
        return wire.receive(self.connection)

    def seconds(self) -> float:
        """Of the processor that it has used; 0 where the system does not tell."""
        with contextlib.suppress(OSError, OverflowError):
            return time.clock_gettime((~self.pid << 3) | 2)  # the clock of a process (clock_getcpuclockid of Linux)
        return 0.0

    def end(self) -> int:
        """Kill it, unless it has ended; its exit status, or the negative number of the signal that ended it."""
        self.connection.close()  # one that waits ends by itself
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)  # not reaped yet, so that the number is still its own
        try:
            return self._nursery.reap(self.pid)
        except wire.GoneError:
            return -signal.SIGKILL
