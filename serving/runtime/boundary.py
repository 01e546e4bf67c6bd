"""Whether a graph has the boundary that its card promises: read from the file, before any picture goes in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import onnx

from ...card import Card
from ...errors import ModelFileError
from ...ports import Port
from .locality import SURELY_REDUCING, reducing_operation

TYPES = {"label": onnx.TensorProto.INT64}
"""Elements by the kind of port; of the others float32."""


def check_boundary(path: Path, model: onnx.ModelProto, card: Card) -> None:
    """Raises ModelFileError, with what to do, where the graph has other ports, types or shapes than its card says.

    And where the card lets tiles be cut, but the graph looks across the whole picture.
    """
    weights = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in weights]
    outputs = list(model.graph.output)
    graph = ([each.name for each in inputs], [each.name for each in outputs])
    said = ([port.name for port in card.inputs], [port.name for port in card.outputs])
    way_out = f"`i2i adopt {path.name} OUT.onnx` reads the graph itself and writes a card that is true."
    if graph != said:
        takes, gives = (" and ".join(map(repr, names)) for names in said)
        raise ModelFileError(
            f"{path}: the graph takes {graph[0]} and gives {graph[1]}; by its card it should take {takes} and give "
            f"{gives}. Export it again. If another program wrote it, {way_out}"
        )
    for values, ports, verb in ((inputs, card.inputs, "takes"), (outputs, card.outputs, "gives")):
        for value, port in zip(values, ports, strict=True):
            if not _fits(value.type.tensor_type, port, exactly=verb == "takes"):
                raise ModelFileError(
                    f"{path}: the graph {verb} {port.name!r} as {_shown(value.type.tensor_type)} where its card says "
                    f"{_promised(port)}. {way_out}"
                )
    pictures = [port.name for port in card.inputs if None in port.shape]
    crossing = reducing_operation(model.graph, pictures, SURELY_REDUCING) if card.tiling == "local" else None
    if crossing is not None:
        raise ModelFileError(
            f"{path}: its card says that it can be cut into tiles (local), but the graph has {crossing}, which looks "
            f"at the whole picture, so tiles would differ in colour. {way_out}"
        )


def _fits(tensor: onnx.TypeProto.Tensor, port: Port, *, exactly: bool) -> bool:
    """Whether a declaration allows what the card promises; `exactly`: its free sides must be free.

    What a graph gives is often declared at the size of its export, which runtimes do not heed.
    """
    if tensor.elem_type != TYPES.get(port.kind, onnx.TensorProto.FLOAT):
        return False
    if not tensor.HasField("shape"):
        return True
    batch, *sides = sides_of(tensor) or [None]
    if len(sides) != len(port.shape) or (exactly and batch not in (None, 1)):
        return False
    if not exactly:  # the channels alone
        sides, wanted = sides[:1], port.shape[:1]
        return all(side in (None, of_port) or of_port is None for side, of_port in zip(sides, wanted, strict=True))
    return all(side is None or side == of_port for side, of_port in zip(sides, port.shape, strict=True))


def sides_of(tensor: onnx.TypeProto.Tensor) -> list[int | None]:
    """The sides of a declaration; None where it leaves one free (some exporters write -1 for that)."""
    return [dim.dim_value if dim.dim_value > 0 else None for dim in tensor.shape.dim]


def _shown(tensor: onnx.TypeProto.Tensor) -> str:
    return _words(onnx.TensorProto.DataType.Name(tensor.elem_type).lower(), sides_of(tensor))


def _promised(port: Port) -> str:
    return _words("int64" if port.kind == "label" else "float", [None, *port.shape])


def _words(kind: str, sides: Sequence[int | None]) -> str:
    return f"{kind} ({', '.join('any' if side is None else str(side) for side in sides)})"
