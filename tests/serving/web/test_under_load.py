"""Many clients at once: who leaves costs nothing, who is slow keeps nobody out, and nothing accepted is lost."""

from __future__ import annotations

import contextlib
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from i2i.serving.hosting.ledger import Ledger
from i2i.serving.inference.engine import Engine
from i2i.serving.runtime.jobs import CancelledError, Job, parts, working_on
from i2i.serving.web.admission import Admission, BusyError
from i2i.serving.web.connections import Connections, Patience
from i2i.serving.web.launch import Server, bind
from i2i.serving.web.refusing import UNKNOWN, declared_size
from i2i.serving.web.server import create_app


def png(width: int = 16, height: int = 16, seed: int = 0) -> bytes:
    buffer = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


class Slowly:
    """An executor that takes its time, `seconds` for each picture of 64 rows and more, and ends with its job."""

    def __init__(self, engine: Engine) -> None:
        self.inner, self.seconds = engine.batcher.executor, 0.0
        self.computed: list[int] = []
        self.begun, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def __getattr__(self, name):
        return getattr(self.inner, name)

    def run(self, feeds, into=None):
        if feeds["image"].shape[2] < 64 or not self.seconds:
            return self.inner.run(feeds, into)
        self.begun.set()
        assert self.gate.wait(20)
        for _ in parts(range(20)):
            time.sleep(self.seconds / 20)
        self.computed.append(feeds["image"].shape[2])
        return self.inner.run(feeds, into)


@pytest.fixture
def slowly(make_model):
    """An application whose larger pictures take `seconds`, and what computes them."""

    def make(seconds: float, **options) -> tuple[FastAPI, Slowly]:
        engine = Engine(make_model(), device="cpu")
        executor = engine.batcher.executor = Slowly(engine)
        engine.batcher.largest = 1
        app = create_app({"slow": engine}, page=False, **options)
        executor.seconds = seconds
        engine.batcher.beside = lambda: executor
        engine.batcher._seconds_a_pixel = seconds / 4096  # as measured before
        return app, executor

    return make


@pytest.fixture
def patient(request):
    """`with patient(app, Connections(...)) as port`: the server with limits of its own."""
    running = []

    def start(app, connections=None, sending=None) -> int:
        listening = bind("127.0.0.1", 0)
        if sending is not None:  # bytes that the system takes of an answer
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, sending)
        server = Server(app, connections)
        server.config.timeout_graceful_shutdown = 3
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        running.append((server, thread, listening))
        return listening.getsockname()[1]

    yield start
    for server, thread, listening in running:
        server.should_exit = True
        thread.join(20)
        listening.close()
        assert not thread.is_alive()


def request_line(path: str = "/v1/translate", length: int = 100_000) -> bytes:
    return f"POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n".encode()


OPEN: list[socket.socket] = []


@pytest.fixture(autouse=True)
def _closed():
    yield
    while OPEN:
        OPEN.pop().close()


def connected(port: int, sent: bytes = b"") -> socket.socket:
    """A client's socket, closed with the test."""
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    OPEN.append(client)
    client.sendall(sent)
    return client


def answer_of(client: socket.socket) -> bytes:
    """All that comes until the server closes."""
    found = b""
    while chunk := client.recv(65536):
        found += chunk
    return found


# Leaving


def test_pictures_whose_clients_left_are_not_computed_and_the_next_is_answered_at_once(slowly, patient):
    app, executor = slowly(0.8)
    port = patient(app)
    clients = [connected(port, request_line(length=len(png(64, 64))) + png(64, 64)) for _ in range(9)]
    deadline = time.monotonic() + 10
    while httpx.get(f"http://127.0.0.1:{port}/health").status_code != 200 and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)  # the first is being computed
    for client in clients:
        client.close()
    began = time.monotonic()
    assert httpx.post(f"http://127.0.0.1:{port}/v1/translate", content=png(), timeout=20).status_code == 200
    assert time.monotonic() - began < 1.5  # timings decide nothing: nine would take 7 s
    assert executor.computed == []


