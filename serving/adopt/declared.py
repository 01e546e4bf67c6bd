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

MEANS = ((123.68, 116.78, 103.94), (0.485, 0.456, 0.406), (0.4488, 0.4371, 0.4040))
"""Means of red, green and blue that networks take off pictures: of ImageNet twice, and of DIV2K."""

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
    return _in_words(model) or _by_first_nodes(model)


def output_range(model: onnx.ModelProto, output: str) -> tuple[str, str] | None:
    """Likewise of what comes out: by the last node that bounds it, and by what is done to that afterwards."""
    known, makers = constants(model), {name: node for node in model.graph.node for name in node.output}
    gain, shift, name = 1.0, 0.0, output
    while name in makers:
        node = makers[name]
        bounds = _bounds(node, known)
        if bounds is not None:
            ends = tuple(gain * end + shift for end in bounds)
            found = next((key for key, of_key in RANGES.items() if np.allclose(ends, of_key, atol=1e-3)), None)
            return None if found is None else (found, f"it ends with {node.op_type} to that")
        step = _affine(node, known)
        if step is None:
            return None
        (by, more), name = step
        gain, shift = gain * by, gain * more + shift
    return None


def channel_order(model: onnx.ModelProto) -> tuple[str, str] | None:
    """`rgb` or `bgr`, and where it is said, or None."""
    pixels = _metadata(model, "Image.BitmapPixelFormat", PIXELS)
    if pixels is not None:
        return pixels, "by Image.BitmapPixelFormat in its metadata"
    orders = {word.lower() for word in re.findall(r"\b(RGB|BGR)\b", said(model), re.IGNORECASE)}
    if len(orders) == 1:
        return orders.pop(), "by its description"
    orders = {order for values in _first_constants(model) if (order := _mean(values)) is not None}
    if len(orders) == 1:
        return orders.pop(), "by the means that it takes off first"
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
        if len(readers) != 1 or readers[0].op_type not in (*_PASSING, *_STEPS):
            return found
        found.append(readers[0])
        name = readers[0].output[0]


def _first_constants(model: onnx.ModelProto) -> list[npt.NDArray[np.float64]]:
    known = constants(model)
    return [known[name] for node in _first_nodes(model) for name in node.input if name in known]


def _by_first_nodes(model: onnx.ModelProto) -> tuple[str, str] | None:
    """By the means that it takes off, or by the range that its first steps bring to [0, 1] or [-1, 1]."""
    for values in _first_constants(model):
        mean = _mean(values)
        if mean is not None:
            return ("0..255" if np.abs(values).max() > 1 else "0..1"), "by the means that it takes off first"
    known, gain, shift = constants(model), 1.0, 0.0
    for node in _first_nodes(model):
        step = _affine(node, known)
        if step is None:
            return None
        gain, shift = gain * step[0][0], step[0][0] * shift + step[0][1]
    if (gain, shift) == (1.0, 0.0):
        return None
    for name, ends in RANGES.items():
        brought = [gain * end + shift for end in ends]
        for wanted in ((0.0, 1.0), (-1.0, 1.0)):
            if np.allclose(brought, wanted, atol=0.02):
                return name, f"it begins by bringing that to {wanted[0]:g}..{wanted[1]:g}"
    return None


def _mean(values: npt.NDArray[np.float64]) -> str | None:
    """The order of channels of these means, where they are known ones, in either scale and sign."""
    for mean in MEANS if values.size == 3 else ():
        for order, wanted in (("rgb", mean), ("bgr", mean[::-1])):
            if any(np.allclose(np.abs(values.ravel()), np.asarray(wanted) * by, rtol=2e-3) for by in (1, 255, 1 / 255)):
                return order
    return None


_PASSING = ("Identity", "Transpose", "Cast", "Squeeze", "Unsqueeze")
_STEPS: dict[str, Callable[[float], Range]] = {
    "Add": lambda value: (1.0, value),
    "Sub": lambda value: (1.0, -value),
    "Mul": lambda value: (value, 0.0),
    "Div": lambda value: (1 / value, 0.0),
}
"""What an operation with a constant behind it does, as (gain, shift)."""


def _affine(node: onnx.NodeProto, known: Constants) -> tuple[tuple[float, float], str] | None:
    """((gain, shift), the input) of a node that only passes on, or adds or multiplies one constant; else None."""
    if node.op_type in _PASSING:
        return (1.0, 0.0), node.input[0]
    if node.op_type not in _STEPS or len({*node.input} & {*known}) != 1:
        return None
    first = node.input[0] in known
    values = np.unique(np.round(known[node.input[0 if first else 1]], 6))
    if len(values) != 1 or (first and node.op_type in ("Sub", "Div")) or (node.op_type == "Div" and not values[0]):
        return None
    return _STEPS[node.op_type](float(values[0])), node.input[1 if first else 0]


def _bounds(node: onnx.NodeProto, known: Constants) -> Range | None:
    """The range of what a node gives, whatever goes in; or None."""
    if node.op_type == "Clip":
        ends = [float(known[name].ravel()[0]) for name in node.input[1:3] if name in known and known[name].size]
        return (ends[0], ends[1]) if len(ends) == 2 else None
    return {"Tanh": (-1.0, 1.0), "Sigmoid": (0.0, 1.0), "HardSigmoid": (0.0, 1.0)}.get(node.op_type)
