"""Which files of a folder hold samples as arrays, and what one of them holds."""

from __future__ import annotations

import dataclasses
import decimal
import math
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...images.find import find_pictures, folders_in, has_pictures, why_left_alone

Array = npt.NDArray[Any]
Kind = Literal["points", "volumes"]

SUFFIXES = (".npy", ".npz")
LOW: dict[Kind, float] = {"points": -1.0, "volumes": 0.0}
"""Least value of the samples; the largest is 1."""
UNREADABLE = (
    *(OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError, OverflowError, SyntaxError),
    *(RuntimeError, tokenize.TokenError),  # an encrypted member, a header that is no Python
)
"""What NumPy and zipfile raise for files that are damaged, cut off, or none of theirs."""


@dataclasses.dataclass(frozen=True)
class ArrayFile:
    """A file that holds `count` samples of one kind."""

    path: Path
    kind: Kind
    shape: tuple[int, ...]
    """Of a sample: (2,) of a point, (D, H, W) of a volume."""
    count: int
    is_one: bool
    """Whether the file is a single sample, without an axis for several."""
    member: str | None = None
    """What a `.npz` calls its array; None: a `.npy`."""

    def rows(self) -> Array:
        """(count, *shape), which a `.npy` leaves on the disk until it is read; raises DataError."""
        whole = opened(self.path)
        return whole[None] if self.is_one else whole

    @property
    def loaded(self) -> str:
        """The Python expression that loads it."""
        return f"numpy.load('{self.path.name}')" + ("" if self.member is None else f"['{self.member}']")


def holds_arrays(root: Path) -> bool:
    """Whether `root` is such a file, or a folder of some: in it, in splits, or in classes of these.

    Where pictures lie there as well, arrays that are no samples are none of the data. Raises DataError where they are.
    """
    if root.is_file():
        return root.suffix.lower() in SUFFIXES
    try:
        found = [path for folder in _two_levels(root) for path in arrays_in(folder)]
    except OSError as error:
        raise DataError(f"{error.filename or root} cannot be read: {error.strerror}.") from error
    if found and has_pictures(root):
        if sample := next(filter(_is_of_samples, found), None):
            raise DataError(
                f"{root} holds both pictures ({find_pictures(root)[0].name}) and arrays of points or volumes "
                f"({sample.name}), and it is not clear which are to be learnt. Keep one kind, the other in another "
                "folder."
            )
        return False
    return bool(found)


def _is_of_samples(path: Path) -> bool:
    try:
        read_header(path)
    except DataError:
        return False
    return True


def arrays_in(folder: Path) -> list[Path]:
    """The files that lie in it, by name; raises DataError where it cannot be read."""
    try:
        found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES] if folder.is_dir() else []
        return sorted(path for path in found if why_left_alone(path.name) is None and path.is_file())
    except OSError as error:
        raise DataError(f"{folder} cannot be read: {error.strerror}.") from error


def has_arrays(folder: Path) -> bool:
    """Whether any such file lies below it."""
    return bool(arrays_in(folder)) or any(map(has_arrays, folders_in(folder)))


def _two_levels(root: Path) -> Iterator[Path]:
    """The folder, those in it, and those in these: splits, and classes in them."""
    inside = folders_in(root) if root.is_dir() else []
    yield from (root, *inside)
    for folder in inside:
        yield from folders_in(folder)


def opened(path: Path) -> Array:
    """The array of a file; of a `.npz` its only one. Raises DataError with one sentence."""
    _, _, member = _head(path)
    try:
        if member is None:
            whole: Array = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(f"{member}.npy") as stream:
                whole = np.lib.format.read_array(stream, allow_pickle=False)
    except UNREADABLE as error:
        raise _unreadable(path, error) from error
    return whole


