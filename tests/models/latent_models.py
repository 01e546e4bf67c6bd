"""Small ONNX files that make pictures from noise, of which every pixel is known: a disc whose place, size and colour are
numbers of the latent (or of w). None of them is trained.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from i2i.card import CARD_KEY, Card
from i2i.ports import Port
from i2i.probes import golden_probe

NZ, STYLES = 8, 4
CLASSES = ("red", "green", "blue")
SIDES = (24, 32)
"""Height and width: no square, so that sides that are swapped are found."""
AVERAGE = np.linspace(-0.5, 0.5, NZ).astype(np.float32)
"""Of w."""


class Graph:
    """Nodes and constants, each called by a number."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def const(self, values: object, dtype: type = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def __call__(self, op: str, *inputs: str, to: str = "", **attributes: object) -> str:
        name = to or f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [name], **attributes))
        return name

    def numbers(self, vector: str, *places: int) -> str:
        """(N, D) -> (N, len(places), 1, 1)."""
        taken = self("Gather", vector, self.const(places, np.int64), axis=1)
        return self("Reshape", taken, self.const([-1, len(places), 1, 1], np.int64))


def discs(g: Graph, place: str, size: str, colour: str, channels: int, label: bool, height: int, width: int) -> str:
    """(N, D) three times -> (N, channels, height, width) in [0, 1]: what `disc` draws."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    across = g("Sub", g.const(x[None, None]), g("Mul", g.numbers(place, 0), g.const(0.25)))
    down = g("Sub", g.const(y[None, None]), g("Mul", g.numbers(place, 1), g.const(0.25)))
    distance = g("Add", g("Mul", across, across), g("Mul", down, down))
    radius = g("Add", g("Mul", g.numbers(size, 2), g.const(0.1)), g.const(0.5))
    inside = g("Sigmoid", g("Mul", g("Sub", g("Mul", radius, radius), distance), g.const(20)))
    colours = 1 if channels == 1 else 3
    painted = g("Sigmoid", g("Mul", g.numbers(colour, *range(3, 3 + colours)), g.const(1.5)))
    if label:  # a background of the class's colour
        behind = np.eye(3, dtype=np.float32)[:, :colours] if colours == 3 else np.array([[0], [0.3], [0.6]])
        back = g("Gather", g.const(0.6 * np.asarray(behind) if colours == 3 else behind), "label", axis=0)
        back = g("Reshape", back, g.const([-1, colours, 1, 1], np.int64))
    else:
        back = g.const(np.zeros((1, colours, 1, 1)))
    if channels == 4:
        return g("Concat", g("Mul", painted, inside), inside, axis=1)
    return g("Add", back, g("Mul", g("Sub", painted, back), inside))


def by_way_of_a_map(g: Graph, matrix: np.ndarray) -> str:
    """(N, NZ) -> the same numbers, after a map of 1/8 of the sides that is the latent times `matrix`."""
    height, width = SIDES[0] // 8, SIDES[1] // 8
    shape = (-1, matrix.shape[1] // (height * width), height, width)
    early = g("Reshape", g("MatMul", "latent", g.const(matrix)), g.const(shape, np.int64))
    flat = g("Reshape", early, g.const([-1, matrix.shape[1]], np.int64))
    return g("MatMul", flat, g.const(np.linalg.pinv(matrix)))


def build(card: Card, first_map: np.ndarray | None = None) -> onnx.ModelProto:
    g, names = Graph(), {port.name for port in card.inputs}
    channels, height, width = (int(side or 0) for side in card.outputs[0].shape)
    if "w" in names:
        mapped = g("MatMul", "latent", g.const(np.eye(NZ)[::-1]))  # w is the latent backwards, at truncation 1
        psi = g("Unsqueeze", "truncation", g.const([1], np.int64))
        near = g("Add", g("Mul", g("Sub", mapped, g.const(AVERAGE)), psi), g.const(AVERAGE))
        repeated = g("Expand", g("Unsqueeze", near, g.const([1], np.int64)), g.const([1, STYLES, 1], np.int64))
        used = g("Add", repeated, "w", to="w_used")
        layers = [g("Gather", used, g.const(n, np.int64), axis=1) for n in range(STYLES)]
        vectors = (layers[0], layers[1], layers[2])
    else:
        vectors = ("latent" if first_map is None else by_way_of_a_map(g, first_map),) * 3
    sample = discs(g, *vectors, channels, "label" in names, height, width)
    if "noise" in names:
        grain = g("Reshape", "noise", g.const([-1, 1, height, width], np.int64))
        sample = g("Add", sample, g("Mul", grain, g.const(0.1)))
    g("Clip", sample, g.const(0), g.const(1), to="sample")
    outputs = [("sample", card.outputs[0])]
    if "w" in names:
        outputs.append(("w_used", card.outputs[1]))

    def boundary(name: str, port: Port) -> onnx.ValueInfoProto:
        kind = TensorProto.INT64 if port.kind == "label" else TensorProto.FLOAT
        return helper.make_tensor_value_info(name, kind, ["n", *port.shape])

    graph = helper.make_graph(
        g.nodes, "discs", [boundary(port.name, port) for port in card.inputs],
        [boundary(name, port) for name, port in outputs], g.constants,
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def ports_of(*, channels: int, classes: bool, style: bool, noise: bool, prior: str, side: tuple[int, int]):
    inputs = [Port("latent", "latent", (NZ,), prior=prior)]
    outputs = [Port("sample", "image", (channels, *side), 0.0, 1.0)]
    if classes:
        inputs.append(Port("label", "label", choices=CLASSES))
    if style:
        inputs += [Port("truncation", "number", (), 0.0, 1.5, default=1.0), Port("w", "state", (STYLES, NZ))]
        outputs.append(Port("w_used", "state", (STYLES, NZ)))
    if noise:
        inputs.append(Port("noise", "noise", (side[0] * side[1],)))
    return tuple(inputs), tuple(outputs)


def write_latent_model(
    folder: Path,
    name: str = "discs",
    *,
    channels: int = 3,
    classes: bool = False,
    style: bool = False,
    noise: bool = False,
    prior: str = "normal",
    side: tuple[int, int] = SIDES,
    file: str = "",
    first_map: np.ndarray | None = None,
) -> Path:
    """A file of task generation, with card and probe; `first_map` (NZ, 12 n) makes one on the way."""
    inputs, outputs = ports_of(channels=channels, classes=classes, style=style, noise=noise, prior=prior, side=side)
    card = Card(
        name=name, method="gan", supervision="unknown", task="generation", source="noise", target="discs",
        inputs=inputs, outputs=outputs, tiling="unsafe", licence="CC0-1.0", training={"pictures": 100},
    )  # fmt: skip
    model = build(card, first_map)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    given = [port.name for port in card.outputs]

    def run(feeds):
        return dict(zip(given, session.run(given, feeds), strict=True))

    card = dataclasses.replace(card, probe=golden_probe(run, card, *side))
    helper.set_model_props(model, {CARD_KEY: card.to_json()})
    path = folder / (file or f"{name}.onnx")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(model.SerializeToString())
    return path
