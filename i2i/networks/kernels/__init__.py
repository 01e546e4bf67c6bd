"""Layers that are quick on a CPU where torch is not, in bf16: im2col, Winograd, normalisation; and their one switch.

In fp32, on a GPU and in the exported file the layers are torch's own whatever the switch says.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

_enabled = True


def enabled() -> bool:
    """Whether layers may take these kernels; they ask at each forward pass."""
    return _enabled


@contextlib.contextmanager
def use_kernels(on: bool) -> Iterator[None]:
    """Networks that are built and run inside take these kernels, or torch's own layers; in all threads."""
    global _enabled
    before, _enabled = _enabled, on
    try:
        yield
    finally:
        _enabled = before
