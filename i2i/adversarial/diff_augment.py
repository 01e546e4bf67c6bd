"""Differentiable augmentation of what a discriminator sees, and its adaptive strength.

After Zhao et al., *Differentiable Augmentation for Data-Efficient GAN Training* (NeurIPS 2020, table 1), and Karras et
al., *Training GANs with Limited Data* (NeurIPS 2020, section 3). Pictures are (N, C, H, W) in [-1, 1]; every change
lets gradients through, and is drawn for each picture alone from torch's global generator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from ..hardware.batch_part import drawn, over_batch, part_at_hand
from .pipe import PIPE, piped


def colour(x: Tensor) -> Tensor:
    """Brightness, saturation and contrast: shifted by ±0.5, scaled by 0 to 2 and by 0.5 to 1.5."""
    x = x + _draw(x, -0.5, 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * _draw(x, 0, 2)
    middle = x.mean((1, 2, 3), keepdim=True)
    return middle + (x - middle) * _draw(x, 0.5, 1.5)


def colour_under_alpha(x: Tensor) -> Tensor:
    """(N, 4, H, W), RGB times alpha and alpha: the same changes of the colours as they were before; alpha stays.

    The changes are linear, so they are made of the products; of the mean for contrast each pixel counts by its alpha.
    """
    whole = (x + 1) / 2
    c, alpha = whole[:, :3], whole[:, 3:]
    c = c + alpha * _draw(x, -0.5, 0.5) / 2  # [-1, 1] is twice as wide
    grey = c.mean(1, keepdim=True)
    c = grey + (c - grey) * _draw(x, 0, 2)
    middle = c.mean((1, 2, 3), keepdim=True) / alpha.mean((1, 2, 3), keepdim=True).clamp(min=1e-3) * alpha
    c = middle + (c - middle) * _draw(x, 0.5, 1.5)
    return torch.cat([2 * c - 1, x[:, 3:]], 1)


def translation(x: Tensor) -> Tensor:
    """Moved by up to 1/8 of each side; what comes in from outside is 0, mid-grey."""
    n, _, height, width = x.shape
    rows, inside_y = _shifted(n, height, x.device)
    columns, inside_x = _shifted(n, width, x.device)
    picture = torch.arange(n, device=x.device)[:, None, None]
    moved = x.permute(0, 2, 3, 1)[picture, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return moved * (inside_y[:, None, :, None] & inside_x[:, None, None, :])


def cutout(x: Tensor) -> Tensor:
    """A square of half of each side becomes 0, mid-grey; it may reach over the edge."""
    n, _, height, width = x.shape
    hidden_y, hidden_x = _stretch(n, height, x.device), _stretch(n, width, x.device)
    return x * ~(hidden_y[:, None, :, None] & hidden_x[:, None, None, :])


def _draw(x: Tensor, low: float, high: float) -> Tensor:
    return _uniform(x) * (high - low) + low


def _uniform(x: Tensor) -> Tensor:
    return drawn(lambda n: torch.rand(n, 1, 1, 1, device=x.device), len(x))


def _shifted(n: int, length: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """(n, length) source positions along a side, moved by one draw each, and whether they lie inside."""
    most = length // 8
    shift = drawn(lambda count: torch.randint(-most, most + 1, (count, 1), device=device), n)
    source = torch.arange(length, device=device) + shift
    return source.clamp(0, length - 1), (source >= 0) & (source < length)


def _stretch(n: int, length: int, device: torch.device) -> Tensor:
    """(n, length): the half of a side around a centre that is drawn for each."""
    half = length // 2
    centre = drawn(lambda count: torch.randint(0, length, (count, 1), device=device), n)
    from_start = torch.arange(length, device=device) - centre + half // 2
    return (from_start >= 0) & (from_start < half)


@dataclasses.dataclass(frozen=True)
class DiffAugmentation:
    """A row of DIFF_AUGMENTATIONS."""

    apply: Callable[[Tensor], Tensor]
    geometric: bool
    """Whether pictures that D sees together must be changed alike."""
    under_alpha: Callable[[Tensor], Tensor]
    """The same for RGB times alpha, and alpha."""


DIFF_AUGMENTATIONS: dict[str, DiffAugmentation] = {
    "colour": DiffAugmentation(colour, geometric=False, under_alpha=colour_under_alpha),
    "translation": DiffAugmentation(translation, geometric=True, under_alpha=translation),
    "cutout": DiffAugmentation(cutout, geometric=True, under_alpha=cutout),
}


AUGMENTATIONS = (*DIFF_AUGMENTATIONS, *PIPE)
"""What `gan.augment` may name."""


def augment(x: Tensor, names: Sequence[str], p: float, parts: Sequence[int], *, has_alpha: bool = False) -> Tensor:
    """`x` with each change of `names` done to each picture with probability `p`: ADA's first, in their own order.

    `parts` are the channels of the pictures that are stacked in `x`: places move together, colours change alone.
    `has_alpha`: they are RGB times alpha, and alpha.
    """
    of_ada = {one for name in names for one in PIPE.get(name, ())}
    if of_ada:
        x = piped(x, of_ada, p, parts, has_alpha=has_alpha)
    for name in [name for name in names if name not in PIPE]:
        change = DIFF_AUGMENTATIONS[name]
        if change.geometric:
            changed = change.apply(x)
        else:
            apply = change.under_alpha if has_alpha else change.apply
            changed = torch.cat([apply(part) for part in torch.split(x, list(parts), 1)], 1)
        if p < 1:
            changed = torch.where(_uniform(x) < p, changed, x)
        x = changed
    return x


class AdaptiveAugment:
    """ADA: the probability of augmentation, moved so that mean sign(D(real)) stays at `target`.

    r = mean sign(D(real)) over the last four batches; `p` rises where r is above the target and falls where it is
    below, by as much as takes `images` to go from 0 to 1 (Karras et al., 2020, section 3.1).
    """

    EVERY = 4

    def __init__(self, target: float, images: int) -> None:
        self.target, self.images = target, images
        self.p = 0.0
        self.r = 0.0
        self._signs, self._seen, self._batches = 0.0, 0, 0

    def update(self, real: Tensor, threshold: float, images: int) -> None:
        """Count D's logits, (N, …), of so many real pictures; moves `p` at every fourth batch."""
        signs = torch.sign(real.detach().float() - threshold)
        part = part_at_hand()
        images = images if part is None else part.end - part.begin
        self._signs += float(over_batch(signs.mean())) * images
        self._seen += images
        self._batches += part is None or part.last
        if self._batches == self.EVERY and (part is None or part.last):
            self.r = self._signs / self._seen
            step = self._seen / self.images
            self.p = min(1.0, max(0.0, self.p + (step if self.r > self.target else -step)))
            self._signs, self._seen, self._batches = 0.0, 0, 0

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint."""
        return {"p": self.p, "r": self.r, "window": [self._signs, self._seen, self._batches]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.p, self.r = state["p"], state["r"]
        self._signs, self._seen, self._batches = state["window"]
