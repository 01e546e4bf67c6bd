"""Stacked digits: three random ones as the red, green and blue of a picture, so 1,000 kinds of it."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from i2i.errors import DataError
from i2i.files import write_atomically

from ..from_noise.digits import labelled, pictures_of

Digits = npt.NDArray[np.uint8]


def digit_files(folder: Path) -> list[Path]:
    """The pictures in `folder`/train/0 to 9; raises DataError where there are none."""
    files, _ = labelled(folder / "train")
    if not files:
        raise DataError(f"{folder} has no pictures in train/0 to train/9. Name the folder of unpacked MNIST.")
    return files


def read_digits(files: list[Path], kept: Path) -> Digits:
    """(N, 28, 28): the digits of the files, from the file `kept` once they were read."""
    if not kept.is_file():
        pixels = (pictures_of(files)[:, 0] * 255).round().byte().numpy()
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(beside := kept.with_suffix(".tmp.npy"), pixels)
        beside.replace(kept)
    found: Digits = np.load(kept, mmap_mode="r")
    return found


def stacked(digits: Digits, seed: int, first: int, count: int) -> Tensor:
    """(count, 3, 28, 28) in [-1, 1]: pictures `first` on of an endless stream; each is a function of (seed, number)."""
    # one block of Philox a picture: four numbers, of which three are used
    drawn = np.random.Philox(key=seed, counter=[first, 0, 0, 0]).random_raw(4 * count).reshape(count, 4)[:, :3]
    return torch.from_numpy(digits[drawn % len(digits)]).float() / 127.5 - 1


def chance(seed: int, what: str | int) -> None:
    """From here on torch draws what belongs to `what` (a step's number, say) of the run `seed`, and nothing else."""
    torch.manual_seed(zlib.crc32(f"{seed} {what}".encode()))  # torch's own generator takes 32 bits


def save(state: object, path: Path) -> None:
    """Written whole or not at all."""
    import io

    buffer = io.BytesIO()
    torch.save(state, buffer)
    write_atomically(path, buffer.getvalue())
