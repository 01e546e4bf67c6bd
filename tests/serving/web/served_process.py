"""The server as its command starts it, in processes of its own whose memory is watched."""

from __future__ import annotations

import contextlib
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx


class Served:
    """`with Served(model) as served`: `i2i serve MODEL` on a free port."""

    def __init__(
        self,
        model: Path,
        *options: str,
        descriptors: int | None = None,
        under: Sequence[str] = (),
        **environment: str,
    ) -> None:
        """`under` is a command that runs it, as strace does."""
        command = [sys.executable, "-P", "-m", "i2i", "serve", str(model), "--device", "cpu", "--port", "0", *options]
        limit = None if descriptors is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors,) * 2)
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the server
        self.process = subprocess.Popen(
            [*under, *command], stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=limit,
            env={"PATH": "/usr/bin:/bin", **environment},  # not PYTHONUNBUFFERED, nor CI
        )  # fmt: skip
        self.said: list[str] = []
        told = re.search(r"http://127\.0\.0\.1:(\d+)/", self.line_with("Serving at"))
        assert told is not None
        self.port = int(told[1])
        self.base = f"http://127.0.0.1:{self.port}"

    def line_with(self, text: str) -> str:
        """The next line that it says with `text` in it; all are kept in `said`."""
        assert self.process.stdout is not None
        for line in iter(self.process.stdout.readline, ""):
            self.said.append(line)
            if text in line:
                return line
        self.log.seek(0)
        raise AssertionError("".join([*self.said, self.log.read()]))

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        finally:
            self.log.seek(0)
            self.said = self.log.read()
            """What it wrote to its standard error."""
            self.log.close()

    def post(self, data: bytes, path: str = "/v1/translate", visit: str = "") -> httpx.Response:
        return httpx.post(self.base + path, content=data, headers={"x-session-id": visit}, timeout=30)

    def sent(self, data: bytes, length: int | None = None, kind: str = "image/png") -> socket.socket:
        """A client that has sent a picture, or the beginning of it, and has not read its answer."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        head = f"POST /v1/translate HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length or len(data)}\r\n"
        client.sendall(f"{head}content-type: {kind}\r\n\r\n".encode() + data)
        return client

    def pids(self) -> list[int]:
        """Its own and those of its children; the nursery and the decoders are among them."""
        return [self.process.pid, *_children(self.process.pid)]

    def decoders(self) -> list[int]:
        """Those that decode, or wait to: grandchildren."""
        return [pid for child in _children(self.process.pid) for pid in _children(child)]

    def megabytes(self) -> float:
        """Resident, of all its processes; what several share counts once."""
        return sum(map(_megabytes, self.pids()))

    @contextlib.contextmanager
    def watched(self, every: float = 0.01) -> Iterator[Watch]:
        """Within, its memory is sampled, so many seconds apart (a sample of a large process takes some ms)."""
        watch, ends = Watch(self.megabytes()), threading.Event()

        def sample() -> None:
            while not ends.wait(every):
                watch.most = max(watch.most, self.megabytes())

        thread = threading.Thread(target=sample, daemon=True)
        thread.start()
        try:
            yield watch
        finally:
            ends.set()
            thread.join(10)


class Watch:
    """Megabytes: before, and the most since."""

    def __init__(self, before: float) -> None:
        self.before = self.most = before
        self.began = time.monotonic()

    @property
    def more(self) -> float:
        return self.most - self.before


def _megabytes(pid: int) -> float:
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        tasks = Path(f"/proc/{pid}/task").iterdir()
        own = [int(child) for task in tasks for child in (task / "children").read_text().split()]
        return own + [further for child in own for further in _children(child)]
    return []
