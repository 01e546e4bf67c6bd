"""`i2i serve` under load: `python -m benchmarks.experiments.server MODEL [--device cpu]`.

What a picture costs the processor through the server against decoding, the engine alone and encoding; what happens with
many clients, beside a large picture, when clients leave, at SIGTERM and with hundreds of slow clients. The server is a
process of its own; those who ask it share its processors, so that rates are lower than they would be from elsewhere.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import signal
import socket
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np

from i2i.images.decode import read_picture
from i2i.images.encode import encode
from i2i.serving.inference.engine import Engine

from ..command import end_with
from .served import Asking, Served, load, milliseconds, picture
from .soak import soak

Row = tuple[str, str]
SECONDS = 8.0
"""Of each load."""
CLIENTS, ROUNDS = (1, 4, 8), 5
"""Loads that are compared with what a picture costs alone, which is measured between each two of them."""


def cost(model: str, device: str, served: Served) -> Iterator[Row]:
    """A picture of 256x256, alone and through the server; in turns, since other work of the machine comes and goes."""
    engine = Engine(model, device)
    data = picture(256, 256)
    source = read_picture(data)
    result = engine.translate(source)
    batch = np.repeat(np.asarray(engine.prepare(source).feeds["image"]), engine.batcher.largest, axis=0)

    def bare() -> float:
        """Milliseconds of all three, the engine's best included."""
        return sum(milliseconds(work, 1.0) / count for work, count in parts.values())

    alone, many = milliseconds(lambda: engine.run(batch[:1])), milliseconds(lambda: engine.run(batch)) / len(batch)
    parts: dict[str, tuple[Callable[[], object], int]] = {
        "decoding": (lambda: read_picture(data), 1),
        "the engine's best batch": (lambda: engine.run(batch), len(batch))
        if many < alone
        else (lambda: engine.run(batch[:1]), 1),
        "encoding": (lambda: encode(result, "png", is_quick=True), 1),
    }
    shown = " + ".join(f"{milliseconds(work) / count:.1f}" for work, count in parts.values())
    yield f"a picture of 256x256: {', '.join(parts)}", f"{shown} ms"
    each, ratios, waits = (
        {n: list[float]() for n in CLIENTS},
        {n: list[float]() for n in CLIENTS},
        {n: list[float]() for n in CLIENTS},
    )
    before = bare()
    for _ in range(ROUNDS):
        for clients in CLIENTS:
            taken = served.processor()
            answers, times = load(served, data, clients, SECONDS / 2)
            each[clients].append(1000 * (served.processor() - taken) / answers[200])
            after = bare()
            ratios[clients].append(2 * each[clients][-1] / (before + after))
            waits[clients] += times
            before = after
    for clients in CLIENTS:
        low, high = min(ratios[clients]), max(ratios[clients])
        yield (
            f"through the server, {clients} clients, {ROUNDS} rounds in turns",
            f"{float(np.median(each[clients])):.1f} ms of the processor, {float(np.median(ratios[clients])):.2f} times "
            f"({low:.2f} to {high:.2f}); {2 * len(waits[clients]) / SECONDS / ROUNDS:.0f} a second, median "
            f"{1000 * float(np.median(waits[clients])):.0f} ms, 99 % within "
            f"{1000 * float(np.quantile(waits[clients], 0.99)):.0f} ms",
        )
    held, own, before = served.memory(), time.process_time(), served.processor()
    answers, times = load(served, data, 64, SECONDS)
    each, own = 1000 * (served.processor() - before) / answers[200], time.process_time() - own
    yield (
        "64 clients that ask again at once",
        f"{answers[200] / SECONDS:.0f} a second answered, {answers[429] / SECONDS:.0f} refused; {each:.1f} ms of the "
        f"processor for an answer with the refusals, and the clients' own {1000 * own / answers[200]:.1f}; memory "
        f"{held / 1e6:.0f} to {served.memory() / 1e6:.0f} MB",
    )


