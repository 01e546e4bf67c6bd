"""The image pool in one tensor, for steps that are replayed: what it exchanges was drawn before."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


class FixedPool:
    """Up to `size` pictures in a tensor that stays where it is."""

    def __init__(self, size: int, device: torch.device, before: Sequence[Tensor] = ()) -> None:
        self.size, self.device = size, device
        self.before = before
        self.filled = len(before)
        self.buffer: Tensor | None = None
        """(size, C, H, W); None until the first picture tells its shape."""
        self.plans: dict[int, Tensor] = {}
        """Images of a batch -> (3, N): the place of each picture, whether the one there is shown, and it is kept there.
        """

    def plan(self, places: Sequence[int | None]) -> None:
        """`places` of the pictures that are exchanged in this batch; None for those that stay."""
        rows = []
        for place in places:
            if place is None and self.filled < self.size:
                rows.append((self.filled, 0, 1))
                self.filled += 1
            else:
                rows.append((place or 0, int(place is not None), int(place is not None)))
        plan = torch.tensor(rows, dtype=torch.int64).t().contiguous()
        if len(rows) in self.plans:
            self.plans[len(rows)].copy_(plan)
        else:
            self.plans[len(rows)] = plan.to(self.device)

    def __call__(self, fakes: Tensor) -> Tensor:
        """(N, C, H, W) -> as many, as planned."""
        if self.buffer is None:
            self.buffer = fakes.new_zeros((self.size, *fakes.shape[1:]))
            for number, picture in enumerate(self.before):
                self.buffer[number].copy_(picture)
            self.before = ()
        places, shown, kept = self.plans[len(fakes)]
        rows = []
        for number, picture in enumerate(torch.split(fakes, 1)):  # one after the other: two may want the same place
            place = places[number : number + 1]
            old = self.buffer.index_select(0, place)
            self.buffer.index_copy_(0, place, torch.where(kept[number].bool(), picture.to(old.dtype), old))
            rows.append(torch.where(shown[number].bool(), old.to(picture.dtype), picture))
        return torch.cat(rows)

    def pictures(self) -> list[Tensor]:
        """Those that it has."""
        return list(self.before) if self.buffer is None else list(self.buffer[: self.filled])
