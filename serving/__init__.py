"""Runs exported translators: engine, folder conversion, HTTP server and page; never imports torch.

Importing the package costs nothing: each name below loads its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conversion.convert import convert_folder
    from .conversion.report import ConversionReport
    from .generation.generator import Generator
    from .inference.engine import Engine
    from .runtime.model_file import read_card
    from .runtime.resolve import resolve_model
    from .web.launch import serve
    from .web.server import create_app, load_engines

_HOMES = {
    "ConversionReport": "conversion.report",
    "Engine": "inference.engine",
    "Generator": "generation.generator",
    "convert_folder": "conversion.convert",
    "create_app": "web.server",
    "load_engines": "web.server",
    "read_card": "runtime.model_file",
    "resolve_model": "runtime.resolve",
    "serve": "web.launch",
}

__all__ = [
    "ConversionReport",
    "Engine",
    "Generator",
    "convert_folder",
    "create_app",
    "load_engines",
    "read_card",
    "resolve_model",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
