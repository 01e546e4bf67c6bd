"""Pictures of any size through a network that takes one size alone: tiles of that size, where tiles equal the whole."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from ...card import Card
from ...errors import PictureError
from ..runtime.jobs import parts
from .executors import IMAGE, Array, Executor, Feeds, FloatArray, with_pictures
from .memory import Peak
from .padding import grown
from .planes import Canvas
from .tiles import Window, halo


class FixedSize:
    """Every picture in pieces of the card's fixed size, grown by reflection where it is smaller.

    A piece keeps what lies half the receptive field from its border, but for the border of the picture, as tiles do
    (tiles.py). A network that looks at whole pictures gets none larger than it takes.
    """

    def __init__(self, inner: Executor, card: Card, peak: Peak) -> None:
        """`inner` computes pieces of exactly `card.fixed_size`."""
        assert card.fixed_size is not None
        self.inner, self.card, self.size, self.peak = inner, card, card.fixed_size, peak

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; raises PictureError on a picture that is too large."""
        card, scale = self.card, self.card.scale
        count, _, height, width = feeds[IMAGE].shape
        if card.tiling != "local" and (height > self.size[0] or width > self.size[1]):
            raise PictureError(
                f"A picture of {width}x{height} pixels is larger than the {self.size[1]}x{self.size[0]} that "
                f"{card.name} takes, and it looks at whole pictures, so tiles would not do. Make it smaller, or export "
                "the network with free sides."
            )
        out: Any = into
        if into is None:
            out = np.empty((count, card.output_channels, height * scale, width * scale), np.float32)
        across = pieces(width, self.size[1], card)
        for down, right in parts(list(itertools.product(pieces(height, self.size[0], card), across))):
            part = self.inner.run(with_pictures(card, feeds, self._cutting(down.outer, right.outer)))
            out[:, :, down.place(scale), right.place(scale)] = part[:, :, down.kept(scale), right.kept(scale)]
        answer: FloatArray = out
        return answer

    def foretold(self, _height: int, _width: int) -> tuple[int, int]:
        """See BySize: a piece takes the same, whatever the picture."""
        return (self.peak.of(math.prod(self.size)),) * 2

    def let_go(self) -> None:
        """Nothing: every piece takes what the last one left."""

    def _cutting(self, down: slice, right: slice) -> Callable[[Array], Array]:
        """Takes a piece of a batch of pictures, grown to the size where the picture ends before."""
        return lambda batch: np.ascontiguousarray(grown(batch[:, :, down, right], *self.size))


def pieces(length: int, fixed: int, card: Card) -> list[Window]:
    """A line of `length` input pixels in parts of exactly `fixed`, which overlap and begin at multiples.

    The last one goes beyond the end by less than a multiple, or by what a line shorter than `fixed` lacks.
    """
    around = halo(card)
    step = max((fixed - 2 * around) // card.multiple, 1) * card.multiple
    last = -(-max(length - fixed, 0) // card.multiple) * card.multiple
    starts = [*range(0, last, step), last]
    cuts = [0, *(start + around for start in starts[1:]), length]
    return [
        Window(slice(start, start + fixed), slice(first, last))
        for start, first, last in zip(starts, cuts[:-1], cuts[1:], strict=True)
    ]


def takes_tiles(card: Card) -> bool:
    """Whether pieces of the fixed size have anything left within their halo."""
    return card.fixed_size is not None and min(card.fixed_size) - 2 * halo(card) >= card.multiple
