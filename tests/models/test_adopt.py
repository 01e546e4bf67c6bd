"""`i2i adopt`: what a foreign network takes is found out, and the adopted file gives the same pictures."""

import json

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from foreign_networks import network, saved, truth
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from i2i.errors import ModelFileError, RequestError
from i2i.probes import probe_picture
from i2i.serving import Engine, read_card
from i2i.serving.adopt.adopt import Told, adopt
from i2i.serving.adopt.declared import input_range, output_range
from i2i.serving.adopt.finding import ASSUMED, DECLARED, GIVEN, PROBED

LEVEL = 1 / 255


def adopted(tmp_path, model, **told):
    """The engine of the adopted file, and what was found, by fact."""
    made = adopt(saved(tmp_path / "theirs.onnx", model), tmp_path / "ours.onnx", Told(**told))
    return Engine(tmp_path / "ours.onnx", device="cpu"), {row.fact: row for row in made.findings}


def check(engine, channels=3, scale=1, inside=0, tolerance=LEVEL):
    """At a size that nothing was probed at, against the same by hand."""
    picture = probe_picture(channels, 53, 71, 9)
    ours, wanted = engine.run(picture), truth(picture, scale)
    assert ours.shape == wanted.shape
    inner = slice(inside * scale, -inside * scale or None)
    assert np.abs(ours - wanted)[:, :, inner, inner].max() <= tolerance
    assert wanted.std() > 0.1


ALONE = [
    {},
    {"layout": "NHWC"},
    {"kind": "float16"},
    {"kind": "double"},
    {"kind": "uint8", "range_in": "0..255"},
    {"kind": "uint8", "range_in": "0..255", "layout": "NHWC"},
    {"range_in": "-1..1"},
    {"range_in": "0..255"},
    {"range_in": "0..255", "range_out": "0..1"},
    {"scale": 2},
    {"scale": 3, "layout": "NHWC", "kind": "float16", "range_in": "-1..1"},
    {"border": 3, "scale": 2},
    {"border": 7, "range_in": "0..255"},
    {"border": 2, "multiple": 4, "scale": 2},
    {"multiple": 8},
    {"size": (48, 64)},
    {"size": (-1, -1), "batch": -1},
    {"size": (48, 64), "layout": "NHWC", "batch": 1},
    {"channels": 1, "size": (40, 40)},
]


@pytest.mark.parametrize("form", ALONE, ids=str)
def test_the_adopted_file_gives_the_same_pictures_without_being_told_anything(form, tmp_path):
    engine, found = adopted(tmp_path, network(**form))
    inside = form.get("border", 0) + 1 if form.get("border") else 0  # the rim is what is reflected by the bridge
    channels = form.get("channels", 3)
    if channels == 1:
        assert found["channels"].value == "y"
        grey = probe_picture(1, 53, 71, 9)
        assert np.abs(engine.run(np.repeat(grey, 3, axis=1)) - truth(grey)).max() <= LEVEL
    else:
        check(engine, scale=form.get("scale", 1), inside=inside, tolerance=LEVEL)
    assert engine.card.scale == form.get("scale", 1)
    assert engine.card.multiple == form.get("multiple", 1)
    assert engine.card.tiling == "local"
    assert engine.card.probe is not None
    assert engine.card.worst_parity <= LEVEL


def test_large_pictures_go_through_an_adopted_file_in_tiles_that_equal_the_whole(tmp_path):
    engine, _ = adopted(tmp_path, network(border=2, multiple=4, scale=2))
    picture = probe_picture(3, 150, 190, 2)
    tiled = Engine(tmp_path / "ours.onnx", device="cpu", tile=64)
    assert np.abs(tiled.run(picture) - engine.run(picture)).max() < 1e-6


FIXED = [
    {"size": (48, 64)},
    {"size": (48, 64), "batch": 1, "layout": "NHWC", "scale": 2},
    {"size": (64, 64), "batch": 4, "range_in": "-1..1"},
    {"size": (40, 40), "border": 4, "scale": 2},
    {"size": (64, 48), "multiple": 8},
]


