"""Models over HTTP: opened when they are asked for, within one budget of memory, and read again while it serves."""

import io
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from served_process import Served

from i2i.serving.hosting.host import Host
from i2i.serving.hosting.ledger import Ledger
from i2i.serving.inference.memory import resident
from i2i.serving.web.server import create_app

MB = 10**6


def picture(width, height, seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "BMP")
    return file.getvalue()


@pytest.fixture
def offered(tmp_path, make_model):
    """A folder of two models."""
    folder = tmp_path / "offered"
    folder.mkdir()
    shutil.copy(make_model("invert"), folder / "invert.onnx")
    shutil.copy(make_model("enlarge", name="large", scale=2), folder / "large.onnx")
    return folder


def test_a_model_is_listed_with_its_card_before_it_is_open_and_with_its_provider_afterwards(serving, offered):
    with serving(create_app(Host([offered], device="cpu"), page=False)) as base, httpx.Client(base_url=base) as client:
        before = client.get("/v1/models/large").json()
        assert (before["is_open"], before["provider"], before["version"]) == (False, None, 1)
        assert before["card"]["name"] == "large"
        answer = client.post("/v1/translate?model=large", content=picture(10, 8))
        assert Image.open(io.BytesIO(answer.content)).size == (20, 16)
        assert answer.headers["x-model-version"] == "1"
        after = {model["id"]: model for model in client.get("/v1/models").json()["models"]}
        assert (after["large"]["is_open"], after["large"]["provider"]) == (True, "cpu")
        assert not after["invert"]["is_open"]
        assert client.get("/v1/models/larg").status_code == 404


def test_a_model_that_cannot_be_opened_gives_503_without_its_path_and_the_others_go_on(serving, offered, make_model):
    shutil.copy(make_model("invert", name="broken", spoil=0.1), offered / "broken.onnx")
    with serving(create_app(Host([offered], device="cpu"), page=False)) as base, httpx.Client(base_url=base) as client:
        answer = client.post("/v1/translate?model=broken", content=picture(10, 8))
        assert answer.status_code == 503
        assert answer.json() == {"error": "The model 'broken' cannot be opened; the log says why."}
        assert client.post("/v1/translate?model=invert", content=picture(10, 8)).status_code == 200


def test_a_picture_that_the_budget_can_never_hold_is_refused_by_its_header(serving, tmp_path, make_model):
    model = make_model("enlarge", scale=2)
    with (
        serving(create_app(Host([model], device="cpu", ledger=Ledger(resident() + 150 * MB)), page=False)) as base,
        httpx.Client(base_url=base) as client,
    ):
        assert client.post("/v1/translate", content=picture(64, 64)).status_code == 200
        before, began = resident(), time.monotonic()
        answer = client.post("/v1/translate", content=claimed(3900, 3900))
        assert answer.status_code == 413
        assert "not enough memory here for a picture of 3900x3900" in answer.json()["error"]
        assert "--max-memory" in answer.json()["error"]
        assert resident() - before < 50 * MB
        assert time.monotonic() - began < 10


def claimed(width, height):
    """A BMP's header with a little behind it."""
    head = bytearray(picture(1, 1)[:54])
    head[18:26] = width.to_bytes(4, "little") + height.to_bytes(4, "little")
    return bytes(head) + bytes(1000)


def test_six_busy_models_stay_within_the_budget(tmp_path, make_model):
    limit = 550  # some 1,000 without a budget, as each session keeps what a run has taken
    for n in range(6):
        make_model("network", name=f"net-{n}")
    with (
        Served(tmp_path / "models", "--max-memory", f"{limit}MB") as served,
        served.watched(every=0.05) as seen,
        ThreadPoolExecutor(12) as pool,
    ):
        asked = [
            (f"{served.base}/v1/translate?model=net-{n % 6}&format=jpg", picture(1000, 1000, n)) for n in range(12)
        ]
        sent = [pool.submit(httpx.post, url, content=content, timeout=120) for url, content in asked]
        assert [each.result().status_code for each in sent] == [200] * 12
    assert seen.most * 2**20 <= (limit + 100) * MB  # with the decoders, which have limits of their own


def test_sighup_reads_the_models_again_and_what_is_new_is_served(offered, make_model):
    with Served(offered) as served, httpx.Client(base_url=served.base) as client:
        assert "Opened when they are first asked for: large." in "".join(served.said)
        assert client.post("/v1/translate", content=picture(10, 8)).status_code == 200
        shutil.copy(make_model("invert", name="third"), offered / "third.onnx")
        shutil.copy(make_model("enlarge", name="another", scale=3), offered / "invert.onnx")
        served.process.send_signal(signal.SIGHUP)
        assert "Added: third. Replaced: invert." in served.line_with("Added")
        answer = client.post("/v1/translate", content=picture(10, 8))
        assert Image.open(io.BytesIO(answer.content)).size == (30, 24)
        assert answer.headers["x-model-version"] == "2"
        assert client.get("/v2/models/invert").json()["versions"] == ["2"]
        assert client.get("/v2/models/invert/versions/1").status_code == 404
        assert client.post("/v1/translate?model=third", content=picture(10, 8)).status_code == 200
        assert client.get("/page/facts").json()["models"].keys() == {"invert", "large", "third"}


def test_watch_serves_what_is_put_into_the_folder(offered, make_model):
    with Served(offered, "--watch") as served:
        shutil.copy(make_model("invert", name="third"), offered / "third.onnx")
        assert "Added: third." in served.line_with("Added")
        assert httpx.post(f"{served.base}/v1/translate?model=third", content=picture(10, 8)).status_code == 200


def test_what_is_idle_is_unloaded_but_for_the_first(offered):
    with Served(offered, "--unload-after", "0") as served, httpx.Client(base_url=served.base) as client:
        assert client.post("/v1/translate?model=large", content=picture(10, 8)).status_code == 200
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and client.get("/v1/models/large").json()["is_open"]:
            time.sleep(0.1)
        is_open = {model["id"]: model["is_open"] for model in client.get("/v1/models").json()["models"]}
        assert is_open == {"invert": True, "large": False}
        assert client.post("/v1/translate?model=large", content=picture(10, 8)).status_code == 200


def test_a_budget_that_holds_no_model_is_refused_before_it_serves(offered):
    command = [sys.executable, "-m", "i2i", "serve", str(offered), "--max-memory"]
    for size, text in [("50MB", "--max-memory is a size of 100MB at least"), ("101MB", "Raise --max-memory")]:
        done = subprocess.run([*command, size, "--port", "0"], capture_output=True, text=True, timeout=60)
        assert done.returncode == 2, done
        assert text in done.stderr
        assert "Traceback" not in done.stderr
