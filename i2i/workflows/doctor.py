"""What `i2i doctor` finds."""

from __future__ import annotations

import importlib.util
import platform
from importlib import metadata

from ..hardware.system import available_memory, available_threads, processor

RUNTIMES = ("onnxruntime", "onnxruntime-gpu", "onnxruntime-ep-openvino", "openvino")
SHOWN = ("i2i", *RUNTIMES, "torch", "pillow", "numpy")


def doctor() -> tuple[list[tuple[str, str]], list[str]]:
    """Facts by name, and what is wrong: a sentence each, ending in the command that mends it."""
    installed = {name: version for name in SHOWN if (version := _version(name))}
    facts = [
        ("System", platform.platform()),
        ("Python", platform.python_version()),
        ("Processor", processor()),
        ("To be had", _to_be_had()),
        ("Packages", ", ".join(f"{name} {version}" for name, version in installed.items())),
    ]
    troubles = []
    if {"onnxruntime", "onnxruntime-gpu"} <= installed.keys():
        troubles.append(
            "onnxruntime and onnxruntime-gpu are both installed; they overwrite each other, and the GPU is lost. "
            "Try: pip uninstall -y onnxruntime onnxruntime-gpu && pip install onnxruntime-gpu"
        )
    if importlib.util.find_spec("onnxruntime") is None:
        troubles.append(
            "onnxruntime is missing, so nothing can be converted or served. Try, in the checkout of i2i: pip install ."
        )
    else:
        facts.append(("Inference", _inference()))
    facts.append(("Training", _training(installed)))
    return facts, troubles


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _to_be_had() -> str:
    """The share of the machine, by affinity, control groups and limits."""
    threads, memory = available_threads(), available_memory()
    processors = "1 processor" if threads == 1 else f"{threads} processors"
    return processors if memory is None else f"{processors}, {memory / 2**30:.1f} GB of memory"


def _inference() -> str:
    from ..serving.runtime.providers import BACKENDS

    return "; ".join(
        f"{name}: {backend.missing(0) or 'usable in ' + ', '.join(backend.precisions())}"
        for name, backend in BACKENDS.items()
    )


def _training(installed: dict[str, str]) -> str:
    if "torch" not in installed:
        return "not installed; pip install 'i2i[train]' adds it"
    from ..hardware.device import place

    return place().sentence.removeprefix("Training ")