@pytest.mark.parametrize("form", FIXED, ids=str)
def test_a_network_of_one_size_runs_any_picture_in_pieces_that_equal_the_whole(form, tmp_path):
    """Sizes, and batches, stand in constants of these graphs, so that nothing else runs."""
    told = {"scale": 2} if form.get("border") else {}  # 40 pixels that give 64 leave it open
    engine, found = adopted(tmp_path, network(**form, fixed_by_constants=True), **told)
    height, width = (side - 2 * form.get("border", 0) for side in form["size"])
    assert engine.card.fixed_size == (height, width) == engine.card.image.shape[1:]
    height, width = form["size"]
    assert found["size"].value == f"{width}x{height} alone"
    assert engine.card.tiling == "local"
    scale = form.get("scale", 1)
    for size in ((53, 171), (23, 27), engine.card.fixed_size, (130, 64)):
        pictures = np.concatenate([probe_picture(3, *size, seed) for seed in (1, 2)])
        given, wanted = engine.run(pictures), np.concatenate([truth(each[None], scale) for each in pictures])
        assert given.shape == wanted.shape
        rim = scale * (form.get("border", 0) + 1)  # where a small picture is continued, and what a border reflects
        assert np.abs(given - wanted)[:, :, rim:-rim, rim:-rim].max() <= LEVEL
    with pytest.raises(RequestError, match="takes pieces of .* alone"):
        Engine(tmp_path / "ours.onnx", device="cpu", tile=64)


def test_a_large_picture_goes_in_and_out_of_a_network_of_one_size_by_parts(tmp_path, monkeypatch):
    engine, _ = adopted(tmp_path, network(size=(64, 48), multiple=8, scale=2, fixed_by_constants=True))
    picture = (probe_picture(3, 131, 173, 4)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
    whole = engine(picture)
    monkeypatch.setattr("i2i.serving.inference.planes.LARGE", 1000)
    assert np.array_equal(engine(picture), whole)
    wanted = truth(picture.transpose(2, 0, 1)[None] / 255, 2)[0].transpose(1, 2, 0) * 255
    assert np.abs(whole[2:-2, 2:-2] - wanted[2:-2, 2:-2]).max() <= 1


def counting():
    """Brought to the mean that it has in 48x48 pixels, whose number stands in the graph."""
    model = network(size=(48, 48))
    for name, values in (
        ("axes", np.array([2, 3], np.int64)),
        ("count", np.float32(48 * 48)),
        ("grey", np.float32(0.5)),
    ):
        model.graph.initializer.append(numpy_helper.from_array(np.asarray(values), name))
    model.graph.node[-1].output[0] = "before"
    model.graph.node.extend([
        helper.make_node("ReduceSum", ["before", "axes"], ["sum"]),
        helper.make_node("Div", ["sum", "count"], ["middle"]),
        helper.make_node("Sub", ["before", "middle"], ["around"]),
        helper.make_node("Add", ["around", "grey"], ["answer"]),
    ])  # fmt: skip
    return model


def test_a_declared_size_is_kept_where_the_graph_counts_on_it(tmp_path):
    """It runs at other sizes, and gives something else there."""
    engine, found = adopted(tmp_path, counting(), input_range="0..1")
    assert (engine.card.fixed_size, found["tiles"].value) == ((48, 48), "global")


def normalising():
    """InstanceNorm at 48x48 alone."""
    model = network(size=(48, 48), fixed_by_constants=True)
    model.graph.initializer.extend(numpy_helper.from_array(np.full(3, value, np.float32), name)
                                   for name, value in (("scale", 0.2), ("mean", 0.5)))  # fmt: skip
    last = model.graph.node[-1]
    last.output[0] = "before"
    model.graph.node.append(helper.make_node("InstanceNormalization", ["before", "scale", "mean"], ["answer"]))
    return model


def test_a_network_of_one_size_that_looks_at_whole_pictures_takes_none_larger(tmp_path, i2i):
    engine, found = adopted(tmp_path, normalising(), input_range="0..1")
    assert (found["tiles"].value, engine.card.fixed_size) == ("global", (48, 48))
    assert engine.run(probe_picture(3, 30, 48, 1)).shape == (1, 3, 30, 48)
    Image.new("RGB", (60, 20)).save(tmp_path / "large.png")
    status, said, _ = i2i("convert", tmp_path / "ours.onnx", tmp_path / "large.png", tmp_path / "out.png")
    assert status == 1
    assert "60x20 pixels is larger than the 48x48 that ours takes" in said
    assert "48x48" in i2i("info", tmp_path / "ours.onnx")[1]


def test_a_grid_that_no_size_shows_makes_tiles_differ_and_is_found_out(tmp_path):
    """Means of 2x2 pixels, brought back to the size that came in, whatever that is."""
    nodes = [
        helper.make_node("AveragePool", ["data"], ["small"], kernel_shape=[2, 2], strides=[2, 2], ceil_mode=1),
        helper.make_node("Shape", ["data"], ["sides"]),
        helper.make_node("Resize", ["small", "", "", "sides"], ["answer"], mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric"),
    ]  # fmt: skip
    sides = ("n", 3, "h", "w")
    engine, found = adopted(tmp_path, graph_of(nodes, [entry("data", *sides)], [entry("answer", *sides)]))
    assert (engine.card.multiple, engine.card.tiling) == (1, "global")
    assert "tiles differ from the whole" in found["tiles"].why


@pytest.mark.parametrize("how", ["given", "metadata", "words", "means"])
def test_blue_first_is_heeded_where_it_is_said(how, tmp_path):
    model = network(order="bgr", range_in="0..255")
    told = {}
    if how == "given":
        told = {"channels": "bgr"}
    elif how == "metadata":
        helper.set_model_props(
            model, {"Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255"}
        )
    elif how == "words":
        model.doc_string = "trained by somebody; BGR, 0..255"
    else:  # takes the means of BGR off, as Caffe's do, and adds them again through the bias
        means = np.array([103.939, 116.779, 123.68], np.float32).reshape(1, 3, 1, 1)
        model.graph.initializer.append(numpy_helper.from_array(means, "means"))
        model.graph.node[0].input[0] = "off"
        model.graph.node.insert(0, helper.make_node("Sub", ["data", "means"], ["off"]))
        bias = next(each for each in model.graph.initializer if each.name == "b")
        weight = numpy_helper.to_array(next(each for each in model.graph.initializer if each.name == "w"))
        more = (weight.sum((2, 3)) @ means.ravel()).astype(np.float32)
        bias.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(bias) + more, "b"))
    engine, found = adopted(tmp_path, model, **told)
    check(engine)
    assert found["channels"].how == (GIVEN if how == "given" else DECLARED)


