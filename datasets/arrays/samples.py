"""Arrays as samples: an endless stream in which sample n is a function of (seed, n) alone.

Samples are {"image": float32 in [-1, 1]}, (2, 1, 1) of a point and (1, S, S, S) of a volume, and {"label": () int64}
where there are classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ...errors import DataError
from ..streams.stream import Order, Sample
from .files import Array, ArrayFile


class Row(NamedTuple):
    """A sample's place."""

    file: ArrayFile
    number: int
    """Of the file's samples."""
    label: int

    @property
    def name(self) -> str:
        """The file's name, and the sample's number in it where it has several."""
        return self.file.path.stem if self.file.is_one else f"{self.file.path.stem}/{self.number:06d}"


class Store:
    """The samples of files; as many files as a budget allows stay in memory."""

    def __init__(self, budget_mb: float) -> None:
        self.left = int(budget_mb * 2**20)
        self._held: dict[ArrayFile, Array] = {}

    def hold(self, file: ArrayFile, rows: Array) -> None:
        """Keep a file's samples, unless the budget is used up.

        Raises DataError where then each sample would need all of the file unpacked again.
        """
        if file in self._held:
            return
        if rows.nbytes <= self.left:
            self.left -= rows.nbytes
            self._held[file] = np.array(rows)
        elif file.member is not None and file.count > 1:
            raise DataError(
                f"{file.path} is larger unpacked ({rows.nbytes / 2**20:,.0f} MB) than what data.cache_mb leaves for it "
                f"({self.left / 2**20:,.0f} MB), and each sample would need it unpacked again. Save it as .npy, of "
                f"which a part can be read: numpy.save('{file.path.stem}.npy', {file.loaded}), in place of it; or "
                "raise data.cache_mb."
            )

    def read(self, row: Row) -> Array:
        """One sample as the file has it."""
        held = self._held.get(row.file)
        found: Array = (row.file.rows() if held is None else held)[row.number]
        return found


class ArraySamples:
    """An endless, reshuffled stream of rows, each once an epoch, in the order of `Order`."""

    def __init__(self, rows: Sequence[Row], store: Store, side: int, seed: int, *, classes: bool) -> None:
        """Volumes are averaged down to `side`, which their own is a multiple of."""
        self.rows, self.store, self.side, self.classes = tuple(rows), store, side, classes
        self._order = Order(len(self.rows), seed)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more."""
        return self.sample(self._order(number))

    def sample(self, index: int) -> Sample:
        """Row `index`."""
        row = self.rows[index]
        values = np.asarray(self.store.read(row), np.float32)
        if row.file.kind == "points":
            found: Sample = {"image": values.reshape(2, 1, 1)}
        else:
            found = {"image": 2 * _smaller(values, self.side)[None] - 1}
        return found | ({"label": np.array(row.label, np.int64)} if self.classes else {})


def _smaller(volume: Array, side: int) -> Array:
    """(S, S, S) -> (side, side, side): means of blocks."""
    by = len(volume) // side
    small: Array = volume.reshape(side, by, side, by, side, by).mean((1, 3, 5)) if by > 1 else volume
    return small
