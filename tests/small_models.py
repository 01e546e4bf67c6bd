"""Small ONNX models with a card inside, built for the test at hand; none of them is trained."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from i2i.card import CARD_KEY, SUPERVISION, Card
from i2i.ports import Packed, Probe, digest, pack, picture_port, translator_ports


def card_for(name: str = "invert", **fields: object) -> Card:
    """A card that says something in every field which has no default."""
    told = {
        "method": "pix2pix",
        "task": "translation",
        "source": "labels",
        "target": "photographs",
        "tiling": "local",
        **translator_ports(int(str(fields.pop("input_channels", 3))), int(str(fields.pop("output_channels", 3)))),
        "supervision": SUPERVISION.get(str(fields.get("method", "pix2pix")), "unknown"),
    }
    return Card(name=name, **{**told, **fields})  # type: ignore[arg-type]


def _constant(name: str, values: object, dtype: type = np.float32) -> TensorProto:
    return numpy_helper.from_array(np.asarray(values, dtype), name)


def _invert(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """1 - x: every pixel of the answer is known."""
    return [helper.make_node("Sub", ["one", "image"], ["translation"])], [_constant("one", 1)]


def _blocks(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """The mean of each 4x4 block, in all its pixels: wrong sizes unless the sides are multiples of 4."""
    pool = helper.make_node("AveragePool", ["image"], ["small"], kernel_shape=[4, 4], strides=[4, 4])
    grow = helper.make_node("Resize", ["small", "", "by"], ["translation"], mode="nearest")
    return [pool, grow], [_constant("by", [1, 1, 4, 4])]


def _enlarge(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """Each pixel repeated scale x scale times."""
    grow = helper.make_node(
        "Resize", ["image", "", "by"], ["translation"], mode="nearest",
        coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip
    return [grow], [_constant("by", [1, 1, card.scale, card.scale])]


def _enlarger(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """Each pixel repeated, and three convolutions that add a little to it: what a fast enlarger is made of."""
    rng, channels = np.random.default_rng(7), card.input_channels * card.scale**2
    repeat, constants = _enlarge(card)
    repeat[0].output[0] = "repeated"
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w2"], ["c"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c"], ["d"]),
        helper.make_node("Conv", ["d", "w3"], ["e"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["e"], ["f"], blocksize=card.scale, mode="CRD"),
        helper.make_node("Add", ["repeated", "f"], ["g"]),
        helper.make_node("Clip", ["g", "zero", "one"], ["translation"]),
    ]
    shapes = {"w1": (16, card.input_channels, 3, 3), "w2": (16, 16, 3, 3), "w3": (channels, 16, 3, 3)}
    sizes = {"w1": 0.2, "w2": 0.1, "w3": 0.005}
    constants += [_constant(name, rng.normal(0, sizes[name], shape)) for name, shape in shapes.items()]
    return [*repeat, *nodes], [*constants, _constant("zero", 0), _constant("one", 1)]


def _mix(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """The mean of the input's channels in each channel of the output."""
    weight = np.full((card.output_channels, card.input_channels, 1, 1), 1 / card.input_channels)
    return [helper.make_node("Conv", ["image", "w"], ["translation"])], [_constant("w", weight)]


def _network(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """Two convolutions with an InstanceNorm between: small, but what a generator is made of."""
    rng = np.random.default_rng(7)
    nodes = [
        helper.make_node("Conv", ["image", "w1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node("InstanceNormalization", ["a", "ones", "zeros"], ["b"]),
        helper.make_node("Relu", ["b"], ["c"]),
        helper.make_node("Conv", ["c", "w2"], ["d"], pads=[1, 1, 1, 1]),
        helper.make_node("Sigmoid", ["d"], ["translation"]),
    ]
    weights = [_constant("w1", rng.normal(0, 0.5, (16, card.input_channels, 3, 3)))]
    weights += [_constant("ones", np.ones(16)), _constant("zeros", np.zeros(16))]
    return nodes, [*weights, _constant("w2", rng.normal(0, 0.1, (card.output_channels, 16, 3, 3)))]


def _masked(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """1 - x where the mask is 1, x where it is 0."""
    nodes = [
        helper.make_node("Sub", ["one", "image"], ["inverse"]),
        helper.make_node("Sub", ["inverse", "image"], ["difference"]),
        helper.make_node("Mul", ["difference", "mask"], ["part"]),
        helper.make_node("Add", ["image", "part"], ["translation"]),
    ]
    return nodes, [_constant("one", 1)]


def _nothing(card: Card) -> tuple[list[onnx.NodeProto], list[TensorProto]]:
    """The picture over its largest value: 0 / 0 where it is black all over."""
    most = helper.make_node("ReduceMax", ["image"], ["most"], keepdims=1)
    return [most, helper.make_node("Div", ["image", "most"], ["translation"])], []


GRAPHS = {
    "invert": _invert,
    "blocks": _blocks,
    "enlarge": _enlarge,
    "enlarger": _enlarger,
    "mix": _mix,
    "network": _network,
    "masked": _masked,
    "nothing": _nothing,
}


def build(graph: str, card: Card) -> onnx.ModelProto:
    nodes, constants = GRAPHS[graph](card)

    def boundary(name: str, channels: int) -> onnx.ValueInfoProto:
        sides = ("out_height", "out_width") if name == "translation" else ("height", "width")
        return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", channels, *sides])

    model = helper.make_model(
        helper.make_graph(
            nodes, graph, [boundary(port.name, int(port.shape[0] or 1)) for port in card.inputs],
            [boundary("translation", card.output_channels)], constants,
        ),
        opset_imports=[helper.make_opsetid("", 18)],
        ir_version=10,
    )  # fmt: skip
    onnx.checker.check_model(model)
    return model


def make_probe(model: onnx.ModelProto, card: Card, spoil: float = 0.0) -> Probe:
    """What the plain CPU provider answers, `spoil` added."""
    rng = np.random.default_rng(3)
    given = {
        port.name: rng.integers(0, 256, (1, int(port.shape[0] or 1), 32, 24), dtype=np.uint8) for port in card.inputs
    }
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (answer,) = session.run(None, {name: (array / 255).astype(np.float32) for name, array in given.items()})
    wanted = np.rint(np.clip(answer + spoil, 0, 1) * 65535).astype("<u2")
    raw = wanted.tobytes()
    return Probe(
        inputs={n: Packed(type="unorm8", shape=a.shape, data=pack(a.tobytes())) for n, a in given.items()},
        outputs={"translation": Packed(type="unorm16", shape=wanted.shape, data=pack(raw))},
        digest=digest(raw),
    )


def write_model(
    folder: Path,
    graph: str = "invert",
    *,
    spoil: float = 0.0,
    probe: bool = True,
    file: str = "",
    **fields: object,
) -> Path:
    """A model with a card and, unless told otherwise, a golden probe, `spoil` beside the truth."""
    more = {"tiling": "global"} if graph == "network" else {}
    card = card_for(str(fields.pop("name", graph)), **{**more, **fields})
    if graph == "masked":
        card = dataclasses.replace(card, inputs=(*card.inputs, picture_port("mask", 1, "mask")))
    model = build(graph, card)
    if probe:
        card = dataclasses.replace(card, probe=make_probe(model, card, spoil))
    helper.set_model_props(model, {CARD_KEY: card.to_json()})
    path = folder / (file or f"models/{card.name}/model.onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path
