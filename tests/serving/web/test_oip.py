"""The Open Inference Protocol: any client of KServe or Triton gets what the engine gives, and a sentence where not."""

from __future__ import annotations

import json
import re

import httpx
import numpy as np
import pytest
from small_models import write_model

from i2i.serving.inference.engine import Engine
from i2i.serving.web.server import create_app

BATCH = np.random.default_rng(3).random((2, 3, 9, 13), dtype=np.float32)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(write_model(tmp_path_factory.mktemp("oip"), "enlarge", name="large", scale=2), device="cpu")


@pytest.fixture(scope="module")
def client(engine, serving):
    with (
        serving(create_app({"large": engine}, page=False, max_pixels=1e5)) as base,
        httpx.Client(base_url=base) as client,
    ):
        yield client


def tensor(array: np.ndarray = BATCH, **changes) -> dict:
    return {"name": "image", "datatype": "FP32", "shape": list(array.shape), "data": array.ravel().tolist(), **changes}


def in_bytes(array: np.ndarray, **told) -> tuple[bytes, dict[str, str]]:
    """A request whose tensor stands behind its JSON."""
    described = {**tensor(array[:0]), "shape": list(array.shape), "parameters": {"binary_data_size": array.nbytes}}
    del described["data"]
    head = json.dumps({"inputs": [described], **told}).encode()
    return head + array.tobytes(), {"inference-header-content-length": str(len(head))}


def test_the_server_and_its_models_are_described(client):
    assert client.get("/v2").json()["name"] == "i2i"
    assert client.get("/v2/health/live").status_code == client.get("/v2/health/ready").status_code == 200
    assert client.get("/v2/models/large/ready").json() == {"name": "large", "ready": True}
    assert client.get("/v2/models/large/versions/1").json() == {
        "name": "large", "versions": ["1"], "platform": "onnxruntime_onnx",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 3, -1, -1]}],
        "outputs": [{"name": "translation", "datatype": "FP32", "shape": [-1, 3, -1, -1]}],
    }  # fmt: skip
    assert client.post("/v2/repository/index").json()[0]["state"] == "READY"


def test_tensors_in_json_give_what_the_engine_gives(client, engine):
    answer = client.post("/v2/models/large/infer", json={"id": "a", "inputs": [tensor()]})
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["id"], told["model_name"], told["model_version"]) == ("a", "large", "1")
    (output,) = told["outputs"]
    assert (output["name"], output["datatype"], output["shape"]) == ("translation", "FP32", [2, 3, 18, 26])
    np.testing.assert_array_equal(np.float32(output["data"]).reshape(output["shape"]), engine.run(BATCH))


