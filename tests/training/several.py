"""Processes that train together, for tests: they are started once and do what they are told, all the same thing."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterator
from multiprocessing.connection import Client, Connection, Listener, wait
from pathlib import Path
from typing import Any

PATIENCE = 200
"""Seconds that a job may take."""


class Together:
    """Processes that are one another's partners by gloo."""

    def __init__(self, connections: list[Connection]) -> None:
        self.connections = connections

    def __call__(self, job: Callable[..., Any], *arguments: Any, **named: Any) -> list[Any]:
        """What `job` gives in each process, by rank; raises what it raised, the first process's first."""
        for connection in self.connections:
            connection.send((job, arguments, named))
        answers: dict[Connection, Any] = {}
        while len(answers) < len(self.connections):
            ready = wait([one for one in self.connections if one not in answers], PATIENCE)
            assert ready, "no process answers"
            for connection in ready:
                good, answer = connection.recv()
                if not good:  # the others may wait for it for ever
                    raise RuntimeError(answer)
                answers[connection] = answer
        return [answers[connection] for connection in self.connections]


@contextlib.contextmanager
def together(count: int, folder: Path) -> Iterator[Together]:
    """`count` processes with one thread each that have joined, until the end of the block."""
    listener = Listener(str(folder / "door"), "AF_UNIX")
    here = [str(path) for path in sys.path if path]
    places = {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(here), "WORLD_SIZE": str(count)}
    started = [
        subprocess.Popen(
            [sys.executable, __file__, str(folder)], env={**os.environ, **places, "RANK": str(n), "LOCAL_RANK": str(n)}
        )
        for n in range(count)
    ]
    try:
        connections: dict[int, Connection] = {}
        while len(connections) < count:
            connection = listener.accept()
            connections[connection.recv()] = connection
        yield Together([connections[n] for n in range(count)])
        for connection in connections.values():
            connection.send(None)
        for process in started:
            process.wait(30)
    finally:
        listener.close()
        for process in started:
            process.kill()
            process.wait()


def _serve(folder: Path) -> None:
    """Do jobs until there are no more."""
    from torch import distributed

    rank, count = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=count)
    with Client(str(folder / "door"), "AF_UNIX") as connection:
        connection.send(rank)
        while (order := connection.recv()) is not None:
            job, arguments, named = order
            try:
                connection.send((True, job(*arguments, **named)))
            except Exception:
                connection.send((False, traceback.format_exc()))
    distributed.destroy_process_group()


if __name__ == "__main__":
    _serve(Path(sys.argv[1]))
