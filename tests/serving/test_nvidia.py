"""CUDA as far as it can be tried without a card: what ONNX Runtime is asked for, in which precision, and when."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import numpy_helper

from i2i.errors import ProviderError
from i2i.serving import Engine
from i2i.serving.runtime import nvidia

HALF, FULL = onnx.TensorProto.FLOAT16, onnx.TensorProto.FLOAT


PROVIDERS = ("TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider")


@pytest.fixture
def cards(monkeypatch):
    """A machine with two cards, whose provider is played by the plain one; gives what each session was asked for."""
    asked = []

    class Played(ort.InferenceSession):
        has_libraries = True

        def __init__(self, model, options, providers):
            asked.append((onnx.load_from_string(model), providers))
            super().__init__(model, options, providers=["CPUExecutionProvider"])

        def get_providers(self):
            named = [each if isinstance(each, str) else each[0] for each in asked[-1][1]]
            return named if self.has_libraries else ["CPUExecutionProvider"]

    monkeypatch.setattr(nvidia, "StoppableSession", Played)
    monkeypatch.setattr(nvidia, "_nvidia_cards", lambda: 2)
    monkeypatch.setattr(ort, "get_available_providers", lambda: list(PROVIDERS))
    monkeypatch.setattr(ort, "preload_dlls", lambda: None, raising=False)
    asked.append(Played)
    return asked


def kinds(model):
    """The types of the weights of convolutions, and of what the normalisation takes."""
    weights = {each.name: each.data_type for each in model.graph.initializer}
    types = {each.name: each.data_type for each in model.graph.initializer}
    types |= {out: node.attribute[0].i for node in model.graph.node if node.op_type == "Cast" for out in node.output}
    norms = {types.get(node.input[0]) for node in model.graph.node if node.op_type == "InstanceNormalization"}
    return {weights.get(node.input[1]) for node in model.graph.node if node.op_type == "Conv"}, norms


def test_auto_takes_tf32_and_searches_by_heuristics(make_model, cards):
    engine = Engine(make_model("network"))
    assert (engine.provider, engine.precision) == ("cuda", "tf32")
    (model, ((provider, options), fallback)) = cards[1]
    assert (provider, fallback) == ("CUDAExecutionProvider", "CPUExecutionProvider")
    assert options == {"device_id": "0", "cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "1"}
    assert kinds(model)[0] == {FULL}


def test_fp16_is_taken_where_it_is_asked_for_with_normalisations_in_fp32(make_model, cards):
    path = make_model("network")
    engine = Engine(path, "cuda:1", "fp16")
    assert (engine.provider, engine.precision, engine.deep_precision) == ("cuda:1", "fp16", "fp16")
    model, ((_, options), _) = cards[1]
    assert (options["device_id"], options["use_tf32"]) == ("1", "0")
    assert kinds(model) == ({HALF}, {FULL})
    batch = np.random.default_rng(0).random((1, 3, 40, 50)).astype(np.float32)
    error = engine.run(batch) - Engine(path, "cpu").run(batch)
    assert 1e-7 < np.abs(error).max() < 0.01


def test_fp16_that_misses_the_probe_is_refused_with_its_figure(make_model, cards, monkeypatch):
    def zeroed(model):
        for weight in model.graph.initializer:
            weight.CopyFrom(numpy_helper.from_array(0 * numpy_helper.to_array(weight), weight.name))
        return model

    monkeypatch.setattr("i2i.half.to_half", zeroed)
    with pytest.raises(ProviderError, match=r"CUDA in fp16: it reaches .* dB on the golden probe"):
        Engine(make_model("network"), "cuda", "fp16")


def test_a_card_without_its_libraries_is_refused_where_it_is_named_and_passed_over_by_auto(make_model, cards):
    cards[0].has_libraries = False
    with pytest.raises(ProviderError, match=r"cuDNN libraries .* pip install 'onnxruntime-gpu"):
        Engine(make_model(), "cuda")
    assert "CUDA or cuDNN libraries" in Engine(make_model()).reason
    with pytest.raises(ProviderError, match="there is no card number 2; the first of 2 is cuda:0"):
        Engine(make_model(), "cuda:2")


def test_tensorrt_gets_one_engine_for_a_range_of_sides_when_it_is_named(make_model, cards, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = make_model("network")
    engine = Engine(path, "tensorrt:1", "fp16")
    assert (engine.provider, engine.precision) == ("tensorrt:1", "fp16")
    model, wanted = cards[1]
    assert [each if isinstance(each, str) else each[0] for each in wanted] == list(PROVIDERS)
    options = wanted[0][1]
    assert options["device_id"] == wanted[1][1]["device_id"] == "1"
    assert options["trt_fp16_enable"] == options["trt_build_heuristics_enable"] == "True"
    assert options["trt_profile_min_shapes"] == "image:1x3x64x64"
    assert options["trt_profile_opt_shapes"] == "image:1x3x512x512"
    assert options["trt_profile_max_shapes"] == "image:1x3x1024x1024"
    assert options["trt_engine_cache_path"].startswith(str(tmp_path / "i2i" / "tensorrt"))
    assert kinds(model) == ({HALF}, {FULL})
    assert Engine(path).provider == "cuda"  # `auto` leaves it out


def test_tensorrt_without_its_libraries_is_refused_and_never_replaced(make_model, cards, monkeypatch):
    cards[0].has_libraries = False
    with pytest.raises(ProviderError, match="TensorRT libraries .* pip install tensorrt. Or take --device cuda"):
        Engine(make_model(), "tensorrt")
    monkeypatch.setattr(ort, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ProviderError, match="no TensorRT provider"):
        Engine(make_model(), "tensorrt")