@pytest.mark.parametrize(
    "told",
    [{"parameters": {"binary_data_output": True}},
     {"outputs": [{"name": "translation", "parameters": {"binary_data": True}}]}],
)  # fmt: skip
def test_tensors_in_bytes_give_the_same(client, engine, told):
    body, headers = in_bytes(BATCH, **told)
    answer = client.post("/v2/models/large/versions/1/infer", content=body, headers=headers)
    assert answer.status_code == 200, answer.text
    length = int(answer.headers["inference-header-content-length"])
    (output,) = json.loads(answer.content[:length])["outputs"]
    data = answer.content[length:]
    assert output["parameters"]["binary_data_size"] == len(data)
    np.testing.assert_array_equal(np.frombuffer(data, "<f4").reshape(output["shape"]), engine.run(BATCH))


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (b"no json", 400, "no JSON"),
        (b"[]", 400, "list of `inputs`"),
        ({"inputs": []}, 400, "input is 'image', not nothing"),
        ({"inputs": [tensor(name="photo")]}, 400, "input is 'image', not 'photo'"),
        ({"inputs": [tensor(datatype="BYTES")]}, 400, "FP32, FP64, FP16, not 'BYTES'"),
        ({"inputs": [tensor(shape=[2, 3, -9, 13])]}, 400, "whole numbers from 1 on"),
        ({"inputs": [tensor(shape=[2, 3, 9, True])]}, 400, "whole numbers from 1 on"),
        ({"inputs": [tensor(shape=[2, 3, 9, 14])]}, 400, "702 numbers where its shape"),
        ({"inputs": [tensor(shape=[6, 1, 9, 13])]}, 400, r"is \(N, 3, H, W\)"),
        ({"inputs": [tensor(data=["a"] * 702)]}, 400, "no numbers"),
        ({"inputs": [tensor(data=[[1], [2, 3]])]}, 400, "no numbers"),
        (b'{"inputs": [{"name": "image", "datatype": "FP32", "shape": [1, 3, 1, 1], "data": [NaN, 1, 1]}]}', 400,
         "no numbers"),
        ({"inputs": [tensor()], "outputs": [{"name": "label"}]}, 400, "output .*'label'"),
        ({"inputs": [tensor()], "parameters": {"label": "winter"}}, 400, "label"),
        ({"inputs": [tensor(np.zeros((1, 3, 400, 400)))]}, 413, "limit"),
        ({"inputs": [tensor(shape=[2**60] * 200_000)]}, 400, "at most 8 whole numbers"),  # whose product takes minutes
        ({"inputs": [tensor(shape=[2, 3, 2**31, 13])]}, 400, "whole numbers from 1 on"),
        ({"inputs": [tensor(datatype=["FP32"])]}, 400, "not \"\\['FP32'\\]\""),
        ({"inputs": [tensor()] * 65}, 400, "65 `inputs`"),
        ({"inputs": [tensor(name="x" * 10**6)]}, 400, "^.{1,200}$"),
        (b'{"inputs": ' + b"[" * 10**6, 400, "no JSON"),
        (b'{"inputs": [' + b"0," * 2**23, 413, "8 MiB of JSON. Send tensors as bytes"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_with_a_sentence(client, body, status, text):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = client.post("/v2/models/large/infer", content=data)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert re.search(text, answer.json()["error"]), answer.json()["error"]


def test_an_answer_of_many_numbers_is_given_in_bytes_alone(engine, serving):
    with serving(create_app({"large": engine}, page=False)) as base:
        body, headers = in_bytes(np.zeros((1, 3, 500, 400), np.float32))
        answer = httpx.post(f"{base}/v2/models/large/infer", content=body, headers=headers)
        assert answer.status_code == 413
        assert "binary_data_output" in answer.json()["error"]
        body, headers = in_bytes(np.zeros((1, 3, 500, 400), np.float32), parameters={"binary_data_output": True})
        answer = httpx.post(f"{base}/v2/models/large/infer", content=body, headers=headers)
        assert answer.status_code == 200
        assert len(answer.content) > 4 * 3 * 1000 * 800


@pytest.mark.parametrize(
    ("cut", "head", "text"),
    [(-1, None, "are announced"), (4000, None, "follow the tensors"), (None, "99999999", "Inference-Header"),
     (None, "-1", "Inference-Header"), (None, "", "Inference-Header")],
)  # fmt: skip
def test_bytes_that_do_not_fit_are_refused(client, cut, head, text):
    body, headers = in_bytes(BATCH)
    body = body + bytes(4) if cut == 4000 else body[:cut]
    headers = headers if head is None else {"inference-header-content-length": head}
    answer = client.post("/v2/models/large/infer", content=body, headers=headers)
    assert answer.status_code == 400
    assert text in answer.json()["error"]


def test_several_pictures_that_the_network_takes_only_larger_are_counted_as_it_is_fed(make_model, serving):
    engine = Engine(make_model("network", multiple=32, smallest=64), device="cpu")
    with serving(create_app({"padded": engine}, page=False, max_pixels=3 * 64**2)) as base:
        for count, status in ((1, 200), (2, 200), (3, 200), (4, 413)):
            batch = np.random.default_rng(count).random((count, 3, 40, 33), dtype=np.float32)
            body, headers = in_bytes(batch, parameters={"binary_data_output": True})
            answer = httpx.post(f"{base}/v2/models/padded/infer", content=body, headers=headers, timeout=60)
            assert answer.status_code == status, answer.text[:300]
            if status == 200:
                raw = answer.content[int(answer.headers["inference-header-content-length"]) :]
                np.testing.assert_array_equal(np.frombuffer(raw, np.float32), engine.run(batch).ravel())


def test_unknown_models_and_versions_are_404(client):
    assert client.get("/v2/models/small").status_code == 404
    assert client.get("/v2/models/large/versions/2").status_code == 404
    assert client.post("/v2/models/small/infer", json={"inputs": [tensor()]}).status_code == 404
    assert client.get("/v2/models/large/infer").status_code == 405


def test_triton_s_own_client_is_served(client, engine):
    http = pytest.importorskip("tritonclient.http", reason="tritonclient is not installed here")
    triton = http.InferenceServerClient(client.base_url.netloc.decode())
    assert triton.is_server_live()
    assert triton.is_model_ready("large")
    image = http.InferInput("image", list(BATCH.shape), "FP32")
    image.set_data_from_numpy(BATCH)
    answer = triton.infer("large", [image], outputs=[http.InferRequestedOutput("translation")])
    np.testing.assert_array_equal(answer.as_numpy("translation"), engine.run(BATCH))