def refusing(model: str, device: str, data: bytes) -> Iterator[Row]:
    """What a refusal costs the server, whose only place is taken by one that does not send its picture."""
    with Served(model, device, "--max-waiting", "0") as served, contextlib.closing(_sent(served.port, b"", 1000)):
        count, end = 0, time.monotonic() + 4
        with Asking(served.port, "") as client:
            while client.ask(data, "first")[0] != 429:
                time.sleep(0.01)
            before = served.processor()
            while time.monotonic() < end:
                assert client.ask(data, f"visit {count}")[0] == 429
                count += 1
            took = served.processor() - before
    yield f"a refusal, of {count}", f"{1e6 * took / count:.0f} microseconds of the server's processor"


def beside(served: Served, large: bytes, small: bytes) -> Iterator[Row]:
    """Small pictures, alone and while a large one is computed."""

    def asked(seconds: float, until: Callable[[], bool] = lambda: False) -> list[float]:
        times, end = [], time.monotonic() + seconds
        while time.monotonic() < end and not until():
            began = time.monotonic()
            assert served.post(small, "small").status_code == 200
            times.append(time.monotonic() - began)
        return times

    asked(1)
    alone = asked(6)
    done = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        began = time.monotonic()
        answer = pool.submit(served.post, large, "large")
        answer.add_done_callback(lambda _: done.set())
        time.sleep(0.5)
        with_it = asked(60, done.is_set)
        status = answer.result().status_code if done.is_set() else "not done yet"
        took = time.monotonic() - began
    high = [1000 * float(np.quantile(times, 0.99)) for times in (alone, with_it)]
    yield (
        "a small picture beside a large one, 99 % within",
        f"{high[1]:.0f} ms, alone {high[0]:.0f}: {high[1] / high[0]:.1f} times, of {len(with_it)}; the large one "
        f"{took:.0f} s ({status})",
    )


def leaving(served: Served, data: bytes) -> Iterator[Row]:
    """Nine clients that leave, and one that comes then."""
    small = picture(64, 64)
    began = time.monotonic()
    assert served.post(data).status_code == 200
    service = time.monotonic() - began
    clients = [_sent(served.port, data) for _ in range(9)]
    time.sleep(min(1.0, service / 2))
    for client in clients:
        client.close()
    began = time.monotonic()
    status = served.post(small).status_code
    took = time.monotonic() - began
    time.sleep(max(0.0, 3 - took))
    before = served.processor()
    time.sleep(1)
    idle = served.processor() - before
    yield (
        f"nine of {service:.1f} s left at once: the next small one",
        f"{status} after {took:.2f} s; 3 s later the processor is busy for {100 * idle:.0f} %",
    )


def stopping(model: str, device: str, data: bytes) -> Iterator[Row]:
    """SIGTERM with nine accepted."""
    with Served(model, device) as served, ThreadPoolExecutor(9) as pool:
        served.post(data)
        clients = [_sent(served.port, data) for _ in range(9)]
        time.sleep(0.5)
        served.process.send_signal(signal.SIGTERM)
        time.sleep(0.1)
        ready = httpx.get(f"{served.base}/health/ready", timeout=5).status_code
        statuses = list(pool.map(lambda client: int(client.recv(1000).split()[1]), clients))
        code = served.process.wait(60)
    yield "SIGTERM with nine accepted", f"readiness {ready}, answers {statuses}, exit {code}"


def slow(model: str, device: str) -> Iterator[Row]:
    """Three hundred slow bodies at 256 descriptors."""
    with Served(model, device, descriptors=256) as served:
        clients, times = [], []
        for number in range(300):
            with contextlib.suppress(OSError):
                clients.append(_sent(served.port, b"x", length=10**6))
            if number % 20 == 19:
                began = time.monotonic()
                assert httpx.get(f"{served.base}/health/live", timeout=10).status_code == 200
                times.append(time.monotonic() - began)
        for client in clients:
            client.close()
        written = served.log.seek(0, io.SEEK_END)
    yield (
        "300 slow bodies at 256 descriptors",
        f"liveness after {1000 * max(times):.0f} ms at most, {written} bytes of log",
    )


