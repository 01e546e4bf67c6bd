"""Whether a graph looks at a neighbourhood of each pixel alone, and how far: read from its nodes, nothing is run.

Positions are along one side, the same down and across. Of each tensor it is known which input pixels the position `o`
can depend on: from `step * o + low` to `step * o + high`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from .reach import POINTWISE, WINDOWS, Window, attributes, stretches

FEW = 4096
"""Elements up to which a constant is a size, a factor or a width, and no weight."""

REDUCING = frozenset({
    "InstanceNormalization", "GroupNormalization", "LayerNormalization", "MeanVarianceNormalization",
    "LpNormalization", "GlobalAveragePool", "GlobalMaxPool", "GlobalLpPool", "ReduceMean", "ReduceSum", "ReduceMax",
    "ReduceMin", "ReduceL1", "ReduceL2", "ReduceSumSquare", "ReduceProd", "ReduceLogSum", "ReduceLogSumExp",
    "ArgMax", "ArgMin", "TopK", "MatMul", "Gemm", "Einsum", "Attention", "Softmax", "LogSoftmax", "Hardmax",
    "RMSNormalization", "CumSum", "DFT", "STFT", "LSTM", "GRU", "RNN", "NonMaxSuppression", "RoiAlign",
    "GridSample", "AffineGrid", "Col2Im", "Unique",
})  # fmt: skip
"""Operations that bring far positions together, unless they work along the channels alone."""
SURELY_REDUCING = frozenset(
    {"InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization", "GlobalAveragePool", "GlobalMaxPool"}
)
"""Those that look at the whole picture whatever the layout is."""
ELSEWHERE = frozenset({"Concat", "Transpose", "Split", "LRN"})
"""Operations that leave the picture's sides alone in what image-to-image networks do with them."""


@dataclasses.dataclass(frozen=True)
class Locality:
    """What the nodes tell."""

    reducing: str | None
    """An operation that brings far positions together, or None."""
    receptive_field: int | None
    """Input pixels along a side that an output pixel depends on, centred; None where the nodes do not tell."""
    stride: int = 1
    """Input pixels to a position of the coarsest map: where tiles may begin."""


def locality(graph: onnx.GraphProto) -> Locality:
    """What the graph from its one picture to its first output is."""
    constants = _constants(graph)
    reducing = reducing_operation(graph, [graph.input[0].name], REDUCING)
    if reducing is not None:
        return Locality(reducing, None)
    reaches: dict[str, Window] = {graph.input[0].name: Window()}
    values = {name: numpy_helper.to_array(each) for name, each in constants.items() if np.prod(each.dims) <= FEW}
    for node in graph.node:
        if not any(name in reaches for name in node.input):
            continue
        after = _follow(node, [reaches[name] for name in node.input if name in reaches], constants, values)
        if after is None:
            return Locality(None, None)
        reaches.update(dict.fromkeys(node.output, after))
    last = reaches.get(graph.output[0].name)
    if last is None:
        return Locality(None, None)
    reach = max(-last.low, last.high + 1 - last.step, Fraction(0))
    stride = math.lcm(*(each.step.numerator for each in reaches.values() if each.step >= 1))
    return Locality(None, 2 * math.ceil(reach) + 1, stride)


def _constants(graph: onnx.GraphProto) -> dict[str, onnx.TensorProto]:
    found = {each.name: each for each in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            found.update((node.output[0], each.t) for each in node.attribute if each.name == "value")
    return found


def reducing_operation(graph: onnx.GraphProto, pictures: Collection[str], kinds: Collection[str]) -> str | None:
    """The first operation of one of `kinds` that brings far positions of the inputs `pictures` together; or None.

    Only what is computed from their pixels counts: a label or a latent may go through any matrix.
    """
    constants, reached = _constants(graph), set(pictures)
    for node in graph.node:
        inner = [each for attribute in node.attribute for each in (attribute.g, *attribute.graphs) if each.node]
        for each in inner:  # what these take from around them does not stand in the node
            found = reducing_operation(each, [name for part in each.node for name in part.input], kinds)
            if found is not None:
                return found
        if not inner and (node.op_type == "Shape" or not reached.intersection(node.input)):
            continue
        if node.op_type in kinds and not _along_channels(node, constants):
            return str(node.op_type)
        reached.update(node.output)
    return None


def _along_channels(node: onnx.NodeProto, constants: Mapping[str, onnx.TensorProto]) -> bool:
    """Whether a reduction is over axis 1 alone, the channels of (N, C, H, W)."""
    if not node.op_type.startswith("Reduce"):
        said = attributes(node)
        return node.op_type in ("Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "ArgMax", "ArgMin") and (
            said.get("axis") == 1
        )
    axes = attributes(node).get("axes")
    if axes is None and len(node.input) > 1 and node.input[1] in constants:
        axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
    return axes == [1]


def _follow(
    node: onnx.NodeProto,
    given: list[Window],
    constants: Mapping[str, onnx.TensorProto],
    values: Mapping[str, npt.NDArray[Any]],
) -> Window | None:
    """The input pixels of what comes out of an operation; None where that is not known."""
    kind = node.op_type
    both = Window(given[0].step, min(r.low for r in given), max(r.high for r in given))
    if kind in POINTWISE | ELSEWHERE:
        return both if all(reach.step == given[0].step for reach in given) else None
    if kind not in WINDOWS or stretches(node, values) is not None:
        return None
    if kind == "Pad":
        return _padded(node, values).after(given[0])
    if kind in ("Conv", "ConvTranspose") and "kernel_shape" not in attributes(node):
        if node.input[1] not in constants:
            return None
        node = _with_kernel(node, constants[node.input[1]].dims[2:])
    down, across = (WINDOWS[kind](node, values, axis) for axis in (0, 1))
    step = max(down.step, across.step)
    return Window(step, min(down.low, across.low), max(down.high, across.high)).after(given[0])


def _with_kernel(node: onnx.NodeProto, sides: Sequence[int]) -> onnx.NodeProto:
    """The node, saying what its weights say."""
    said = onnx.NodeProto()
    said.CopyFrom(node)
    said.attribute.append(helper.make_attribute("kernel_shape", list(sides)))
    return said


def _padded(node: onnx.NodeProto, values: Mapping[str, npt.NDArray[Any]]) -> Window:
    """Of any layout: the sides are the two axes that are padded."""
    said = attributes(node)
    pads = said["pads"] if "pads" in said else values[node.input[1]].tolist()
    begin = [most for most in pads[: len(pads) // 2] if most]
    most, least = max(begin, default=0), min(begin) if len(begin) == 2 else 0
    return Window(Fraction(1), Fraction(-most), Fraction(-least))
