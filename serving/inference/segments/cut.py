"""A graph cut at its reductions over the picture, into segments that look at a neighbourhood alone.

A tensor's level is the number of reductions over the picture on the longest way to it. Segment k computes what is of
level k, once; what later segments need of it is stored. A normalisation becomes its affine part, with statistics that
are fed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import onnx

from ....errors import RequestError
from ...runtime.reach import Constants, attributes
from .geometry import axes_of, why_not_local
from .shapes import Tensor, constants_of, tensors_of, without_weights


class UncuttableError(RequestError):
    """The graph cannot be computed in segments; the message says which of its parts forbids it."""


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A reduction of one map over the picture."""

    map: str
    kind: str
    """`moments` (mean and variance of each channel), `mean`, `sum`, `max` or `min`."""
    names: tuple[str, ...]
    """The tensors that it settles, as later segments are fed with them."""
    over_channels: bool = False


@dataclasses.dataclass(frozen=True)
class Segment:
    """What is computed between two cuts."""

    nodes: tuple[onnx.NodeProto, ...]
    """In an order in which they can be computed."""
    maps: tuple[str, ...]
    """Inputs that follow the picture."""
    vectors: tuple[str, ...]
    """Inputs that do not: statistics, labels, latents."""
    results: tuple[str, ...]
    """Maps that later segments, statistics or the user need."""
    statistics: tuple[Statistic, ...]
    """Of its results, settled when all strips are computed."""


@dataclasses.dataclass(frozen=True)
class Cut:
    """A graph in segments."""

    model: onnx.ModelProto
    light: onnx.ModelProto
    """Without the weights."""
    segments: tuple[Segment, ...]
    constants: Constants
    last_use: dict[str, int]
    """Of each map, the last segment that reads it; the user's result is read after the last."""
    sample: dict[str, Tensor]
    """The tensors at some size, for their channels and types."""

    def tensors(self, sides: dict[str, tuple[int, ...]]) -> dict[str, Tensor]:
        """The shapes at the inputs' `sides`."""
        return tensors_of(self.light, sides)


def _prepare(model: onnx.ModelProto) -> None:
    """Let convolutions say how large their kernels are, which the weights may say alone, and no reduction read an
    input: only what a segment computes is stored.
    """
    weights = {each.name: list(each.dims[2:]) for each in model.graph.initializer}
    read = {port.name: f"{port.name}/read" for port in model.graph.input if port.name not in weights}
    needed = set()
    for node in model.graph.node:
        said = attributes(node)
        if node.op_type in ("Conv", "ConvTranspose") and "kernel_shape" not in said and node.input[1] in weights:
            node.attribute.append(onnx.helper.make_attribute("kernel_shape", weights[node.input[1]]))
        if (node.op_type == "InstanceNormalization" or node.op_type in REDUCTIONS) and node.input[0] in read:
            needed.add(node.input[0])
            node.input[0] = read[node.input[0]]
    for name in sorted(needed):
        model.graph.node.insert(0, onnx.helper.make_node("Identity", [name], [read[name]]))


REDUCTIONS = {
    "GlobalAveragePool": "mean", "GlobalMaxPool": "max", "ReduceMean": "mean", "ReduceSum": "sum",
    "ReduceMax": "max", "ReduceMin": "min",
}  # fmt: skip


def cut(model: onnx.ModelProto, sides: dict[str, tuple[int, ...]]) -> Cut:
    """The graph in segments, `model` being changed on the way.

    `sides` are shapes of its inputs that it takes, by which maps are told from vectors.

    Raises UncuttableError where an operation neither looks at a neighbourhood nor is a reduction that is known.
    """
    _prepare(model)
    constants, light = constants_of(model.graph), without_weights(model)
    try:
        tensors = tensors_of(light, sides)
    except ValueError as error:
        raise UncuttableError(f"The model cannot be computed in segments: {error}.") from error
    levels: dict[str, int] = {each.name: 0 for each in (*model.graph.initializer, *model.graph.input)}
    local: list[tuple[onnx.NodeProto, int]] = []
    statistics: list[tuple[Statistic, int]] = []
    for node in model.graph.node:
        level = max((levels[name] for name in node.input if name), default=0)
        statistic, rest = _reduced(node, tensors, constants)
        if statistic is not None:
            statistics.append((statistic, level))
            level += 1
        if rest is not None:
            local.append((rest, level))
        levels.update(dict.fromkeys(node.output, level))
    return _assembled(model, light, tensors, constants, local, statistics)


