"""How a batch is divided over processes and over passes, so that the sum is what one pass over all of it would be.

A batch of `whole` images is cut into passes (gradient accumulation), and the images of a pass are shared by the
processes. Every image keeps its place in the whole: what is drawn for it is that of the undivided batch, since each
process draws for all and takes its own rows. Statistics over the batch are those of a pass, over all processes.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from . import processes


@dataclasses.dataclass(frozen=True)
class Part:
    """The images of a batch that this process sees in this pass, by their places in the whole batch."""

    whole: int
    """Images of the batch."""
    begin: int
    """First image of the pass."""
    end: int
    """Behind the last image of the pass."""
    start: int
    """First image of this process."""
    stop: int
    """Behind its last one."""

    @property
    def shared(self) -> bool:
        """Whether other processes have the other images of the pass; else this one has all, as they have."""
        return self.stop - self.start < self.end - self.begin

    @property
    def share(self) -> float:
        """Share of the pass in the batch."""
        return (self.end - self.begin) / self.whole

    @property
    def last(self) -> bool:
        """Whether the batch is over with this pass."""
        return self.end == self.whole


@dataclasses.dataclass(frozen=True)
class Division:
    """Over how many processes and passes the batches of a run are divided."""

    batch: int | None = None
    """Images of a batch, but for the last one; None for whatever comes."""
    rank: int = 0
    processes: int = 1
    passes: int = 1
    packed: int = 1
    """Images that D sees at once, which follow each other and are not taken apart."""

    @property
    def divided(self) -> bool:
        """Whether there is more than one process or pass."""
        return self.processes > 1 or self.passes > 1

    def parts(self, whole: int) -> list[Part]:
        """What this process sees of a batch, pass by pass.

        A pass whose images cannot be shared evenly, which the last batch may end in, is done by every process alike.
        """
        size = max(1, (self.batch or whole) // self.passes)
        parts = []
        for begin in range(0, whole, size):
            end = min(begin + size, whole)
            packs, left = divmod(end - begin, self.processes * self.packed)
            each = packs * self.packed
            start, stop = (begin, end) if left else (begin + self.rank * each, begin + (self.rank + 1) * each)
            parts.append(Part(whole, begin, end, start, stop))
        return parts

    def whole(self, rows: int, left: int) -> int:
        """Images of a batch of which this process has `rows`, when `left` are left of the run."""
        return min(self.batch or rows, left) if self.divided else rows

    def places(self, whole: int) -> list[int]:
        """The places in the whole batch of all images that this process sees, in the order of its passes."""
        return [place for part in self.parts(whole) for place in range(part.start, part.stop)]


UNDIVIDED = Division()

_at_hand: Part | None = None
"""Of the process and not of a thread: autograd runs the backward pass of a CUDA device in threads of its own."""


@contextlib.contextmanager
def at_hand(part: Part) -> Iterator[None]:
    """Inside, batches are this part of a larger one."""
    global _at_hand
    before, _at_hand = _at_hand, part
    try:
        yield
    finally:
        _at_hand = before


@contextlib.contextmanager
def in_packs(packed: int) -> Iterator[None]:
    """Inside, rows are packs of so many images, as D sees them."""
    part = _at_hand
    if part is None or packed == 1:
        yield
        return
    with at_hand(Part(*(place // packed for place in dataclasses.astuple(part)))):
        yield


def part_at_hand() -> Part | None:
    """The part that batches are now; None where they are whole."""
    return _at_hand


def drawn(draw: Callable[[int], Tensor], count: int) -> Tensor:
    """`draw(count)`, random numbers for `count` images along the first side, as the undivided batch has them.

    Images of several batches may be stacked, as the real ones and the generated ones are: `count` is then a multiple.
    """
    part = _at_hand
    if part is None:
        return draw(count)
    stacked = count // (part.stop - part.start)
    batches = draw(stacked * part.whole).chunk(stacked)
    return torch.cat([batch[part.start : part.stop] for batch in batches])


def over_batch(mean: Tensor) -> Tensor:
    """The mean over the images of a pass, of this process's mean; gradients flow through it."""
    part = _at_hand
    if part is None or not part.shared:
        return mean
    return processes.summed(mean) * ((part.stop - part.start) / (part.end - part.begin))


def every_row(rows: Tensor) -> Tensor:
    """The rows (n, …) of all images of a pass, in their order; without gradients."""
    return gathered(rows.detach()).detach()


def gathered(rows: Tensor) -> Tensor:
    """The same, and gradients flow back to each process's own rows."""
    part = _at_hand
    if part is None or not part.shared:
        return rows
    before, behind = part.start - part.begin, part.end - part.stop
    parts = [rows.new_zeros((count, *rows.shape[1:])) for count in (before, behind)]
    return processes.summed(torch.cat([parts[0], rows, parts[1]]))


def own_rows(rows: Tensor) -> Tensor:
    """Of rows of all images of a pass, those of this process."""
    part = _at_hand
    return rows if part is None else rows[part.start - part.begin : part.stop - part.begin]


def like(x: Tensor, count: int) -> Tensor:
    """An empty tensor for `count` images, otherwise as `x`: random numbers are filled in by the order in memory."""
    order = torch.channels_last if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last) else None
    if order is None or x.is_contiguous():
        order = torch.contiguous_format
    return torch.empty((count, *x.shape[1:]), dtype=x.dtype, device=x.device, memory_format=order)
