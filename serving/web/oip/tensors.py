"""Requests and answers of the protocol as arrays: in JSON, or as bytes behind it (the binary tensor data extension)."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import RequestError

Array = npt.NDArray[Any]

HEAD = "inference-header-content-length"
"""Bytes of JSON before the tensors' own."""

TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "FP64": np.dtype("<f8"), "FP16": np.dtype("<f2")}
"""What pictures come in; they are computed and answered in FP32."""


@dataclasses.dataclass(frozen=True)
class InferRequest:
    """What is asked of a model."""

    name: str | None
    """The request's own, which its answer repeats."""
    inputs: dict[str, Array]
    settings: dict[str, Any]
    """The request's parameters, which are the model's settings."""
    outputs: tuple[str, ...]
    """Names of those that are wanted; all where it is empty."""
    is_binary: bool
    """Whether the answer's tensors come as bytes."""


def parse(body: bytes, head: str | None) -> InferRequest:
    """A body, `head` being its header HEAD; raises RequestError with what is wrong."""
    length = _head_length(head, len(body))
    try:
        told = json.loads(body[:length])
    except ValueError as error:
        raise RequestError(f"The request is no JSON ({error}).") from error
    if not isinstance(told, dict) or not isinstance(told.get("inputs"), list):
        raise RequestError("The request is a JSON object with a list of `inputs`.")
    rest = memoryview(body)[length:]
    inputs: dict[str, Array] = {}
    for tensor in told["inputs"]:
        array, rest = array_of(tensor, rest)
        inputs[str(tensor["name"])] = array
    if len(rest):
        raise RequestError(f"{len(rest)} bytes follow the tensors that the request describes.")
    parameters = _object(told, "parameters")
    wanted = [tensor for tensor in told.get("outputs") or [] if isinstance(tensor, dict)]
    is_binary = bool(parameters.pop("binary_data_output", False)) or any(
        bool(_object(tensor, "parameters").get("binary_data")) for tensor in wanted
    )
    name = told.get("id")
    names = tuple(str(tensor.get("name")) for tensor in wanted)
    return InferRequest(None if name is None else str(name), inputs, parameters, names, is_binary)


def answer(model: str, request: InferRequest, outputs: Mapping[str, Array]) -> tuple[bytes, dict[str, str]]:
    """The answer's body and headers."""
    told: dict[str, Any] = {"model_name": model, "model_version": "1", "outputs": []}
    if request.name is not None:
        told["id"] = request.name
    tail = b""
    for name, array in outputs.items():
        tensor: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": list(array.shape)}
        if request.is_binary:
            data = np.ascontiguousarray(array, "<f4").tobytes()
            tensor["parameters"] = {"binary_data_size": len(data)}
            tail += data
        else:
            tensor["data"] = array.ravel().tolist()
        told["outputs"].append(tensor)
    head = json.dumps(told).encode()
    if not request.is_binary:
        return head, {"content-type": "application/json"}
    return head + tail, {"content-type": "application/octet-stream", HEAD: str(len(head))}


def _head_length(head: str | None, total: int) -> int:
    if head is None:
        return total
    if not (head.isascii() and head.isdigit()) or int(head) > total:
        raise RequestError(f"The header Inference-Header-Content-Length says {head[:20]!r} of {total} bytes.")
    return int(head)


def array_of(tensor: Any, rest: memoryview) -> tuple[Array, memoryview]:
    """A tensor as JSON has it, with its data in it or among the bytes, and the bytes that are left for others. Raises
    RequestError.
    """
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise RequestError("Each of the `inputs` is an object with a `name`, a `datatype` and a `shape`.")
    name, kind, shape = tensor["name"], tensor.get("datatype"), tensor.get("shape")
    if kind not in TYPES:
        raise RequestError(f"The datatype of {name!r} is one of {', '.join(TYPES)}, not {kind!r}.")
    if not isinstance(shape, list) or not all(type(side) is int and side > 0 for side in shape):
        raise RequestError(f"The shape of {name!r} is a list of whole numbers from 1 on, not {shape!r}.")
    count, size = math.prod(shape), _object(tensor, "parameters").get("binary_data_size")
    needed = count * TYPES[kind].itemsize
    if size is None:
        try:
            array = np.asarray(tensor.get("data"), TYPES[kind]).ravel()
        except (TypeError, ValueError, OverflowError) as error:
            raise RequestError(f"The data of {name!r} are no numbers.") from error
    else:
        if type(size) is not int or size != needed or size > len(rest):
            raise RequestError(
                f"{name!r} of shape {shape} in {kind} is {needed} bytes; {size} are announced and {len(rest)} came."
            )
        array, rest = np.frombuffer(rest[:size], TYPES[kind]), rest[size:]
    if array.size != count:
        raise RequestError(f"{name!r} has {array.size} numbers where its shape {shape} means {count}.")
    return array.reshape(shape).astype(np.float32), rest


def _object(of: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A copy of an object inside; empty where there is none."""
    found = of.get(key)
    return dict(found) if isinstance(found, dict) else {}
