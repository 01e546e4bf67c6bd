"""Faults of a model's file are told when it is loaded, in one sentence, and not at each picture."""

import io
import json
import re
import shutil
import struct
import zipfile

import numpy as np
import onnx
import pytest
from foreign_networks import network, saved
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from small_models import build, card_for

from i2i.card import CARD_KEY, Card
from i2i.errors import I2IError, ModelFileError
from i2i.probes import probe_picture
from i2i.serving import Engine, read_card
from i2i.serving.tuning.tune import tune


def with_card(path, model, **fields):
    """A file with a card put on by hand, and no probe."""
    model.graph.input[0].name = "image"
    for node in model.graph.node:
        for names, old, new in ((node.input, "data", "image"), (node.output, "answer", "translation")):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new
    model.graph.output[0].name = "translation"
    helper.set_model_props(model, {CARD_KEY: card_for("byhand", **fields).to_json()})
    return saved(path, model)


BOUNDARIES = {
    "one size": ({"size": (224, 224)}, r"takes 'image' as float \(any, 3, 224, 224\).*says float \(any, 3, any, any\)"),
    "a batch of four": ({"batch": 4}, r"float \(4, 3, any, any\)"),
    "NHWC": ({"layout": "NHWC"}, r"float \(any, any, any, 3\)"),
    "half precision": ({"kind": "float16"}, "takes 'image' as float16"),
    "bytes": ({"kind": "uint8"}, "takes 'image' as uint8"),
    "one channel": ({"channels": 1}, r"float \(any, 1, any, any\)"),
}


@pytest.mark.parametrize("name", BOUNDARIES)
def test_another_boundary_than_the_card_promises_is_told_by_everything_that_loads_it(name, tmp_path, i2i):
    form, sentence = BOUNDARIES[name]
    path = with_card(tmp_path / "theirs.onnx", network(**form))
    for load in (read_card, lambda path: Engine(path, device="cpu")):
        with pytest.raises(ModelFileError, match=sentence + r".*`i2i adopt theirs\.onnx OUT\.onnx`"):
            load(path)
    assert i2i("info", path)[0] == 2
    told = ("--input-range", "0..255") if "uint8" in sentence else ()  # the way out exists
    assert i2i("adopt", path, tmp_path / "ours.onnx", *told)[0] == 0
    assert Engine(tmp_path / "ours.onnx", device="cpu").run(probe_picture(3, 224, 224, 0)).shape == (1, 3, 224, 224)


def test_a_card_that_calls_a_normalising_network_local_is_found_out(make_model, tmp_path, i2i):
    path = make_model("network", tiling="local", probe=False)
    with pytest.raises(ModelFileError, match=r"\(local\), but the graph has InstanceNormalization.*i2i adopt"):
        Engine(path, device="cpu")
    assert i2i("adopt", path, tmp_path / "ours.onnx", "--input-range", "0..1")[0] == 0
    assert read_card(tmp_path / "ours.onnx").tiling == "global"


NUMBERS = [("multiple", 10**9), ("smallest", 10**12), ("scale", 10**6), ("receptive_field", 10**30), ("multiple", True)]


@pytest.mark.parametrize(("field", "value"), NUMBERS)
def test_a_card_with_absurd_numbers_is_a_sentence(field, value, tmp_path, i2i):
    fields = {**card_for().to_dict(), field: value}
    model = build("invert", card_for())
    helper.set_model_props(model, {CARD_KEY: json.dumps(fields)})
    path = saved(tmp_path / "absurd.onnx", model)
    Image.new("RGB", (9, 7)).save(tmp_path / "x.png")
    status, _, err = i2i("convert", path, tmp_path / "x.png", tmp_path / "y.png")
    assert status == 2
    assert f"{field} is" in err
    assert "Traceback" not in err


CARDS = [
    ("[1, 2]", "holds no fields by name"),
    ("[" * 100_000, "nested too deeply"),
    (json.dumps({**card_for().to_dict(), "name": "x" * 10**5}), "name has 100,000 letters"),
    (json.dumps({**card_for().to_dict(), "parity": "yes"}), "parity holds no figures by name"),
    (json.dumps(card_for().to_dict()).replace('"low": 0.0', '"low": 5.0'), "low is 5.0, above high, which is 1.0"),
]


@pytest.mark.parametrize(("text", "said"), CARDS, ids=[row[1] for row in CARDS])
def test_a_card_of_another_form_is_said_in_plain_words(text, said, tmp_path):
    model = build("invert", card_for())
    helper.set_model_props(model, {CARD_KEY: text})
    with pytest.raises(ModelFileError, match=f"{said}.*i2i adopt"):
        Engine(saved(tmp_path / "card.onnx", model), device="cpu")


