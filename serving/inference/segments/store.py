"""Maps between segments: in memory, or in scratch files that vanish with the process."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, Protocol

import ml_dtypes
import numpy as np
import numpy.typing as npt

from ....errors import ProviderError

Array = npt.NDArray[Any]
HALF = np.dtype(ml_dtypes.bfloat16)
"""Of float32 the sign, the exponent and 8 bits of the fraction."""


class Map(Protocol):
    """One map, (C, H, W), written and read in strips across its longer side."""

    def write(self, start: int, part: Array) -> None:
        """(C, h, w), `start` being its first row, or column where strips are of columns."""
        ...

    def read(self, start: int, stop: int) -> Array:
        """(1, C, h, w) of float32, or of the type that the graph has."""
        ...


class _Strips:
    """A map as (row, C, column), or (column, C, row), so that a strip lies in one piece."""

    def __init__(self, shape: tuple[int, int, int], axis: int, dtype: npt.DTypeLike, is_half: bool) -> None:
        channels, *sides = shape
        self.order = (1, 0, 2) if axis == 0 else (2, 0, 1)
        self.back = (1, 0, 2) if axis == 0 else (1, 2, 0)
        self.shape = (sides[axis], channels, sides[1 - axis])
        self.dtype = np.dtype(dtype)
        self.stored = HALF if is_half and self.dtype == np.float32 else self.dtype

    def packed(self, part: Array) -> Array:
        return np.ascontiguousarray(part.transpose(self.order)).astype(self.stored, copy=False)

    def unpacked(self, strip: Array) -> Array:
        return np.ascontiguousarray(strip.transpose(self.back), self.dtype)[None]


class InMemory(_Strips):
    """A map in memory."""

    def __init__(self, shape: tuple[int, int, int], axis: int, dtype: npt.DTypeLike, is_half: bool) -> None:
        super().__init__(shape, axis, dtype, is_half)
        self._all = np.empty(self.shape, self.stored)

    def write(self, start: int, part: Array) -> None:
        """See Map."""
        self._all[start : start + part.shape[self.order[0]]] = part.transpose(self.order)

    def read(self, start: int, stop: int) -> Array:
        """See Map."""
        return self.unpacked(self._all[start:stop])


class InFile(_Strips):
    """A map in a file without a name, which is gone when it is closed, also by the end of the process."""

    def __init__(
        self, shape: tuple[int, int, int], axis: int, dtype: npt.DTypeLike, is_half: bool, folder: Path
    ) -> None:
        super().__init__(shape, axis, dtype, is_half)
        self._row = self.shape[1] * self.shape[2] * self.stored.itemsize
        handle = tempfile.TemporaryFile(dir=folder, buffering=0)  # noqa: SIM115 - it lives as long as the map
        self._file = handle

    def write(self, start: int, part: Array) -> None:
        """See Map; raises ProviderError when the disk takes no more."""
        try:
            self._file.seek(start * self._row)
            rest = memoryview(self.packed(part).view(np.uint8).reshape(-1).data)
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise ProviderError(
                f"A scratch file of the model's feature maps cannot be written ({error.strerror}). "
                "Make room, or set TMPDIR to a folder that has some."
            ) from error

    def read(self, start: int, stop: int) -> Array:
        """See Map."""
        strip = np.empty((stop - start, *self.shape[1:]), self.stored)
        rest = memoryview(strip.view(np.uint8).reshape(-1).data)
        self._file.seek(start * self._row)
        while rest:
            count = self._file.readinto(rest)
            rest = rest[count:]
        return self.unpacked(strip)

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
    size = 2 if is_half and np.dtype(dtype) == np.float32 else np.dtype(dtype).itemsize
    return int(np.prod(shape, dtype=np.int64)) * size
