"""Several processes on one port: one that dies is replaced, all know of every job, and all end together."""

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from served_process import Served
from test_models import picture


def children(process):
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def members(served):
    """The processes that serve; multiprocessing has another that keeps count of resources."""
    found = []
    for child in children(served.process.pid):
        if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
            found.append(child)
    return found


def ended(*processes):
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and any(
        Path(f"/proc/{each}").exists() and not is_zombie(each) for each in processes
    ):
        time.sleep(0.05)
    return not any(Path(f"/proc/{each}").exists() and not is_zombie(each) for each in processes)


def is_zombie(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    from small_models import write_model

    folder = tmp_path_factory.mktemp("workers")
    write_model(folder, "network", file="network.onnx")
    with Served(folder / "network.onnx", "--workers", "2", "--batches", folder / "batches.db") as server:
        yield server


def test_a_job_is_watched_whichever_process_has_it(served):
    name, states = "somebodys-job", []

    def watch():
        with httpx.stream("GET", f"{served.base}/v1/jobs/{name}", timeout=60) as answer:
            return [json.loads(line[6:])["state"] for line in answer.iter_lines() if line]

    with ThreadPoolExecutor(8) as pool:
        watching = [pool.submit(watch) for _ in range(8)]  # on connections of their own: some meet the other process
        time.sleep(0.5)
        sent = httpx.post(
            f"{served.base}/v1/translate", content=picture(2000, 2000), headers={"x-request-id": name}, timeout=60
        )
        states = [each.result(60) for each in watching]
    assert sent.status_code == 200
    assert all(each[-1] == "done" and "running" in each for each in states), states


def test_batches_that_any_process_takes_are_computed(served):
    ids = []
    for n in range(4):
        answer = httpx.post(f"{served.base}/v1/batches", files=[("images", picture(16, 16, n))])
        assert answer.status_code == 202
        ids.append(answer.json()["id"])
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        states = [httpx.get(f"{served.base}/v1/batches/{each}").json()["state"] for each in ids]
        if states == ["done"] * 4:
            break
        time.sleep(0.1)
    assert states == ["done"] * 4


def test_a_process_that_is_killed_is_replaced_and_the_others_go_on(served):
    victim, *others = members(served)
    assert len(others) == 1
    os.kill(victim, signal.SIGKILL)
    assert "ended (signal 9); another is started" in served.line_with("A process")
    for _ in range(10):
        assert httpx.post(f"{served.base}/v1/translate", content=picture(16, 16)).status_code == 200
    deadline = time.monotonic() + 20
    while len(members(served)) < 2 and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(members(served)) == 2


def test_sigterm_ends_all_with_status_0(served):
    all_of_them = members(served)
    served.process.send_signal(signal.SIGTERM)
    assert served.process.wait(20) == 0
    assert ended(*all_of_them)


def test_they_end_when_the_first_process_is_killed(make_model):
    with Served(make_model("invert"), "--workers", "2") as server:
        all_of_them = members(server)
        server.process.kill()
        assert ended(*all_of_them)


def test_a_model_that_cannot_be_opened_ends_the_start_with_its_sentence(make_model):
    broken = make_model("invert", name="broken", spoil=0.1)
    command = [sys.executable, "-m", "i2i", "serve", str(broken), "--workers", "2", "--port", "0", "--device", "cpu"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done
    assert "broken" in done.stderr
    assert "Traceback" not in done.stderr