def _head(path: Path) -> tuple[tuple[int, ...], np.dtype[Any], str | None]:
    """Shape and type of numbers of a file's array, and what a `.npz` calls it; nothing of the array is read."""
    try:
        with path.open("rb") as stream:
            packed = stream.read(2) == b"PK"
            stream.seek(0)
            if not packed:
                shape, dtype, _ = _header(stream)
                return shape, _numbers(path, dtype), None
        with zipfile.ZipFile(path) as archive:
            names = [name.removesuffix(".npy") for name in archive.namelist()]
            if len(names) != 1:
                said = f"{len(names)} arrays ({', '.join(names[:4])})" if names else "no array"
                raise DataError(f"{path} holds {said}; a file of samples holds one. Save each in a file of its own.")
            (info,) = archive.infolist()
            if info.filename == names[0]:
                raise ValueError(f"it holds {info.filename}, which is no array of NumPy's")
            with archive.open(info) as stream:
                shape, dtype, begins = _header(stream)
            _numbers(path, dtype)
            if info.file_size != (needed := begins + dtype.itemsize * math.prod(shape)):
                raise ValueError(f"{needed} bytes are announced, and {info.file_size} are there")
            return shape, dtype, names[0]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except UNREADABLE as error:
        raise _unreadable(path, error) from error


def _header(stream: IO[bytes]) -> tuple[tuple[int, ...], np.dtype[Any], int]:
    """Shape, type of numbers, and the place where they begin."""
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(stream)
    return shape, dtype, stream.tell()


def _numbers(path: Path, dtype: np.dtype[Any]) -> np.dtype[Any]:
    if dtype.kind not in "biuf":
        raise DataError(f"{path} holds {dtype}, not numbers. Save them as floats: array.astype('float32').")
    return dtype


def _unreadable(path: Path, error: BaseException) -> DataError:
    why = next(iter(str(error).splitlines()), type(error).__name__)
    return DataError(f"{path} cannot be read as an array of numbers ({why}). Save it again: numpy.save(path, array).")


def read_header(path: Path) -> ArrayFile:
    """What samples a file holds; raises DataError where they are neither points nor volumes, or none."""
    shape, _, member = _head(path)
    if 0 in shape:
        raise DataError(f"{path} holds an array of shape {shape}, with nothing in it. Leave the file out.")
    if len(shape) == 2 and shape[1] == 2:
        return ArrayFile(path, "points", (2,), shape[0], is_one=False, member=member)
    if len(shape) in (3, 4) and len(set(shape[-3:])) == 1 and shape[-1] > 1:
        count = shape[0] if len(shape) == 4 else 1
        return ArrayFile(path, "volumes", shape[-3:], count, is_one=len(shape) == 3, member=member)
    raise DataError(
        f"{path} holds an array of shape {shape}, which is neither points (N, 2) nor volumes: cubes (D, D, D) or "
        "(N, D, D, D). Save pictures as files of pictures, PNGs say."
    )


def check_range(file: ArrayFile, rows: Array) -> None:
    """Raise DataError where a sample has numbers outside of what is trained on."""
    least, most = float(rows.min()), float(rows.max())  # a nan is neither
    low = LOW[file.kind]
    if low <= least and most <= 1:
        return
    said = f"{file.path} holds numbers from {least:g} to {most:g}"
    if not np.isfinite([least, most]).all():
        axes = 1 if file.kind == "points" else (1, 2, 3)
        bad = len(rows) - np.isfinite(rows).all(axes).sum()
        kept = f"rows = {file.loaded}; numpy.save('kept.npy', rows[numpy.isfinite(rows).all({axes})])"
        way_out = "Leave the file out." if file.is_one else f"Leave those samples out: {kept}."
        raise DataError(f"{file.path}: of its samples {bad} of {len(rows)} hold nan or infinity. {way_out}")
    by = _rounded_up(max(-least, most))
    divided = f"Divide them by {by}: numpy.save('scaled.npy', {file.loaded} / {by})."
    if file.kind == "points":
        raise DataError(f"{said}; points are trained on within [-1, 1]. {divided}")
    way_out = divided if least >= 0 else "Bring them to it first."
    raise DataError(f"{said}; volumes are how full each voxel is, within [0, 1]. {way_out}")


def _rounded_up(number: float) -> str:
    """To six digits, and never below it, so that what is divided by it is at most 1."""
    return str(decimal.Context(prec=6, rounding=decimal.ROUND_CEILING).create_decimal_from_float(number))
