"""The end of a graph, written so that OpenVINO runs every convolution in bf16 where it runs any.

Going back from a graph's outputs, OpenVINO's processor plug-in leaves each operation in fp32 until it meets one of
STOPS (`Graph::EnforceInferencePrecision` in its graph.cpp). A transposed convolution is none of them, so that the whole
decoder of a U-Net stayed in fp32. A 1x1 convolution that changes nothing, behind the last transposed one, ends that; in
fp32 the results are the same to the last bit. Needs `onnx` alone.
"""

from __future__ import annotations

import itertools

import numpy as np
import onnx
from onnx import helper, numpy_helper

STOPS = {"Conv", "MatMul", "Gemm", "Resize", "Upsample", "MaxRoiPool", "RNN", "LSTM", "GRU"}
"""What OpenVINO counts, by its names in ONNX."""
SUFFIX = "as_it_is"
"""Ends the names of the convolutions that change nothing."""
_TYPES = {onnx.TensorProto.FLOAT: np.float32, onnx.TensorProto.FLOAT16: np.float16}


def left_in_fp32(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The transposed convolutions that OpenVINO would leave in fp32; of several on a path the last one alone."""
    makers = {name: node for node in model.graph.node for name in node.output}
    waiting = [output.name for output in model.graph.output]
    seen, found = set(), []
    while waiting:
        name = waiting.pop()
        if name in seen or name not in makers:
            continue
        seen.add(name)
        node = makers[name]
        if node.op_type == "ConvTranspose":
            found.append(node)
        elif node.op_type not in STOPS:
            waiting.extend(node.input)
    return found


def end_in_convolution(model: onnx.ModelProto) -> int:
    """Put a 1x1 convolution that changes nothing behind each of `left_in_fp32`, in place, and say how many that were.

    One whose channels or type the graph does not tell is left as it is.
    """
    found = left_in_fp32(model)
    count = 0
    for node, told in zip(found, _shapes(model, found), strict=True):
        sides = len(told.shape.dim) - 2
        channels = told.shape.dim[1].dim_value if sides > 0 else 0
        if channels and told.elem_type in _TYPES:
            weight = np.eye(channels, dtype=_TYPES[told.elem_type]).reshape(channels, channels, *[1] * sides)
            _follow(model.graph, node, weight)
            count += 1
    return count


def _shapes(model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> list[onnx.TypeProto.Tensor]:
    """What is known of the answers of `nodes`; an empty one where that is nothing."""
    if not nodes:
        return []
    graph = onnx.shape_inference.infer_shapes(model).graph
    known = {value.name: value.type.tensor_type for value in (*graph.output, *graph.value_info)}
    return [known.get(node.output[0], onnx.TypeProto.Tensor()) for node in nodes]


def _follow(graph: onnx.GraphProto, node: onnx.NodeProto, weight: np.ndarray) -> None:
    """Put a convolution with this weight behind the node; it gives the node's answer under the name that it had."""
    taken = {name for each in graph.node for name in (each.name, *each.input, *each.output)}
    answer = node.output[0]
    free = (f"{answer}_{SUFFIX}{n or ''}" for n in itertools.count())
    name = next(each for each in free if not taken & {each, f"{each}_in", f"{each}_weight"})
    place = 1 + next(at for at, each in enumerate(graph.node) if answer in each.output)
    node.output[0] = f"{name}_in"
    graph.initializer.append(numpy_helper.from_array(weight, f"{name}_weight"))
    graph.node.insert(place, helper.make_node("Conv", [f"{name}_in", f"{name}_weight"], [answer], name=name))
