"""OpenVINO on the processor: as a plug-in of ONNX Runtime, or by itself where the plug-in offers no device.

Version 1.8 of the plug-in looks at the processor's maker alone and takes Intel's (microsoft/onnxruntime#31981 lifts
that). OpenVINO itself runs on others as well; it is the package `openvino`, which reads the same file.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import importlib
import importlib.util
import json
import os
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnxruntime as ort

from ...errors import ProviderError
from .jobs import current
from .sessions import Session, StoppableSession, session_options

_PLUGIN = "OpenVINOExecutionProvider"
_registering = threading.Lock()

LARGE = 12_000_000
"""Bytes that go in, as of an RGB picture of a megapixel: the memory of a larger run is given back after it."""
SMALL_CACHE = {"CPU_RUNTIME_CACHE_CAPACITY": "16"}
"""Kernels kept for sizes seen before. OpenVINO keeps 5000, which in a folder of pictures of all sizes are gigabytes."""
_ONEDNN = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
"""A second cache, of 1024 kernels, in oneDNN below it: some 50 MB that the first one has already."""


def missing(_number: int = 0) -> str | None:
    """Why neither way works here, or None."""
    device, why_not = plugin()
    if device is not None or importlib.util.find_spec("openvino") is not None:
        return None
    return f"{why_not}; OpenVINO does without it (pip install openvino)"


def precisions() -> tuple[str, ...]:
    """What it computes in here, quickest first."""
    device, _ = plugin()
    if device is None:
        able = _core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    else:
        able = device.ep_metadata.get("OPTIMIZATION_CAPABILITIES", "").split()
    return ("bf16", "fp32") if "BF16" in able else ("fp32",)


def open_model(model: bytes, precision: str, _number: int, threads: int) -> Session:
    """A session of the plug-in where that has a device, else of OpenVINO itself."""
    hints = {
        "INFERENCE_PRECISION_HINT": {"bf16": "bf16", "fp32": "f32"}[precision],
        "INFERENCE_NUM_THREADS": str(threads),
    }
    device, _ = plugin()

    def opened(hints: Mapping[str, str]) -> Session:
        return OpenVINOSession(model, hints) if device is None else _plugged_in(device, model, hints, threads)

    try:
        return opened({**hints, **SMALL_CACHE})
    except Exception:  # the hint is of OpenVINO's own and may go; where it is something else, that is raised once more
        return opened(hints)


def plugin() -> tuple[Any | None, str]:
    """The plug-in's processor device, or None and why there is none; the plug-in stays registered for the process."""
    if not hasattr(ort, "get_ep_devices"):
        return None, "onnxruntime is older than 1.23 and takes no plug-ins"
    with _registering:
        if not any(d.ep_name == _PLUGIN for d in ort.get_ep_devices()):
            try:
                import onnxruntime_ep_openvino
            except ImportError:
                return None, "onnxruntime-ep-openvino is not installed"
            with contextlib.suppress(Exception):  # registered before, and offers no device here
                ort.register_execution_provider_library("i2i-openvino", onnxruntime_ep_openvino.get_library_path())
        for device in ort.get_ep_devices():
            if device.ep_name == _PLUGIN and device.ep_metadata.get("ov_device") == "CPU":
                return device, ""
    maker = next((d.device.vendor for d in ort.get_ep_devices() if d.ep_name == "CPUExecutionProvider"), "")
    return None, f"the plug-in offers no device on this {maker or 'unknown'} processor"


def _plugged_in(device: Any, model: bytes, hints: Mapping[str, str], threads: int) -> Session:
    options = session_options(threads)
    options.add_provider_for_devices([device], {"load_config": json.dumps({"CPU": hints})})
    session = StoppableSession(model, options)
    if _PLUGIN not in session.get_providers():
        raise ProviderError("the plug-in took no part of the model.")
    plugged_in: Session = session
    return plugged_in


def _core() -> Any:
    """The process's one Core. Each gives its thread an alternate signal stack and unmaps that when it goes, also where
    a later one took it over; the next signal with a handler (Ctrl-C, a child's end) was then a segmentation fault.
    """
    with _registering:
        return _only_core()


