"""NVIDIA's cards, by ONNX Runtime's CUDA provider."""

from __future__ import annotations

import contextlib
import ctypes
import io
import platform

import onnxruntime as ort

from ...errors import ProviderError
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
    if precision == "fp16":
        import onnx

        from ...half import to_half

        model = to_half(onnx.ModelProto.FromString(model)).SerializeToString()
    with contextlib.redirect_stdout(io.StringIO()):  # it prints each library that it does not find
        if hasattr(ort, "preload_dlls"):
            ort.preload_dlls()
    chosen = {
        "device_id": str(number),
        "cudnn_conv_algo_search": "HEURISTIC",  # the default measures anew at each picture size
        "use_tf32": "1" if precision == "tf32" else "0",
    }
    providers = [("CUDAExecutionProvider", chosen), "CPUExecutionProvider"]
    session = StoppableSession(model, session_options(threads), providers=providers)
    if "CUDAExecutionProvider" not in session.get_providers():  # ONNX Runtime falls back in silence
        raise ProviderError("CUDA or cuDNN libraries of the right version are not installed.")
    on_cuda: Session = session
    return on_cuda
