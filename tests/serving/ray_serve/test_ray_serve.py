"""The server as an application of Ray Serve: what it answers, and that nothing accepted is lost when a replica dies."""

from __future__ import annotations

import importlib.util
import io
import os
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image
from small_models import write_model

from i2i.errors import ModelFileError, PictureError, RequestError
from i2i.serving.conversion.on_ray.cluster import cluster
from i2i.serving.inference.engine import Engine
from i2i.serving.web.launch import bind

IS_THERE = all(importlib.util.find_spec(name) for name in ("ray", "grpc_reflection"))  # imported by the cluster alone
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not IS_THERE, reason="Ray Serve is not installed here"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),  # Ray's own
]


def png(seed: int) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """(address, model, handle of the replicas): the application on a cluster of this machine."""
    model = write_model(tmp_path_factory.mktemp("ray_serve"))
    with cluster(), bind("127.0.0.1", 0) as free:
        port = free.getsockname()[1]
        free.close()
        from ray import serve

        from i2i.serving.ray_serve import Options, application

        serve.start(http_options={"host": "127.0.0.1", "port": port})
        options = Options(models=str(model), replicas=2, processors=0.5, device="cpu")
        serve.run(application(options), name="i2i", route_prefix="/")
        try:
            yield f"http://127.0.0.1:{port}", model, serve.get_deployment_handle("Replica", "i2i")
        finally:
            serve.shutdown()


def test_it_answers_as_the_server_does(served):
    base, model, _ = served
    with httpx.Client(base_url=base, timeout=60) as client:
        answer = client.post("/v1/translate", content=png(0))
        assert answer.status_code == 200, answer.text
        with Image.open(io.BytesIO(answer.content)) as image, Image.open(io.BytesIO(png(0))) as source:
            np.testing.assert_array_equal(np.asarray(image), np.asarray(Engine(model, device="cpu")(source)))
        assert client.post("/v1/translate", content=b"no picture").status_code == 415
        assert client.post("/v1/translate?model=unknown", content=png(0)).status_code == 404
        assert client.get("/health/ready").status_code == 200
        assert client.get("/v1/models").json()["models"][0]["provider"] == "ray"
        assert client.get("/v1/models", headers={"host": "evil.example"}).status_code == 403
        batch = np.random.default_rng(1).random((1, 3, 9, 7), dtype=np.float32)
        told = {"name": "image", "datatype": "FP32", "shape": batch.shape, "data": batch.ravel().tolist()}
        name = client.get("/v1/models").json()["models"][0]["id"]
        tensors = client.post(f"/v2/models/{name}/infer", json={"inputs": [told]}).json()["outputs"][0]["data"]
        np.testing.assert_allclose(np.reshape(tensors, batch.shape), Engine(model, device="cpu").run(batch), atol=1e-6)


@pytest.mark.parametrize("killed", [1, 2])
def test_replicas_that_are_killed_under_load_lose_no_accepted_request(served, killed):
    base, _, handle = served
    statuses, pids, end = [], set(), threading.Event()
    deadline = time.monotonic() + 60
    while len(pids) < 2 and time.monotonic() < deadline:
        pids.add(handle.pid.remote().result(timeout_s=30))
    assert len(pids) == 2

    def ask(number: int) -> None:
        with httpx.Client(base_url=base, timeout=120, headers={"x-session-id": str(number)}) as client:
            while not end.is_set():
                statuses.append(client.post("/v1/translate", content=png(number)).status_code)

    with ThreadPoolExecutor(6) as pool:
        asking = [pool.submit(ask, number) for number in range(6)]
        while len(statuses) < 30:
            time.sleep(0.05)
        for kind in (signal.SIGSTOP, signal.SIGKILL):  # first held up, so that they have some when they are killed
            for pid in sorted(pids)[:killed]:
                os.kill(pid, kind)
            time.sleep(1.5)
        before, until = len(statuses), time.monotonic() + 60
        while len(statuses) < before + 60 and time.monotonic() < until:
            time.sleep(0.05)
        end.set()
        for each in asking:
            each.result(120)
    assert len(statuses) >= before + 60
    assert set(statuses) == {200}


def test_what_cannot_be_served_is_said_before_anything_starts(tmp_path):
    from i2i.serving.ray_serve import Options, application

    with pytest.raises((RequestError, ModelFileError)):
        application(Options(models=str(tmp_path / "missing.onnx")))
    with pytest.raises(ValueError, match="replica"):
        Options(models="a", replica=3)


def test_what_a_replica_refuses_is_the_same_error_here():
    from i2i.serving.ray_serve.remote import Remote
    from i2i.serving.ray_serve.replica import Refused

    class Handle:
        class translate:  # noqa: N801
            @staticmethod
            def remote(*_):
                return Handle

        @staticmethod
        def result(**_):
            return Refused("PictureError", "The picture is odd.")

    with pytest.raises(PictureError, match="The picture is odd."):
        Remote(Handle).ask("translate", "a")
