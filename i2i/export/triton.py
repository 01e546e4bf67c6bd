"""An exported model as part of a Triton model repository: https://docs.nvidia.com/deeplearning/triton-inference-server.

A folder for each model with `config.pbtxt`, and in it one for each version with `model.onnx`. The tensors are read from
the graph itself. Triton feeds the graph as it is: pictures have to come at a size that the network takes, which the
configuration tells as parameters (`i2i.multiple`, `i2i.smallest`).
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from ..card import CARD_KEY, Card
from ..errors import ModelFileError, StorageError
from ..files import write_atomically
from .from_run import slug

LARGEST_BATCH = 8
TYPES = {
    onnx.TensorProto.FLOAT: "TYPE_FP32",
    onnx.TensorProto.FLOAT16: "TYPE_FP16",
    onnx.TensorProto.INT64: "TYPE_INT64",
    onnx.TensorProto.INT32: "TYPE_INT32",
}


def add_to_repository(model: Path, repository: Path) -> Path:
    """Put a file of ours into the repository, as the next version of the model of its name unless the last one is the
    same; gives the version's folder. Raises StorageError when it cannot be written.
    """
    raw = model.read_bytes()
    proto = onnx.ModelProto.FromString(raw)
    card = _card(proto, model)
    place = repository / _name(card)
    try:
        place.mkdir(parents=True, exist_ok=True)
        versions = sorted(int(each.name) for each in place.iterdir() if each.is_dir() and each.name.isdigit())
        last = place / str(versions[-1]) if versions else None
        if last is None or (last / "model.onnx").read_bytes() != raw:
            last = place / str(versions[-1] + 1 if versions else 1)
            _appear(last, raw)
        write_atomically(place / "config.pbtxt", config_of(proto, card).encode())
    except OSError as error:
        raise StorageError(f"The repository {repository} cannot be written ({error.strerror}).") from error
    return last


def config_of(model: onnx.ModelProto, card: Card) -> str:
    """`config.pbtxt`, in protobuf's text format."""
    weights = {each.name for each in model.graph.initializer}
    inputs = [port for port in model.graph.input if port.name not in weights]
    sides = {port.name: _sides(port) for port in [*inputs, *model.graph.output]}
    is_batched = all(shape[:1] == [-1] for shape in sides.values())
    lines = [
        f"name: {_text(_name(card))}",
        'platform: "onnxruntime_onnx"',
        f"max_batch_size: {LARGEST_BATCH if is_batched else 0}",
    ]
    for kind, ports in (("input", inputs), ("output", model.graph.output)):
        for port in ports:
            shape = sides[port.name][1:] if is_batched else sides[port.name]
            kind_of = TYPES[port.type.tensor_type.elem_type]
            lines.append(f"{kind} {{ name: {_text(port.name)} data_type: {kind_of} {_dims(shape)} }}")
    if is_batched:
        lines.append("dynamic_batching { }")
    facts = {"multiple": card.multiple, "smallest": card.smallest, "scale": card.scale, "licence": card.licence}
    for key, value in facts.items():
        lines.append(f'parameters {{ key: "i2i.{key}" value {{ string_value: {_text(str(value))} }} }}')
    return "\n".join(lines) + "\n"


def _card(model: onnx.ModelProto, path: Path) -> Card:
    for entry in model.metadata_props:
        if entry.key == CARD_KEY:
            return Card.from_json(entry.value)
    raise ModelFileError(f"{path} has no model card in it. Export it with i2i, or adopt it: i2i adopt {path} OUT.onnx")


def _name(card: Card) -> str:
    """Of the model's folder, which is in the repository."""
    return slug(card.name).lstrip(".") or "model"


def _sides(port: Any) -> list[int]:
    """-1 is a side of any length."""
    return [side.dim_value if side.HasField("dim_value") else -1 for side in port.type.tensor_type.shape.dim]


def _dims(shape: Sequence[int]) -> str:
    """Triton has no tensors without sides: such a one is of one number, and is fed without it."""
    if not shape:
        return "dims: [ 1 ] reshape { shape: [ ] }"
    return f"dims: [ {', '.join(map(str, shape))} ]"


def _text(value: str) -> str:
    """Quoted: JSON's escapes of ASCII are protobuf's too, those of other letters are left out."""
    return json.dumps(value, ensure_ascii=False)


def _appear(folder: Path, model: bytes) -> None:
    """A version is there as a whole or not at all: Triton may be looking."""
    beside = Path(tempfile.mkdtemp(prefix=".version-", dir=folder.parent))
    try:
        (beside / "model.onnx").write_bytes(model)
        beside.chmod(0o755)
        beside.rename(folder)
    except OSError:
        shutil.rmtree(beside, ignore_errors=True)
        raise
