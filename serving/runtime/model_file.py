"""What an ONNX file holds, read before any runtime sees it: its card, and whether it is whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError

from ... import file_kinds
from ...card import CARD_KEY, Card
from ...errors import ModelFileError
from .boundary import check_boundary

IMPORTED = (file_kinds.TORCH, file_kinds.SAFETENSORS)


def read_card(path: Path) -> Card:
    """The card of an ONNX file; raises ModelFileError as `read_model` does."""
    return read_model(path)[1]


def read_model(path: Path) -> tuple[bytes, Card]:
    """The file's bytes and its card.

    Raises ModelFileError when the file is missing, no ONNX file, cut short, has no card or one that its graph belies,
    or keeps (part of) its weights in another file, which could be any file of this machine.
    """
    raw, model = parse_model(path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
    if any(tensor.external_data or tensor.data_location == tensor.EXTERNAL for tensor in tensors_of(model)):
        raise ModelFileError(
            f"{path} keeps weights in another file; i2i reads one self-contained file. Where both files are at hand, "
            f"`i2i adopt {path.name} OUT.onnx` makes one of them."
        )
    if CARD_KEY not in metadata:
        raise ModelFileError(
            f"{path} has no model card, so its range, size rule and channels are unknown. Export the run again "
            f"with `i2i export`, or give a foreign file a card with `i2i adopt {path.name} OUT.onnx`."
        )
    card = _card(path, metadata[CARD_KEY])
    check_boundary(path, model, card)
    return raw, card


def _card(path: Path, text: str) -> Card:
    try:
        return Card.from_json(text)
    except ModelFileError as error:
        raise ModelFileError(
            f"{path}: {error} If another program wrote it, `i2i adopt {path.name} OUT.onnx` writes a new card."
        ) from error


def parse_model(path: Path) -> tuple[bytes, onnx.ModelProto]:
    """The file's bytes and what they say; other files that it names are not opened.

    Raises ModelFileError, saying what it is instead where that is known, on a file that is no whole ONNX file.
    """
    if path.is_dir():
        raise ModelFileError(f"{path} is a folder. Name the ONNX file in it.")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be opened ({error.strerror}).") from error
    try:
        model = onnx.ModelProto.FromString(raw)  # bytes alone: what it says of other files is not followed
        [entry.value for entry in model.metadata_props]
    except (DecodeError, UnicodeDecodeError) as error:
        raise _no_onnx(path, raw) from error
    if not model.HasField("graph"):
        raise _no_onnx(path, raw)
    return raw, model


def _no_onnx(path: Path, raw: bytes) -> ModelFileError:
    kind = file_kinds.kind_of(raw)
    if kind is None:
        return ModelFileError(
            f"{path} is no ONNX file, or one cut short ({len(raw):,} bytes). Export it, or copy or download it, again."
        )
    way_out = (
        f"If it holds a generator's weights, `i2i import {path.name} OUT.onnx` makes a model of them."
        if kind in IMPORTED
        else "Name the ONNX file itself; other kinds of models are exported to ONNX where they were made."
    )
    return ModelFileError(f"{path} is no ONNX file; it is {kind}. {way_out}")


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Every tensor that the model holds, wherever in it."""
    yield from _in_graph(model.graph)
    for function in model.functions:
        yield from _in_nodes(function.node)


def _in_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    yield from _in_sparse(graph.sparse_initializer)
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (attribute for node in nodes for attribute in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        yield from _in_sparse((attribute.sparse_tensor, *attribute.sparse_tensors))
        for graph in (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs):
            yield from _in_graph(graph)


def _in_sparse(tensors: Iterable[onnx.SparseTensorProto]) -> Iterator[onnx.TensorProto]:
    for tensor in tensors:
        yield from (tensor.values, tensor.indices)
