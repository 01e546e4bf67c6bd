"""How generated pictures lie among real ones: spread, duplicates, modes, distance, nearness to the training pictures.

Sets are (N, D): pictures averaged down and flattened, in [-1, 1]. Every draw is fixed, so that the same sets have the
same figures.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from ...evaluation.distances import wasserstein

SMALL = 16
"""Longer side, in pixels, that pictures are averaged down to."""

LEAST = 16
"""Pictures of either set from which on distances of sets are told from chance."""

MOST = 256
"""Pictures of a set that are compared at most."""

MOST_MODES = 10
SEPARATION = 4.0
"""Least distance of two modes over the spread within them for the reals to have modes at all."""

DIRECTIONS = 64
"""Fixed random directions that sets are projected on."""


def small(pictures: Tensor, side: int = SMALL) -> Tensor:
    """(N, C, H, W) in [-1, 1], at most MOST of them: means over areas, `side` pixels at most."""
    pictures = pictures[:MOST].float()
    scale = min(1.0, side / max(pictures.shape[2:]))
    size = [max(1, round(length * scale)) for length in pictures.shape[2:]]
    return F.interpolate(pictures, size, mode="area") if scale < 1 else pictures


def flat(pictures: Tensor) -> Tensor:
    """(N, C, H, W) in [-1, 1] -> (N, D)."""
    return small(pictures).flatten(1)


def detail(pictures: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, D): differences of neighbouring pixels, which colour and coarse shape do not enter."""
    pictures = small(pictures, 2 * SMALL)
    return torch.cat([pictures.diff(dim=2).flatten(1), pictures.diff(dim=3).flatten(1)], 1)


def spread(fake: Tensor, real: Tensor) -> float:
    """Mean distance of two fakes over that of two reals; 0 when all outputs are alike. NaN below two of each."""
    if min(len(fake), len(real)) < 2:
        return math.nan
    return float(F.pdist(fake).mean() / F.pdist(real).mean().clamp(min=1e-3))


def duplicates(fake: Tensor, real: Tensor) -> float:
    """Share of fakes that have a twin, less that of reals; a twin is nearer than a tenth of the usual neighbour."""
    if min(len(fake), len(real)) < LEAST:
        return math.nan
    nearest = {name: _nearest_other(one) for name, one in (("fake", fake), ("real", real))}
    twin = 0.1 * nearest["real"].median().clamp(min=1e-6)
    return float((nearest["fake"] < twin).float().mean() - (nearest["real"] < twin).float().mean())


def modes(fake: Tensor, real: Tensor) -> dict[str, float]:
    """`modes_real`: how many separate clusters the reals have; `modes_seen`: those that fakes reach, as bits.

    A mode is reached by at least a quarter of its even share of the fakes. Nothing where the reals have none that are
    apart by SEPARATION times their spread, or are fewer than 64.
    """
    if len(real) < 64 or len(fake) < 64:
        return {}
    anchors, apart = _clusters(real)
    if len(anchors) < 2:
        return {}
    distances, nearest = torch.cdist(fake, anchors).min(1)
    reached = torch.bincount(nearest[distances < apart / 2], minlength=len(anchors)) >= len(fake) / len(anchors) / 4
    bits = sum(1 << n for n, one in enumerate(reached.tolist()) if one)
    return {"modes_real": float(len(anchors)), "modes_seen": float(bits)}


def distance(fake: Tensor, real: Tensor) -> float:
    """Sliced 1-Wasserstein distance over DIRECTIONS, in units of what two halves of the reals are apart.

    About 1 where fakes are as good as other reals. NaN below LEAST of each, and where the reals are all alike.
    """
    if min(len(fake), len(real)) < LEAST:
        return math.nan
    draw = torch.Generator().manual_seed(1)
    directions = projections(real.shape[1]).to(real.device)
    a, b = fake @ directions, real @ directions
    order = torch.randperm(len(real), generator=draw).to(real.device)
    halves = [wasserstein(b[order[0::2]], b[order[1::2]]).mean()]
    order = torch.randperm(len(real), generator=draw).to(real.device)
    halves.append(wasserstein(b[order[0::2]], b[order[1::2]]).mean())
    floor = float(torch.stack(halves).mean())
    return float(wasserstein(a, b).mean()) / floor if floor > 1e-4 else math.nan


def projections(length: int) -> Tensor:
    """(length, DIRECTIONS): the unit vectors that sets of so many numbers are projected on."""
    return F.normalize(torch.randn(length, DIRECTIONS, generator=torch.Generator().manual_seed(0)), dim=0)


def nearest_train(fake: Tensor, held_out: Tensor, train: Tensor) -> float:
    """Median distance of a fake to the nearest training picture, over that to the nearest of as many held-out ones.

    1 for an honest model, whatever its sharpness, for both sets are real pictures that it may resemble alike; below 1
    it keeps to the training pictures, of which each counts once. NaN below LEAST of each.
    """
    train = torch.unique(train, dim=0)  # sorted by their first numbers: any part must be drawn
    train = train[torch.randperm(len(train), generator=torch.Generator().manual_seed(2)).to(train.device)]
    count = min(len(held_out), len(train))
    if min(count, len(fake)) < LEAST:
        return math.nan
    to_train, to_held_out = (torch.cdist(fake, one[:count]).min(1).values.median() for one in (train, held_out))
    return float(to_train / to_held_out.clamp(min=1e-6))


def _nearest_other(one: Tensor) -> Tensor:
    return torch.cdist(one, one).fill_diagonal_(math.inf).min(1).values


def _clusters(real: Tensor) -> tuple[Tensor, float]:
    """The centres of the clusters that are furthest apart for their spread, and their least distance; else none."""
    starts = [real[0]]
    gaps = (real - starts[0]).norm(dim=1)
    for _ in range(MOST_MODES - 1):
        starts.append(real[int(gaps.argmax())])
        gaps = torch.minimum(gaps, (real - starts[-1]).norm(dim=1))
    best: tuple[float, Tensor, float] = (SEPARATION, real[:0], 0.0)
    for count in range(2, MOST_MODES + 1):
        centres = torch.stack(starts[:count])
        for _ in range(5):
            nearest = torch.cdist(real, centres).argmin(1)
            sums = torch.zeros_like(centres).index_add_(0, nearest, real)
            centres = sums / torch.bincount(nearest, minlength=count).clamp(min=1)[:, None]
        within = float(torch.cdist(real, centres).min(1).values.square().mean().sqrt())
        apart = float(F.pdist(centres).min())
        if apart / max(within, 1e-6) > best[0]:
            best = (apart / max(within, 1e-6), centres, apart)
    return best[1], best[2]
