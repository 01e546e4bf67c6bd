"""Clients of the Open Inference Protocol by gRPC get what those by HTTP get: answers, limits, errors."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from small_models import write_model
from test_under_load import Slowly

from i2i.errors import RequestError
from i2i.serving.inference.engine import Engine
from i2i.serving.web.launch import _rpc, bind, serve
from i2i.serving.web.server import create_app

grpc = pytest.importorskip("grpc", reason="gRPC is not installed here")

from i2i.serving.web.oip.messages import MESSAGES, SERVICE  # noqa: E402

BATCH = np.random.default_rng(0).random((2, 3, 9, 7), dtype=np.float32)
KEY = "a key of the right length"


def free_port() -> int:
    with bind("127.0.0.1", 0) as listening:
        return listening.getsockname()[1]


class Client:
    """What any client does with the published protocol."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")

    def start(self, name: str, request: dict, metadata=(), timeout: float = 20):
        call = self.channel.unary_unary(
            f"/{SERVICE}/{name}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=MESSAGES[f"{name}Response"].FromString,
        )
        return call.future(
            MESSAGES[f"{name}Request"](**request), metadata=metadata, timeout=timeout, wait_for_ready=True
        )

    def ask(self, name: str, request: dict | None = None, metadata=()):
        return self.start(name, request or {}, metadata).result()


def tensor(batch: np.ndarray = BATCH, model: str = "invert", **more) -> dict:
    told = {"name": "image", "datatype": "FP32", "shape": batch.shape}
    return {"model_name": model, "inputs": [told], "raw_input_contents": [batch.tobytes()], **more}


def array(answer) -> np.ndarray:
    (output,), (raw,) = answer.outputs, answer.raw_output_contents
    assert (output.name, output.datatype) == ("translation", "FP32")
    return np.frombuffer(raw, np.float32).reshape(list(output.shape))


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    return Engine(write_model(tmp_path_factory.mktemp("rpc")), device="cpu")


@pytest.fixture
def served(serving):
    """`served(engine, keys, **options)` is a client of a real server."""
    stopping = []

    def start(engine: Engine, keys=(), max_bytes: int = 100_000, change=lambda _app: None, **options) -> Client:
        app, port = create_app({"invert": engine}, keys=keys, max_bytes=max_bytes, page=False, **options), free_port()
        change(app)
        _rpc("127.0.0.1", port)(app, keys, max_bytes)
        running = serving(app)
        running.__enter__()
        client = Client(port)
        stopping.append((running, client))
        return client

    yield start
    for running, client in stopping:
        client.channel.close()
        running.__exit__(None, None, None)


def refusal(call) -> tuple:
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details(), dict(error.value.trailing_metadata() or ())


def test_the_server_and_its_models_are_described(served, engine):
    client = served(engine)
    assert client.ask("ServerLive").live
    assert client.ask("ServerReady").ready
    assert client.ask("ServerMetadata").name == "i2i"
    assert client.ask("ModelReady", {"name": "invert"}).ready
    assert [model.name for model in client.ask("RepositoryIndex").models] == ["invert"]
    model = client.ask("ModelMetadata", {"name": "invert", "version": "1"})
    assert [(each.name, each.datatype, list(each.shape)) for each in (*model.inputs, *model.outputs)] == [
        ("image", "FP32", [-1, 3, -1, -1]),
        ("translation", "FP32", [-1, 3, -1, -1]),
    ]


def test_tensors_in_bytes_and_in_numbers_give_what_the_engine_gives(served, engine):
    client, expected = served(engine), engine.run(BATCH)
    answer = client.ask("ModelInfer", tensor(id="7"))
    assert (answer.model_name, answer.id) == ("invert", "7")
    np.testing.assert_array_equal(array(answer), expected)
    told = {"name": "image", "datatype": "FP32", "shape": BATCH.shape, "contents": {"fp32_contents": BATCH.ravel()}}
    np.testing.assert_array_equal(array(client.ask("ModelInfer", {"model_name": "invert", "inputs": [told]})), expected)
    half = tensor(BATCH.astype(np.float16))
    half["inputs"][0]["datatype"] = "FP16"
    np.testing.assert_array_equal(
        array(client.ask("ModelInfer", half)), engine.run(BATCH.astype(np.float16).astype(np.float32))
    )


