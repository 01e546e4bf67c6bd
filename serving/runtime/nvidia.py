"""NVIDIA's cards, by ONNX Runtime's CUDA and TensorRT providers."""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import io
import platform
from collections.abc import Sequence
from typing import Any

import onnxruntime as ort

from ...errors import ProviderError
from .profiles import cache_folder
from .sessions import Session, StoppableSession, session_options


def missing(number: int) -> str | None:
    """Why the card of this number cannot be used, or None."""
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "the installed onnxruntime has no CUDA provider"
    cards = _nvidia_cards()
    if cards == 0:
        return "no NVIDIA card was found"
    return None if number < cards else f"there is no card number {number}; the first of {cards} is cuda:0"


def _nvidia_cards() -> int:
    """Cards that the driver shows; asked of the driver because ONNX Runtime lists CUDA on any machine."""
    count = ctypes.c_int(0)
    with contextlib.suppress(OSError, AttributeError):
        driver = ctypes.CDLL("nvcuda.dll" if platform.system() == "Windows" else "libcuda.so.1")
        if driver.cuInit(0) == 0 and driver.cuDeviceGetCount(ctypes.byref(count)) == 0:
            return count.value
    return 0


def open_model(model: bytes, precision: str, number: int, threads: int) -> Session:
    """A session on the card, in `tf32`, `fp32` or `fp16`: weights and maps of 16 bits, sums over the picture in fp32.

    Raises ProviderError where ONNX Runtime would compute on the processor instead, and what it raises itself.
    """
    wanted = [(CUDA, _cuda_options(precision, number)), CPU]
    return _opened(_in(precision, model), wanted, threads, "CUDA or cuDNN libraries of the right version")


def tensorrt_missing(number: int) -> str | None:
    """Why TensorRT cannot be used on the card of this number, or None."""
    if TENSORRT not in ort.get_available_providers():
        return "the installed onnxruntime has no TensorRT provider"
    return missing(number)


def open_tensorrt(model: bytes, precision: str, number: int, threads: int) -> Session:
    """A session of TensorRT, in `fp32` or `fp16`; what it does not take is computed by CUDA. Raises as `open_model`.

    An engine is built once for all sides of SIDES, which takes minutes, and kept in the user's cache; a picture that is
    larger has another built.
    """
    import onnx

    graph = onnx.ModelProto.FromString(model)
    weights = {each.name for each in graph.graph.initializer}
    shapes = {port.name: port.type.tensor_type.shape.dim for port in graph.graph.input if port.name not in weights}
    # Its engines are of one card, driver and version, which TensorRT looks at; of which model, we have to.
    cache = cache_folder("tensorrt") / hashlib.sha256(model).hexdigest()[:16] / precision
    with contextlib.suppress(OSError):  # then they are built each time
        cache.mkdir(parents=True, exist_ok=True)
    chosen = {
        "device_id": str(number),
        "trt_fp16_enable": str(precision == "fp16"),
        "trt_build_heuristics_enable": "True",
        "trt_engine_cache_enable": "True",
        "trt_timing_cache_enable": "True",
        "trt_engine_cache_path": str(cache),
    }
    for name, side in SIDES.items():
        chosen[f"trt_profile_{name}_shapes"] = ",".join(_profile(port, dims, side) for port, dims in shapes.items())
    wanted = [(TENSORRT, chosen), (CUDA, _cuda_options(precision, number)), CPU]
    return _opened(_in(precision, model), wanted, threads, "TensorRT libraries of the right version")


CUDA, TENSORRT, CPU = "CUDAExecutionProvider", "TensorrtExecutionProvider", "CPUExecutionProvider"
SIDES = {"min": 64, "opt": 512, "max": 1024}
"""Sides of the pictures for which an engine is built: of tiles, with their halo, and of most whole ones."""


def _profile(name: str, dims: Sequence[Any], side: int) -> str:
    """`image:1x3x512x512`: pictures one by one, and sides that may be of any length as long as this."""
    lengths = [1 if k == 0 else int(dim.dim_value) or side for k, dim in enumerate(dims)]
    return f"{name}:{'x'.join(map(str, lengths))}"


def _cuda_options(precision: str, number: int) -> dict[str, str]:
    return {
        "device_id": str(number),
        "cudnn_conv_algo_search": "HEURISTIC",  # the default measures anew at each picture size
        "use_tf32": "1" if precision == "tf32" else "0",
    }


def _in(precision: str, model: bytes) -> bytes:
    if precision != "fp16":
        return model
    import onnx

    from ...half import to_half

    half: bytes = to_half(onnx.ModelProto.FromString(model)).SerializeToString()
    return half


def _opened(model: bytes, wanted: list[Any], threads: int, libraries: str) -> Session:
    with contextlib.redirect_stdout(io.StringIO()):  # it prints each library that it does not find
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
    session = StoppableSession(model, session_options(threads), providers=wanted)
    if wanted[0][0] not in session.get_providers():  # ONNX Runtime falls back in silence
        raise ProviderError(f"{libraries} are not installed.")
    opened: Session = session
    return opened
