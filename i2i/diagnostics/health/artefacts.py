"""What generated pictures show that real ones do not: the generator's grid, and the augmentation."""

from __future__ import annotations

import math
from itertools import product

import torch
from torch import Tensor

from .sets import LEAST, flat

SIDE = 32
"""Of a window of the spectrum, in pixels."""

PEAKS = [peak for peak in product((0, SIDE // 4, SIDE // 2), repeat=2) if any(peak)]
"""Frequencies of patterns of the period 2 and 4."""

AROUND = (-5, -4, -3, 3, 4, 5)
"""Steps of the spectrum from a peak to its surroundings."""


CLEARLY = 0.85
"""How much nearer a picture must come when it is turned."""


def checkerboard(fake: Tensor, real: Tensor) -> float:
    """The largest peak at a multiple of a quarter of the sampling frequency, over that of the reals.

    A peak is the size of a frequency in the mean spectrum of windows over the median of what surrounds it. Pictures are
    (N, C, H, W) of any range; NaN below SIDE pixels a side, and for volumes.
    """
    if fake.dim() > 4 or min(*fake.shape[2:], *real.shape[2:]) < SIDE:
        return math.nan
    peaks = [_peaks(_spectrum(pictures.float().mean(1))) for pictures in (fake, real)]
    return float((peaks[0] / peaks[1].clamp(min=1)).max())


def leak(fake: Tensor, held_out: Tensor) -> float:
    """Share of fakes that look turned or mirrored, less that of held-out reals.

    One looks so when, turned or mirrored back, it comes nearer to a real one than it is as it stands. Half of the
    held-out pictures, which nothing has turned, are what is compared with, and the other half says how often real ones
    look so. Pictures are (N, C, S, S) in [-1, 1]; NaN below 2 * LEAST of either, for pictures that are not square
    or below 4 pixels, and for volumes.
    """
    if (
        min(len(fake), len(held_out)) < 2 * LEAST
        or fake.dim() > 4
        or fake.shape[2] != fake.shape[3]
        or fake.shape[2] < 4
    ):
        return math.nan
    kept, others = held_out[::2], held_out[1::2]
    return _turned(fake, kept) - _turned(others, kept)


def _turned(pictures: Tensor, reals: Tensor) -> float:
    """The share of pictures for which another way up is nearer to one of the reals."""
    ways = [torch.rot90(seen, k, (2, 3)) for seen in (pictures, pictures.flip(3)) for k in range(4)]
    target = flat(reals)
    nearest = torch.stack([torch.cdist(flat(way), target).min(1).values for way in ways])
    return float((nearest[1:].min(0).values < CLEARLY * nearest[0]).float().mean())


def _spectrum(grey: Tensor) -> Tensor:
    """(N, H, W) -> (SIDE, SIDE): the mean size of each frequency over Hann windows that lie side by side."""
    windows = grey.unfold(1, SIDE, SIDE).unfold(2, SIDE, SIDE)
    hann = torch.hann_window(SIDE, periodic=False, device=grey.device)
    tapered = (windows - windows.mean((-2, -1), keepdim=True)) * hann[:, None] * hann
    sizes: Tensor = torch.fft.fft2(tapered).abs()
    return sizes.mean((0, 1, 2))


def _peaks(spectrum: Tensor) -> Tensor:
    """Each of PEAKS over the median around it."""
    found = []
    for a, b in PEAKS:
        rows, columns = ([(place + step) % SIDE for step in AROUND] if place else [0] for place in (a, b))
        around = spectrum[rows][:, columns]
        found.append(spectrum[a, b] / around.median().clamp(min=1e-6))
    return torch.stack(found)
