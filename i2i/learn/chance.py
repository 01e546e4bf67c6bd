"""torch has one source of random numbers for all threads: a training takes it over, and hands it back as it was."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import torch
from torch import Tensor

_ONE_AT_A_TIME = threading.RLock()


@contextlib.contextmanager
def chance(state: Tensor | int) -> Iterator[None]:
    """Inside, random numbers follow from `state`, a state or a seed, whoever draws elsewhere."""
    with _ONE_AT_A_TIME:
        outside = torch.get_rng_state()
        if isinstance(state, int):
            torch.manual_seed(state)
        else:
            torch.set_rng_state(state)
        try:
            yield
        finally:
            torch.set_rng_state(outside)
