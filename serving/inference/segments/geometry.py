"""How far each operation of a graph looks along one axis of a picture.

Rows are counted as if the picture had no end: what lies beyond it is what the operation itself pads with. Every answer
may be too wide, which costs time, and never too narrow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Constants = Mapping[str, npt.NDArray[Any]]
"""The values of the graph's small constants by name."""
Span = tuple[int, int]
"""First row and the one behind the last."""


@dataclasses.dataclass(frozen=True)
class Along:
    """Where rows are counted."""

    constants: Constants
    axis: int
    """Of the picture's two: 0 goes down, 1 to the right."""


POINTWISE = frozenset(
    [
        "Abs",
        "Add",
        "BatchNormalization",
        "Cast",
        "Celu",
        "Ceil",
        "Clip",
        "Cos",
        "Div",
        "Dropout",
        "Elu",
        "Equal",
        "Erf",
        "Exp",
        "Floor",
        "Gelu",
        "Greater",
        "GreaterOrEqual",
        "HardSigmoid",
        "HardSwish",
        "Identity",
        "LeakyRelu",
        "Less",
        "LessOrEqual",
        "Log",
        "Max",
        "Mean",
        "Min",
        "Mish",
        "Mod",
        "Mul",
        "Neg",
        "Not",
        "PRelu",
        "Pow",
        "QuantizeLinear",
        "DequantizeLinear",
        "Reciprocal",
        "Relu",
        "Round",
        "Selu",
        "Sigmoid",
        "Sign",
        "Sin",
        "Softplus",
        "Softsign",
        "Sqrt",
        "Sub",
        "Sum",
        "Swish",
        "Tanh",
        "ThresholdedRelu",
        "Where",
    ]
)
"""One value for each value, constants and statistics along the channels apart."""
ALONG_CHANNELS = frozenset(
    ["Concat", "Gather", "LogSoftmax", "LRN", "Slice", "Softmax", "Split", "ReduceMean", "ReduceSum", "ReduceMax"]
)
"""Local while they leave the picture's two axes alone, which is checked by the shapes and `touches_pixels`."""


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python has them."""
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _window(node: onnx.NodeProto, axis: int) -> tuple[int, int, int]:
    """Stride, padding before and extent of a convolution's or pooling's kernel."""
    said = attributes(node)
    kernel = said["kernel_shape"][axis]
    extent = (kernel - 1) * said.get("dilations", [1, 1])[axis] + 1
    automatic = said.get("auto_pad", b"NOTSET").decode()
    # What SAME pads depends on the size; with less than the kernel on either side no row is missed.
    before = extent - 1 if automatic.startswith("SAME") else said.get("pads", [0, 0, 0, 0])[axis]
    return said.get("strides", [1, 1])[axis], before, extent + (extent - 1 if automatic.startswith("SAME") else 0)


def _convolution(node: onnx.NodeProto, along: Along, span: Span) -> Span:
    stride, before, extent = _window(node, along.axis)
    return span[0] * stride - before, (span[1] - 1) * stride - before + extent


def _transposed(node: onnx.NodeProto, along: Along, span: Span) -> Span:
    stride, before, extent = _window(node, along.axis)
    return -(-(span[0] + before - extent + 1) // stride), (span[1] - 1 + before) // stride + 1


def _pad(node: onnx.NodeProto, along: Along, span: Span) -> Span:
    said = attributes(node)
    pads = [*(said["pads"] if "pads" in said else along.constants[node.input[1]])]
    before = int(pads[2 + along.axis]) if len(pads) == 8 else max(map(int, pads))
    return span[0] - before, span[1] - before


def _resize(node: onnx.NodeProto, along: Along, span: Span) -> Span:
    where = 1 if node.op_type == "Upsample" else 2
    scale = float(along.constants[node.input[where]][2 + along.axis])
    reach = {b"nearest": 1, b"linear": 1, b"cubic": 2}[attributes(node).get("mode", b"nearest")]
    antialias = math.ceil(1 / scale) if scale < 1 else 1
    return math.floor(span[0] / scale) - reach * antialias, math.ceil(span[1] / scale) + reach * antialias


def _depth_to_space(node: onnx.NodeProto, _along: Along, span: Span) -> Span:
    block = attributes(node)["blocksize"]
    return span[0] // block, -(-span[1] // block)


def _space_to_depth(node: onnx.NodeProto, _along: Along, span: Span) -> Span:
    block = attributes(node)["blocksize"]
    return span[0] * block, span[1] * block


def _same(_node: onnx.NodeProto, _along: Along, span: Span) -> Span:
    return span


Reach = Callable[[onnx.NodeProto, Along, Span], Span]
REACHES: dict[str, Reach] = {
    "Conv": _convolution,
    "AveragePool": _convolution,
    "MaxPool": _convolution,
    "ConvTranspose": _transposed,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    **dict.fromkeys(POINTWISE | ALONG_CHANNELS, _same),
}
"""The rows of the inputs that rows of the output depend on; along one axis."""


def why_not_local(node: onnx.NodeProto, constants: Constants) -> str | None:
    """Why this node cannot be computed in strips, or None."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in REACHES:
        return f"{node.op_type} is not known to look at a neighbourhood alone"
    said = attributes(node)
    if node.op_type in ("Conv", "ConvTranspose") and "kernel_shape" not in said:
        return f"{node.op_type} has a kernel that is computed"
    if node.op_type in ("Resize", "Upsample"):
        where = 1 if node.op_type == "Upsample" else 2
        if len(node.input) <= where or node.input[where] not in constants or not constants[node.input[where]].size:
            return f"{node.op_type} has a size that is not a constant factor"
        if said.get("coordinate_transformation_mode", b"half_pixel") in (b"align_corners", b"tf_crop_and_resize"):
            return f"{node.op_type} stretches by the corners of the whole picture"
    if node.op_type == "Pad" and "pads" not in said and node.input[1] not in constants:
        return "Pad has widths that are not constant"
    if node.op_type in ALONG_CHANNELS and touches_pixels(node, constants):
        return f"{node.op_type} works along the picture's rows or columns"
    return None


def touches_pixels(node: onnx.NodeProto, constants: Constants) -> bool:
    """Whether an operation along some axes works along those of the pixels; so it does when that cannot be told."""
    axes = axes_of(node, constants)
    return axes is None or any(axis % 4 > 1 for axis in axes)


def axes_of(node: onnx.NodeProto, constants: Constants) -> list[int] | None:
    """The axes that a node names, as an attribute or as an input, or has by default; None when that is not constant."""
    said = attributes(node)
    if "axes" in said:
        return list(said["axes"])
    if "axis" in said:
        return [said["axis"]]
    position = {"Slice": 3}.get(node.op_type, 1)
    if node.op_type in ("Slice", "ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin"):
        if len(node.input) <= position or not node.input[position]:
            return [0, 1, 2, 3]
        values = constants.get(node.input[position])
        return None if values is None else [int(value) for value in np.ravel(values)]
    return {"Gather": [0], "Concat": [0], "Split": [0], "Softmax": [-1], "LogSoftmax": [-1], "LRN": [1]}[node.op_type]
