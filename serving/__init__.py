"""Runs exported translators: engine, folder conversion, HTTP server and page; never imports torch.

Importing the package costs nothing: each name below loads its module when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .convert import ConversionReport, convert_folder
    from .engine import Engine
    from .modelfile import read_card, resolve_model
    from .run import serve
    from .server import create_app, load_engines

_HOMES = {
    "ConversionReport": "convert",
    "Engine": "engine",
    "convert_folder": "convert",
    "create_app": "server",
    "load_engines": "server",
    "read_card": "modelfile",
    "resolve_model": "modelfile",
    "serve": "run",
}

__all__ = [
    "ConversionReport",
    "Engine",
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
