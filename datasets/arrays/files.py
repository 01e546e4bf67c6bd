"""Which files of a folder hold samples as arrays, and what one of them holds."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from ...errors import DataError
from ...images.find import folders_in, has_pictures, why_left_alone

Array = npt.NDArray[Any]
Kind = Literal["points", "volumes"]

SUFFIXES = (".npy", ".npz")
LOW: dict[Kind, float] = {"points": -1.0, "volumes": 0.0}
"""Least value of the samples; the largest is 1."""


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

    def rows(self) -> Array:
        """(count, *shape), which a `.npy` leaves on the disk until it is read; raises DataError."""
        whole = opened(self.path)
        return whole[None] if self.is_one else whole


def holds_arrays(root: Path) -> bool:
    """Whether `root` is such a file, or a folder of some in which no pictures are."""
    if root.is_file():
        return root.suffix.lower() in SUFFIXES
    return any(arrays_in(folder) for folder in _two_levels(root)) and not has_pictures(root)


def arrays_in(folder: Path) -> list[Path]:
    """The files that lie in it, by name."""
    found = [path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES] if folder.is_dir() else []
    return sorted(path for path in found if why_left_alone(path.name) is None and path.is_file())


def _two_levels(root: Path) -> list[Path]:
    """The folder, those in it, and those in these: splits, and classes in them."""
    inside = folders_in(root) if root.is_dir() else []
    return [root, *inside, *(below for folder in inside for below in folders_in(folder))]


def opened(path: Path) -> Array:
    """The array of a file; of a `.npz` its only one. Raises DataError with one sentence."""
    try:
        found = np.load(path, mmap_mode="r", allow_pickle=False)
        if isinstance(found, np.lib.npyio.NpzFile):
            with found:
                names = found.files
                if len(names) != 1:
                    said = f"{len(names)} arrays ({', '.join(names[:4])})" if names else "no array"
                    raise DataError(
                        f"{path} holds {said}; a file of samples holds one. Save each in a file of its own."
                    )
                found = found[names[0]]
    except FileNotFoundError:
        raise DataError(f"There is no file {path}.") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} cannot be read as an array of numbers ({str(error).splitlines()[0]}). "
            "Save it again: numpy.save(path, array)."
        ) from error
    array: Array = found
    if array.dtype.kind not in "biuf":
        raise DataError(f"{path} holds {array.dtype}, not numbers. Save them as floats: array.astype('float32').")
    return array


def read_header(path: Path) -> ArrayFile:
    """What samples a file holds; raises DataError where they are neither points nor volumes."""
    shape = opened(path).shape
    if len(shape) == 2 and shape[1] == 2:
        return ArrayFile(path, "points", (2,), shape[0], is_one=False)
    if len(shape) in (3, 4) and len(set(shape[-3:])) == 1 and shape[-1] > 1:
        count = shape[0] if len(shape) == 4 else 1
        return ArrayFile(path, "volumes", shape[-3:], count, is_one=len(shape) == 3)
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
        raise DataError(f"{said}, and not all are finite. Leave those samples out: rows[numpy.isfinite(rows).all(1)].")
    if file.kind == "points":
        by = max(-least, most)
        raise DataError(
            f"{said}; points are trained on within [-1, 1]. Divide them by {by:.6g}: "
            f"numpy.save('scaled.npy', numpy.load('{file.path.name}') / {by:.6g})."
        )
    way_out = f"Divide them by {most:g}." if least >= 0 else "Bring them to it first."
    raise DataError(f"{said}; volumes are how full each voxel is, within [0, 1]. {way_out}")