@functools.cache
def _only_core() -> Any:
    openvino = _package()
    core = openvino.Core()
    before = os.environ.get(_ONEDNN)
    if before is None:
        os.environ[_ONEDNN] = "0"
        try:  # it is read once, with the first kernel; torch has a oneDNN of its own, and so have child processes
            with contextlib.suppress(Exception):  # it takes more memory then
                _compiled_smallest(openvino, core)
        finally:
            del os.environ[_ONEDNN]
    return core


def _compiled_smallest(openvino: Any, core: Any) -> None:
    """A convolution of one pixel, compiled and computed."""
    ops = openvino.opset13
    one = np.ones((1, 1, 1, 1), np.float32)
    picture = ops.parameter([1, 1, 1, 1], np.float32)
    flat = ([1, 1], [0, 0], [0, 0], [1, 1])
    model = openvino.Model([ops.convolution(picture, ops.constant(one), *flat)], [picture])
    core.compile_model(model, "CPU")([one])


def _package() -> Any:
    """OpenVINO without its converter of models, which takes half the time of importing it and loads its telemetry.

    The converter is loaded when somebody calls it.
    """
    if "openvino" in sys.modules or "openvino.tools.ovc" in sys.modules:
        return importlib.import_module("openvino")
    sys.modules["openvino.tools.ovc"] = None  # type: ignore[assignment]  # importing it fails, which the package takes
    try:
        package: Any = importlib.import_module("openvino")
    finally:
        del sys.modules["openvino.tools.ovc"]
    if not hasattr(package, "convert_model"):
        package.convert_model = _convert_model
    return package


def _convert_model(*args: Any, **options: Any) -> Any:
    return importlib.import_module("openvino.tools.ovc").convert_model(*args, **options)


@dataclasses.dataclass(frozen=True)
class _Port:
    name: str
    shape: tuple[int | None, ...] = ()


def _entry(port: Any) -> _Port:
    return _Port(port.any_name, tuple(side.get_length() if side.is_static else None for side in port.partial_shape))


class OpenVINOSession:
    """A model in OpenVINO itself, with the methods of a session; one call at a time."""

    def __init__(self, model: bytes, hints: Mapping[str, str]) -> None:
        core = _core()
        read = core.read_model(model)
        self._inputs = [_entry(port) for port in read.inputs]  # once compiled, they go by other names as well
        self._outputs = [_Port(port.any_name) for port in read.outputs]
        self._model = core.compile_model(read, "CPU", hints)
        self._request = self._model.create_infer_request()

    def run(self, output_names: Sequence[str] | None, input_feed: Mapping[str, Any], /) -> list[Any]:
        """Arrays by input name -> the arrays of the outputs named, or of all."""
        answers = self._answers(dict(input_feed)).values()  # copies: the request writes the next into its own
        found = self._by_name(answers)
        if sum(array.nbytes for array in input_feed.values()) > LARGE and hasattr(self._model, "release_memory"):
            self._model.release_memory()
        return [found[name] for name in output_names or found]

    def lend(self, output_names: Sequence[str], input_feed: Mapping[str, Any], /) -> list[Any]:
        """As `run`, without copies and without giving memory back: the next call writes into the same answers, and what
        is fed stays as it is until then.
        """
        found = self._by_name(self._answers(dict(input_feed), share_inputs=True, share_outputs=True).values())
        return [found[name] for name in output_names]

    def _answers(self, feed: dict[str, Any], **how: bool) -> Mapping[Any, Any]:
        """Of one run, which ends between two operations when the job of its thread does. That spoils the session: some
        operations keep the sizes of the picture that was stopped, in a new request too.
        """
        job = current()
        if job is None:
            return cast(Mapping[Any, Any], self._request.infer(feed, **how))
        with job.stopping(self._request.cancel):
            job.check()  # to cancel what has not begun does nothing
            try:
                return cast(Mapping[Any, Any], self._request.infer(feed, **how))
            except Exception:
                job.check()
                raise

    def _by_name(self, answers: Iterable[Any]) -> dict[str, Any]:
        return {port.name: answer for port, answer in zip(self._outputs, answers, strict=True)}

    def get_inputs(self) -> list[_Port]:
        """In the file's order."""
        return self._inputs

    def get_outputs(self) -> list[_Port]:
        """Likewise."""
        return self._outputs
