"""What chance is for: every random choice about a sample is a function of (seed, purpose, the sample's number) alone.

No generator lives from one sample to the next. So sample n is the same in any worker, in any batch and after any
interruption, and a resumed run needs no more than a number. The numbers of the purposes are part of what a seed means:
another one would give every run other samples.
"""

from __future__ import annotations

import enum

import numpy as np


class Purpose(enum.IntEnum):
    """What a generator is for; generators of two purposes are independent."""

    SHUFFLE = 0
    """The order of an epoch; keyed by the epoch."""
    AUGMENT = 1
    """Crops and changes of a sample; keyed by its number."""
    DEGRADE = 2
    """What makes an input of a high-resolution picture; keyed by the sample's number."""
    GENERATE = 10
    """What a picture is generated from; keyed by its number, and by the port's place among the inputs from 1 on."""


SAMPLE_NUMBER = "number"
"""Key under which a sample carries its own number (int64), for what is drawn for it after it was batched."""


def generator(seed: int, purpose: Purpose, *key: int) -> np.random.Generator:
    """The generator of one choice: the same for the same arguments, always.

    A key must not end in 0 where the shorter one is in use: numpy seeds (s, n) and (s, n, 0) alike.
    """
    return np.random.default_rng((seed, int(purpose), *key))
