"""What a foreign file says of the values at its boundary: in metadata, in words, and by the first and last nodes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper

Range = tuple[float, float]
RANGES: dict[str, Range] = {"0..1": (0.0, 1.0), "-1..1": (-1.0, 1.0), "0..255": (0.0, 255.0)}
"""Ranges of values that pictures have at the boundary of networks, as `--input-range` names them."""

NOMINAL = {"NominalRange_0_255": "0..255", "Normalized_0_1": "0..1", "Normalized_1_1": "-1..1"}
"""Values of `Image.NominalPixelRange` in the metadata, by the ONNX standard (docs/MetadataProps.md)."""
PIXELS = {"Rgb8": "rgb", "Bgr8": "bgr", "Gray8": "y"}
"""Likewise of `Image.BitmapPixelFormat`."""

WORDS = {
    r"(?<![\d.-])0(\.0)?\s*(\.\.+|-|–|,|to)\s*255(?!\d)": "0..255",
    r"(?<![\d.])-1(\.0)?\s*(\.\.+|–|,|to)\s*\+?1(\.0)?(?![\d.])": "-1..1",
    r"(?<![\d.-])0(\.0)?\s*(\.\.+|-|–|,|to)\s*1(\.0)?(?![\d.]*\d)": "0..1",
}
"""How people write a range."""

MEANS = {
    "rgb": ((123.68, 116.78, 103.94), (0.485, 0.456, 0.406), (0.4488, 0.4371, 0.4040), (114.44, 111.46, 103.02)),
}
"""Means of the channels that networks take off pictures, of ImageNet and of DIV2K; reversed they are of BGR."""

Constants = Mapping[str, npt.NDArray[np.float64]]


def said(model: onnx.ModelProto) -> str:
    """All the words that the file has for people."""
    parts = [model.doc_string, model.graph.doc_string]
    parts += [each.doc_string for each in (*model.graph.input, *model.graph.output)]
    return " ".join([*parts, *(f"{entry.key} {entry.value}" for entry in model.metadata_props)])


def input_range(model: onnx.ModelProto) -> tuple[str, str] | None:
    """The range of what goes in and where it is said, or None."""
    nominal = _metadata(model, "Image.NominalPixelRange", NOMINAL)
    if nominal is not None:
        return nominal, "by Image.NominalPixelRange in its metadata"
    return _in_words(model) or _by_first_node(model)


def output_range(model: onnx.ModelProto, output: str) -> tuple[str, str] | None:
    """Likewise of what comes out."""
    last = next((node for node in model.graph.node if output in node.output), None)
    while last is not None and last.op_type in _PASSING:
        last = next((node for node in model.graph.node if last.input[0] in node.output), None)
    if last is None:
        return None
    return ENDS[last.op_type](last, constants(model)) if last.op_type in ENDS else None


def channel_order(model: onnx.ModelProto) -> tuple[str, str] | None:
    """`rgb` or `bgr`, and where it is said, or None."""
    pixels = _metadata(model, "Image.BitmapPixelFormat", PIXELS)
    if pixels is not None:
        return pixels, "by Image.BitmapPixelFormat in its metadata"
    orders = {word.lower() for word in re.findall(r"\b(RGB|BGR)\b", said(model), re.IGNORECASE)}
    if len(orders) == 1:
        return orders.pop(), "by its description"
    for values in _first_constants(model):
        for mean in MEANS["rgb"]:
            for order, wanted in (("rgb", mean), ("bgr", mean[::-1])):
                if values.size == 3 and any(np.allclose(np.abs(values.ravel()), np.asarray(wanted) * by, rtol=2e-3)
                                            for by in (1, 255, 1 / 255)):  # fmt: skip
                    return order, "by the means that it takes off first"
    return None


def constants(model: onnx.ModelProto) -> Constants:
    """Every small constant of the graph by name."""
    found = {
        each.name: numpy_helper.to_array(each)
        for each in model.graph.initializer
        if np.prod(each.dims, dtype=np.int64) <= 16
    }
    for node in model.graph.node:
        if node.op_type == "Constant":
            for attribute in node.attribute:
                if attribute.name == "value" and np.prod(attribute.t.dims, dtype=np.int64) <= 16:
                    found[node.output[0]] = numpy_helper.to_array(attribute.t)
                elif attribute.name == "value_float":
                    found[node.output[0]] = np.asarray(attribute.f)
    return {name: array.astype(np.float64) for name, array in found.items() if array.dtype.kind in "fiu"}


def _metadata(model: onnx.ModelProto, key: str, known: Mapping[str, str]) -> str | None:
    entry = next((each.value for each in model.metadata_props if each.key == key), "")
    return known.get(entry)


def _in_words(model: onnx.ModelProto) -> tuple[str, str] | None:
    words = said(model)
    found = [name for pattern, name in WORDS.items() if re.search(pattern, words)]
    return (found[0], "by its description") if len(found) == 1 else None


def _first_nodes(model: onnx.ModelProto) -> list[onnx.NodeProto]:
    """The nodes through which the picture passes before anything is computed from it."""
    found: list[onnx.NodeProto] = []
    name = model.graph.input[0].name
    while True:
        readers = [node for node in model.graph.node if name in node.input]
        if len(readers) != 1 or readers[0].op_type not in (*_PASSING, "Add", "Sub", "Mul", "Div"):
            return found
        found.append(readers[0])
        name = readers[0].output[0]


def _first_constants(model: onnx.ModelProto) -> list[npt.NDArray[np.float64]]:
    known = constants(model)
    return [known[name] for node in _first_nodes(model) for name in node.input if name in known]


def _by_first_node(model: onnx.ModelProto) -> tuple[str, str] | None:
    """A file that begins with a division by 255 or by 127.5 takes 0..255; one that begins with 2x - 1 takes 0..1."""
    nodes, values = _first_nodes(model), [float(v) for each in _first_constants(model) for v in np.unique(each)]
    names = [node.op_type for node in nodes if node.op_type not in _PASSING]
    if any(np.isclose(value, by, rtol=1e-3) for value in values for by in (255, 127.5, 1 / 255, 1 / 127.5)):
        return "0..255", f"it begins with {' and '.join(names)} of 255"
    if any(100 < abs(value) < 130 for value in values):
        return "0..255", "it begins by taking off a mean of such pictures"
    if sorted(abs(value) for value in values) == [1, 2] and set(names) <= {"Mul", "Sub", "Add"}:
        return "0..1", "it begins with 2x - 1"
    return None


End = Callable[[onnx.NodeProto, Constants], "tuple[str, str] | None"]
_PASSING = ("Identity", "Transpose", "Cast", "Squeeze", "Unsqueeze")


def _clip(node: onnx.NodeProto, known: Constants) -> tuple[str, str] | None:
    ends = tuple(float(known[name].ravel()[0]) for name in node.input[1:3] if name in known and known[name].size)
    name = next((name for name, ends_of in RANGES.items() if ends_of == ends), None)
    return None if name is None else (name, "it ends with a Clip to that")


ENDS: dict[str, End] = {
    "Clip": _clip,
    "Tanh": lambda _node, _known: ("-1..1", "it ends with Tanh"),
    "Sigmoid": lambda _node, _known: ("0..1", "it ends with Sigmoid"),
}
"""Last nodes that say what range the answer has."""
