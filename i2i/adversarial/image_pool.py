"""A pool of past fakes, so that the discriminator does not forget earlier generators."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..hardware.batch_part import every_row, own_rows, part_at_hand
from .fixed_pool import FixedPool


class ImagePool:
    """A history of up to `size` pictures (Shrivastava et al., 2017, section 2.3, as CycleGAN uses it).

    Until it is full, every picture goes in and comes out. Then half of the time a picture takes the place of an old
    one, which comes out in its stead. Draws come from torch's global generator, which checkpoints keep. Over several
    processes each has the whole pool.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.pictures: list[Tensor] = []
        self.held = 0
        """Pictures that it had when the batch began."""
        self.fixed: FixedPool | None = None
        """What holds the pictures where steps are replayed."""
        self.decided = self.called = False
        """Whether what it exchanges next was drawn before; whether it was asked since somebody set this to False."""

    def __call__(self, fakes: Tensor) -> Tensor:
        """(N, C, H, W) -> as many, some of them from earlier calls; the input itself when `size` is 0."""
        if self.size == 0:
            return fakes
        if self.fixed is not None:
            if not self.decided:
                self.decide(len(fakes), fakes.device)
            self.decided, self.called = False, True
            return self.fixed(fakes)
        part = part_at_hand()
        begin, end, whole = (part.begin, part.end, part.whole) if part else (0, len(fakes), len(fakes))
        if begin == 0:
            self.held = len(self.pictures)
        drawn = self._draws(whole)[begin:end]
        return own_rows(torch.stack([self._exchange(*one) for one in zip(every_row(fakes), drawn, strict=True)]))

    def empty(self) -> None:
        """Begin anew, as pictures of another size come."""
        self.pictures, self.held, self.fixed = [], 0, None

    def decide(self, count: int, device: torch.device) -> None:
        """Draw before a step that is replayed what it exchanges of `count` pictures, on `device`; 0: nothing yet."""
        if self.size == 0:
            return
        if self.fixed is None:
            self.fixed, self.pictures = FixedPool(self.size, device, self.pictures), []
        if count:
            self.held = self.fixed.filled
            self.fixed.plan(self._draws(count))
            self.decided = True

    def _draws(self, whole: int) -> list[int | None]:
        """Of each picture of a batch the place of the old one that it is exchanged for; None where it stays."""
        places: list[int | None] = []
        for number in range(whole):
            stays = self.held + number < self.size or bool(torch.rand(()) < 0.5)
            places.append(None if stays else int(torch.randint(self.size, ())))
        return places

    def _exchange(self, picture: Tensor, place: int | None) -> Tensor:
        if len(self.pictures) < self.size:
            self.pictures.append(picture.clone())
        if place is None:
            return picture
        old, self.pictures[place] = self.pictures[place], picture.clone()
        return old.to(picture.dtype)  # a run may go on in another precision

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        held = self.pictures if self.fixed is None else self.fixed.pictures()
        return {"pictures": [picture.cpu().clone() for picture in held]}

    def load_state_dict(self, state: dict[str, Any], device: torch.device) -> None:
        """Take back what `state` gave."""
        self.fixed = None
        self.pictures = [picture.to(device) for picture in state["pictures"]]
