"""Whether a graph looks at a neighbourhood of each pixel alone, and how far: read from its nodes, nothing is run.

Positions are along one side, the same down and across. Of each tensor it is known which input pixels the position `o`
can depend on: from `step * o + low` to `step * o + high`.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from fractions import Fraction
from typing import Any

import onnx
from onnx import helper, numpy_helper

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
POINTWISE = frozenset({
    "Relu", "LeakyRelu", "PRelu", "Sigmoid", "Tanh", "Clip", "Add", "Sub", "Mul", "Div", "Pow", "Sqrt", "Exp",
    "Log", "Abs", "Neg", "Erf", "Gelu", "Elu", "Selu", "Celu", "Softplus", "Softsign", "HardSigmoid", "HardSwish",
    "Mish", "Swish", "ThresholdedRelu", "Identity", "Cast", "Max", "Min", "Mean", "Sum", "Floor", "Ceil", "Round",
    "Sign", "Sin", "Cos", "Where", "Greater", "Less", "Equal", "Not", "And", "Or", "GreaterOrEqual", "LessOrEqual",
    "Reciprocal", "Dropout", "BatchNormalization", "Concat", "Transpose", "QuantizeLinear", "DequantizeLinear",
    "LRN", "Mod", "Split",
})  # fmt: skip
"""Operations on each position by itself. Of Transpose, Concat and Split that holds where they leave the sides alone."""


@dataclasses.dataclass(frozen=True)
class Reach:
    """The input pixels that a position depends on: `step * o + low` to `step * o + high`."""

    step: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)


@dataclasses.dataclass(frozen=True)
class Locality:
    """What the nodes tell."""

    reducing: str | None
    """An operation that brings far positions together, or None."""
    receptive_field: int | None
    """Input pixels along a side that an output pixel depends on, centred; None where the nodes do not tell."""
    stride: int = 1
    """Input pixels to a position of the coarsest map: where tiles may begin."""


Attributes = Mapping[str, Any]
Follow = Callable[[Reach, Attributes, int], Reach | None]
"""What comes out of an operation, from (what goes in, its attributes, side of its kernel)."""


def locality(graph: onnx.GraphProto) -> Locality:
    """What the graph from its one picture to its first output is."""
    constants = _constants(graph)
    reducing = reducing_operation(graph, [graph.input[0].name], REDUCING)
    if reducing is not None:
        return Locality(reducing, None)
    reaches: dict[str, Reach] = {graph.input[0].name: Reach()}
    for node in graph.node:
        if not any(name in reaches for name in node.input):
            continue
        after = _follow(node, [reaches[name] for name in node.input if name in reaches], constants)
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
        attributes = _attributes(node)
        return node.op_type in ("Softmax", "LogSoftmax", "Hardmax", "LpNormalization", "ArgMax", "ArgMin") and (
            attributes.get("axis") == 1
        )
    axes = _attributes(node).get("axes")
    if axes is None and len(node.input) > 1 and node.input[1] in constants:
        axes = numpy_helper.to_array(constants[node.input[1]]).tolist()
    return axes == [1]


def _attributes(node: onnx.NodeProto) -> dict[str, Any]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute if each.name != "value"}


def _follow(node: onnx.NodeProto, given: list[Reach], constants: Mapping[str, onnx.TensorProto]) -> Reach | None:
    kind, attributes = node.op_type, _attributes(node)
    if kind in POINTWISE:
        both = Reach(given[0].step, min(r.low for r in given), max(r.high for r in given))
        return both if all(reach.step == given[0].step for reach in given) else None
    if kind in ("Conv", "ConvTranspose") and node.input[1] in constants:
        return FOLLOW[kind](given[0], attributes, max(constants[node.input[1]].dims[2:], default=1))
    if kind in ("MaxPool", "AveragePool", "LpPool"):
        return _convolution(given[0], attributes, max(attributes.get("kernel_shape", [1])))
    if kind in ("DepthToSpace", "SpaceToDepth"):
        return FOLLOW[kind](given[0], attributes, int(attributes.get("blocksize", 1)))
    if kind in ("Resize", "Upsample"):
        return _resize(node, given[0], attributes, constants)
    if kind == "Pad":
        return _pad(node, given[0], attributes, constants)
    return None


def _convolution(given: Reach, attributes: Attributes, kernel: int) -> Reach | None:
    stride, width = max(attributes.get("strides", [1])), (kernel - 1) * max(attributes.get("dilations", [1]))
    pads = attributes.get("pads", [0])
    if attributes.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID"):
        pads = [width]  # as much as it can be, whichever end it is put at
    before, after = max(pads), width - min(pads)
    return Reach(given.step * stride, given.low - given.step * before, given.high + given.step * after)


def _transposed(given: Reach, attributes: Attributes, kernel: int) -> Reach | None:
    stride, width = max(attributes.get("strides", [1])), (kernel - 1) * max(attributes.get("dilations", [1]))
    pads = attributes.get("pads", [0])
    step = given.step / stride
    low = given.low + step * (min(pads) - width)
    return Reach(step, low, given.high + step * max(pads))


def _depth_to_space(given: Reach, _attributes: Attributes, block: int) -> Reach | None:
    step = given.step / block
    return Reach(step, given.low - step * (block - 1), given.high)


def _space_to_depth(given: Reach, _attributes: Attributes, block: int) -> Reach | None:
    return Reach(given.step * block, given.low, given.high + given.step * (block - 1))


FOLLOW: dict[str, Follow] = {
    "Conv": _convolution,
    "ConvTranspose": _transposed,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
}
NEIGHBOURS = {b"nearest": 1, b"linear": 1, b"cubic": 2}


def _resize(
    node: onnx.NodeProto, given: Reach, attributes: Attributes, constants: Mapping[str, onnx.TensorProto]
) -> Reach | None:
    """By constant factors alone: a size may be that of the whole picture, and the answer depend on it."""
    scales = constants.get(node.input[min(len(node.input), 3) - 1]) if len(node.input) < 4 else None
    if scales is None or attributes.get("coordinate_transformation_mode") == b"align_corners":
        return None
    factor = Fraction(float(numpy_helper.to_array(scales).ravel()[-1])).limit_denominator(64)
    near = NEIGHBOURS.get(attributes.get("mode", b"nearest"), 0)
    if factor <= 0 or not near or (factor < 1 and attributes.get("antialias")):
        return None
    step = given.step / factor
    return Reach(step, given.low - given.step * near, given.high + given.step * near)


def _pad(
    node: onnx.NodeProto, given: Reach, attributes: Attributes, constants: Mapping[str, onnx.TensorProto]
) -> Reach | None:
    """By constant amounts."""
    pads = attributes.get("pads")
    if pads is None and len(node.input) > 1 and node.input[1] in constants:
        pads = numpy_helper.to_array(constants[node.input[1]]).tolist()
    if pads is None:
        return None
    begin = [most for most in pads[: len(pads) // 2] if most]
    # Layouts differ in which axes are the sides: they are the two that are padded.
    most, least = max(begin, default=0), min(begin) if len(begin) == 2 else 0
    return Reach(given.step, given.low - given.step * most, given.high - given.step * least)
