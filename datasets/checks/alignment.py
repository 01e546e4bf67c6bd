"""Do the two sides of each pair show the same thing in the same place? Their edges tell.

Upright and level edges are compared apart, each relative to how busy its neighbourhood is, so that a label map and
a photograph, or a dark and a bright one, can be compared at all. A pair is doubted only by the standard of its own
folder: its sides must agree no better than sides of different pairs do, while most pairs agree far better.

What this cannot see: a mismatch between pictures that look alike anyway (the same scene twice), shifts under two
hundredths of a side, shifts by exactly the period of a pattern, turns and mirrorings as such (they count as
mismatched), and anything in a folder whose sides share no edges; then nothing is said about any pair.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from ...images.image import to_float
from ..streams.loading import Array, resize

SIDE = 128
"""Pixels a side at which edges are compared."""

FEWEST = 4
"""Pairs that a folder must have for a standard of its own."""

MOST = 2000
"""Pairs compared at most."""

NEIGHBOURS = 3
"""Other pairs that each one is compared with."""

_Y, _X = np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :]
_WINDOW = (np.hanning(SIDE)[:, None] * np.hanning(SIDE)[None, :]) ** 0.25

Edges = npt.NDArray[np.float16]


@dataclasses.dataclass(frozen=True)
class Doubt:
    """A pair whose sides seem not to belong together as they are."""

    number: int
    """Which of the pairs."""
    kind: str
    """`shifted` or `mismatched`."""
    shift: tuple[float, float]
    """How far side B lies right of and below side A, in shares of its width and height; (0, 0) of a mismatch."""


@dataclasses.dataclass(frozen=True)
class Agreement:
    """What the edges of a folder's pairs tell."""

    compared: int
    representative: bool
    """Whether most pairs agree better than chance, so that one that does not means something."""
    doubts: tuple[Doubt, ...]


def edges(pixels: Array) -> Edges:
    """(H, W, C) to (2, SIDE, SIDE): upright and level edges, relative to their neighbourhood."""
    small = resize(to_float(pixels), SIDE, SIDE, "bilinear")
    maps = []
    for axis in (1, 0):
        edge = np.sqrt(np.abs(np.gradient(small, axis=axis)).max(axis=2))
        edge = _blurred(edge, 1.5)
        edge = edge - _blurred(edge, 10)
        busy = np.sqrt(np.maximum(_blurred(edge * edge, 10), 0))
        maps.append(edge / (busy + 0.1 * edge.std() + 1e-6) * _WINDOW)
    return np.stack(maps).astype(np.float16)


def compare_edges(sides: list[tuple[Edges, Edges]], seed: int = 0) -> Agreement:
    """Which pairs to doubt, from the edges of both sides of all of them."""
    count = len(sides)
    if count < FEWEST:
        return Agreement(count, False, ())
    usual = [_usual([side[which] for side in sides]) for which in (0, 1)]
    own, shifts, peaks, chance, chance_peaks = [], [], [], [], []
    rng = np.random.default_rng(seed)
    for number in range(count):
        a = _spectrum(sides[number][0], usual[0])
        agreement = _agreement(a, _spectrum(sides[number][1], usual[1]))
        at = np.unravel_index(int(agreement.argmax()), agreement.shape)
        own.append(float(agreement[0, 0]))
        peaks.append(float(agreement.max()))
        shifts.append(tuple(((int(place) + SIDE // 2) % SIDE - SIDE // 2) / SIDE for place in reversed(at)))
        for step in rng.choice(count - 1, min(NEIGHBOURS, count - 1), replace=False) + 1:
            other = _agreement(a, _spectrum(sides[(number + int(step)) % count][1], usual[1]))
            chance.append(float(other[0, 0]))
            chance_peaks.append(float(other.max()))
    if np.median(own) <= np.percentile(chance, 95) and np.median(peaks) <= np.percentile(chance_peaks, 95):
        return Agreement(count, False, ())
    low, high = float(np.percentile(chance, 90)), float(np.percentile(chance_peaks, 99))
    # The same scene under two lights makes chance look good; pairs that agree much better need no more than this.
    high = min(high, float(np.median(peaks)))
    doubts = []
    for number, (here, best, shift) in enumerate(zip(own, peaks, shifts, strict=True)):
        if max(map(abs, shift)) > 0.02 and best > high and best > here + 0.15:
            doubts.append(Doubt(number, "shifted", (shift[0], shift[1])))
        elif here < low and best <= high:
            doubts.append(Doubt(number, "mismatched", (0.0, 0.0)))
    return Agreement(count, True, tuple(doubts))


def _usual(maps: list[Edges]) -> npt.NDArray[Any]:
    """What the folder's pictures have in common; nothing of a few, whose mean holds too much of each."""
    total = np.zeros(maps[0].shape, np.float32)
    if len(maps) > 20:
        for one in maps:
            total += one
    return total / len(maps)


def _blurred(image: npt.NDArray[Any], sigma: float) -> npt.NDArray[Any]:
    return np.fft.irfft2(np.fft.rfft2(image) * np.exp(-2 * (np.pi * sigma) ** 2 * (_Y**2 + _X**2)), s=(SIDE, SIDE))


def _spectrum(edge: Edges, usual: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Of what sets these edges apart from the folder's usual ones, with mean 0 and norm 1."""
    own = edge.astype(np.float32) - usual
    own -= own.mean(axis=(1, 2), keepdims=True)
    return np.fft.rfft2(own / (np.linalg.norm(own) + 1e-9))


def _agreement(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Correlation in [-1, 1] by how far b is moved: (SIDE, SIDE), no move first."""
    return np.fft.irfft2((a.conj() * b).sum(axis=0), s=(SIDE, SIDE))