def test_the_order_of_channels_is_called_assumed_where_nothing_says_it(tmp_path):
    _, found = adopted(tmp_path, network())
    assert (found["channels"].value, found["channels"].how) == ("rgb", ASSUMED)
    assert "--channels bgr" in found["channels"].why
    assert (found["range in"].value, found["range in"].how) == ("0..1", PROBED)


def wrapped(model, before=(), after=()):
    """The network between steps of (operation, constant)."""
    first, last = model.graph.node[0], model.graph.node[-1]
    for nodes, place in ((before, 0), (after, len(model.graph.node))):
        name = "data" if place == 0 else "inside"
        for n, (operation, values) in enumerate(nodes):
            key = f"{operation}{place}{n}"
            if values is not None:
                model.graph.initializer.append(numpy_helper.from_array(np.asarray(values, np.float32), key))
            made = helper.make_node(operation, [name, *([key] if values is not None else [])], [key + "_out"])
            model.graph.node.insert(place + n, made)
            name = key + "_out"
        if nodes and place == 0:
            first.input[0] = name
        elif nodes:
            last.output[0] = "inside"
            model.graph.node[-1].output[0] = "answer"
    return model


SAID = [
    ([("Div", 255)], [], "0..255", "0..1", "it begins by bringing that to 0..1"),
    ([("Mul", 2), ("Sub", 1)], [], "0..1", "-1..1", "it begins by bringing that to -1..1"),
    ([("Div", 127.5), ("Sub", 1)], [], "0..255", "-1..1", "it begins by bringing that to -1..1"),
    (
        [("Sub", [[[0.485]], [[0.456]], [[0.406]]]), ("Div", [[[0.229]], [[0.224]], [[0.225]]])],
        [],
        "0..1",
        None,
        "means",
    ),
    ([], [("Tanh", None)], None, "-1..1", "it ends with Tanh"),
    ([], [("Tanh", None), ("Add", 1), ("Div", 2)], None, "0..1", "it ends with Tanh"),
    ([], [("Tanh", None), ("Mul", 127.5), ("Add", 127.5)], None, "0..255", "it ends with Tanh"),
    ([], [("Sigmoid", None), ("Mul", 255)], None, "0..255", "it ends with Sigmoid"),
]


