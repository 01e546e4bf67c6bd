"""Scale, size rule and border of a foreign network, by running it at many sizes and looking at what it gives."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import numpy as np

from ...errors import ModelFileError, RequestError
from ...probes import probe_picture
from .foreign import SIDES, Foreign

MULTIPLES = (*range(1, 65), 96, 128, 192, 256, 512)
"""Tried in this order."""
SMALL = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 20, 24, 28, 32, 40, 48, 56, 64, 96, 128, 192, 256, 384, 512)
LARGEST_SCALE = 16


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How the size of what comes out follows from what goes in: side * scale - cut."""

    scale: int
    cut: int
    """Pixels that are missing on the way out, both ends together; below 0 where it gives more."""
    multiple: int
    """Of the sides that it takes."""
    smallest: int

    def regular(self, before: tuple[int, int], after: tuple[int, int] | None) -> bool:
        """Whether this size came out as the rule says."""
        return after == tuple(side * self.scale - self.cut for side in before)


def find_sizes(foreign: Foreign, path: Path, scale: int | None = None) -> Sizes:
    """The rule; `scale` is what the user says.

    Raises ModelFileError when the sizes follow no such rule, RequestError when one fixed size leaves it open.
    """
    given = Given(foreign)
    if foreign.size is not None:
        return _of_one_size(foreign, given, path, scale)
    found, cut = _scale_and_cut(foreign, given, path)
    if scale is not None and scale != found:
        raise RequestError(f"{path} enlarges {found} times, as its sizes say. Leave out --scale.")
    rule = Sizes(found, cut, 1, 1)
    multiple = next((m for m in MULTIPLES if _holds(rule, given, m)), None)
    if multiple is None:
        raise ModelFileError(
            f"{path} takes pictures of some sizes only, and no multiple up to {MULTIPLES[-1]} is the rule. "
            "Export it with dynamic axes for height and width."
        )
    return dataclasses.replace(rule, multiple=multiple, smallest=_smallest(rule, given, multiple))


class Given:
    """The size that a network gives for a size, each tried once."""

    def __init__(self, foreign: Foreign) -> None:
        self._run = functools.cache(functools.partial(_given, foreign))

    def __call__(self, height: int, width: int) -> tuple[int, int] | None:
        """(height, width) of the answer; None where the network does not run or gives no numbers."""
        return self._run(height, width)


def _given(foreign: Foreign, height: int, width: int) -> tuple[int, int] | None:
    answer = foreign.run(probe_picture(foreign.into.channels, max(height, 2), max(width, 2), 1)[:, :, :height, :width])
    if answer is None or not np.isfinite(answer).all():
        return None
    return answer.shape[2], answer.shape[3]


def _of_one_size(foreign: Foreign, given: Given, path: Path, told: int | None) -> Sizes:
    assert foreign.size is not None
    after = given(*foreign.size)
    scale = told or (max(1, round(after[0] / foreign.size[0])) if after else 1)
    cuts = {side * scale - given for side, given in zip(foreign.size, after or (0, 0), strict=True)}
    if after is None or len(cuts) != 1 or (told is None and cuts != {0}):
        raise RequestError(
            f"{path} takes {foreign.size[1]}x{foreign.size[0]} pixels alone and gives {after and after[::-1]}, which "
            "leaves open how many times it enlarges and how much it cuts from the border. Say it with --scale N."
        )
    return Sizes(scale, cuts.pop(), 1, 1)


def _scale_and_cut(foreign: Foreign, given: Given, path: Path) -> tuple[int, int]:
    works: dict[int, tuple[int, int]] = {}
    for side in (*SIDES, *foreign.works_at, *(2 * side for side in foreign.works_at)):
        after = given(side, side) if len(works) < 2 else None
        works |= {side: after} if after else {}
    ordered = sorted(works)
    if len(ordered) >= 2:
        small, large = ordered[-2], ordered[-1]
        ways = {(b - a) / (large - small) for a, b in zip(works[small], works[large], strict=True)}
        scale = ways.pop()
        if not ways and scale == int(scale) and 1 <= scale <= LARGEST_SCALE:
            return int(scale), int(scale) * large - works[large][0]
    seen = "; ".join(f"{side} pixels give {after[0]}x{after[1]}" for side, after in sorted(works.items()))
    raise ModelFileError(
        f"{path} gives no picture of the same size, or of a whole number of times that size: {seen or 'nothing'}. "
        "i2i runs networks that keep the size or enlarge it."
    )


def _holds(rule: Sizes, given: Given, multiple: int) -> bool:
    """Whether odd and even multiples, alone and mixed, come out as the rule says."""
    base = multiple * -(-SIDES[0] // multiple)
    sides = [base + k * multiple for k in range(4)]
    return all(rule.regular(size, given(*size)) for size in zip(sides, sides[::-1], strict=True))


def _smallest(rule: Sizes, given: Given, multiple: int) -> int:
    """The least side from which on every one that was tried works."""
    least = multiple * -(-SIDES[0] // multiple)
    for units in reversed([n for n in SMALL if n * multiple < least]):
        side = units * multiple
        if not rule.regular((side, side), given(side, side)):
            break
        least = side
    return least
