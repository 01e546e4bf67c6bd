"""Both sides of what super-resolution trains on, as they are kept in memory."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...errors import PictureError
from ..layouts.items import HighRes, Item
from .cache import PictureCache
from .imresize import imresize
from .loading import Array, ResizePolicy, decode

MARGIN = 32
"""Pixels beyond the crop that go through the degradation, so that its borders are not the crop's; pictures go on
mirrored."""


def margin(scale: int) -> int:
    """Up to MARGIN, so that half of it on either side is whole pixels of the input."""
    return MARGIN // (2 * scale) * 2 * scale


class SuperResCache(PictureCache):
    """Keeps both sides of what is trained on; the low-resolution one is made once, while there is room for it."""

    def __init__(self, fit: ResizePolicy, budget_mb: float, scale: int, pipeline: bool) -> None:
        super().__init__(fit, budget_mb)
        self.scale, self.pipeline = scale, pipeline

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "scale": self.scale, "pipeline": self.pipeline}

    def read(self, item: Item) -> tuple[Array, ...]:
        """(low, high) as `fitted` gives them; (high,) where low cannot be kept, as it is quicker to reduce a crop."""
        if item in self or self.pipeline or not isinstance(item, HighRes):
            return super().read(item)
        high = multiple_of(self.scale, decode(item)[-1])
        if not self.has_room(high.nbytes + high.nbytes // self.scale**2):
            return (high,)
        held = imresize(high, 1 / self.scale), high
        self.hold(item, *held)
        return held

    def fitted(self, item: Item, pictures: tuple[Array, ...]) -> tuple[Array, ...]:
        """(low, high) of the same proportions; with a pipeline (high,) alone."""
        if self.pipeline:
            edge = margin(self.scale) // 2
            return (np.pad(pictures[-1], ((edge, edge), (edge, edge), (0, 0)), "symmetric"),)
        low, high = pictures
        if min(high.shape[:2]) < self.scale:
            return ()  # smaller than any crop, so the rule of sizes leaves it out
        return fitting(low, high, self.scale, reduce=isinstance(item, HighRes))


def fitting(low: Array, high: Array, scale: int, *, reduce: bool) -> tuple[Array, Array]:
    """Both sides cut, to where they match, at the right and bottom; with `reduce`, low is made of high bicubically."""
    if min(high.shape[:2]) < scale:
        size = f"{high.shape[1]}x{high.shape[0]} pixels"
        raise PictureError(
            f"A picture of {size} is thinner than the scale {scale}, so nothing is left of it at 1/{scale}."
        )
    high = multiple_of(scale, high)
    if reduce:
        return imresize(high, 1 / scale), high
    height, width = (length // scale for length in high.shape[:2])
    return low[:height, :width], high


def multiple_of(scale: int, pixels: Array) -> Array:
    """(H, W, C) cut, at the right and at the bottom, to multiples of `scale`."""
    height, width = (length // scale * scale for length in pixels.shape[:2])
    return pixels[:height, :width]