def test_weights_that_are_no_numbers_are_not_adopted_and_nothing_else_is_said(tmp_path, i2i, recwarn):
    path = saved(tmp_path / "theirs.onnx", spoilt(network(), np.nan))
    status, _, err = i2i("adopt", path, tmp_path / "ours.onnx")
    assert status == 2
    assert "no numbers, so its weights are likely damaged" in err
    assert not [each for each in recwarn if "invalid" in str(each.message)]


def test_an_operation_that_onnx_runtime_does_not_have_is_refused_with_a_way_out(tmp_path):
    nodes = [helper.make_node("Sharpen", ["image"], ["translation"])]
    shape = ["n", 3, "height", "width"]
    ends = [[helper.make_tensor_value_info(name, 1, shape)] for name in ("image", "translation")]
    model = helper.make_model(helper.make_graph(nodes, "g", *ends), opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    with pytest.raises(ModelFileError, match=r"cannot load the model .*Sharpen.*Export it again with"):
        Engine(with_card(tmp_path / "theirs.onnx", model), device="cpu")


def test_a_scale_that_the_graph_does_not_keep_is_told_at_load(tmp_path):
    path = with_card(tmp_path / "theirs.onnx", network(scale=2), scale=4)
    said = r"gives the shape \(1, 3, 64, 96\) where its card promises \(1, 3, 128, 192\).*i2i adopt"
    with pytest.raises(ModelFileError, match=said):
        Engine(path, device="cpu")


def test_an_answer_of_one_size_is_told_at_load_though_it_may_fit_a_square(tmp_path):
    model = network()
    shape = numpy_helper.from_array(np.zeros((1, 3, 32, 32), np.float32), "always")
    model.graph.initializer.append(shape)
    del model.graph.node[:]
    model.graph.node.append(helper.make_node("Identity", ["always"], [model.graph.output[0].name]))
    with pytest.raises(ModelFileError, match=r"gives the shape \(1, 3, 32, 32\) where its card promises"):
        Engine(with_card(tmp_path / "theirs.onnx", model), device="cpu")


@pytest.mark.parametrize("range_out", ["0..255", "-1..1"])
def test_a_model_without_a_probe_that_gives_another_range_is_told_at_load(range_out, tmp_path):
    path = with_card(tmp_path / "theirs.onnx", network(range_in="0..1", range_out=range_out))
    with pytest.raises(ModelFileError, match=r"gives values from .* where its card promises 0 to 1.*i2i adopt"):
        Engine(path, device="cpu")


def spoilt(model, value):
    weight = next(each for each in model.graph.initializer if each.name == "w")
    array = numpy_helper.to_array(weight).copy()
    array.ravel()[4] = value
    weight.CopyFrom(numpy_helper.from_array(array, "w"))
    return model


@pytest.mark.parametrize(("value", "sentence"), [(np.nan, "values that are no numbers"), (1e30, "damaged weights")])
def test_damaged_weights_in_a_file_without_a_probe_are_told_at_load(value, sentence, tmp_path):
    path = with_card(tmp_path / "theirs.onnx", spoilt(network(), value))
    with pytest.raises(I2IError, match=rf"{sentence}.*[Cc]opy or export it again"):
        Engine(path, device="auto")
    with pytest.raises(I2IError, match=sentence) as caught:
        tune(path)
    assert "was asked for" not in str(caught.value)


def test_info_runs_a_model_where_it_is_asked_to_and_says_where_it_did_not(make_model, tmp_path, i2i):
    good, bad = make_model("invert"), with_card(tmp_path / "theirs.onnx", network(range_out="0..255"))
    assert "Run here:   no; i2i info MODEL --check does" in i2i("info", bad)[1]
    status, shown, _ = i2i("info", good, "--check")
    assert status == 0
    assert "Run here:   yes, on the plain CPU: its golden probe came out as it should" in shown
    for words in ((), ("--json",)):
        status, shown, err = i2i("info", bad, "--check", *words)
        assert (status, shown) == (2, "")
        assert "theirs.onnx: The model gives values from" in err


def test_what_onnx_runtime_prints_of_a_damaged_file_reaches_no_stream(make_model, tmp_path, capfd):
    raw = make_model("network").read_bytes()
    (tmp_path / "damaged.onnx").write_bytes(raw.replace(b"Sigmoid", b"Sigm\xacid"))
    with pytest.raises(ModelFileError, match=r"cannot load the model \('utf-8' codec can't decode"):
        Engine(tmp_path / "damaged.onnx", device="cpu")
    assert capfd.readouterr() == ("", "")


def test_a_graph_that_fails_on_a_small_picture_is_told_at_load(tmp_path):
    path = with_card(tmp_path / "theirs.onnx", network(multiple=5))
    with pytest.raises(I2IError, match="it fails on a picture of 48x32 pixels") as caught:
        Engine(path, device="cpu")
    assert len(str(caught.value)) < 600  # ONNX Runtime tells pages


def test_a_whole_file_without_a_probe_serves(tmp_path):
    path = with_card(tmp_path / "theirs.onnx", network())
    assert Engine(path, device="cpu").run(probe_picture(3, 9, 14, 0)).shape == (1, 3, 9, 14)


def a_zip(*names):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for name in names:
            archive.writestr(name, b"x" * 100)
    return held.getvalue()


def a_picture(kind):
    held = io.BytesIO()
    Image.new("RGB", (8, 8)).save(held, kind)
    return held.getvalue()


KINDS = {
    "text": ("Hällo, I am no model.\n".encode(), "it is text"),
    "zip": (a_zip("readme.txt"), "a zip archive"),
    "zipped model": (a_zip("a/model.onnx"), "with an ONNX file in it"),
    "torch": (a_zip("archive/data.pkl", "archive/data/0"), r"weights of torch's.*`i2i import theirs\.onnx OUT\.onnx`"),
    "old torch": (b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19.", r"weights of torch's.*i2i import"),
    "npz": (a_zip("conv1.weight.npy", "conv1.bias.npy"), r"arrays of numpy's \(\.npz\)"),
    "safetensors": (struct.pack("<Q", 60) + b'{"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}' + bytes(20), "safetensors"),
    "PNG": (a_picture("PNG"), "a PNG picture"),
    "JPEG": (a_picture("JPEG"), "a JPEG picture"),
    "LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "git lfs pull"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(40), "HDF5"),
    "TFLite": (b"\x1c\0\0\0TFL3" + bytes(40), "TensorFlow Lite"),
    "zeros": (bytes(64), "no ONNX file, or one cut short"),
    "nothing": (b"", "no ONNX file, or one cut short"),
}  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("command", ["info", "adopt"])
def test_a_file_that_is_something_else_is_called_what_it_is(kind, command, tmp_path, i2i):
    raw, sentence = KINDS[kind]
    path = tmp_path / "theirs.onnx"
    path.write_bytes(raw)
    status, out, err = i2i(command, path, *([tmp_path / "ours.onnx"] if command == "adopt" else []))
    assert status == 2, out
    assert "no ONNX file" in err
    assert re.search(sentence, err), err
    assert not (tmp_path / "ours.onnx").exists()


def test_a_folder_is_called_one(tmp_path, i2i):
    assert "is a folder" in i2i("adopt", tmp_path, tmp_path / "ours.onnx")[2]
    assert "neither a run directory nor an ONNX file" in i2i("info", tmp_path)[2]


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_file_cut_anywhere_is_a_sentence(share, tmp_path, i2i):
    raw = network().SerializeToString()
    (tmp_path / "cut.onnx").write_bytes(raw[: int(share * len(raw))])
    for command in (("info",), ("adopt", tmp_path / "ours.onnx")):
        status, _, err = i2i(command[0], tmp_path / "cut.onnx", *command[1:])
        assert status == 2
        assert err.startswith("i2i: ")
        assert err.count("\n") == 1


def test_a_run_whose_usual_file_is_damaged_still_says_so(make_model, tmp_path):
    run = make_model(file="run/model.onnx").parent
    shutil.copy(run / "model.onnx", run / "model.onnx.bak")
    (run / "model.onnx").write_bytes(b"hello")
    with pytest.raises(ModelFileError, match="it is text"):
        Engine(run)


def test_a_label_port_of_the_wrong_type_is_told(make_model, tmp_path):
    model = onnx.load(make_model())
    fields = json.loads(next(e.value for e in model.metadata_props if e.key == CARD_KEY))
    fields["inputs"].append({"name": "label", "kind": "label", "choices": ["a", "b"]})
    fields["probe"] = None
    assert Card.from_json(json.dumps(fields))
    model.graph.input.append(helper.make_tensor_value_info("label", TensorProto.FLOAT, ["n"]))
    helper.set_model_props(model, {CARD_KEY: json.dumps(fields)})
    with pytest.raises(ModelFileError, match=r"takes 'label' as float \(any\) where its card says int64 \(any\)"):
        read_card(saved(tmp_path / "label.onnx", model))
