"""What an ONNX file holds, read before any runtime sees it: its card, and whether it is whole (standard library).

An ONNX file is one protobuf message. The few field numbers needed are below, from onnx/onnx.proto; reading them
here keeps `onnx` out of the serving environment and shows the card without building a session.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...card import CARD_KEY, Card
from ...errors import ModelFileError

# Message -> field number -> message inside: every way from the model down to a tensor.
_INSIDE = {
    "model": {7: "graph", 25: "function"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {},
}


_MODEL_GRAPH, _MODEL_METADATA, _TENSOR_EXTERNAL_DATA = 7, 14, 13


_TORCH = (b"PK\x03\x04", b"\x80\x02")
"""How files of torch begin, today's and early ones; no ONNX file does."""


def read_card(path: Path) -> Card:
    """The card of an ONNX file; raises ModelFileError as `read_model` does."""
    return read_model(path)[1]


def read_model(path: Path) -> tuple[bytes, Card]:
    """The file's bytes and its card.

    Raises ModelFileError when the file is missing, no ONNX file, cut short, has no card, or keeps (part of) its
    weights in another file, which could be any file of this machine.
    """
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be opened ({error.strerror}).") from error
    if raw.startswith(_TORCH):
        raise ModelFileError(
            f"{path} is a file of torch's, not ONNX. If it holds a generator's weights, make a model of them with "
            f"`i2i import {path.name} OUT.onnx`."
        )
    try:
        top = list(_fields(memoryview(raw)))
        external = _has_external_data(memoryview(raw), "model")
        metadata = dict(_entry(value) for number, value in top if number == _MODEL_METADATA)
    except (ValueError, IndexError, RecursionError) as error:
        raise ModelFileError(
            f"{path} is no ONNX file, or one cut short ({len(raw):,} bytes). Export or copy it again."
        ) from error
    if not any(number == _MODEL_GRAPH for number, _ in top):
        raise ModelFileError(f"{path} is no ONNX file, or one cut short ({len(raw):,} bytes). Export or copy it again.")
    if external:
        raise ModelFileError(
            f"{path} keeps weights in another file; i2i reads one self-contained file. Export it without external data."
        )
    if CARD_KEY not in metadata:
        raise ModelFileError(
            f"{path} has no model card, so its range, size rule and channels are unknown. Export the run again "
            f"with `i2i export`, or give a foreign file a card with `i2i adopt {path.name} OUT.onnx`."
        )
    return raw, Card.from_json(metadata[CARD_KEY])


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """(field number, content) of a protobuf message; numbers come empty. Raises ValueError when it ends early."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if number == 0 or kind not in (0, 1, 2, 5):
            raise ValueError("no protobuf message")
        length = {1: 8, 5: 4}.get(kind, 0)
        if kind == 0:
            _, at = _varint(message, at)
        elif kind == 2:
            length, at = _varint(message, at)
        if at + length > len(message):
            raise ValueError("cut short")
        yield number, message[at : at + length]
        at += length


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while shift < 70:
        byte = message[at]
        value |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return value, at
    raise ValueError("no protobuf message")


def _entry(message: memoryview) -> tuple[str, str]:
    """A key and its value, both text."""
    parts = {number: bytes(content).decode() for number, content in _fields(message)}
    return parts.get(1, ""), parts.get(2, "")


def _has_external_data(message: memoryview, kind: str) -> bool:
    inside = _INSIDE[kind]
    for number, content in _fields(message):
        if kind == "tensor" and number == _TENSOR_EXTERNAL_DATA:
            return True
        if number in inside and _has_external_data(content, inside[number]):
            return True
    return False
