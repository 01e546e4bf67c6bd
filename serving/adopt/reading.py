"""Reading an ONNX file that i2i did not write: whole, of standard operations, and with nothing from elsewhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx
from onnx import inliner, version_converter

from ...errors import ModelFileError, first_line
from ..runtime.model_file import parse_model, tensors_of

STANDARD = ("", "ai.onnx")
"""Domains of operations that every runtime knows."""
OLDEST, MODERN = 13, 17
"""Opset from which the bridge can be written, and the one that older files are raised to."""
LARGEST = 2**31 - 2**20
"""Bytes that one ONNX file can hold."""


def read_foreign(path: Path) -> onnx.ModelProto:
    """The model in `path` as one piece: external data folded in, local functions inlined, opset 13 or newer.

    Raises ModelFileError on what is no whole ONNX file, on data that lies elsewhere than beside the file, and on
    operations of foreign domains.
    """
    model = parse_model(path)[1]
    size = 0
    for tensor in tensors_of(model):
        if tensor.external_data or tensor.data_location == tensor.EXTERNAL:
            _fold(tensor, path)
        size += len(tensor.raw_data)
        if size > LARGEST:
            raise ModelFileError(f"{path} has weights of more than 2 GB, which no single ONNX file can hold.")
    if model.functions:
        model = inliner.inline_local_functions(model)
    foreign = sorted({f"{node.domain}.{node.op_type}" for node in _nodes(model.graph) if node.domain not in STANDARD})
    if foreign:
        raise ModelFileError(
            f"{path} computes with {', '.join(foreign[:3])}{' and more' * (len(foreign) > 3)}, which are no operations "
            "of the ONNX standard, so not every provider can run it. Export it with standard operations alone, and "
            "without a runtime's own optimisations."
        )
    return _raised(model, path)


def _fold(tensor: onnx.TensorProto, path: Path) -> None:
    """Puts the bytes of a tensor into it, which lie in a file beside `path`."""
    told = {entry.key: entry.value for entry in tensor.external_data}
    name = told.get("location", "")
    beside = path.parent / name
    if not name or ".." in name.replace("\\", "/").split("/") or _is_absolute(name):
        raise ModelFileError(
            f"{path} says that its weights lie in {name!r}; i2i takes them from files beside it, or in folders below, "
            "alone. Put the file of weights there and export the model so that it names it."
        )
    try:
        inside = beside.resolve(strict=True).is_relative_to(path.parent.resolve())
        offset, length = int(told.get("offset", 0)), int(told.get("length", -1))
        if not inside:
            raise ModelFileError(
                f"{path} keeps weights in {name}, a link that leads elsewhere. Put the file itself there."
            )
        with beside.open("rb") as file:
            file.seek(offset)
            raw = file.read(length if length >= 0 else LARGEST)
    except (OSError, ValueError) as error:
        raise ModelFileError(
            f"{path} keeps weights in {name}, which cannot be read ({first_line(error)}). Both files belong together: "
            "copy that one beside it too."
        ) from error
    if length > len(raw):
        raise ModelFileError(f"{path} keeps weights in {name}, which is cut short. Copy or download it again.")
    tensor.ClearField("external_data")
    tensor.data_location = tensor.DEFAULT
    tensor.raw_data = raw


def _is_absolute(name: str) -> bool:
    windows = PureWindowsPath(name)
    return PurePosixPath(name).is_absolute() or bool(windows.drive or windows.root)


def _raised(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """The model at an opset in which the bridge can be written."""
    opset = next((each.version for each in model.opset_import if each.domain in STANDARD), 0)
    if opset < OLDEST:
        try:
            model = version_converter.convert_version(model, MODERN)
        except Exception as error:  # a RuntimeError of its own C++
            raise ModelFileError(
                f"{path} is of opset {opset} and cannot be raised to {MODERN} ({first_line(error)}). "
                "Export it again with a newer opset."
            ) from error
    model.ir_version = max(model.ir_version, 8)  # from 4 on, weights need not be inputs too
    kept = {each.name for each in model.graph.initializer}
    inputs = [each for each in model.graph.input if each.name not in kept]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def _nodes(graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Every node, those of inner graphs too."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            yield from _inner(attribute)


def _inner(attribute: onnx.AttributeProto) -> Iterator[onnx.NodeProto]:
    graphs: Iterable[onnx.GraphProto] = (*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs)
    for graph in graphs:
        yield from _nodes(graph)
