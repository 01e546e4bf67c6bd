"""Requests and answers of the protocol as arrays: in JSON, or as bytes behind it (the binary tensor data extension)."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ....errors import PictureTooLargeError, RequestError

Array = npt.NDArray[Any]

HEAD = "inference-header-content-length"
"""Bytes of JSON before the tensors' own."""

TYPES: dict[str, np.dtype[Any]] = {"FP32": np.dtype("<f4"), "FP64": np.dtype("<f8"), "FP16": np.dtype("<f2")}
"""What pictures come in; they are computed and answered in FP32."""

LARGEST_JSON = 8 * 2**20
"""Bytes of JSON in a request: read, they are up to 24 times as many, in one go that keeps all other threads waiting."""
LARGEST_LIST = 2**21
"""Numbers of an answer in JSON."""
LARGEST_RANK, LARGEST_SIDE = 8, 2**31
"""Of a shape. The product of a million numbers takes minutes, in which the process does nothing else."""
MOST_TENSORS = 64
LARGE = 2**16
"""Bytes of JSON, or numbers of a list, from which on something is done once at a time, or in pieces."""
_reading = threading.Lock()


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
    """A body, `head` being its header HEAD; raises RequestError on what makes no sense, PictureTooLargeError."""
    length = _head_length(head, len(body))
    if length > LARGEST_JSON:
        raise PictureTooLargeError(
            f"The request has more than {LARGEST_JSON >> 20} MiB of JSON. Send tensors as bytes behind it: "
            "`binary_data_size`."
        )
    with _reading if length > LARGE else contextlib.nullcontext():
        return _parsed(body, length)


def _parsed(body: bytes, length: int) -> InferRequest:
    try:
        told = json.loads(body[:length])
    except (ValueError, RecursionError) as error:
        raise RequestError(f"The request is no JSON ({error}).") from error
    if not isinstance(told, dict) or not isinstance(told.get("inputs"), list):
        raise RequestError("The request is a JSON object with a list of `inputs`.")
    rest = memoryview(body)[length:]
    inputs: dict[str, Array] = {}
    if len(told["inputs"]) > MOST_TENSORS:
        raise RequestError(f"The request has {len(told['inputs']):,} `inputs`, where a model has a few.")
    for tensor in told["inputs"]:
        array, rest = array_of(tensor, rest)
        inputs[str(tensor["name"])] = array
    if len(rest):
        raise RequestError(f"{len(rest)} bytes follow the tensors that the request describes.")
    parameters = _object(told, "parameters")
    outputs = told.get("outputs")
    wanted = (
        [tensor for tensor in outputs[:MOST_TENSORS] if isinstance(tensor, dict)] if isinstance(outputs, list) else []
    )
    is_binary = bool(parameters.pop("binary_data_output", False)) or any(
        bool(_object(tensor, "parameters").get("binary_data")) for tensor in wanted
    )
    name = told.get("id")
    names = tuple(str(tensor.get("name")) for tensor in wanted)
    return InferRequest(None if name is None else str(name)[:LARGE], inputs, parameters, names, is_binary)


def check_answer(request: InferRequest, count: int) -> None:
    """Raises PictureTooLargeError where so many numbers would be answered in JSON, before they are computed."""
    if not request.is_binary and count > LARGEST_LIST:
        raise PictureTooLargeError(
            f"The answer has {count:,} numbers, and at most {LARGEST_LIST:,} are written in JSON. Ask for bytes: "
            "`binary_data_output`."
        )


def answer(model: str, request: InferRequest, outputs: Mapping[str, Array]) -> tuple[bytes, dict[str, str]]:
    """The answer's body and headers."""
    told: dict[str, Any] = {"model_name": model, "model_version": "1"}
    if request.name is not None:
        told["id"] = request.name
    tensors, tail = [], b""
    for name, array in outputs.items():
        tensor: dict[str, Any] = {"name": name, "datatype": "FP32", "shape": list(array.shape)}
        if request.is_binary:
            data = np.ascontiguousarray(array, "<f4").tobytes()
            tail += data
            tensors.append(json.dumps({**tensor, "parameters": {"binary_data_size": len(data)}}))
        else:
            tensors.append(f'{json.dumps(tensor)[:-1]}, "data": [{_listed(array)}]}}')
    head = f'{json.dumps(told)[:-1]}, "outputs": [{", ".join(tensors)}]}}'.encode()
    if not request.is_binary:
        return head, {"content-type": "application/json"}
    return head + tail, {"content-type": "application/octet-stream", HEAD: str(len(head))}


def _listed(array: Array) -> str:
    """The numbers with commas, made in pieces: other threads run between them."""
    flat = array.ravel()
    return ", ".join(json.dumps(flat[n : n + LARGE].tolist())[1:-1] for n in range(0, flat.size, LARGE))


def _head_length(head: str | None, total: int) -> int:
    if head is None:
        return total
    if not (head.isascii() and head.isdigit()) or len(head) > 18 or int(head) > total:
        raise RequestError(f"The header Inference-Header-Content-Length says {head[:20]!r} of {total} bytes.")
    return int(head)


def array_of(tensor: Any, rest: memoryview) -> tuple[Array, memoryview]:
    """A tensor as JSON has it, with its data in it or among the bytes, and the bytes that are left for others. Raises
    RequestError.
    """
    if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
        raise RequestError("Each of the `inputs` is an object with a `name`, a `datatype` and a `shape`.")
    name, kind, shape = tensor["name"][:99], tensor.get("datatype"), tensor.get("shape")
    if not isinstance(kind, str) or kind not in TYPES:
        raise RequestError(f"The datatype of {name!r} is one of {', '.join(TYPES)}, not {str(kind)[:99]!r}.")
    if not isinstance(shape, list) or len(shape) > LARGEST_RANK:
        raise RequestError(f"The shape of {name!r} is a list of at most {LARGEST_RANK} whole numbers.")
    if not all(type(side) is int and 0 < side < LARGEST_SIDE for side in shape):
        raise RequestError(f"The shape of {name!r} is a list of whole numbers from 1 on, not {str(shape)[:99]}.")
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
                f"{name!r} of shape {shape} in {kind} is {needed} bytes; {str(size)[:40]} are announced and "
                f"{len(rest)} came."
            )
        array, rest = np.frombuffer(rest[:size], TYPES[kind]), rest[size:]
    if array.size != count:
        raise RequestError(f"{name!r} has {array.size} numbers where its shape {shape} means {count}.")
    return array.reshape(shape).astype(np.float32), rest


def _object(of: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A copy of an object inside; empty where there is none."""
    found = of.get(key)
    return dict(found) if isinstance(found, dict) else {}