@pytest.mark.parametrize(("before", "after", "into", "out", "why"), SAID)
def test_a_range_is_read_off_the_first_and_last_steps_of_the_graph(before, after, into, out, why):
    model = wrapped(network(range_in="0..1"), before, after)
    ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])  # a graph that runs
    if into is not None:
        assert input_range(model)[0] == into
        assert why in input_range(model)[1]
    elif out is not None:
        assert output_range(model, "answer")[0] == out
        assert why in output_range(model, "answer")[1]


def test_what_says_nothing_of_a_range_is_not_taken_for_something():
    assert input_range(network()) is None
    assert output_range(network(), "answer") is None


def test_the_usual_range_is_assumed_where_another_is_hardly_better(tmp_path):
    """A change around grey is half as large in [-1, 1]: no sign that the network was made for it."""
    model = network(range_in="-1..1")
    model.graph.node.pop()
    model.graph.node[-1].output[0] = "answer"
    _, found = adopted(tmp_path, model)
    assert (found["range in"].value, found["range in"].how) == ("0..1", ASSUMED)
    assert "as -1..1 at" in found["range in"].why


def test_of_several_outputs_the_picture_alone_is_taken_and_what_makes_the_others_is_left_out(tmp_path):
    model = network()
    model.graph.node.append(helper.make_node("GlobalAveragePool", ["answer"], ["mean"]))
    model.graph.output.append(entry("mean", "n", 3, 1, 1))
    engine, found = adopted(tmp_path, model)
    check(engine)
    assert (found["output"].value, engine.card.tiling) == ("answer", "local")
    assert "without 'mean'" in found["output"].why


def test_a_network_on_luma_carries_the_colour(tmp_path):
    engine, _ = adopted(tmp_path, network(channels=1, scale=2))
    picture = np.zeros((1, 3, 40, 40), np.float32)
    picture[:, 0], picture[:, 1], picture[:, 2] = 0.7, 0.4, 0.2
    luma = 0.299 * 0.7 + 0.587 * 0.4 + 0.114 * 0.2
    change = 0.98 * luma + 0.01 - luma
    answer = engine.run(picture)
    assert answer.shape == (1, 3, 80, 80)
    assert np.abs(answer[0].mean((1, 2)) - (np.array([0.7, 0.4, 0.2]) + change)).max() < LEVEL
    ycc = np.asarray(Image.fromarray((answer[0].transpose(1, 2, 0) * 255).round().astype(np.uint8)).convert("YCbCr"))
    before = np.asarray(
        Image.fromarray((picture[0].transpose(1, 2, 0) * 255).round().astype(np.uint8)).convert("YCbCr")
    )
    assert np.abs(ycc[::2, ::2, 1:].astype(int) - before[..., 1:]).max() <= 1


def test_a_range_that_cannot_be_known_is_asked_for_with_what_was_seen(tmp_path):
    """Its answer is of no range at all, and of another picture than what went in."""
    model = network(range_in="0..1")
    weight = next(each for each in model.graph.initializer if each.name == "w")
    weight.CopyFrom(numpy_helper.from_array(-0.4 * numpy_helper.to_array(weight), "w"))
    bias = next(each for each in model.graph.initializer if each.name == "b")
    bias.CopyFrom(numpy_helper.from_array(np.full(3, -30, np.float32), "b"))
    with pytest.raises(RequestError, match=r"values outside.*--input-range.*0\.\.1, -1\.\.1, 0\.\.255"):
        adopted(tmp_path, model)
    assert not (tmp_path / "ours.onnx").exists()


