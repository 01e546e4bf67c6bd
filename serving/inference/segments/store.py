"""Maps between segments: in memory, or in scratch files that vanish with the process."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ....errors import ProviderError
from .side_by_side import for_channels

Array = npt.NDArray[Any]
HALF = np.dtype(ml_dtypes.bfloat16)
"""Of float32 the sign, the exponent and 8 bits of the fraction."""


class Map(Protocol):
    """One map, (C, H, W), written and read in strips across its longer side."""

    def write(self, start: int, part: Array) -> None:
        """(C, h, w), `start` being its first row, or column where strips are of columns."""
        ...

    def read(self, start: int, into: Array) -> None:
        """Fill (C, h, w) of float32, or of the type that the graph has, from this row or column on."""
        ...


class Spares:
    """Memory of arrays that are done with: taking it again is twice as fast as having the system clear more."""

    def __init__(self) -> None:
        self._arrays: list[Array] = []

    def take(self, shape: tuple[int, ...], dtype: npt.DTypeLike) -> Array:
        """An array with anything in it."""
        size = math.prod(shape) * np.dtype(dtype).itemsize
        fitting = [each for each in self._arrays if size <= each.nbytes <= size + size // 4]
        found = min(fitting, key=lambda each: each.nbytes, default=None)
        if found is None:
            found = np.empty(size, np.uint8)
        else:
            self._arrays = [each for each in self._arrays if each is not found]
        return found[:size].view(dtype).reshape(shape)

    def give(self, array: Array) -> None:
        """What `take` gave, and nobody uses any more."""
        assert array.base is not None
        self._arrays.append(array.base)

    def drop(self) -> None:
        """Let go of what nobody took."""
        self._arrays = []


class InMemory:
    """A map in memory, as providers have it: copying a strip goes through it row by row, as it lies."""

    def __init__(self, axis: int, array: Array) -> None:
        """`array` is (C, H, W), of HALF or of the type that the graph has."""
        self.axis, self.array = axis, array

    def write(self, start: int, part: Array) -> None:
        """See Map."""
        _copied(part, self._strip(start, start + part.shape[1 + self.axis]))

    def read(self, start: int, into: Array) -> None:
        """See Map."""
        _copied(self._strip(start, start + into.shape[1 + self.axis]), into)

    def _strip(self, start: int, stop: int) -> Array:
        return self.array[:, start:stop] if self.axis == 0 else self.array[:, :, start:stop]


def _copied(source: Array, target: Array) -> None:
    def copy(channels: slice) -> None:
        target[channels] = source[channels]

    for_channels(len(source), source.size, copy)


def stored(dtype: npt.DTypeLike, is_half: bool) -> np.dtype[Any]:
    """The type in which a map is held."""
    return HALF if is_half and np.dtype(dtype) == np.float32 else np.dtype(dtype)


class InFile:
    """A map in a file without a name, which is gone when it is closed, also by the end of the process. A strip of rows
    is one piece for each channel there; so is one of columns, as each channel then lies there turned.
    """

    def __init__(self, shape: tuple[int, int, int], axis: int, dtype: np.dtype[Any], folder: Path) -> None:
        """Of (C, H, W), `dtype` being HALF or the type that the graph has."""
        self.axis, self.stored = axis, dtype
        self._line = shape[2 - axis] * dtype.itemsize
        self._plane = shape[1] * shape[2] * dtype.itemsize
        handle = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it lives as long as the map
        self._file = handle

    def write(self, start: int, part: Array) -> None:
        """See Map; raises ProviderError when the disk takes no more."""
        turned = self._turned(part)
        if turned.dtype != self.stored or not turned[0].flags.c_contiguous:
            packed = np.empty(turned.shape, self.stored)
            _copied(turned, packed)
            turned = packed
        try:
            for rest in self._pieces(start, turned):
                while rest:
                    rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise ProviderError(
                f"A scratch file of the model's feature maps cannot be written ({error.strerror}). "
                "Make room, or set TMPDIR to a folder that has some."
            ) from error

    def read(self, start: int, into: Array) -> None:
        """See Map."""
        turned = self._turned(into)
        is_plain = turned.dtype == self.stored and turned[0].flags.c_contiguous
        packed = turned if is_plain else np.empty(turned.shape, self.stored)
        for rest in self._pieces(start, packed):
            while rest:
                rest = rest[self._file.readinto(rest) :]
        if not is_plain:
            _copied(packed, turned)

    def _turned(self, part: Array) -> Array:
        return part if self.axis == 0 else part.transpose(0, 2, 1)

    def _pieces(self, start: int, turned: Array) -> Iterator[memoryview]:
        """Each channel's memory, when the file stands where it belongs."""
        for channel, plane in enumerate(turned):
            self._file.seek(channel * self._plane + start * self._line)
            yield plane.view(np.uint8).reshape(-1).data

    def __del__(self) -> None:
        self._file.close()


def scratch_folder() -> Path:
    """Where scratch files go: TMPDIR, or the system's choice."""
    return Path(tempfile.gettempdir())


def check_scratch(needed: int, folder: Path) -> None:
    """Raises ProviderError with both figures when the folder has too little room."""
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise ProviderError(
            f"The model's feature maps need {needed / 1e9:.1f} GB beyond the memory that it may take, and {folder} has "
            f"{free / 1e9:.1f} GB free. Raise --memory, set TMPDIR to a roomier folder, or take smaller pictures."
        )


def needs_of(shape: tuple[int, ...], dtype: npt.DTypeLike, is_half: bool) -> int:
    """Bytes of a map."""
    return int(np.prod(shape, dtype=np.int64)) * stored(dtype, is_half).itemsize
