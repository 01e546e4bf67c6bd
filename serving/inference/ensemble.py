"""Self-ensemble: the mean of what a model makes of a picture's eight flips and turns (Lim et al., EDSR, CVPRW 2017)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Run = Callable[[FloatArray], FloatArray]


def ensembled(run: Run) -> Run:
    """A function from (N, C, H, W) to (N, C', H', W') that costs eight runs: each view is undone before the mean.

    `run` has to take pictures on their side as well; what it makes of a picture may be larger by a whole number.
    """

    def mean(batch: FloatArray) -> FloatArray:
        total: FloatArray | None = None
        for turns in range(4):
            for flip in (False, True):
                view = np.rot90(batch, turns, axes=(2, 3))
                made = run(np.ascontiguousarray(view[..., ::-1] if flip else view))
                back = np.rot90(made[..., ::-1] if flip else made, -turns, axes=(2, 3))
                total = back.copy() if total is None else np.add(total, back, out=total)
        assert total is not None
        return total / np.float32(8)

    return mean