def graph_of(nodes, given, outputs, constants=()):
    graph = helper.make_graph(nodes, "g", given, outputs, list(constants))
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def entry(name, *sides, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, sides)


def classifier():
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["scores"]),
    ]
    return graph_of(nodes, [entry("data", "n", 3, "h", "w")], [entry("scores", "n", 3)])


def two_pictures():
    nodes = [helper.make_node("Identity", ["data"], ["a"]), helper.make_node("Sqrt", ["data"], ["b"])]
    sides = ("n", 3, "h", "w")
    return graph_of(nodes, [entry("data", *sides)], [entry("a", *sides), entry("b", *sides)])


def two_inputs():
    sides = ("n", 3, "h", "w")
    node = helper.make_node("Add", ["data", "other"], ["sum"])
    return graph_of([node], [entry("data", *sides), entry("other", *sides)], [entry("sum", *sides)])


def reduced():
    node = helper.make_node("AveragePool", ["data"], ["small"], kernel_shape=[2, 2], strides=[2, 2])
    return graph_of([node], [entry("data", "n", 3, "h", "w")], [entry("small", "n", 3, "h2", "w2")])


def own_operation():
    model = network()
    model.graph.node[1].domain = "com.example"
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    return model


def text():
    node = helper.make_node("Identity", ["words"], ["same"])
    return graph_of([node], [entry("words", "n", kind=TensorProto.INT64)], [entry("same", "n", kind=TensorProto.INT64)])


REFUSED = {
    "classifier": (classifier, "numbers about the picture, or maps"),
    "two pictures": (two_pictures, r"2 pictures: 'a'.*--output NAME"),
    "two inputs": (two_inputs, r"2 inputs \('data', 'other'\)"),
    "smaller": (reduced, "no picture of the same size"),
    "own operation": (own_operation, r"com\.example\.Conv"),
    "no picture": (text, "its input 'words' has 1 axes of type int64"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_to_image_network_is_refused_with_the_reason(name, tmp_path):
    build, sentence = REFUSED[name]
    with pytest.raises(RequestError, match=sentence):
        adopted(tmp_path, build())
    assert not (tmp_path / "ours.onnx").exists()


def test_the_picture_among_several_outputs_can_be_named(tmp_path):
    engine, _ = adopted(tmp_path, two_pictures(), output="b", input_range="0..1")
    picture = probe_picture(3, 20, 30, 1)
    assert np.abs(engine.run(picture) - np.sqrt(picture)).max() < LEVEL


def split_in_two(folder, location="weights.bin"):
    model = network()
    folder.mkdir(exist_ok=True)
    onnx.save(model, folder / "theirs.onnx", save_as_external_data=True, location="weights.bin", size_threshold=0)
    if location != "weights.bin":
        for tensor in model.graph.initializer:
            for told in tensor.external_data:
                if told.key == "location":
                    told.value = location
        (folder / "theirs.onnx").write_bytes(model.SerializeToString())
    return folder / "theirs.onnx"


def test_weights_beside_the_file_are_folded_in(tmp_path):
    adopt(split_in_two(tmp_path / "a"), tmp_path / "ours.onnx")
    (tmp_path / "a" / "weights.bin").unlink()
    check(Engine(tmp_path / "ours.onnx", device="cpu"))


def test_weights_in_a_folder_below_and_in_a_file_for_each_tensor_are_folded_in(tmp_path):
    model = network()
    (tmp_path / "below").mkdir()
    for tensor in model.graph.initializer:
        place = f"./below/{tensor.name}:0.bin"  # as names of TensorFlow's tensors end
        (tmp_path / place).write_bytes(numpy_helper.to_array(tensor).tobytes())
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        told = tensor.external_data.add()
        told.key, told.value = "location", place
    engine, _ = adopted(tmp_path, model)
    check(engine)


def test_the_adopted_file_is_not_written_over_the_foreign_one(tmp_path, i2i):
    path = saved(tmp_path / "theirs.onnx", network())
    before = path.read_bytes()
    for out in (path, tmp_path):
        assert "Name a new file" in i2i("adopt", path, out)[2]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "place", ["../weights.bin", "/etc/hostname", "b/../../weights.bin", "C:\\weights.bin", "..\\w"]
)
def test_weights_that_lie_elsewhere_are_never_read(place, tmp_path):
    (tmp_path / "weights.bin").write_bytes(bytes(10_000))
    path = split_in_two(tmp_path / "a", place)
    with pytest.raises(ModelFileError, match="from files beside it"):
        adopt(path, tmp_path / "ours.onnx")


def test_a_link_to_weights_elsewhere_is_not_followed_and_a_missing_file_is_named(tmp_path):
    path = split_in_two(tmp_path / "a")
    (tmp_path / "a" / "weights.bin").rename(tmp_path / "weights.bin")
    with pytest.raises(ModelFileError, match=r"weights\.bin, which cannot be read"):
        adopt(path, tmp_path / "ours.onnx")
    (tmp_path / "a" / "weights.bin").symlink_to(tmp_path / "weights.bin")
    with pytest.raises(ModelFileError, match="a link that leads elsewhere"):
        adopt(path, tmp_path / "ours.onnx")


def test_an_old_opset_with_weights_among_the_inputs_is_adopted(tmp_path):
    """As exporters of 2019 wrote: opset 9, IR 3, every weight an input too."""
    node = helper.make_node("Conv", ["data", "w"], ["answer"], pads=[0, 0, 0, 0])
    weight = numpy_helper.from_array((0.9 * np.eye(3, dtype=np.float32)).reshape(3, 3, 1, 1), "w")
    graph = helper.make_graph([node], "g", [entry("data", 1, 3, 32, 32), entry("w", 3, 3, 1, 1)],
                              [entry("answer", 1, 3, 32, 32)], [weight])  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 9)], ir_version=3)
    engine, _ = adopted(tmp_path, model, input_range="0..1")
    picture = probe_picture(3, 45, 51, 0)
    assert np.abs(engine.run(picture) - 0.9 * picture).max() < LEVEL


