"""The training samples in the order in which steps see them: that of `i2i train` on the same samples."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from ..datasets.streams.stream import Order
from ..methods import Batch


def batches(samples: Batch, seed: int, start: int, size: int, *, turned: bool = False) -> Iterator[Batch]:
    """Batches of `size` from sample number `start` on: each once before any comes again; `turned` by chance."""
    order = Order(len(samples["image"]), seed)
    while True:
        places = torch.tensor([order(n) for n in range(start, start + size)])
        batch = {name: values[places] for name, values in samples.items()}
        if turned:
            turns = np.random.default_rng((seed, start)).integers(4, size=size).tolist()
            pictures = zip(batch["image"].unbind(), turns, strict=True)
            batch["image"] = torch.stack([torch.rot90(one, k, (1, 2)) for one, k in pictures])
        yield batch
        start += size
