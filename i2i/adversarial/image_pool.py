"""A pool of past fakes, so that the discriminator does not forget earlier generators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..hardware.batch_part import drawn, every_row, own_rows


class ImagePool:
    """A history of up to `size` pictures (Shrivastava et al., 2017, section 2.3, as CycleGAN uses it).

    Until it is full, every picture goes in and comes out. Then half of the time a picture takes the place of an old
    one, which comes out in its stead. Draws come from torch's global generator, which checkpoints keep. Over several
    processes each has the whole pool.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []

    def __call__(self, fakes: Tensor) -> Tensor:
        """(N, C, H, W) -> as many, some of them from earlier calls; the input itself when `size` is 0."""
        if self.size == 0:
            return fakes
        count = len(fakes)
        shares = drawn(torch.rand, count)
        places = drawn(lambda n: torch.randint(self.size, (n,)), count)
        every = [every_row(rows) for rows in (fakes, shares, places)]
        seen = torch.stack([self._exchange(*one) for one in zip(*every, strict=True)])
        return own_rows(seen)

    def _exchange(self, picture: Tensor, share: Tensor, place: Tensor) -> Tensor:
        if len(self.pictures) < self.size:
            self.pictures.append(picture.clone())
            return picture
        if share < 0.5:
            return picture
        old, self.pictures[int(place)] = self.pictures[int(place)], picture.clone()
        return old.to(picture.dtype)  # a run may go on in another precision

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"pictures": [picture.cpu() for picture in self.pictures]}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Take back what `state` gave."""
        self.pictures = [picture.to(device) for picture in state["pictures"]]
