"""Pillow's warnings of damaged files kept still while i2i reads and writes pictures, and no others, and not longer.

What they murmur is said by our sentences. Filters are of the whole process, so that threads share one; it is put among
them by hand, as `warnings.catch_warnings` would make every warning of the user's own come again for each picture.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from typing import Any

_FILTER = ("ignore", None, Warning, re.compile(r"(?#i2i)PIL\."), 0)
_lock = threading.Lock()
_inside = 0


class Quiet(contextlib.ContextDecorator):
    """From any number of threads at once, and within itself."""

    def __enter__(self) -> None:
        global _inside
        with _lock:
            if not _inside:
                _filters().insert(0, _FILTER)
            _inside += 1

    def __exit__(self, *_: object) -> None:
        global _inside
        with _lock:
            _inside -= 1
            if not _inside:
                with contextlib.suppress(ValueError):  # where somebody has put other filters in their place
                    _filters().remove(_FILTER)


def _filters() -> Any:
    return warnings.filters


quiet = Quiet()
