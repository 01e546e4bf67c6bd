"""Batches of tensors from anything that has samples by number; training knows no more of its data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from ..hardware.batch_part import UNDIVIDED, Division

Sample = dict[str, npt.NDArray[Any]]
"""Pictures (C, H, W) float32 in [-1, 1], and numbers such as a label () int64, by name."""


BatchTransform = Callable[[Mapping[str, Tensor]], Mapping[str, Tensor]]


class SampleSource(Protocol):
    """An endless stream by number: sample `n` is the same whenever and wherever it is asked for."""

    def __getitem__(self, draw: int, /) -> Sample:
        """Arrays by name; the same names, shapes and types for every number."""
        ...


def batches(
    samples: SampleSource,
    start: int,
    stop: int,
    batch: int,
    workers: int,
    device: torch.device,
    transform: BatchTransform | None = None,
    division: Division = UNDIVIDED,
) -> Iterator[Mapping[str, Tensor]]:
    """Samples `start` to `stop` - 1 in order, stacked by `batch` (the last one may be smaller), on `device`.

    Every array keeps its type: float32 pictures become (N, C, H, W), int64 labels (N,). `transform` changes
    every batch on the device. Of each batch only the rows that `division` gives this process are prepared, in the
    order of its passes.

    `start` is all that a resumed run needs to go on where it was.
    """
    loader: DataLoader[Any] = DataLoader(
        samples,  # type: ignore[arg-type]  # a Dataset in all but name
        batch_sampler=_numbers(start, stop, batch, division),
        num_workers=workers,
        pin_memory=device.type == "cuda",
        persistent_workers=workers > 0,
        generator=torch.Generator(),  # its own, so that making a loader draws nothing from the global one
    )
    for group in loader:
        here = {name: tensor.to(device, non_blocking=True) for name, tensor in group.items()}
        yield here if transform is None else transform(here)


def _numbers(start: int, stop: int, batch: int, division: Division) -> Iterator[list[int]]:
    """The samples of each batch."""
    for first in range(start, stop, batch):
        yield [first + place for place in division.places(min(batch, stop - first))]


def in_batches(samples: list[Sample], size: int = 16) -> list[Mapping[str, Tensor]]:
    """Samples as batches in the memory of the processor."""
    return [stack(samples[first : first + size], torch.device("cpu")) for first in range(0, len(samples), size)]


def stack(samples: list[Sample], device: torch.device, transform: BatchTransform | None = None) -> Mapping[str, Tensor]:
    """Samples as one batch on `device`, changed by `transform`."""
    batch = {name: torch.from_numpy(np.stack([s[name] for s in samples])).to(device) for name in samples[0]}
    return batch if transform is None else transform(batch)