def test_a_run_is_stopped_in_its_midst(exported):
    engine = Engine(exported("resnet6").path, device="cpu")
    feeds = {"image": np.zeros((1, 3, 256, 256), np.float32)}
    expected = engine.executor.run(feeds)
    job = Job()

    def work() -> None:
        threading.Timer(0.05, job.cancel).start()
        for _ in range(500):
            engine.executor.run(feeds)

    with pytest.raises(CancelledError), working_on(job):
        work()
    np.testing.assert_array_equal(engine.executor.run(feeds), expected)  # and the session is as good as before


def test_openvino_computes_another_size_right_after_a_run_that_was_stopped(exported):
    pytest.importorskip("openvino", reason="openvino is not installed (the extra `openvino`)")
    engine = Engine(exported("resnet6").path, device="openvino")
    small, large = (np.random.default_rng(1).random((1, 3, side, side), np.float32) for side in (64, 512))
    expected = engine.executor.run({"image": small})
    job = Job()

    def work() -> None:
        threading.Timer(0.2, job.cancel).start()
        for _ in range(100):
            engine.executor.run({"image": large})

    with pytest.raises(CancelledError), working_on(job):
        work()
    answer = engine.executor.run({"image": small})  # of the size of the one that was stopped, it was
    np.testing.assert_array_equal(answer, expected)


# Deadlines


def test_a_picture_that_is_not_ready_in_its_time_is_given_up_with_504(slowly, patient):
    app, executor = slowly(5, deadline=0.4)
    port = patient(app)
    answer = httpx.post(f"http://127.0.0.1:{port}/v1/translate", content=png(64, 64), timeout=20)
    assert answer.status_code == 504
    assert "not ready in the 0.4 s" in answer.json()["error"]
    assert executor.computed == []


# Watching


def test_a_client_can_watch_where_its_picture_stands(slowly, patient):
    app, executor = slowly(1.0)
    base, events = f"http://127.0.0.1:{patient(app)}", []
    executor.gate.clear()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(httpx.post, f"{base}/v1/translate", content=png(64, 64), timeout=20)
        assert executor.begun.wait(20)
        headers = {"x-request-id": "my-picture-1"}
        second = pool.submit(httpx.post, f"{base}/v1/translate", content=png(64, 64, 1), headers=headers, timeout=20)
        with httpx.stream("GET", f"{base}/v1/jobs/my-picture-1", timeout=20) as stream:
            for line in stream.iter_lines():
                events += [json.loads(line[6:])] if line.startswith("data: ") else []
                if events[-1]["place"] == 1:
                    executor.gate.set()
        assert first.result().status_code == second.result().status_code == 200
    states = [event["state"] for event in events]
    assert states[-1] == "done"
    assert {"state": "queued", "place": 1, "done": 0, "total": 0} in events
    steps = [event["done"] for event in events if event["state"] == "running" and event["total"] == 20]
    assert len(steps) >= 2
    assert steps == sorted(steps)
    assert second.result().headers["x-request-id"] == "my-picture-1"


# Who is let in


def test_a_full_server_refuses_before_the_body_is_sent(slowly, patient):
    port = patient(slowly(1.5, max_waiting=0)[0])
    url = f"http://127.0.0.1:{port}/v1/translate"
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(httpx.post, url, content=png(64, 64), timeout=20)
        time.sleep(0.4)
        other = connected(port, request_line(length=10_000_000).replace(b"\r\n\r\n", b"\r\nx-session-id: b\r\n\r\n"))
        other.settimeout(1)
        head = other.recv(65536)
        assert head.startswith(b"HTTP/1.1 429")
        assert b"retry-after: " in head
        assert first.result().status_code == 200


def test_retry_after_is_when_a_place_is_free_that_was_promised_to_nobody(monkeypatch):
    now = [100.0]
    monkeypatch.setattr("i2i.serving.web.admission.time.monotonic", lambda: now[0])
    admission = Admission(3)
    for _ in range(40):
        admission.learn(4.0)
    inside = [admission.enter(str(n)) for n in range(3)]
    now[0] += 1  # one is done at 104, the others at 108 and 112

    def refused() -> int:
        with pytest.raises(BusyError) as error:
            admission.enter("another")
        return error.value.seconds

    assert [refused(), refused(), refused()] == [3, 7, 11]
    now[0] += 3
    inside[0].__exit__()
    with admission.enter("another"):
        assert refused() == 12  # the places at 108 and at 112 are promised


