"""A server as its command starts it, and clients that ask it: for benchmarks.experiments.server.

Clients are sockets, so that they take little of the processors that they share with the server (a client of httpx takes
ten times as much).
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import resource
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
from PIL import Image


class Served:
    """A server, as its command starts it."""

    def __init__(self, model: str, device: str, *options: str, descriptors: int | None = None) -> None:
        command = [sys.executable, "-P", "-m", "i2i", "serve", model, "--device", device, "--port", "0", *options]
        limit = None if descriptors is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors,) * 2)
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  closed with the server
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True, preexec_fn=limit)
        assert self.process.stdout is not None
        lines = iter(self.process.stdout.readline, "")
        found = (re.search(r"http://127\.0\.0\.1:(\d+)/", line) for line in lines)
        self.port = int(next(match for match in found if match is not None)[1])
        self.base = f"http://127.0.0.1:{self.port}"
        self.client = httpx.Client()

    def __enter__(self) -> Served:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
        self.log.close()

    def post(self, data: bytes, visit: str = "", timeout: float = 300) -> httpx.Response:
        """One picture, by a client of its own."""
        headers = {"x-session-id": visit}
        return self.client.post(f"{self.base}/v1/translate", content=data, headers=headers, timeout=timeout)

    def processor(self) -> float:
        """Seconds of the processor that it has taken, with its own processes."""
        return sum(_processor(pid) for pid in (self.process.pid, *_children(self.process.pid)))

    def memory(self) -> int:
        """Bytes that it holds, with its own processes."""
        pids = (self.process.pid, *_children(self.process.pid))
        return sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids) * 4096


def _processor(pid: int) -> float:
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")  # with its ended children
    return 0.0


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        own = [
            int(child)
            for task in Path(f"/proc/{pid}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
        return own + [further for child in own for further in _children(child)]
    return []


def picture(width: int, height: int, kind: str = "JPEG") -> bytes:
    """Smooth, with some noise, as photographs are."""
    rng = np.random.default_rng(width)
    small = rng.integers(0, 256, (max(2, height // 32), max(2, width // 32), 3), dtype=np.uint8)
    image = Image.fromarray(small).resize((width, height), Image.Resampling.BICUBIC)
    noisy = np.clip(np.asarray(image) + rng.normal(0, 4, (height, width, 3)), 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noisy).save(buffer, kind, quality=90)
    return buffer.getvalue()


def milliseconds(work: Callable[[], object], seconds: float = 3.0) -> float:
    """Of the processor, each time."""
    work()
    began, before, count = time.monotonic(), time.process_time(), 0
    while time.monotonic() - began < seconds:
        work()
        count += 1
    return 1000 * (time.process_time() - before) / count


class Asking:
    """A client of its own, that keeps its connection."""

    def __init__(self, port: int, visit: str) -> None:
        self.visit = visit
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=300)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Asking:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave."""
        self._socket.close()

    def ask(self, data: bytes, visit: str | None = None) -> tuple[int, float]:
        """Have a picture translated: (status, seconds that Retry-After says, or 0). Raises OSError."""
        told = f"host: localhost\r\nx-session-id: {visit or self.visit}\r\ncontent-length: {len(data)}\r\n\r\n"
        self._socket.sendall(f"POST /v1/translate HTTP/1.1\r\n{told}".encode() + data)
        got = b""
        while b"\r\n\r\n" not in got:
            got += self._received()
        head, _, body = got.partition(b"\r\n\r\n")
        names = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
        left = int(names[b"content-length"]) - len(body)
        while left > 0:
            left -= len(self._received())
        return int(head.split()[1]), float(names.get(b"retry-after", 0))

    def _received(self) -> bytes:
        found = self._socket.recv(1 << 18)
        if not found:
            raise ConnectionError("The server closed the connection.")
        return found


def load(served: Served, data: bytes, clients: int, seconds: float) -> tuple[Counter[int], list[float]]:
    """Each client asks again as soon as it is answered, whatever it is told: (statuses, seconds of good answers)."""
    end, statuses, times, lock = time.monotonic() + seconds, Counter[int](), [], threading.Lock()

    def ask(number: int) -> None:
        with Asking(served.port, str(number)) as client:
            while time.monotonic() < end:
                began = time.monotonic()
                status, _ = client.ask(data)
                with lock:
                    statuses[status] += 1
                    times.extend([time.monotonic() - began] if status == 200 else [])

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(ask, range(clients)))
    return statuses, times
