"""Distances between the set of generated pictures and the set of real ones, a picture at a time.

Pictures are float32 (H, W, C) in [0, 1]. A set is the list of its pictures, in half precision to spare memory.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ...images.image import Floats
from .estimate import GROUPS, around

Halves = npt.NDArray[np.float16]
Set = Sequence[Halves]
"""Of generated or of real pictures."""

LEAST = 50
"""Pictures of each set from which the interval is true."""


def add(pictures: list[Halves], picture: Floats) -> list[Halves]:
    """The same set with one picture more."""
    pictures.append(picture.astype(np.float16))
    return pictures


def sliced_wasserstein(generated: Set, real: Set) -> float:
    """Sliced Wasserstein distance (distances.py) of the middles of all pictures, cut to the smallest sides."""
    import torch  # late: whoever scores pairs by figures of pixels does without it

    from ..distances import sliced_wasserstein as distance

    height, width = (min(picture.shape[axis] for picture in (*generated, *real)) for axis in (0, 1))

    def batch(pictures: Set) -> torch.Tensor:
        cut = [_middle(picture, height, width) for picture in pictures]
        return torch.from_numpy(np.stack(cut).astype(np.float32).transpose(0, 3, 1, 2)) * 2 - 1

    return distance(batch(generated), batch(real))


def interval(generated: Set, real: Set) -> tuple[float, float] | None:
    """95 % interval of what sets of this size have on average, by the grouped jackknife; None below LEAST pictures.

    Each of GROUPS parts (every twentieth picture of both sets) is left out in turn. Resampling with replacement would
    hold every picture twice as often and shift a distance upwards.
    """
    if min(len(generated), len(real)) < LEAST:
        return None
    left = [
        sliced_wasserstein(_without(generated, part, GROUPS), _without(real, part, GROUPS)) for part in range(GROUPS)
    ]
    error = float(np.sqrt((GROUPS - 1) * np.var(left)))
    found = around(sliced_wasserstein(generated, real), error, GROUPS - 1, 0)
    return found.low, found.high


def _without(pictures: Set, part: int, groups: int) -> Set:
    return [picture for number, picture in enumerate(pictures) if number % groups != part]


def _middle(picture: Halves, height: int, width: int) -> Halves:
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]
