"""How far each operation of a graph looks along one side of a picture: one table for tiles and for segments.

Rows are counted as if the picture had no end: what lies beyond it is what the operation itself pads with. Every answer
may be too wide, which costs time, and never too narrow.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Constants = Mapping[str, npt.NDArray[Any]]
"""The values of a graph's small constants by name."""
Span = tuple[int, int]
"""First row and the one behind the last."""

POINTWISE = frozenset({
    "Abs", "Add", "And", "BatchNormalization", "Cast", "Celu", "Ceil", "Clip", "Cos", "DequantizeLinear", "Div",
    "Dropout", "Elu", "Equal", "Erf", "Exp", "Floor", "Gelu", "Greater", "GreaterOrEqual", "HardSigmoid", "HardSwish",
    "Identity", "LeakyRelu", "Less", "LessOrEqual", "Log", "Max", "Mean", "Min", "Mish", "Mod", "Mul", "Neg", "Not",
    "Or", "PRelu", "Pow", "QuantizeLinear", "Reciprocal", "Relu", "Round", "Selu", "Sigmoid", "Sign", "Sin", "Softplus",
    "Softsign", "Sqrt", "Sub", "Sum", "Swish", "Tanh", "ThresholdedRelu", "Where",
})  # fmt: skip
"""One value for each value, constants and statistics along the channels apart."""


@dataclasses.dataclass(frozen=True)
class Window:
    """The rows of the input that row `o` of the output depends on: from `step * o + low` to `step * o + high`."""

    step: Fraction = Fraction(1)
    low: Fraction = Fraction(0)
    high: Fraction = Fraction(0)

    def rows(self, span: Span) -> Span:
        """Of the input, that a span of the output depends on."""
        return math.ceil(span[0] * self.step + self.low), math.floor((span[1] - 1) * self.step + self.high) + 1

    def after(self, before: Window) -> Window:
        """The window of an operation behind another one, whose window is `before`."""
        return Window(
            before.step * self.step, before.step * self.low + before.low, before.step * self.high + before.high
        )


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """The node's attributes as Python has them."""
    return {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute}


def _window(step: float | Fraction, low: float | Fraction, high: float | Fraction) -> Window:
    return Window(Fraction(step), Fraction(low), Fraction(high))


def _kernel(node: onnx.NodeProto, axis: int) -> tuple[int, int, int, int]:
    """Stride of a convolution's or pooling's kernel, its extent less one, and the padding before, at most and at least:
    what SAME pads depends on the size.
    """
    said = attributes(node)
    width = (said["kernel_shape"][axis] - 1) * said.get("dilations", [1, 1])[axis]
    before = said.get("pads", [0, 0, 0, 0])[axis]
    is_same = said.get("auto_pad", b"NOTSET").startswith(b"SAME")
    most, least = (width, 0) if is_same else (before, before)
    return said.get("strides", [1, 1])[axis], width, most, least


def _convolution(node: onnx.NodeProto, _constants: Constants, axis: int) -> Window:
    stride, width, most, least = _kernel(node, axis)
    return _window(stride, -most, width - least)


def _transposed(node: onnx.NodeProto, _constants: Constants, axis: int) -> Window:
    stride, width, most, least = _kernel(node, axis)
    return _window(Fraction(1, stride), Fraction(least - width, stride), Fraction(most, stride))


def _pad(node: onnx.NodeProto, constants: Constants, axis: int) -> Window:
    said = attributes(node)
    pads = [*(said["pads"] if "pads" in said else constants[node.input[1]])]
    before = int(pads[2 + axis]) if len(pads) == 8 else max(map(int, pads))
    return _window(1, -before, -before)


NEIGHBOURS = {b"nearest": 1, b"linear": 1, b"cubic": 2}


def _resize(node: onnx.NodeProto, constants: Constants, axis: int) -> Window:
    where = 1 if node.op_type == "Upsample" else 2
    factor = Fraction(float(constants[node.input[where]][2 + axis])).limit_denominator(64)
    said, step = attributes(node), 1 / factor
    near = NEIGHBOURS[said.get("mode", b"nearest")] * max(1, math.ceil(step))
    mode = said.get("coordinate_transformation_mode", b"half_pixel") if where == 2 else b"asymmetric"
    moved = {b"asymmetric": Fraction(0), b"tf_half_pixel_for_nn": step / 2}.get(mode, (step - 1) / 2)
    return _window(step, moved - near, moved + near)


def _depth_to_space(node: onnx.NodeProto, _constants: Constants, _axis: int) -> Window:
    block = attributes(node)["blocksize"]
    return _window(Fraction(1, block), Fraction(1 - block, block), 0)


def _space_to_depth(node: onnx.NodeProto, _constants: Constants, _axis: int) -> Window:
    block = attributes(node)["blocksize"]
    return _window(block, 0, block - 1)


def _same(_node: onnx.NodeProto, _constants: Constants, _axis: int) -> Window:
    return Window()


WINDOWS: dict[str, Callable[[onnx.NodeProto, Constants, int], Window]] = {
    "Conv": _convolution,
    "AveragePool": _convolution,
    "LpPool": _convolution,
    "MaxPool": _convolution,
    "ConvTranspose": _transposed,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    **dict.fromkeys(POINTWISE, _same),
}
"""By (node, constants, side: 0 goes down, 1 to the right), for (N, C, H, W). Convolutions have to say their kernel."""


def stretches(node: onnx.NodeProto, constants: Constants) -> str | None:
    """Why a Resize, an Upsample or a Pad is none by a constant amount, alike all over the picture; or None."""
    said = attributes(node)
    if node.op_type in ("Resize", "Upsample"):
        where = 1 if node.op_type == "Upsample" else 2
        if len(node.input) <= where or node.input[where] not in constants or not constants[node.input[where]].size:
            return f"{node.op_type} has a size that is not a constant factor"
        if said.get("coordinate_transformation_mode", b"half_pixel") in (b"align_corners", b"tf_crop_and_resize"):
            return f"{node.op_type} stretches by the corners of the whole picture"
        if np.any(constants[node.input[where]] <= 0) or said.get("mode", b"nearest") not in NEIGHBOURS:
            return f"{node.op_type} works in a way that is not known"
    if node.op_type == "Pad" and "pads" not in said and node.input[1] not in constants:
        return "Pad has widths that are not constant"
    return None
