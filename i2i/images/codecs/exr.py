"""OpenEXR, where the package of that name is installed: i2i's extra `exr`. Half and float, grey or RGB, with alpha.

Its alpha is associated by definition (OpenEXR, "Technical Introduction"). Values are taken as they are.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PictureError
from ..image import Array, Header, Opened, Picture, divided
from ..source import read_whole, source_name

_PRINTING = threading.Lock()
"""Python has one standard output, which two threads cannot turn aside and put back each by itself."""

ORDERS = (("R", "G", "B"), ("R", "G", "B", "A"), ("Y",), ("Y", "A"))
"""Channels that make a picture."""


def open_exr(source: Path | bytes) -> Opened:
    """An OpenEXR. Raises PictureError where no reader is installed, and on kinds that are not read."""
    try:
        import OpenEXR
    except ImportError as error:
        raise PictureError(
            f"{source_name(source)} is an OpenEXR picture; i2i reads those where OpenEXR is installed "
            "(pip install 'i2i[exr]'). Or save it as TIFF of 32-bit floats first."
        ) from error
    data = read_whole(source)
    file = OpenEXR.File(io.BytesIO(data), header_only=True)
    if len(file.parts) != 1:
        raise PictureError(
            f"{source_name(source)} is an OpenEXR of {len(file.parts)} parts; i2i reads single pictures."
        )
    header = file.header()
    names = {channel.name for channel in header["channels"]}
    order = next((order for order in ORDERS if set(order) == names), None)
    kind = _unread(header, names, order)
    if order is None or kind is not None:
        raise PictureError(f"{source_name(source)} is an OpenEXR of {kind}, which i2i does not read; save it plain.")
    (left, top), (right, bottom) = (corner.tolist() for corner in header["dataWindow"])
    said = Header(right - left + 1, bottom - top + 1, 3 if "R" in names else 1, 32)
    return Opened(said, lambda: _decoded(source, OpenEXR, data, order))


def _unread(header: dict[str, Any], names: set[str], order: tuple[str, ...] | None) -> str | None:
    """What kind of OpenEXR this is, where it is none that is read."""
    if str(header["type"]).rpartition(".")[2] not in ("scanlineimage", "tiledimage"):
        return "deep samples"
    if order is None:
        return f"the channels {', '.join(sorted(names))}"
    if any((channel.xSampling, channel.ySampling) != (1, 1) for channel in header["channels"]):
        return "channels of different sizes"
    if any((one != other).any() for one, other in zip(header["dataWindow"], header["displayWindow"], strict=True)):
        return "a data window that is not its display window"
    return None


def _decoded(source: Path | bytes, library: Any, data: bytes, order: tuple[str, ...]) -> Picture:
    with not_from_here():  # of a damaged file it prints what our sentence says
        channels = library.File(io.BytesIO(data), separate_channels=True).channels()
    samples: Array = np.dstack([np.asarray(channels[name].pixels) for name in order])
    if samples.dtype not in (np.float16, np.float32):
        raise PictureError(
            f"{source_name(source)} is an OpenEXR of integers, which i2i does not read; save it as half."
        )
    samples = samples.astype(np.float32)
    if not (np.isfinite(samples).all() and samples.min() >= 0 and samples.max() <= 1):
        raise PictureError(f"{source_name(source)} has float values outside [0, 1]; scale it first.")
    alpha = np.ascontiguousarray(samples[..., -1]) if "A" in order else None
    pixels = np.ascontiguousarray(samples[..., : len(order) - (alpha is not None)])
    return Picture(pixels if alpha is None else divided(pixels, alpha), alpha)


@contextlib.contextmanager
def not_from_here() -> Iterator[None]:
    """What this thread prints goes nowhere; what others print meanwhile goes where it did."""
    with _PRINTING, contextlib.redirect_stdout(_WithoutThread(sys.stdout)):
        yield


class _WithoutThread:
    """A stream that takes nothing from the thread that made it."""

    def __init__(self, stream: Any) -> None:
        self._stream, self._thread = stream, threading.get_ident()

    def write(self, text: str) -> int:
        return len(text) if threading.get_ident() == self._thread else self._stream.write(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
