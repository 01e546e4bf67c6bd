"""A graph in half precision, with fp32 at its boundary and where sums are taken. Needs `onnx` and `onnxruntime`."""

from __future__ import annotations

import warnings
from typing import cast

import onnx

FP32_OPS = ["InstanceNormalization", "Resize", "Tanh", "Clip"]
"""What stays in fp32: sums over a picture and the last steps lose too much in half precision."""


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph with weights and maps of 16 bits; raises what the converter of ONNX Runtime raises."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # on each weight that is too small for half precision
        half = convert_float_to_float16(model, keep_io_types=True, op_block_list=FP32_OPS)
    # Where nodes share a weight, the converter writes its cast once for each of them, all under one name.
    once = list({(node.name, *node.output): node for node in half.graph.node}.values())
    del half.graph.node[:]
    half.graph.node.extend(once)
    return cast(onnx.ModelProto, half)
