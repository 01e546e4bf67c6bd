"""What is true of a toy while it trains, measured on sets far larger than the doctor has; and when a failure begins.

The truths stand in the log as `true_…`, which no detector reads. They say when a failure that training brings about is
there, so that the delay of the doctor can be counted from that moment.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

MADE = 1000
"""Fresh outputs that are looked at."""

REAL = 2000
"""Real samples that neither G nor D has seen."""


@torch.no_grad()
def of_ring(fake: Tensor, centres: Tensor) -> dict[str, float]:
    """`true_modes`: which of the eight Gaussians at least a quarter of their even share of outputs lie in, as bits."""
    distances, nearest = torch.cdist(fake, centres).min(1)
    counts = torch.bincount(nearest[distances < 0.15], minlength=len(centres))
    reached = counts >= len(fake) / len(centres) / 4
    return {"true_modes": float(sum(1 << n for n, one in enumerate(reached.tolist()) if one))}


@torch.no_grad()
def of_digits(fake: Tensor, train: Tensor, unseen: Tensor, labels: Tensor, D: nn.Module) -> dict[str, float]:
    """Truths of digits, (N, 1, S, S): all that stands in the table of ONSETS.

    `true_classes`: how many of the ten digits, by the nearest real one, at least a quarter of their share of outputs
    are. `true_turned`: the share of recognisable outputs that are nearest to a turned real one, less that of real ones.
    `true_gap`: r_v of Karras et al., 2020. `true_nearest`: distance to the nearest training picture over that to the
    nearest of as many unseen ones.
    """
    flat = unseen.flatten(1)
    classes = torch.bincount(labels[torch.cdist(fake.flatten(1), flat).argmin(1)], minlength=10)
    half = len(unseen) // 2
    return {
        "true_classes": float((classes >= len(fake) / 40).sum()),
        "true_turned": _turned(fake, unseen[:half]) - _turned(unseen[half:], unseen[:half]),
        "true_gap": _gap(fake, train, unseen, D),
        "true_nearest": _nearest(fake.flatten(1), train.flatten(1), flat),
    }


def _turned(pictures: Tensor, upright: Tensor) -> float:
    """The share whose nearest real one is a turned one, of those that come as near to any as real ones do."""
    usual = torch.cdist(upright.flatten(1), upright.flatten(1)).fill_diagonal_(math.inf).min(1).values.quantile(0.95)
    ways = torch.cat([torch.rot90(upright, k, (2, 3)) for k in range(4)]).flatten(1)
    distance, nearest = torch.cdist(pictures.flatten(1), ways).min(1)
    plain = distance < usual
    return float((nearest[plain] >= len(upright)).float().mean()) if plain.float().mean() > 0.25 else 0.0


def _gap(fake: Tensor, train: Tensor, unseen: Tensor, D: nn.Module) -> float:
    of_train, of_unseen, of_fake = (float(D(one).mean()) for one in (train[:REAL], unseen, fake))
    return (of_train - of_unseen) / max(of_train - of_fake, 1e-3) if of_train - of_fake > 0.05 else 0.0


def _nearest(fake: Tensor, train: Tensor, unseen: Tensor) -> float:
    count = min(len(train), len(unseen))
    sets = unseen[: len(unseen) // count * count].split(count)[:10]
    others = torch.stack([torch.cdist(fake, one).min(1).values for one in sets]).mean(0)
    return float((torch.cdist(fake, train[:count]).min(1).values / others.clamp(min=1e-6)).median())


def _lost_again(values: Sequence[float]) -> bool:
    """A mode that was reached is gone at a later grid, and at most half of them are reached."""
    masks = [int(value) for value in values]
    return any(a & ~b for a, b in pairwise(masks)) and masks[-1].bit_count() <= 4


There = Callable[[Sequence[float]], bool]
"""(the values of a truth so far, the newest last) -> whether the failure is there."""

ONSETS: dict[str, dict[str, There]] = {
    "collapse": {"true_classes": lambda v: v[-1] <= 4, "true_modes": lambda v: int(v[-1]).bit_count() <= 4},
    "hopping": {"true_modes": _lost_again},
    "overfitting": {"true_gap": lambda v: v[-1] > 0.4},
    "memorisation": {"true_nearest": lambda v: v[-1] < 0.75},
    "leak": {"true_turned": lambda v: v[-1] > 0.33},
}
"""When a failure is there, by the truths that tell of it; the page on the doctor says it in words."""


def onset(name: str, records: Sequence[Mapping[str, Any]], until: int) -> int | None:
    """Images seen when the failure `name` came about by the truths in the log; None where they do not tell.

    The first grid from which on it was there at each one up to `until` images, when the doctor named it. None also
    where it was not there at that last one.
    """
    for key, there in ONSETS.get(name, {}).items():
        began: int | None = None
        values = list[float]()
        for record in records:
            if key not in record or record["images"] > until:
                continue
            values.append(float(record[key]))
            began = (record["images"] if began is None else began) if there(values) else None
        if values:
            return began
    return None
