"""What a graph's operations are to segments: such as look at a neighbourhood alone, or not."""

from __future__ import annotations

import numpy as np
import onnx

from ...runtime.reach import WINDOWS, Constants, attributes, stretches

ALONG_CHANNELS = frozenset(
    ["Concat", "Gather", "LogSoftmax", "LRN", "Slice", "Softmax", "Split", "ReduceMean", "ReduceSum", "ReduceMax"]
)
"""Local while they leave the picture's two axes alone, which is checked by the shapes and `touches_pixels`."""
LOCAL = frozenset(WINDOWS) | ALONG_CHANNELS


def why_not_local(node: onnx.NodeProto, constants: Constants) -> str | None:
    """Why this node cannot be computed in strips, or None."""
    if node.domain not in ("", "ai.onnx") or node.op_type not in LOCAL:
        return f"{node.op_type} is not known to look at a neighbourhood alone"
    said = attributes(node)
    if node.op_type in ("Conv", "ConvTranspose") and "kernel_shape" not in said:
        return f"{node.op_type} has a kernel that is computed"
    if stretches(node, constants) is not None:
        return stretches(node, constants)
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
