"""What shapes the tensors of a graph have at a size of the picture, told without running it."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

SMALL = 4096
"""Elements up to which a constant may be a size, a factor or an axis; larger ones are weights."""


@dataclasses.dataclass(frozen=True)
class Tensor:
    """One tensor of the graph."""

    shape: tuple[int, ...]
    """At the size that was asked for."""
    dtype: npt.DTypeLike
    is_map: bool
    """Whether it follows the picture: (N, C, H, W) whose sides grow with it."""
    ratio: tuple[Fraction, Fraction] | None
    """Of a map: rows and columns for each of the picture's; None where they do not grow in proportion."""


def constants_of(graph: onnx.GraphProto) -> dict[str, npt.NDArray[Any]]:
    """The small constants, by name."""
    found = {each.name: numpy_helper.to_array(each) for each in graph.initializer if np.prod(each.dims) <= SMALL}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def without_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """The graph with the types and sizes of its weights and the values of small constants alone: shapes do not hang on
    weights, which may be hundreds of megabytes.
    """
    light = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    light.graph.name = model.graph.name
    light.graph.node.extend(model.graph.node)
    light.graph.input.extend(model.graph.input)
    light.graph.output.extend(model.graph.output)
    for tensor in model.graph.initializer:
        if np.prod(tensor.dims) <= SMALL:
            light.graph.initializer.append(tensor)
        else:
            light.graph.initializer.add(name=tensor.name, data_type=tensor.data_type, dims=tensor.dims)
    for port in light.graph.output:
        port.type.tensor_type.ClearField("shape")
    return light


def tensors_of(model: onnx.ModelProto, sides: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
    """Every tensor of a graph `without_weights` by name.

    `sides` are the inputs' shapes, of which those of four axes grow with the picture. Raises ValueError when a shape
    cannot be told.
    """
    grown = {name: (*shape[:2], *(2 * side for side in shape[2:])) if len(shape) == 4 else shape
             for name, shape in sides.items()}  # fmt: skip
    once, twice = _inferred(model, sides), _inferred(model, grown)
    picture = next((shape for shape in sides.values() if len(shape) == 4), (1, 1, 1, 1))  # none: nothing grows
    found = {}
    for name, (shape, dtype) in once.items():
        larger = twice[name][0]
        is_map = len(shape) == 4 and shape != larger
        ratios = [Fraction(side, whole) for side, whole in zip(shape[2:], picture[2:], strict=False)]
        in_proportion = is_map and all(2 * a == b for a, b in zip(shape[2:], larger[2:], strict=True))
        found[name] = Tensor(shape, dtype, is_map, (ratios[0], ratios[1]) if in_proportion else None)
    return found


def _inferred(light: onnx.ModelProto, sides: dict[str, tuple[int, ...]]) -> dict[str, tuple[tuple[int, ...], Any]]:
    for port in light.graph.input:
        if port.name in sides:
            del port.type.tensor_type.shape.dim[:]
            for side in sides[port.name]:
                port.type.tensor_type.shape.dim.add().dim_value = side
    inferred = onnx.shape_inference.infer_shapes(light, data_prop=True).graph
    found = {each.name: (tuple(each.dims), each.data_type) for each in light.graph.initializer}
    for port in (*inferred.input, *inferred.output, *inferred.value_info):
        dims = port.type.tensor_type.shape.dim
        if any(not dim.HasField("dim_value") for dim in dims):
            raise ValueError(f"the size of {port.name} cannot be told before it is computed")
        found[port.name] = (tuple(dim.dim_value for dim in dims), port.type.tensor_type.elem_type)
    return {name: (shape, onnx.helper.tensor_dtype_to_np_dtype(kind)) for name, (shape, kind) in found.items()}