@pytest.mark.parametrize(("name", "scale", "tiling", "cut"), [
    ("espcn_x3_xbkaishui", 3, "local", 0),
    ("fast-style-rain_princess", 1, "global", 0),
    ("waifu2x-upconv7-photo-scale2.0x_model", 2, "local", 7),
])  # fmt: skip
def test_other_peoples_trained_networks_give_their_own_pictures(name, scale, tiling, cut, real_models, tmp_path, i2i):
    theirs, ours = real_models / f"{name}.onnx", tmp_path / "ours.onnx"
    status, out, err = i2i("adopt", theirs, ours)
    assert status == 0, err
    assert out.splitlines()[-1].startswith(f"{ours} (")
    card = read_card(ours)
    assert (card.scale, card.tiling) == (scale, tiling)
    session = ort.InferenceSession(theirs, providers=["CPUExecutionProvider"])
    size = (224, 224) if "espcn" in name else (60, 92)
    picture = probe_picture(1 if "espcn" in name else 3, *size, 3)
    by = 255 if "princess" in name else 1
    padded = np.pad(picture, ((0, 0), (0, 0), (cut, cut), (cut, cut)), mode="reflect")
    (answer,) = session.run(None, {session.get_inputs()[0].name: (by * padded).astype(np.float32)})
    wanted = np.clip(answer / by, 0, 1)
    given = Engine(ours, device="cpu").run(np.repeat(picture, 3, axis=1) if "espcn" in name else picture)
    assert np.abs(given - wanted).max() <= LEVEL


def test_the_card_says_where_it_came_from_and_info_shows_it(tmp_path, i2i):
    adopted(tmp_path, network(scale=2), name="my net", licence="MIT")
    card = read_card(tmp_path / "ours.onnx")
    assert (card.name, card.method, card.task, card.licence) == ("my-net", "adopted", "super-resolution", "MIT")
    assert card.training["adopted"]["file"] == "theirs.onnx"
    _, shown, _ = i2i("info", tmp_path / "ours.onnx")
    assert "adopted from theirs.onnx" in shown
    assert "differs from the adopted file by at most" in shown
    assert json.loads(i2i("info", tmp_path / "ours.onnx", "--json")[1])["probe"]
