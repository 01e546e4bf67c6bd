"""Distances between two sets of pictures that share no pair: how far generated pictures are from real ones.

Pictures are float NCHW in [-1, 1]. No weights are needed, and the same pictures always give the same figure.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

PATCH = 7
"""Side of a patch in pixels (Karras et al., 2018, section 5)."""

PATCHES = 1024
"""Patches that are drawn from each set at each level of the pyramid, evenly over its pictures; one of each where there
are more."""

DIRECTIONS = 128
"""Random directions that patches are projected on."""

PARTS = 5
"""Of the jackknife that tells how far chance moves a distance."""

COARSEST = 16
"""The pyramid is halved as long as its sides keep at least this many pixels."""


def wasserstein(a: Tensor, b: Tensor) -> Tensor:
    """Columns of numbers (P, K) and (Q, K) -> (K,): the 1-Wasserstein distance of each pair of columns, in their unit.

    In one dimension it is the mean distance of equal quantiles. For P and Q that differ, the quantiles of the larger
    set are looked up in the smaller.
    """
    a, b = a.sort(0).values, b.sort(0).values
    count = max(len(a), len(b))
    middles = (torch.arange(count, device=a.device) + 0.5) / count
    return (a[(middles * len(a)).long()] - b[(middles * len(b)).long()]).abs().mean(0)


def sliced_wasserstein(fakes: Tensor, reals: Tensor) -> float:
    """Sliced Wasserstein distance of patches of `fakes` from patches of `reals` (Karras et al., ICLR 2018, section 5).

    Both are (N, C, H, W) of one C, of any N from 1 and any sides from 1 pixel; N and sides may differ between the two.
    Each level of a Laplacian pyramid gives PATCHES patches of 7x7 pixels. They are scaled so that the real ones have
    mean 0 and standard deviation 1 in each channel, projected on DIRECTIONS fixed random unit vectors, and compared by
    1-Wasserstein distance; the result is the mean over directions and levels, so in standard deviations of the real
    patches: 0 for equal sets, about 0.1 to 0.3 for other real pictures of the kind, lower is better. Unlike the paper,
    which scales each set by itself, this counts a shift of colour or contrast.
    """
    levels = zip(_pyramid(fakes.float(), reals), _pyramid(reals.float(), fakes), strict=True)
    distances = [_level(fake, real, seed) for seed, (fake, real) in enumerate(levels)]
    return float(torch.stack(distances).mean())


def jackknifed(pairs: Sequence[tuple[Tensor, Tensor]]) -> list[float]:
    """The mean sliced Wasserstein distance of these (fakes, reals), in PARTS parts of a jackknife, each without every
    PARTS-th picture: their mean is about the distance, their spread its error. Nothing for less than 2 PARTS of each.
    """
    if min(len(side) for pair in pairs for side in pair) < 2 * PARTS:
        return []
    whole = sum(sliced_wasserstein(*pair) for pair in pairs) / len(pairs)
    parts = []
    for part in range(PARTS):
        left = [[side[torch.arange(len(side)) % PARTS != part] for side in pair] for pair in pairs]
        without = sum(sliced_wasserstein(fake, real) for fake, real in left) / len(pairs)
        parts.append(PARTS * whole - (PARTS - 1) * without)
    return parts


def _pyramid(pictures: Tensor, other: Tensor) -> list[Tensor]:
    """What each scale has that the next coarser one has not, and the coarsest; as many levels as `other` has too."""
    levels, side = [], min(*pictures.shape[2:], *other.shape[2:])
    while side // 2 >= COARSEST:
        side //= 2
        coarse = F.avg_pool2d(pictures, 2)
        levels.append(pictures - F.interpolate(coarse, pictures.shape[2:], mode="bilinear", align_corners=False))
        pictures = coarse
    return [*levels, pictures]


def _level(fakes: Tensor, reals: Tensor, seed: int) -> Tensor:
    """The distance on one level of the pyramid."""
    side = min(PATCH, *fakes.shape[2:], *reals.shape[2:])
    fake, real = _patches(fakes, side, seed), _patches(reals, side, seed)
    mean, spread = real.mean((0, 1), keepdim=True), real.std((0, 1), keepdim=True).clamp(min=1e-3)
    draw = torch.Generator().manual_seed(seed)
    directions = torch.randn(side * side * fakes.shape[1], DIRECTIONS, generator=draw)
    directions = F.normalize(directions, dim=0).to(fakes.device)
    fake, real = (((im2col - mean) / spread).flatten(1) @ directions for im2col in (fake, real))
    return wasserstein(fake, real).mean()


def _patches(pictures: Tensor, side: int, seed: int) -> Tensor:
    """(N, C, H, W) -> (PATCHES or N, side * side, C): square patches at places that the seed and the size decide."""
    draw = torch.Generator().manual_seed(seed)
    count = max(PATCHES, len(pictures))
    which = torch.arange(count) % len(pictures)
    across = torch.arange(side).repeat(side)
    down = torch.arange(side).repeat_interleave(side)
    tops, lefts = (
        (torch.rand(count, generator=draw) * (length - side + 1)).long()[:, None] for length in pictures.shape[2:]
    )
    places = [index.to(pictures.device) for index in (which[:, None], tops + down, lefts + across)]
    return pictures.permute(0, 2, 3, 1)[tuple(places)]
