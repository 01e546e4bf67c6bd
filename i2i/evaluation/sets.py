"""Distances between the set of generated pictures and the set of real ones, a picture at a time.

Pictures are float32 (H, W, C) in [0, 1]. A set is the list of its pictures, in half precision to spare memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from ..images.image import Floats

Halves = npt.NDArray[np.float16]
Set = Sequence[Halves]
"""Of generated or of real pictures."""
Distance = Callable[[Set, Set], float]

GROUPS = 10
"""Parts that the jackknife leaves out in turn, at most."""


def add(pictures: list[Halves], picture: Floats) -> list[Halves]:
    """The same set with one picture more."""
    pictures.append(picture.astype(np.float16))
    return pictures


def sliced_wasserstein(generated: Set, real: Set) -> float:
    """Sliced Wasserstein distance (distances.py) of the middles of all pictures, cut to the smallest sides."""
    import torch  # late: whoever scores pairs by figures of pixels does without it

    from .distances import sliced_wasserstein as distance

    height, width = (min(picture.shape[axis] for picture in (*generated, *real)) for axis in (0, 1))

    def batch(pictures: Set) -> torch.Tensor:
        cut = [_middle(picture, height, width) for picture in pictures]
        return torch.from_numpy(np.stack(cut).astype(np.float32).transpose(0, 3, 1, 2)) * 2 - 1

    return distance(batch(generated), batch(real))


def jackknife(distance: Distance, generated: Set, real: Set) -> tuple[float, float]:
    """95 % interval of a distance between sets by the grouped jackknife (Quenouille 1956; Tukey 1958), from 0 up.

    Each of GROUPS parts (every tenth picture of both sets) is left out in turn. Resampling with replacement, as for
    means of pairs, would hold every picture twice as often and shift a distance upwards.
    """
    value = distance(generated, real)
    groups = min(GROUPS, len(generated), len(real))
    if groups < 2:
        return value, value
    left = [distance(_without(generated, part, groups), _without(real, part, groups)) for part in range(groups)]
    error = float(np.sqrt((groups - 1) * np.var(left)))
    return max(0.0, value - 1.96 * error), value + 1.96 * error


def _without(pictures: Set, part: int, groups: int) -> Set:
    return [picture for number, picture in enumerate(pictures) if number % groups != part]


def _middle(picture: Halves, height: int, width: int) -> Halves:
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return picture[top : top + height, left : left + width]
