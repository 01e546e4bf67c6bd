"""Self-ensemble: the mean over a picture's eight flips and turns (Lim et al., EDSR, CVPRW 2017)."""

from __future__ import annotations

import functools
import itertools

import numpy as np

from ...card import Card
from ..runtime.jobs import parts
from .executors import Array, Executor, Feeds, FloatArray, with_pictures
from .planes import Canvas, delivered


class Ensemble:
    """An executor that costs eight runs of another: each view is turned back before the mean is taken.

    The other has to take pictures on their side as well; its results may be larger by a whole number.
    """

    def __init__(self, inner: Executor, card: Card) -> None:
        self.inner, self.card = inner, card

    def run(self, feeds: Feeds, into: Canvas | None = None) -> FloatArray:
        """See Executor; the mean is held in floats."""
        feeds = {name: np.asarray(array) for name, array in feeds.items()}
        total: FloatArray | None = None
        for turns, flip in parts(list(itertools.product(range(4), (False, True)))):
            out = self.inner.run(with_pictures(self.card, feeds, functools.partial(_view, turns=turns, flip=flip)))
            back = np.rot90(out[..., ::-1] if flip else out, -turns, axes=(2, 3))
            total = back.copy() if total is None else np.add(total, back, out=total)
        assert total is not None
        total /= np.float32(8)
        return delivered(total, into)


def _view(batch: Array, turns: int, flip: bool) -> Array:
    """Turned by quarters against the clock, then mirrored."""
    turned = np.rot90(batch, turns, axes=(2, 3))
    return np.ascontiguousarray(turned[..., ::-1] if flip else turned)
