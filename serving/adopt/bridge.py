"""The foreign graph between nodes that give it i2i's boundary: float32 NCHW RGB in [0, 1], the size kept or enlarged.

What a step needs is written around the foreign nodes, and nothing where nothing is needed. The names of the foreign
graph get a prefix, so that none meets one of ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence

import numpy as np
import onnx
from onnx import TensorProto, compose, helper, numpy_helper

from .declared import Range
from .foreign import TYPES, Foreign, Side
from .sizes import Sizes

PREFIX = "foreign/"
LUMA = (0.299, 0.587, 0.114)
"""Y of RGB by ITU-R BT.601, over the full range, as JPEG has it."""
CUBIC = -0.5
"""Coefficient of the bicubic enlargement of colour, as Pillow's."""


@dataclasses.dataclass(frozen=True)
class Bridge:
    """What stands between the boundary of i2i and that of the foreign graph."""

    sizes: Sizes
    into: Range
    out: Range
    order: str
    """`rgb`, `bgr` or `y`."""

    @property
    def pad(self) -> int:
        """Pixels of reflection before the foreign graph, at each end, so that nothing is cut from the border."""
        units = self.sizes.multiple
        pad = max(0, -(-self.sizes.cut // (2 * self.sizes.scale)))
        while 2 * pad % units:
            pad += 1
        return pad

    def fixed(self, foreign: Foreign) -> tuple[int, int] | None:
        """Height and width of the only pictures that the adopted file takes."""
        return None if foreign.size is None else (foreign.size[0] - 2 * self.pad, foreign.size[1] - 2 * self.pad)

    @property
    def extra(self) -> int:
        """Pixels too many that then come out, both ends together."""
        return 2 * self.pad * self.sizes.scale - self.sizes.cut

    def channels(self, side: Side) -> int:
        """What the adopted file has where the foreign one has `side`."""
        return 3 if self.order == "y" and side.channels == 1 else side.channels


class _Nodes:
    """A chain of nodes and the constants that they take."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, kind: str, inputs: Sequence[str], out: str = "", **attributes: object) -> str:
        """One node of one output, whose name is given back."""
        out = out or f"{kind.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def constant(self, values: object, dtype: type = np.float32) -> str:
        """A constant's name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name


def bridged(foreign: Foreign, bridge: Bridge) -> onnx.ModelProto:
    """The foreign model with one `image` and one `translation`, in [0, 1]; without a card."""
    inner = compose.add_prefix(foreign.model, PREFIX)
    before, after = _Nodes(), _Nodes()
    _inwards(before, foreign, bridge)
    before.nodes[-1].output[0] = PREFIX + foreign.into.name
    _outwards(after, PREFIX + foreign.out.name, foreign, bridge)
    for part, prefix in ((before, "in/"), (after, "out/")):
        _rename(part, prefix)
    size, scale = bridge.fixed(foreign), bridge.sizes.scale
    graph = helper.make_graph(
        [*before.nodes, *_needed(inner.graph, PREFIX + foreign.out.name), *after.nodes], "adopted",
        [_port("image", bridge.channels(foreign.into), foreign, size)],
        [_port("translation", bridge.channels(foreign.out), foreign, size and (size[0] * scale, size[1] * scale))],
        [*inner.graph.initializer, *before.constants, *after.constants],
        sparse_initializer=inner.graph.sparse_initializer,
    )  # fmt: skip
    made = helper.make_model(graph, opset_imports=inner.opset_import, ir_version=inner.ir_version)
    made.producer_name = "i2i adopt"
    return made


def _needed(graph: onnx.GraphProto, output: str) -> list[onnx.NodeProto]:
    """The nodes of the graph that an output depends on, in their order."""
    makers = {name: place for place, node in enumerate(graph.node) for name in node.output}
    found: set[int] = set()
    waiting = [output]
    while waiting:
        place = makers.get(waiting.pop())
        if place is not None and place not in found:
            found.add(place)
            waiting.extend(_taken(graph.node[place]))
    return [node for place, node in enumerate(graph.node) if place in found]


def _taken(node: onnx.NodeProto) -> Iterator[str]:
    """Everything that a node takes, inner graphs from around them included."""
    yield from node.input
    for attribute in node.attribute:
        for inner in (attribute.g, *attribute.graphs):
            for each in inner.node:
                yield from _taken(each)
            yield from (each.name for each in inner.output)


def _rename(part: _Nodes, prefix: str) -> None:
    """Names of our own that no other part has; the boundary's stay."""
    own = {constant.name for constant in part.constants} | {name for node in part.nodes for name in node.output}
    own = {name for name in own if not name.startswith(PREFIX) and name != "translation"}
    for constant in part.constants:
        constant.name = prefix + constant.name
    for node in part.nodes:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name in own:
                    names[place] = prefix + name


def _inwards(nodes: _Nodes, foreign: Foreign, bridge: Bridge) -> None:
    """`image` as the foreign graph takes it: what the last node gives."""
    name = "image"
    if bridge.order == "y" and foreign.into.channels == 1:
        name = _luma(nodes, name)
    if bridge.pad:
        p = bridge.pad
        pads = nodes.constant([0, 0, p, p, 0, 0, p, p], np.int64)
        name = nodes.add("Pad", [name, pads], mode="reflect")
    if bridge.order == "bgr" and foreign.into.channels == 3:
        name = nodes.add("Gather", [name, nodes.constant([2, 1, 0], np.int64)], axis=1)
    low, high = bridge.into
    if high - low != 1:
        name = nodes.add("Mul", [name, nodes.constant(high - low)])
    if low:
        name = nodes.add("Add", [name, nodes.constant(low)])
    if TYPES[foreign.into.type] is np.uint8:
        name = nodes.add("Round", [name])
    if foreign.into.type != TensorProto.FLOAT:
        name = nodes.add("Cast", [name], to=foreign.into.type)
    if foreign.into.layout == "NHWC":
        name = nodes.add("Transpose", [name], perm=[0, 2, 3, 1])
    if foreign.batch is not None and foreign.batch > 1:
        name = nodes.add("Concat", [name] * foreign.batch, axis=0)
    if not nodes.nodes:
        nodes.add("Identity", [name])


def _outwards(nodes: _Nodes, name: str, foreign: Foreign, bridge: Bridge) -> None:
    """What the foreign graph gives as `translation`."""
    if foreign.batch is not None and foreign.batch > 1:
        name = _slice(nodes, name, [0], [1], [0])
    if foreign.out.layout == "NHWC":
        name = nodes.add("Transpose", [name], perm=[0, 3, 1, 2])
    if foreign.out.type != TensorProto.FLOAT:
        name = nodes.add("Cast", [name], to=TensorProto.FLOAT)
    low, high = bridge.out
    if low:
        name = nodes.add("Sub", [name, nodes.constant(low)])
    if high - low != 1:
        name = nodes.add("Mul", [name, nodes.constant(1 / (high - low))])
    if bridge.order == "bgr" and foreign.out.channels == 3:
        name = nodes.add("Gather", [name, nodes.constant([2, 1, 0], np.int64)], axis=1)
    if bridge.extra:
        start, stop = bridge.extra // 2, bridge.extra // 2 - bridge.extra
        name = _slice(nodes, name, [start, start], [stop or 2**31, stop or 2**31], [2, 3])
    if bridge.order == "y" and foreign.out.channels == 1:
        name = _with_colour(nodes, name, bridge.sizes.scale)
    ends = [nodes.constant(0), nodes.constant(1)]
    nodes.add("Clip", [name, *ends], out="translation")


def _slice(nodes: _Nodes, name: str, starts: list[int], stops: list[int], axes: list[int]) -> str:
    return nodes.add("Slice", [name, *(nodes.constant(each, np.int64) for each in (starts, stops, axes))])


def _luma(nodes: _Nodes, name: str) -> str:
    return nodes.add("Conv", [name, nodes.constant(np.reshape(LUMA, (1, 3, 1, 1)))])


def _with_colour(nodes: _Nodes, luma: str, scale: int) -> str:
    """The enlarged picture with its luma replaced: colour is carried by a bicubic enlargement.

    R' = Y' + 1.402 Cr' where Cr' is the enlarged Cr, which is proportional to R - Y: so R' = R'' + (Y' - Y'') with the
    enlarged R'' and Y''; likewise of G and B.
    """
    large = "image"
    if scale > 1:
        by = nodes.constant([1, 1, scale, scale])
        large = nodes.add("Resize", ["image", "", by], mode="cubic", cubic_coeff_a=CUBIC)
    change = nodes.add("Sub", [luma, _luma(nodes, large)])
    return nodes.add("Add", [large, change])


def _port(name: str, channels: int, foreign: Foreign, size: tuple[int, int] | None) -> onnx.ValueInfoProto:
    sides = size or (f"{name}_height", f"{name}_width")
    batch: str | int = "n" if foreign.batch is None else 1
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, channels, *sides])
