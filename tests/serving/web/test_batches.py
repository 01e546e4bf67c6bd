"""Batches: many pictures in, a zip with a report out, through restarts, within their room."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
import zipfile

import httpx
import numpy as np
import pytest
from PIL import Image
from small_models import write_model
from test_under_load import png

from i2i.errors import RequestError
from i2i.serving.inference.engine import Engine
from i2i.serving.web.batches.store import FullError, Store
from i2i.serving.web.batches.worker import Worker
from i2i.serving.web.server import create_app
from i2i.serving.web.service import ModelService


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(write_model(tmp_path_factory.mktemp("batches")), device="cpu")


@pytest.fixture
def client(engine, serving, tmp_path):
    store = Store(tmp_path / "batches.sqlite", 1e6, 60)
    app = create_app({"invert": engine}, page=False, batches=store, max_bytes=100_000)
    with serving(app) as base, httpx.Client(base_url=base) as client:
        yield client


def sent(*files: tuple[str, bytes]) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", file) for file in files]


def finished(client: httpx.Client, batch: str) -> dict:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        found = client.get(f"/v1/batches/{batch}").json()
        if found["state"] == "done":
            return found
        time.sleep(0.02)
    raise AssertionError("the batch was not done")


def test_pictures_come_back_as_a_zip_with_a_report(client):
    files = [("a.png", png(seed=1)), ("C:\\photos\\a.png", png(seed=2)), ("../b.jpg", png(seed=3)), ("c.txt", b"text")]
    answer = client.post("/v1/batches", files=sent(*files))
    assert answer.status_code == 202, answer.text
    batch = answer.json()["id"]
    assert answer.headers["location"].endswith(batch)
    found = finished(client, batch)
    assert (found["written"], found["failed"]) == (3, 1)
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/v1/batches/{batch}/result").content))
    assert sorted(archive.namelist()) == ["a-2.png", "a.png", "b.png", "report.json"]
    for name, data in (("a.png", files[0][1]), ("a-2.png", files[1][1])):
        assert archive.read(name) == client.post("/v1/translate", content=data).content
    report = json.loads(archive.read("report.json"))
    assert report["written"] == 3
    assert [row["target"] for row in report["files"]] == ["a.png", "a-2.png", "b.png", None]
    assert "not a JPEG" in report["files"][3]["error"]


def test_progress_is_told_as_events(client):
    batch = client.post("/v1/batches?format=webp", files=sent(*[(f"{n}.png", png(seed=n)) for n in range(5)])).json()[
        "id"
    ]
    with client.stream("GET", f"/v1/batches/{batch}/events", timeout=20) as stream:
        events = [json.loads(line[6:]) for line in stream.iter_lines() if line.startswith("data: ")]
    assert events[-1]["state"] == "done"
    assert events[-1]["written"] == 5
    archive = zipfile.ZipFile(io.BytesIO(client.get(f"/v1/batches/{batch}/result").content))
    assert Image.open(io.BytesIO(archive.read("0.webp"))).format == "WEBP"


def test_a_batch_goes_when_it_is_deleted(client):
    batch = client.post("/v1/batches", files=sent(("a.png", png()))).json()["id"]
    assert client.delete(f"/v1/batches/{batch}").status_code == 204
    for answer in (client.get(f"/v1/batches/{batch}"), client.delete(f"/v1/batches/{batch}"),
                   client.get(f"/v1/batches/{batch}/result"), client.get(f"/v1/batches/{batch}/events")):  # fmt: skip
        assert answer.status_code == 404
        assert list(answer.json()) == ["error"]


@pytest.mark.parametrize(
    ("form", "status"),
    [
        ({"content": png()}, 400),
        ({"files": {"image": ("a.png", png())}}, 400),
        ({"files": sent(("a.png", png())), "data": {"url": "http://nowhere.example"}}, 400),
        ({"files": sent(("a.png", bytes(900_000)))}, 413),
        ({"files": sent(("a.png", png()), ("b.png", bytes(100_001)))}, 413),
    ],
)
def test_what_is_no_batch_is_refused(client, form, status):
    answer = client.post("/v1/batches", **form)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]


def test_more_than_there_is_room_for_is_507_and_room_comes_back(client):
    large = png(180, 180)
    batches = []
    for _ in range(12):
        answer = client.post("/v1/batches", files=sent(("a.png", large)))
        if answer.status_code != 202:
            break
        batches.append(answer.json()["id"])
    assert answer.status_code == 507
    assert "no room" in answer.json()["error"]
    for batch in batches:
        client.delete(f"/v1/batches/{batch}")
    assert client.post("/v1/batches", files=sent(("a.png", large))).status_code == 202


def test_one_client_sends_one_batch_at_a_time(client):
    head = "POST /v1/batches HTTP/1.1\r\nhost: x\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 9999\r\n"
    with socket.create_connection(("127.0.0.1", client.base_url.port)) as slow:
        slow.sendall(f"{head}\r\n--x\r\n".encode())
        deadline, status = time.monotonic() + 10, 0
        while status != 429 and time.monotonic() < deadline:
            status = client.post("/v1/batches", files=sent(("a.png", png()))).status_code
        assert status == 429
    while status != 202 and time.monotonic() < deadline:
        status = client.post("/v1/batches", files=sent(("a.png", png()))).status_code
    assert status == 202


def test_a_batch_that_is_not_done_has_no_result_yet_and_one_of_a_server_that_ended_goes_on(engine, serving, tmp_path):
    path, gate, begun = tmp_path / "batches.sqlite", threading.Event(), threading.Event()
    plain = engine.batcher.executor

    class Held:
        def run(self, feeds, into=None):
            begun.set()
            gate.wait(20)
            return plain.run(feeds, into)

    app = create_app({"invert": engine}, page=False, batches=Store(path, 1e6, 60))
    try:
        engine.batcher.executor = Held()
        with serving(app) as base:
            made = httpx.post(f"{base}/v1/batches", files=sent(("a.png", png(seed=1)), ("b.png", png(seed=2)))).json()
            assert begun.wait(20)
            early = httpx.get(f"{base}/v1/batches/{made['id']}/result")
            assert early.status_code == 409
            app.state.background[0]._is_ending = True  # before it goes on
            gate.set()
    finally:
        engine.batcher.executor = plain
    store = Store(path, 1e6, 60)
    assert store.describe(made["id"])["state"] != "done"
    again = create_app({"invert": engine}, page=False, batches=store)
    with serving(again) as base, httpx.Client(base_url=base) as client:
        assert finished(client, made["id"])["written"] == 2
        archive = zipfile.ZipFile(io.BytesIO(client.get(f"/v1/batches/{made['id']}/result").content))
    np.testing.assert_array_equal(
        np.asarray(Image.open(io.BytesIO(archive.read("b.png")))), 255 - np.asarray(Image.open(io.BytesIO(png(seed=2))))
    )


def test_batches_go_when_they_are_old(tmp_path):
    store = Store(tmp_path / "batches.sqlite", 1e6, 0.05)
    batch = store.add("invert", "png", {}, [("a.png", b"data")])
    assert store.describe(batch) is not None
    time.sleep(0.1)
    assert store.describe(batch) is None
    assert store.take() is None
    store.close()


def test_a_model_that_is_gone_fails_its_pictures_with_a_sentence(tmp_path, engine):
    store = Store(tmp_path / "batches.sqlite", 1e6, 60)
    batch = store.add("another", "png", {}, [("a.png", png())])
    worker = Worker(store, {"invert": ModelService(engine, 1e6, 1e6)}, 10)
    worker.start()
    deadline = time.monotonic() + 10
    while store.describe(batch)["state"] != "done" and time.monotonic() < deadline:
        time.sleep(0.02)
    assert "no model 'another' any more" in store.describe(batch)["files"][0]["error"]
    worker.stop()


def test_a_file_that_is_no_store_is_refused_and_no_batches_are_taken_without_one(tmp_path, engine, serving):
    (tmp_path / "text").write_text("x" * 5000)
    with pytest.raises(RequestError, match="cannot be kept"):
        Store(tmp_path / "text", 1e6, 60)
    with serving(create_app({"invert": engine}, page=False)) as base:
        assert httpx.post(f"{base}/v1/batches", files=sent(("a.png", png()))).status_code == 404


def test_a_batch_without_room_leaves_nothing_behind(tmp_path):
    store = Store(tmp_path / "batches.sqlite", 10, 60)
    with pytest.raises(FullError, match="Fetch and delete"):
        store.add("invert", "png", {}, [("a.png", bytes(11))])
    assert store.add("invert", "png", {}, [("a.png", bytes(10))])
    store.close()


def test_results_are_within_the_room_too(tmp_path):
    store = Store(tmp_path / "batches.sqlite", 100, 60)
    batch = store.add("invert", "png", {}, [("a.png", bytes(10)), ("b.png", bytes(10))])
    store.settle(store.take(), bytes(80))
    store.settle(store.take(), bytes(80))
    files = store.describe(batch)["files"]
    assert [row["status"] for row in files] == ["written", "failed"]
    assert "no room" in files[1]["error"]
    store.close()
