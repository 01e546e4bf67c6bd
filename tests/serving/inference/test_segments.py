"""Models that normalise over the whole picture give the same in segments, whatever the memory."""

from __future__ import annotations

import dataclasses

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import TensorProto, helper, numpy_helper
from PIL import Image
from small_models import card_for

from i2i.errors import ProviderError, UnknownNameError
from i2i.serving import Engine
from i2i.serving.inference import by_size
from i2i.serving.inference.executors import IMAGE, OutOfMemoryError, Whole
from i2i.serving.inference.segments import executor as segments
from i2i.serving.inference.segments import side_by_side, store
from i2i.serving.inference.segments.cut import UncuttableError
from i2i.serving.inference.segments.executor import Segmented

SIDES = [(1, 3, 150, 70), (1, 3, 70, 150)]
LITTLE, MUCH = 2**20, 2**30


def opened(model: bytes) -> ort.InferenceSession:
    return ort.InferenceSession(model, providers=["CPUExecutionProvider"])


def segmented(model: bytes, card, memory: int = MUCH) -> Segmented:
    made = Segmented(model, card, opened, "cpu in fp32", lambda: memory)
    made.strip = 1  # as thin as can be, so that every halo is needed
    return made


def graph(nodes, weights: dict[str, object], outputs: int = 3, opset: int = 18) -> bytes:
    """A model with these nodes from `image` to `translation`."""
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, None, None])
        for name, channels in (("image", 3), ("translation", outputs))
    ]
    tensors = [numpy_helper.from_array(np.asarray(value), name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "g", ports[:1], ports[1:], tensors)
    return helper.make_model(
        made, opset_imports=[helper.make_opsetid("", opset)], ir_version=9
    ).SerializeToString()  # fmt: skip


def weight(*shape: int) -> np.ndarray:
    return np.random.default_rng(sum(shape)).normal(0, 0.3, shape).astype(np.float32)


ONES, ZEROS = np.ones(8, np.float32), np.zeros(8, np.float32)
CONV = [
    helper.make_node("Conv", ["image", "w"], ["a"], pads=[1, 1, 1, 1]),
    helper.make_node("Conv", ["m", "v"], ["translation"], pads=[1, 1, 1, 1]),
]
WEIGHTS = {"w": weight(8, 3, 3, 3), "v": weight(3, 8, 3, 3)}
SQUEEZE = [
    CONV[0],
    helper.make_node("GlobalAveragePool", ["a"], ["p"]),
    helper.make_node("Conv", ["p", "s"], ["q"]),
    helper.make_node("Sigmoid", ["q"], ["g"]),
    helper.make_node("Mul", ["a", "g"], ["m"]),
    CONV[1],
]
BY_HAND = [
    CONV[0],
    helper.make_node("ReduceMean", ["a", "axes"], ["mean"]),
    helper.make_node("Sub", ["a", "mean"], ["centred"]),
    helper.make_node("Mul", ["centred", "centred"], ["squares"]),
    helper.make_node("ReduceMean", ["squares", "axes"], ["variance"]),
    helper.make_node("Add", ["variance", "eps"], ["above"]),
    helper.make_node("Sqrt", ["above"], ["deviation"]),
    helper.make_node("Div", ["centred", "deviation"], ["m"]),
    CONV[1],
]
STRIDED = [
    helper.make_node("InstanceNormalization", ["image", "three", "none"], ["i"]),
    helper.make_node("Pad", ["i", "pads"], ["padded"], mode="reflect"),
    helper.make_node("Conv", ["padded", "w"], ["a"], strides=[2, 2]),
    helper.make_node("MaxPool", ["a"], ["b"], kernel_shape=[2, 2], strides=[2, 2]),
    helper.make_node("InstanceNormalization", ["b", "ones", "zeros"], ["c"]),
    helper.make_node("ConvTranspose", ["c", "t"], ["d"], strides=[2, 2], pads=[1, 1, 1, 1]),
    helper.make_node("Resize", ["d", "", "by"], ["m"], mode="linear"),
    CONV[1],
]
EXTREMES = [
    CONV[0],
    helper.make_node("GlobalMaxPool", ["a"], ["most"]),
    helper.make_node("ReduceMin", ["a", "axes"], ["least"]),
    helper.make_node("Sub", ["most", "least"], ["range"]),
    helper.make_node("Div", ["a", "range"], ["m"]),
    CONV[1],
]
PIXELS = np.array([2, 3])
FOREIGN = {
    "squeeze and excitation": graph(SQUEEZE, {**WEIGHTS, "s": weight(8, 8, 1, 1)}),
    "a normalisation by hand": graph(BY_HAND, {**WEIGHTS, "axes": PIXELS, "eps": np.float32(1e-5)}),
    "strides, pads and pools": graph(
        STRIDED,
        {
            **WEIGHTS, "ones": ONES, "zeros": ZEROS, "three": ONES[:3], "none": ZEROS[:3], "t": weight(8, 8, 4, 4),
            "pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "by": np.array([1, 1, 2, 2], np.float32),
        },
    ),
    "extremes": graph(EXTREMES, {**WEIGHTS, "axes": PIXELS}),
}  # fmt: skip


@pytest.mark.parametrize("kind", FOREIGN)
@pytest.mark.parametrize("shape", [(1, 3, 152, 72), (2, 3, 72, 152)])
def test_other_peoples_graphs_give_in_the_thinnest_strips_what_they_give_whole(kind, shape):
    card = card_for("foreign", tiling="global", multiple=4)
    image = np.random.default_rng(1).random(shape, np.float32)
    wanted = Whole(opened(FOREIGN[kind]), card, "").run({IMAGE: image})
    assert wanted.std() > 0.01
    np.testing.assert_allclose(segmented(FOREIGN[kind], card).run({IMAGE: image}), wanted, atol=2e-5)


@pytest.mark.parametrize("name", ["unet16", "resnet6", "restorer"])
@pytest.mark.parametrize("shape", SIDES)
def test_our_networks_give_in_the_thinnest_strips_what_they_give_whole(exported, name, shape):
    _, path, card = exported(name)
    image = np.random.default_rng(1).random(shape, np.float32)
    wanted = Whole(opened(path.read_bytes()), card, "").run({IMAGE: image})
    found = segmented(path.read_bytes(), card).run({IMAGE: image})
    assert np.abs(found - wanted).max() < 0.1 / 255


def test_answers_that_a_session_lends_are_taken_before_it_writes_into_them_again(exported):
    _, path, card = exported("unet16")
    image = np.random.default_rng(1).random(SIDES[0], np.float32)
    wanted = segmented(path.read_bytes(), card).run({IMAGE: image})
    lent = []

    class Lends:
        def __init__(self, model: bytes) -> None:
            self.inner, self.answers = opened(model), []

        def lend(self, names, feeds):
            for answer in self.answers:
                answer[:] = np.nan
            lent.append(names)
            self.answers = self.inner.run(names, feeds)
            return self.answers

        def run(self, *_):
            raise AssertionError("copies")

    made = Segmented(path.read_bytes(), card, Lends, "", lambda: MUCH)
    made.strip = 1
    np.testing.assert_array_equal(made.run({IMAGE: image}), wanted)
    assert len(lent) > 20


@pytest.mark.parametrize(
    ("nodes", "weights", "why"),
    [
        (
            [
                helper.make_node("Reshape", ["image", "flat"], ["r"]),
                helper.make_node("Softmax", ["r"], ["s"]),
                helper.make_node("Reshape", ["s", "back"], ["translation"]),
            ],
            {"flat": np.array([0, 3, -1]), "back": np.array([0, 3, 64, 64])},
            "Reshape|told before",
        ),
        ([helper.make_node("ReduceMean", ["image", "axes"], ["row"]), helper.make_node("Sub", ["image", "row"], ["translation"])],
         {"axes": np.array([3])}, "ReduceMean"),
        ([helper.make_node("Softmax", ["image"], ["translation"], axis=3)], {}, "rows or columns"),
    ],
)  # fmt: skip
def test_a_graph_that_cannot_be_cut_says_what_forbids_it(nodes, weights, why):
    with pytest.raises(UncuttableError, match=why):
        segmented(graph(nodes, weights), card_for("foreign", tiling="global"))


def test_statistics_are_right_where_single_precision_is_not():
    """A bright picture with little contrast: in float32 its squares drown the variance."""
    card = card_for("foreign", tiling="global")
    model = graph(
        [helper.make_node("InstanceNormalization", ["image", "three", "none"], ["i"], epsilon=1e-12),
         helper.make_node("Mul", ["i", "tenth"], ["translation"])],
        {"three": ONES[:3], "none": np.full(3, 5, np.float32), "tenth": np.float32(0.1)},
    )  # fmt: skip
    image = (0.9 + 0.001 * np.random.default_rng(1).random((1, 3, 1100, 900))).astype(np.float32)
    exact = image.astype(np.float64)
    exact = (exact - exact.mean((2, 3), keepdims=True)) / np.sqrt(exact.var((2, 3), keepdims=True) + 1e-12)
    found = segmented(model, card).run({IMAGE: image})
    np.testing.assert_allclose(found, np.clip(0.1 * (exact + 5), 0, 1), atol=2e-4)


@pytest.mark.parametrize("shape", SIDES)
@pytest.mark.parametrize("is_half", [False, True])
def test_scratch_files_give_the_bytes_that_memory_gives_and_are_gone_afterwards(
    exported, shape, is_half, tmp_path, monkeypatch
):
    _, path, card = exported("unet16")
    monkeypatch.setattr(store.tempfile, "tempdir", str(tmp_path))
    made = []
    monkeypatch.setattr(segments, "InFile", lambda *a: made.append(a) or store.InFile(*a))
    image = np.random.default_rng(1).random(shape, np.float32)
    in_memory, in_files = (segmented(path.read_bytes(), card, memory) for memory in (MUCH, LITTLE // 8))
    in_memory.is_half = in_files.is_half = is_half
    wanted = in_memory.run({IMAGE: image})
    assert not made
    found = in_files.run({IMAGE: image})
    assert made
    np.testing.assert_array_equal(found, wanted)
    assert list(tmp_path.iterdir()) == []


def _no_thread(_thread: object) -> None:
    raise RuntimeError("can't start new thread")


@pytest.mark.parametrize("can_start", [True, False])
def test_channels_are_gone_through_once_each_with_threads_or_without(can_start, monkeypatch):
    monkeypatch.setattr(side_by_side, "available_threads", lambda: 3)
    if not can_start:
        monkeypatch.setattr(side_by_side.threading.Thread, "start", _no_thread)
    done = np.zeros(8)
    side_by_side.for_channels(8, 2**22, lambda some: done.__setitem__(some, done[some] + 1))
    np.testing.assert_array_equal(done, 1)
    with pytest.raises(ZeroDivisionError):
        side_by_side.for_channels(8, 2**22, lambda some: 1 // some.start)
    if can_start:
        with pytest.raises(ZeroDivisionError):
            side_by_side.for_channels(8, 2**22, lambda some: 1 // (8 - some.stop))


def test_memory_that_is_done_with_is_taken_again_where_it_is_not_much_too_large():
    spares = store.Spares()
    first = spares.take((2, 10, 10), np.float32)
    spares.give(first)
    assert not np.shares_memory(spares.take((1, 10, 10), np.float32), first)
    again = spares.take((9, 10, 2), np.float32)
    assert np.shares_memory(again, first)
    assert not np.shares_memory(spares.take((9, 10, 2), np.float32), first)
    spares.give(again)
    spares.drop()
    assert not np.shares_memory(spares.take((9, 10, 2), np.float32), first)


def test_a_scratch_folder_without_room_is_told_with_both_figures(exported, monkeypatch):
    _, path, card = exported("unet16")
    usage = dataclasses.make_dataclass("Usage", ["free"])
    monkeypatch.setattr(store.shutil, "disk_usage", lambda _: usage(1000))
    with pytest.raises(ProviderError, match=r"0\.0 GB beyond.* has 0\.0 GB free.*TMPDIR"):
        segmented(path.read_bytes(), card, LITTLE // 8).run({IMAGE: np.zeros(SIDES[0], np.float32)})


def test_feature_maps_in_bf16_take_half_the_room_and_change_little(exported):
    _, path, card = exported("unet16")
    image = np.random.default_rng(1).random(SIDES[0], np.float32)
    exact, halved = segmented(path.read_bytes(), card), segmented(path.read_bytes(), card)
    halved.is_half = True
    sides = {IMAGE: (1, 3, 160, 80)}
    assert halved.plan(sides).maps == exact.plan(sides).maps // 2
    difference = np.abs(exact.run({IMAGE: image}) - halved.run({IMAGE: image}))
    assert 0 < difference.max() < 12 / 255
    assert difference.mean() < 1 / 255


def test_memory_that_fails_in_the_middle_makes_thinner_strips_with_new_sessions(exported, monkeypatch):
    monkeypatch.setattr(segments, "SMALLEST_STRIP", 1)
    monkeypatch.setattr(segments, "LARGEST_STRIP", 2**19)
    _, path, card = exported("unet16")
    image = np.random.default_rng(1).random(SIDES[0], np.float32)
    wanted = segmented(path.read_bytes(), card).run({IMAGE: image})
    tallest = []

    class Scarce:
        def __init__(self, model: bytes) -> None:
            self.inner = opened(model)

        def run(self, names, feeds):
            rows = max(array.shape[2] for array in feeds.values() if array.ndim == 4)
            tallest.append(rows)
            if rows > 40:
                raise RuntimeError("[ONNXRuntimeError] : 6 : bad allocation\nFailed to allocate 12345 bytes")
            return self.inner.run(names, feeds)

    made = Segmented(path.read_bytes(), card, Scarce, "cpu in fp32", lambda: MUCH)
    np.testing.assert_array_equal(made.run({IMAGE: image}) > -1, wanted > -1)
    np.testing.assert_allclose(made.run({IMAGE: image}), wanted, atol=1e-5)
    assert max(tallest) > 40 >= tallest[-1]


def test_an_engine_takes_segments_where_memory_is_scarce_and_gives_the_same(make_model, monkeypatch):
    path = make_model("network", tiling="global")
    picture = np.random.default_rng(1).integers(0, 256, (400, 300, 3), np.uint8)
    engine = Engine(path, device="cpu")
    wanted = engine(picture)
    runs = []
    real = Segmented.run
    monkeypatch.setattr(Segmented, "run", lambda self, *a: runs.append(a) or real(self, *a))
    engine(picture)
    assert runs == []
    monkeypatch.setattr(engine._executor.memory, "room", lambda *_: 3 * 10**8)
    monkeypatch.setattr(engine._executor.peak, "fits", lambda _pixels, _room: False)
    found = engine(picture)
    assert len(runs) > 1  # the probe, and the picture
    assert np.abs(found.astype(int) - wanted).max() <= 1


def test_an_engine_whose_segments_fail_the_probe_computes_whole(make_model, monkeypatch):
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    picture = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    wanted = engine(picture)
    monkeypatch.setattr(Segmented, "run", lambda _self, feeds, _into=None: np.zeros_like(feeds[IMAGE]))
    monkeypatch.setattr(engine._executor.peak, "fits", lambda _pixels, _room: False)
    np.testing.assert_array_equal(engine(picture), wanted)


def test_a_picture_that_fits_in_no_way_is_a_sentence_and_the_next_is_unharmed(make_model, monkeypatch):
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    picture = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    wanted = engine(picture)
    assert engine._executor._segments() is not None
    tried = []
    monkeypatch.setattr(Segmented, "run", lambda *_: tried.append(1) or _scarce())
    monkeypatch.setattr(engine._executor.memory, "room", lambda *_: by_size.LEAST_ROOM)
    monkeypatch.setattr(engine._executor.peak, "fits", lambda _pixels, _room: False)
    with pytest.raises(OutOfMemoryError, match="not enough memory for a picture of 90x80"):
        engine(picture)
    assert tried
    monkeypatch.undo()
    np.testing.assert_array_equal(engine(picture), wanted)


def test_what_the_session_holds_is_given_back_before_a_picture_that_does_not_fit(make_model, monkeypatch):
    """So that it is written in a folder as it is alone, when pictures before it have left the session large."""
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    picture = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    wanted = engine(picture)
    executor = engine._executor
    held = executor.whole.session
    rooms = []
    monkeypatch.setattr(executor, "segmented", lambda: pytest.fail("segments"))
    monkeypatch.setattr(executor.memory, "room", lambda *_: 10**9 if hasattr(executor.whole, "session") else 2 * 10**9)
    monkeypatch.setattr(executor.peak, "fits", lambda _pixels, room: rooms.append(room) or room > 10**9)
    np.testing.assert_array_equal(engine(picture), wanted)
    assert rooms == [10**9, 2 * 10**9]
    assert executor.whole.session is not held


def test_a_check_without_memory_says_nothing_of_the_model_and_is_made_again(make_model, monkeypatch):
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    picture = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    wanted = engine(picture)
    monkeypatch.setattr(engine._executor.peak, "fits", lambda _pixels, _room: False)
    with monkeypatch.context() as scarce:
        scarce.setattr(Segmented, "run", lambda *_: _scarce())
        with pytest.raises(OutOfMemoryError, match="not enough memory to compute the model in segments"):
            engine._executor.segmented()
        np.testing.assert_array_equal(engine(picture), wanted)  # whole, as no segments are to be had
    runs = []
    real = Segmented.run
    monkeypatch.setattr(Segmented, "run", lambda self, *a: runs.append(a) or real(self, *a))
    assert np.abs(engine(picture).astype(int) - wanted).max() <= 1
    assert len(runs) > 1


def _scarce() -> None:
    raise OutOfMemoryError("There is not enough memory for a picture of 64x64 pixels.")


def test_feature_maps_are_held_as_the_user_says_and_a_conversion_knows_it(make_model, tmp_path, i2i):
    model = make_model("network", tiling="global")
    assert not Engine(model, device="cpu").executor.segmented().is_half
    assert Engine(model, device="cpu", maps="bf16").executor.segmented().is_half
    with pytest.raises(UnknownNameError, match="No precision of feature maps is called 'fp8'"):
        Engine(model, device="cpu", maps="fp8")
    image = np.random.default_rng(1).integers(0, 256, (80, 90, 3), np.uint8)
    Image.fromarray(image).save(tmp_path / "a.png")
    assert "at most 0.0" in i2i("tile-check", model, tmp_path / "a.png", "--device", "cpu")[1]
    assert "at most 0.0" not in i2i("tile-check", model, tmp_path / "a.png", "--device", "cpu", "--maps", "bf16")[1]
    (tmp_path / "in").mkdir()
    (tmp_path / "a.png").rename(tmp_path / "in" / "a.png")
    convert = ("convert", model, tmp_path / "in", tmp_path / "out", "--device", "cpu", "--existing", "changed")
    assert [("1 written" in i2i(*convert, "--maps", maps)[1]) for maps in ("fp32", "fp32", "bf16")] == [1, 0, 1]


def test_each_operation_is_computed_in_one_segment(exported):
    _, path, card = exported("resnet6")
    cut = segmented(path.read_bytes(), card).graph
    names = [name for segment in cut.segments for node in segment.nodes for name in node.output]
    original = [name for node in onnx.load(path).graph.node for name in node.output]
    assert sorted(names) == sorted(original)