def test_one_client_has_half_of_the_places_at_most():
    admission = Admission(8)
    for _ in range(4):
        admission.enter("greedy")
    with pytest.raises(BusyError, match="as many pictures here as one client may"):
        admission.enter("greedy")
    for n in range(4):
        admission.enter(f"modest {n}")
    with pytest.raises(BusyError, match="The server is busy"):
        admission.enter("late")


def test_bodies_under_way_have_a_limit_together():
    ledger = Ledger(2**30)
    one, two = (Admission(100, ledger, max_bytes=2**24) for _ in range(2))  # of two models
    places = [
        admission.enter(str(n), size)
        for n, size in enumerate([2**24, UNKNOWN] * 4)
        for admission in [(one, two)[n % 2]]
    ]
    for admission in (one, two):
        with pytest.raises(BusyError):
            admission.enter("another", 2**24)
    with places[0]:
        pass
    one.enter("another", 2**24)


def test_one_client_has_half_of_the_bodies_at_most_and_one_of_unknown_length_is_as_large_as_may_be():
    admission = Admission(100, Ledger(8 * 8000), max_bytes=1000)
    for _ in range(4):
        admission.enter("greedy", declared_size({"headers": [(b"transfer-encoding", b"chunked")]}))
    with pytest.raises(BusyError, match="as many pictures here as one client may"):
        admission.enter("greedy", 1)
    admission.enter("modest", 1000)


def test_a_short_picture_does_not_wait_for_a_long_one_but_is_computed_beside_it(slowly, patient):
    app, executor = slowly(1.0)
    base = f"http://127.0.0.1:{patient(app)}"
    executor.gate.clear()
    with ThreadPoolExecutor(1) as pool:
        long = pool.submit(httpx.post, f"{base}/v1/translate", content=png(64, 64), timeout=20)
        assert executor.begun.wait(20)
        for n in range(5):
            short = httpx.post(f"{base}/v1/translate", content=png(16, 16, n), timeout=20)
            assert short.status_code == 200
        assert not long.done()
        executor.gate.set()
        assert long.result().status_code == 200
    assert executor.computed == [64]


# Slow clients


def test_slow_heads_and_bodies_are_closed_with_a_sentence(slowly, patient):
    limits = Connections(patience=Patience(head=0.4, body=1.2, rate=1000, grace=0.5))
    port = patient(slowly(0)[0], limits)
    head = connected(port, b"POST /v1/translate HTT")
    slow = connected(port, request_line() + b"a few bytes")
    assert b" 408 " in answer_of(head)
    answer = answer_of(slow)
    assert b" 408 " in answer
    assert b"less than 1000 bytes a second" in answer
    steady = connected(port, request_line(length=10**6))

    def send() -> None:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            steady.sendall(bytes(2000))
            time.sleep(0.05)

    with pytest.raises(OSError, match="reset|Broken pipe"):
        send()
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


@pytest.mark.parametrize(
    "sent", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"\x16\x03\x01\x02\0\1\0\1\xfc", b"GET /\0 HTTP/1.1\r\n"]
)
def test_what_is_no_request_gets_a_sentence(slowly, patient, sent):
    answer = answer_of(connected(patient(slowly(0)[0]), sent))
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert list(json.loads(answer.partition(b"\r\n\r\n")[2])) == ["error"]


def test_headers_without_end_are_refused(slowly, patient):
    port = patient(slowly(0)[0])
    for headers in (b"x: " + b"a" * 200_000, b"".join(b"x%d: aaaaaaa\r\n" % n for n in range(9000)) + b"\r\n"):
        client = connected(port)
        try:
            client.sendall(b"GET /health HTTP/1.1\r\nhost: localhost\r\n" + headers)
            assert b" 431 " in client.recv(65536)
        except ConnectionError:  # closed while it was still sending
            pass
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


def test_nothing_without_end_is_kept_behind_a_body_or_while_another_request_is_at_work(slowly, patient):
    port = patient(slowly(3)[0])
    chunked = b"POST /v1/translate HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n"
    busy = request_line(length=len(png(64, 64))) + png(64, 64)
    without_end = {
        "trailers": chunked + b"0\r\n" + b"a: b\r\n" * 40_000,
        "a trailer": chunked + b"0\r\na: " + b"b" * 400_000,
        "an extension": chunked + b"1;" + b"a" * 400_000,
        "headers of the next": busy + b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 40_000,
        "a header of the next": busy + b"GET / HTTP/1.1\r\na: " + b"b" * 400_000,
        "the next one's line": busy + b"GET /" + b"b" * 400_000,
    }
    for name, sent in without_end.items():
        client = connected(port)
        client.settimeout(2)
        try:
            client.sendall(sent)
            assert b" 431 " in client.recv(65536), name
        except ConnectionError:  # closed while it was still sending
            pass
    assert httpx.get(f"http://127.0.0.1:{port}/health").status_code == 200