def test_what_makes_no_sense_is_refused_with_a_status_and_a_sentence(served, engine):
    client = served(engine)
    wrong_name, short = tensor(), tensor()
    wrong_name["inputs"][0]["name"] = "picture"
    short["raw_input_contents"] = [b"1234"]
    setting = [{"key": "label", "value": {"string_param": "winter"}}]
    for request, code, text in [
        (tensor(model="unknown"), "NOT_FOUND", "No model is called 'unknown'"),
        (tensor(model_version="9"), "NOT_FOUND", "No version is called '9'"),
        (wrong_name, "INVALID_ARGUMENT", "input is 'image'"),
        (short, "INVALID_ARGUMENT", "756 is needed|is 1512 bytes"),
        (tensor(parameters=setting), "INVALID_ARGUMENT", "label"),
        (tensor(BATCH[:, :2].copy()), "INVALID_ARGUMENT", "3, H, W"),
        (tensor(np.zeros((1, 3, 200, 200), np.float32)), "RESOURCE_EXHAUSTED", "larger than max"),
        (tensor(model="x" * 90_000), "NOT_FOUND", "No model is called"),
        (tensor(raw_input_contents=[b""] * 65), "INVALID_ARGUMENT", "at most 64 inputs"),
        (
            {**tensor(), "inputs": [{"name": "image", "datatype": "FP32", "shape": [2**60] * 5000}]},
            "INVALID_ARGUMENT",
            "at most 8 whole numbers",
        ),
    ]:
        found, details, _ = refusal(lambda request=request: client.ask("ModelInfer", request))
        assert found.name == code, details
        assert any(each in details for each in text.split("|")), details
        assert "Traceback" not in details
        assert len(details) < 400
    raw = client.channel.unary_unary(f"/{SERVICE}/ModelInfer")
    found, details, _ = refusal(lambda: raw(b"\xff" * 100, timeout=20))
    assert (found.name, details) == ("INVALID_ARGUMENT", "The message is no ModelInferRequest.")


def test_without_a_key_nothing_but_liveness_is_answered(served, engine):
    client = served(engine, keys=[KEY])
    assert client.ask("ServerLive").live
    for metadata in ((), (("authorization", "Bearer another key of that length"),)):
        assert refusal(lambda told=metadata: client.ask("ModelInfer", tensor(), told))[0].name == "UNAUTHENTICATED"
        assert refusal(lambda told=metadata: client.ask("ServerMetadata", {}, told))[0].name == "UNAUTHENTICATED"
    answer = client.ask("ModelInfer", tensor(), (("authorization", f"Bearer {KEY}"),))
    np.testing.assert_array_equal(array(answer), engine.run(BATCH))


@pytest.fixture
def held(make_model, served):
    """(client, executor): a server with one place, whose pictures of 64 rows wait at a gate."""
    engine = Engine(make_model(), device="cpu")
    executor = Slowly(engine)
    engine.batcher.executor = engine._executor = executor
    executor.gate.clear()
    client = served(engine, max_waiting=0, max_bytes=10**6)
    executor.seconds = 0.1
    assert client.ask("ServerLive").live  # it is there: the time of a call begins with it
    yield client, executor
    executor.gate.set()


LARGE = np.zeros((1, 3, 64, 64), np.float32)


def test_a_full_model_is_told_with_when_to_come_back(held):
    client, executor = held
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.ask, "ModelInfer", tensor(LARGE))
        assert executor.begun.wait(20)
        code, details, trailing = refusal(lambda: client.ask("ModelInfer", tensor()))
        assert (code.name, int(trailing["retry-after"]) >= 1) == ("RESOURCE_EXHAUSTED", True), details
        executor.gate.set()
        assert array(first.result(20)).shape == LARGE.shape


@pytest.mark.parametrize("leave", ["cancel", "deadline"])
def test_who_leaves_or_has_no_time_left_makes_room(held, leave):
    client, executor = held
    call = client.start("ModelInfer", tensor(LARGE), timeout=20 if leave == "cancel" else 2.0)
    assert executor.begun.wait(20)
    if leave == "cancel":
        call.cancel()
    else:
        assert refusal(call.result)[0].name == "DEADLINE_EXCEEDED"
    executor.gate.set()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            client.ask("ModelInfer", tensor())
            break
        except grpc.RpcError:
            time.sleep(0.05)
    assert executor.computed == []  # it ended between two parts


def test_a_taken_port_is_named_before_a_model_is_loaded(tmp_path):
    with bind("127.0.0.1", 0) as taken, pytest.raises(RequestError, match="in use"):
        serve([tmp_path], grpc_port=taken.getsockname()[1], port=0)


def test_triton_s_own_client_is_served(served, engine):
    triton = pytest.importorskip("tritonclient.grpc", reason="tritonclient is not installed here")
    client = triton.InferenceServerClient(f"127.0.0.1:{served(engine).port}")
    assert client.is_server_live()
    assert client.is_model_ready("invert")
    image = triton.InferInput("image", list(BATCH.shape), "FP32")
    image.set_data_from_numpy(BATCH)
    np.testing.assert_array_equal(client.infer("invert", [image]).as_numpy("translation"), engine.run(BATCH))