def hostile(model: str, device: str) -> Iterator[Row]:
    """Pictures that are made to be costly, one by one, and 45 at once beside a good one."""
    good = picture(64, 64)
    costly = {
        "a PNG of 1x200,000": _png(1, 200_000),
        "a PNG of 16,000,000x1": _png(16_000_000, 1),
        "a PNG with 700,000 headers of EXIF": _png(64, 64, _chunk(b"eXIf", b"Exif\0\0" * 700_000)),
        "a JPEG with 7 million segments": good[:2] + b"\xff\xef\0\2" * 7_000_000 + good[2:],
    }
    with Served(model, device) as served, ThreadPoolExecutor(46) as pool:
        served.post(good)
        held = served.memory()
        for name, data in costly.items():
            began = time.monotonic()
            status = served.post(data).status_code
            took, more = 1000 * (time.monotonic() - began), (served.memory() - held) / 1e6
            yield f"{name}, {len(data):,} bytes", f"{status} after {took:.0f} ms, {more:.0f} MB more memory"
        clients = [_sent(served.port, costly["a PNG with 700,000 headers of EXIF"]) for _ in range(45)]
        answers = [pool.submit(client.recv, 1000) for client in clients]
        times: list[float] = []
        alive: list[float] = []
        began, beside = time.monotonic(), pool.submit(served.post, good, "good")
        beside.add_done_callback(lambda _: times.append(time.monotonic() - began))
        with httpx.Client(base_url=served.base, timeout=30) as client:
            while not (alive and beside.done() and all(each.done() for each in answers)):
                asked = time.monotonic()
                client.get("/health/live")
                alive.append(time.monotonic() - asked)
        statuses = Counter(int(each.result().split()[1]) for each in answers)
        for each in clients:
            each.close()
        yield (
            "45 of the third at once",
            f"{dict(statuses)}; liveness within {1000 * max(alive):.0f} ms, a good picture after "
            f"{1000 * times[0]:.0f} ms",
        )


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _png(width: int, height: int, more: bytes = b"") -> bytes:
    head = _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    pixels = _chunk(b"IDAT", zlib.compress(bytes(height * (1 + 3 * width)), 9))
    return b"\x89PNG\r\n\x1a\n" + head + more + pixels + _chunk(b"IEND", b"")


def _sent(port: int, data: bytes, length: int | None = None) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=120)
    head = f"POST /v1/translate HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length or len(data)}\r\n\r\n"
    client.sendall(head.encode() + data)
    return client


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.experiments.server", description=__doc__)
    parser.add_argument("model")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--large", type=float, default=3.8, metavar="MP", help="of the picture that others are beside")
    parser.add_argument("--two-seconds", type=int, default=1024, metavar="N", help="a side that takes about 2 s")
    parser.add_argument(
        "--soak", type=float, metavar="MINUTES", help="five times the load for so long, and nothing else"
    )
    asked = parser.parse_args()
    side = int((asked.large * 1e6) ** 0.5)
    print("| | |\n|---|---|")

    def show(rows: Iterator[Row]) -> None:
        for name, value in rows:
            print(f"| {name} | {value} |", flush=True)

    if asked.soak:
        show(soak(asked.model, asked.device, picture(256, 256), 60 * asked.soak))
        return 0
    with Served(asked.model, asked.device) as served:
        show(cost(asked.model, asked.device, served))
        show(leaving(served, picture(asked.two_seconds, asked.two_seconds)))
    with Served(asked.model, asked.device) as served:
        show(beside(served, picture(side, side), picture(128, 128)))
    show(refusing(asked.model, asked.device, picture(256, 256)))
    show(stopping(asked.model, asked.device, picture(asked.two_seconds, asked.two_seconds)))
    show(slow(asked.model, asked.device))
    show(hostile(asked.model, asked.device))
    return 0


if __name__ == "__main__":
    end_with(main)