def _reduced(
    node: onnx.NodeProto, tensors: dict[str, Tensor], constants: Constants
) -> tuple[Statistic | None, onnx.NodeProto | None]:
    """The reduction that a node is or begins with, and what is left of it."""
    follows = [name for name in node.input if name and tensors[name].is_map]
    if node.op_type == "InstanceNormalization" and follows:
        names = (f"{node.output[0]}/mean", f"{node.output[0]}/variance")
        affine = onnx.helper.make_node(
            "BatchNormalization",
            [*node.input, *names],
            list(node.output),
            epsilon=attributes(node).get("epsilon", 1e-5),
        )
        return Statistic(node.input[0], "moments", names), affine
    if node.op_type in REDUCTIONS and follows and not tensors[node.output[0]].is_map:
        axes = [2, 3] if node.op_type.startswith("Global") else axes_of(node, constants)
        found = {axis % 4 for axis in axes or []}
        if not {2, 3} <= found:
            raise _uncuttable(node, f"{node.op_type} works along axes {sorted(found) or 'that are not constant'}")
        return Statistic(follows[0], REDUCTIONS[node.op_type], (node.output[0],), 1 in found), None
    if follows:
        complaint = why_not_local(node, constants)
        if complaint is None and any(not tensors[name].is_map for name in node.output if name):
            complaint = f"{node.op_type} makes one value of the whole picture"
        if complaint is not None:
            raise _uncuttable(node, complaint)
    elif any(each.type in (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS) for each in node.attribute):
        raise _uncuttable(node, f"{node.op_type} holds a graph of its own")
    return None, node


def _uncuttable(node: onnx.NodeProto, why: str) -> UncuttableError:
    return UncuttableError(f"The model cannot be computed in segments: {why} ({node.name or node.output[0]}).")


def _assembled(
    model: onnx.ModelProto,
    light: onnx.ModelProto,
    tensors: dict[str, Tensor],
    constants: Constants,
    local: list[tuple[onnx.NodeProto, int]],
    statistics: list[tuple[Statistic, int]],
) -> Cut:
    """The segments, with what they read and what they leave."""
    is_map = {name for name, tensor in tensors.items() if tensor.is_map}
    weights = {each.name for each in model.graph.initializer}
    maker = {name: node for node, _ in local for name in node.output}
    user = {port.name for port in model.graph.output}
    last = max([level for _, level in local])
    mapping = [[node for node, level in local if level == k and is_map & set(node.output)] for k in range(last + 1)]
    # What does not follow the picture is small, and computed anew in each segment that reads it.
    whole = [_with_small(nodes, maker, is_map) for nodes in mapping]
    reads = [{name for node in nodes for name in node.input if name} for nodes in whole]
    makes = [{name for node in nodes for name in node.output} for nodes in whole]
    last_use = {name: k for k in range(last + 1) for name in reads[k] & is_map}
    last_use |= dict.fromkeys(user, last + 1)
    segments = []
    for k in range(last + 1):
        ends = [statistic for statistic, level in statistics if level == k]
        wanted = {each.map for each in ends} | user | {name for later in reads[k + 1 :] for name in later}
        results = [name for node in mapping[k] for name in node.output if name in wanted]
        outside = sorted(reads[k] - makes[k] - weights)
        segments.append(
            Segment(
                tuple(whole[k]),
                tuple(name for name in outside if name in is_map),
                tuple(name for name in outside if name not in is_map),
                tuple(dict.fromkeys(results)),
                tuple(ends),
            )
        )
    kept = {name for segment in segments for name in (*segment.maps, *segment.results)}
    for name in kept:
        if tensors[name].ratio is None:
            raise UncuttableError(
                f"The model cannot be computed in segments: the sides of {name} are no fixed share of the picture's."
            )
    return Cut(model, light, tuple(segments), constants, last_use, tensors)


def _with_small(
    nodes: Sequence[onnx.NodeProto], maker: dict[str, onnx.NodeProto], is_map: set[str]
) -> list[onnx.NodeProto]:
    """The nodes and, before them, those that make what they read of tensors that do not follow the picture."""
    ordered: list[onnx.NodeProto] = []
    seen: set[int] = set()

    def take(node: onnx.NodeProto) -> None:
        if id(node) in seen:
            return
        seen.add(id(node))
        for name in node.input:
            if name in maker and name not in is_map:
                take(maker[name])
        ordered.append(node)

    for node in nodes:
        take(node)
    return ordered


def as_model(graph: Cut, segment: Segment) -> bytes:
    """The segment as a model of its own."""
    whole = graph.model.graph
    reads = {name for node in segment.nodes for name in node.input}
    weights = [each for each in whole.initializer if each.name in reads]
    shapes = graph.sample
    inputs = [_port(name, shapes[name]) for name in segment.maps] + [
        _port(name, shapes.get(name)) for name in segment.vectors
    ]
    outputs = [_port(name, shapes[name]) for name in segment.results]
    made = onnx.helper.make_graph(list(segment.nodes), "segment", inputs, outputs, weights)
    model = onnx.helper.make_model(made, opset_imports=graph.model.opset_import, ir_version=graph.model.ir_version)
    return bytes(model.SerializeToString())


def _port(name: str, tensor: Tensor | None) -> onnx.ValueInfoProto:
    if tensor is None:  # the statistics of a normalisation: one value for each channel
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [None])
    kind = onnx.helper.np_dtype_to_tensor_dtype(np.dtype(tensor.dtype))
    shape = [1, tensor.shape[1], None, None] if tensor.is_map else list(tensor.shape)
    return onnx.helper.make_tensor_value_info(name, kind, shape)
