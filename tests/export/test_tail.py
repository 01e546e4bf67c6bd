"""No transposed convolution stands where OpenVINO leaves everything in fp32; old files get there by one command."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from i2i.card import CARD_KEY
from i2i.serving import read_card
from i2i.serving.runtime import openvino
from i2i.serving.runtime.probe import probe_complaint
from i2i.tail import end_in_convolution, left_in_fp32

OLD = Path(__file__).resolve().parents[1] / "witnesses" / "discogan" / "exported" / "a2b.onnx"
"""A file of DiscoGAN, which ends in four transposed convolutions, as an earlier version exported it."""


def up(given, weight, gives):
    return helper.make_node("ConvTranspose", [given, weight], [gives], strides=[2, 2], pads=[1, 1, 1, 1], name=gives)


DOWN = helper.make_node("Conv", ["image", "first"], ["down"], strides=[2, 2], pads=[1, 1, 1, 1])
GRAPHS = {
    "a U-Net": [
        DOWN,
        helper.make_node("Conv", ["down", "second"], ["deep"], strides=[2, 2], pads=[1, 1, 1, 1]),
        up("deep", "back", "up"),
        helper.make_node("Concat", ["up", "down"], ["both"], axis=1),
        up("both", "last", "drawn"),
        helper.make_node("Tanh", ["drawn"], ["translation"]),
    ],
    "one that is the end itself": [DOWN, up("down", "short", "translation")],
    "two paths that meet": [
        DOWN,
        up("down", "short", "one"),
        up("down", "short", "two"),
        helper.make_node("Mul", ["one", "two"], ["translation"]),
    ],
}
WEIGHTS = {"first": (16, 3), "second": (16, 16), "back": (16, 16), "last": (32, 3), "short": (16, 3)}


def build(nodes, dtype=np.float32):
    rng = np.random.default_rng(0)
    weights = [numpy_helper.from_array(rng.normal(0, 0.2, (*s, 4, 4)).astype(dtype), n) for n, s in WEIGHTS.items()]
    kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
    given = helper.make_tensor_value_info("image", kind, ["n", 3, "h", "w"])
    gives = helper.make_tensor_value_info("translation", kind, ["n", 3, "h2", "w2"])
    graph = helper.make_graph(nodes, "g", [given], [gives], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    return onnx.ModelProto.FromString(model.SerializeToString())  # nodes of its own


def run(model, picture):
    raw = model if isinstance(model, bytes) else model.SerializeToString()
    session = onnxruntime.InferenceSession(raw, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": picture})[0]


def picture(dtype=np.float32):
    return np.random.default_rng(1).random((2, 3, 32, 48)).astype(dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("kind", GRAPHS)
def test_a_graph_is_ended_in_a_convolution_that_changes_no_bit(kind, dtype):
    model = build(GRAPHS[kind], dtype)
    before, ends = run(model, picture(dtype)), left_in_fp32(model)
    assert len(ends) == (2 if kind == "two paths that meet" else 1)
    assert end_in_convolution(model) == len(ends)
    onnx.checker.check_model(model, full_check=True)
    assert left_in_fp32(model) == []
    assert np.array_equal(run(model, picture(dtype)), before)
    assert end_in_convolution(model) == 0


def test_a_transposed_convolution_with_a_convolution_behind_it_is_left_alone():
    last = helper.make_node("Conv", ["up", "second"], ["translation"], pads=[1, 1, 2, 2])
    model = build([DOWN, up("down", "back", "up"), last])
    assert end_in_convolution(model) == 0


def test_one_whose_channels_nobody_knows_is_left_as_it_is():
    model = build(GRAPHS["a U-Net"])
    weight = next(each for each in model.graph.initializer if each.name == "last")
    model.graph.initializer.remove(weight)
    model.graph.input.append(helper.make_tensor_value_info("last", TensorProto.FLOAT, None))
    assert end_in_convolution(model) == 0
    assert len(left_in_fp32(model)) == 1


def card_text(path):
    return {entry.key: entry.value for entry in onnx.load(path).metadata_props}[CARD_KEY]


def test_an_old_file_is_upgraded_by_one_command_to_the_same_results(i2i, tmp_path):
    new = tmp_path / "new.onnx"
    status, out, err = i2i("upgrade", OLD, "--out", new)
    assert (status, err) == (0, "")
    assert f"{new}: can run in bf16 to its end now; the results differ by 0.0e+00." in out
    assert len(left_in_fp32(onnx.load(OLD))) == 1
    assert left_in_fp32(onnx.load(new)) == []
    assert card_text(new) == card_text(OLD)
    assert np.array_equal(run(new.read_bytes(), picture()), run(OLD.read_bytes(), picture()))
    session = onnxruntime.InferenceSession(new, providers=["CPUExecutionProvider"])
    assert probe_complaint(read_card(new), session, exact=True) is None


def test_a_run_is_upgraded_in_its_place_and_a_second_time_changes_nothing(i2i, tmp_path):
    for name in ("a2b", "b2a"):
        (tmp_path / f"{name}.onnx").write_bytes(OLD.with_name(f"{name}.onnx").read_bytes())
    assert i2i("upgrade", tmp_path)[0] == 0
    found = {path: path.read_bytes() for path in tmp_path.iterdir()}
    assert [path.name for path in sorted(found)] == ["a2b.onnx", "b2a.onnx"]
    assert all(left_in_fp32(onnx.load_from_string(raw)) == [] for raw in found.values())
    status, out, _ = i2i("upgrade", tmp_path)
    assert (status, out.count("needs nothing, and is as it was")) == (0, 2)
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == found


def test_a_file_that_fails_its_own_probe_is_not_upgraded(i2i, tmp_path):
    model, file = onnx.load(OLD), tmp_path / "spoiled.onnx"
    for each in model.graph.initializer:
        if each.data_type == TensorProto.FLOAT and len(each.dims) == 4:
            each.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(each) * -1, each.name))
    file.write_bytes(model.SerializeToString())
    before = file.read_bytes()
    status, _, err = i2i("upgrade", file)
    assert status == 2
    assert f"{file} is not what its card says: it differs from the golden probe" in err
    assert file.read_bytes() == before


def test_a_file_without_a_probe_is_not_upgraded(i2i, tmp_path):
    model, file = onnx.load(OLD), tmp_path / "unproved.onnx"
    card = json.loads(card_text(OLD)) | {"probe": None}
    helper.set_model_props(model, {CARD_KEY: json.dumps(card)})
    file.write_bytes(model.SerializeToString())
    status, _, err = i2i("upgrade", file)
    assert status == 2
    assert "has no golden probe, so that no change of it can be checked" in err


def test_a_file_is_upgraded_where_torch_cannot_be_imported(tmp_path):
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from i2i.commands import main; sys.argv = ['i2i', 'upgrade', *sys.argv[1:]]; main()"
    )
    command = [sys.executable, "-c", code, str(OLD), "--out", str(tmp_path / "new.onnx")]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def profile(model, precision):
    """(kind, precision) of every convolution, as OpenVINO says that it will run it."""
    core = openvino._core()
    read = core.read_model(model.SerializeToString())
    compiled = core.compile_model(read, "CPU", {"INFERENCE_PRECISION_HINT": precision})
    told = [op.get_rt_info() for op in compiled.get_runtime_model().get_ops()]
    found = {(each["layerType"].astype(str), each["runtimePrecision"].astype(str)) for each in told}
    return {(kind, precision) for kind, precision in found if "onvolution" in kind}


def test_openvino_runs_every_convolution_in_bf16_by_its_own_profile():
    """Where the processor has no bf16, only that the profile can be read."""
    pytest.importorskip("openvino")
    old = [onnx.load(OLD), build(GRAPHS["a U-Net"])]
    new = [onnx.load(OLD), build(GRAPHS["a U-Net"])]
    for model in new:
        assert end_in_convolution(model) == 1
        assert profile(model, "f32") == {("Convolution", "f32"), ("Deconvolution", "f32")}
    if "BF16" not in openvino._core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        pytest.skip("this processor has no bf16, so OpenVINO runs everything in fp32")
    for before, after in zip(old, new, strict=True):
        assert ("Deconvolution", "f32") in profile(before, "bf16")
        assert profile(after, "bf16") == {("Convolution", "bf16"), ("Deconvolution", "bf16")}
