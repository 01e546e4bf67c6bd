"""The training samples in the order in which steps see them: a function of the seed alone."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor


def batches(samples: Tensor, seed: int, start: int, size: int, *, turned: bool = False) -> Iterator[Tensor]:
    """Batches (size, C, H, W) from sample number `start` on: each once before any comes again; `turned` by chance."""
    count, epoch, order = len(samples), -1, np.zeros(0, np.int64)
    while True:
        places = np.zeros(size, np.int64)
        for place, n in enumerate(range(start, start + size)):
            if n // count != epoch:
                epoch = n // count
                order = np.random.default_rng((seed, epoch)).permutation(count)
            places[place] = order[n % count]
        batch = samples[torch.from_numpy(places)]
        if turned:
            turns = np.random.default_rng((seed, start)).integers(4, size=size).tolist()
            batch = torch.stack([torch.rot90(one, k, (1, 2)) for one, k in zip(batch.unbind(), turns, strict=True)])
        yield batch
        start += size
