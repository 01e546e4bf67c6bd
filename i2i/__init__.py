"""i2i turns folders of pictures into image-to-image translators, and translators into things people use.

>>> import i2i
>>> run = i2i.train("pix2pix", "photos/facades", run="runs/facades", size=64, images=200)
>>> i2i.export(run)
[PosixPath('runs/facades/model.onnx')]
>>> i2i.evaluate(run, "photos/facades").value("l1")
>>> i2i.convert(run, "sketches", "out")
>>> picture = i2i.Engine(run.path)(Image.open("sketch.png"))

Importing i2i imports nothing heavy: each name below loads its module when it is first used. docs/python.md has more.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

# From 1.29 on ONNX Runtime tells its makers the names and hashes of models, and keeps an id of this machine; it looks
# here when it is imported. ORT_DISABLE_TELEMETRY=0 lets it.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

if TYPE_CHECKING:
    from .export import export as export  # at run time the package itself, which can be called
    from .serving.inference.engine import Engine
    from .workflows.public import convert, evaluate, train

__all__ = ["Engine", "__version__", "convert", "evaluate", "export", "train"]

_HOMES = {
    "Engine": "serving.inference.engine",
    "convert": "workflows.public",
    "evaluate": "workflows.public",
    "train": "workflows.public",
}


def __getattr__(name: str) -> Any:
    if name == "export":
        return importlib.import_module(".export", __name__)
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