def test_slow_clients_keep_nobody_out(slowly, patient):
    connections = Connections(most=20)
    port = patient(slowly(0)[0], connections)
    slow = []
    for _ in range(6):
        slow += [connected(port, request_line() + b"a few bytes") for _ in range(10)]  # at once
        began = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200
        assert time.monotonic() - began < 2
        assert len(connections.open) <= 20


@pytest.mark.parametrize("read", [0, 1000], ids=["not at all", "slowly"])
def test_an_answer_that_nobody_reads_is_given_up(make_model, patient, read):
    engine = Engine(make_model("enlarge", scale=3), device="cpu")
    connections = Connections(patience=Patience(answer=0.8))
    port = patient(create_app({"large": engine}, page=False), connections, sending=8192)
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.settimeout(20)
    client.connect(("127.0.0.1", port))
    body = png(300, 300)
    client.sendall(request_line(length=len(body)) + body)
    deadline, found = time.monotonic() + 20, client.recv(1000)
    while connections.open and time.monotonic() < deadline:
        time.sleep(0.05)
        found += client.recv(read) if read else b""
    assert not connections.open
    with contextlib.suppress(ConnectionError):
        found += answer_of(client)
    client.close()
    assert len(found) < int(re.search(rb"content-length: (\d+)", found)[1])


def test_a_second_request_on_a_connection_is_held_to_the_same_limits(slowly, patient):
    port = patient(slowly(0)[0], Connections(patience=Patience(head=0.4, body=0.6)))
    client = connected(port, b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n" + request_line() + b"a few bytes")
    answer = answer_of(client)
    assert b" 200 OK" in answer
    assert b" 408 " in answer


# The end


def test_a_client_that_sends_slowly_does_not_hold_the_end_of_the_server(slowly):
    listening = bind("127.0.0.1", 0)
    server = Server(slowly(0)[0])
    server.grace = 0.5
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    client = connected(listening.getsockname()[1], request_line() + bytes(50_000))
    deadline = time.monotonic() + 10
    while not server.jobs.count and time.monotonic() < deadline:
        time.sleep(0.02)
    server.handle_exit(signal.SIGTERM, None)
    thread.join(20)
    listening.close()
    assert not thread.is_alive()
    assert b" 503 " in client.recv(65536)


def test_sigterm_answers_what_is_accepted_and_says_at_once_that_it_is_not_ready(make_model):
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom i2i.serving import serve\n"
        "from i2i.serving.inference.engine import Engine\n"
        "plain = Engine.translate\n"
        "def slow(self, picture):\n    print('working', flush=True)\n"
        "    time.sleep(1)\n    return plain(self, picture)\n"
        "Engine.translate = slow\n"
        "serve([Path(sys.argv[1])], port=0, device='cpu', page=False, say=lambda t: print(t, flush=True))\n"
        "print('ended', flush=True)\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(make_model())], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        base = process.stdout.readline().split("Serving at ")[1].split("/ ")[0]
        with ThreadPoolExecutor(9) as pool:
            asked = [pool.submit(httpx.post, f"{base}/v1/translate", content=png(), timeout=20) for _ in range(9)]
            begun = 0
            while begun < 9:  # lines of several threads may run into one another
                begun += process.stdout.readline().count("working")
            process.send_signal(signal.SIGTERM)
            time.sleep(0.1)
            ready = httpx.get(f"{base}/health/ready")
            refused = httpx.post(f"{base}/v1/translate", content=png())
            assert [answer.result().status_code for answer in asked] == [200] * 9
        out, errors = process.communicate(timeout=20)
    finally:
        process.kill()
    assert ready.status_code == refused.status_code == 503
    assert "being stopped" in refused.json()["error"]
    assert out.endswith("ended\n")
    assert errors == ""
    assert process.returncode == 0
