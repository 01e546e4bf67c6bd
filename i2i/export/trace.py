"""A generator's graph by torch's exporter: at one size, which is quick, or with the sizes left open."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import onnx
import onnx.numpy_helper
import torch
from torch import nn

from ..card import Card
from ..errors import ExportError
from ..ports import Port
from ..probes import example

OPSET = 18
TRACED = 2
"""Pictures that are traced."""

Trace = Callable[[nn.Module, Card, int], onnx.ModelProto]
"""(network of the card's ports, card, a side that it takes) -> its graph, for pictures of any size."""


def at_one_size(served: nn.Module, card: Card, side: int) -> onnx.ModelProto:
    """Traced with numbers for sizes, of which the graph of a convolutional network holds none; the caller checks that.

    Torch computes with symbols slowly: the graph of a U-Net takes three to four times as long with open sizes.
    """
    model = _exported(served, card, (TRACED, 2 * side, side), None)
    _free_reshapes(model)
    for port, said in zip((*card.inputs, *card.outputs), (*model.graph.input, *model.graph.output), strict=True):
        dims = said.type.tensor_type.shape.dim
        dims[0].dim_param = "n"
        for axis, name in _free_sides(port, (f"{port.name}_height", f"{port.name}_width")).items():
            dims[axis].dim_param = name
    del model.graph.value_info[:]
    return model


def _free_reshapes(model: onnx.ModelProto) -> None:
    """Where maps are laid out anew, as tokens or as pictures, the traced count of pictures becomes whatever comes."""
    shapes = {node.input[1] for node in model.graph.node if node.op_type == "Reshape"}
    for one in model.graph.initializer:
        wanted = onnx.numpy_helper.to_array(one) if one.name in shapes else np.empty(0)
        if len(wanted) > 1 and wanted[0] == TRACED:
            free = np.array([0 if -1 in wanted else -1, *wanted[1:]], np.int64)  # 0: as the input has it
            one.CopyFrom(onnx.numpy_helper.from_array(free, one.name))


def at_any_size(served: nn.Module, card: Card, side: int) -> onnx.ModelProto:
    """Traced with symbols for sizes."""
    n, h, w = (torch.export.Dim(name, min=1) for name in ("n", "h", "w"))
    free = (card.multiple * h, card.multiple * w) if card.multiple > 1 else (h, w)
    shapes = (tuple({0: n, **_free_sides(port, free)} for port in card.inputs),)
    return _exported(served, card, (2, 2 * side, 3 * side), shapes)


def _exported(
    served: nn.Module, card: Card, size: tuple[int, int, int], dynamic_shapes: tuple[Any, ...] | None
) -> onnx.ModelProto:
    examples = example(card, *size)
    with quiet():
        program = torch.onnx.export(
            served,
            tuple(torch.from_numpy(examples[port.name]) for port in card.inputs),
            dynamo=True,
            dynamic_shapes=dynamic_shapes,
            input_names=[port.name for port in card.inputs],
            output_names=[port.name for port in card.outputs],
            opset_version=OPSET,
            external_data=False,
            verbose=False,
        )
    if program is None:
        raise ExportError("torch's exporter gave no graph for this network.")
    return _without_traces(program.model_proto)


def _without_traces(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model without the exporter's notes, which name files and folders of this machine at every node."""
    graphs = [model.graph, *model.functions]
    for graph in graphs:
        for part in (*graph.node, *graph.value_info, graph):
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    for part in (*model.graph.input, *model.graph.output, *model.graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def _free_sides(port: Port, free: tuple[Any, Any]) -> Mapping[int, Any]:
    """Axis -> dimension, for the sides of a port that follow the picture."""
    axes = [axis for axis, side in enumerate(port.shape, 1) if side is None]
    return dict(zip(axes, free[-len(axes) :] if axes else (), strict=True))


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Without the exporter's chatter, which is about its own future and not about the user's model."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
