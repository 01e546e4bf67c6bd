"""Global colour transfers: one affine map of the colours for all pixels, with no regard to shape or place.

What an unpaired translator must beat. Pictures are (H, W, C) uint8, uint16 or float32 in [0, 1]; outputs are float32
in [0, 1]. numpy alone.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DataError
from ..images.image import Array, Doubles, Floats, to_float

MOST_PIXELS = 2**18
"""Pixels that the best map is sought on, as many of each picture."""
ROUNDS = 20
"""Steps of reweighted least squares, and as many again with clipping."""
SOFTEST = 1e-4
"""Residuals below this, in [0, 1], weigh no more than one of this size."""


@dataclasses.dataclass(frozen=True)
class ColourMap:
    """colour -> clip(colour @ matrix + offset), to [0, 1]."""

    matrix: Doubles
    """(input channels, output channels)."""
    offset: Doubles
    """(output channels,)."""

    def __call__(self, picture: Array) -> Floats:
        """(H, W, input channels) -> (H, W, output channels)."""
        mapped = to_float(picture) @ self.matrix.astype(np.float32) + self.offset.astype(np.float32)
        return np.clip(mapped, 0, 1)


class Colours:
    """Mean and covariance of the colours of many pictures, each of the same weight whatever its size."""

    def __init__(self, pictures: Iterable[Array]) -> None:
        """Raises DataError when there is no picture."""
        means, squares = [], []
        for picture in pictures:
            pixels = to_float(picture).reshape(-1, picture.shape[2]).astype(np.float64)
            means.append(pixels.mean(0))
            squares.append(pixels.T @ pixels / len(pixels))
        if not means:
            raise DataError("No training picture can be read, so there are no colours to learn a transfer from.")
        self.mean: Doubles = np.mean(means, axis=0)
        self.covariance: Doubles = np.mean(squares, axis=0) - np.outer(self.mean, self.mean)


def monge_kantorovich(source: Colours, target: Colours) -> ColourMap:
    """The linear map between the colours of two domains that moves them least (Pitié and Kokaram, CVMP 2007).

    T = A^-1/2 (A^1/2 B A^1/2)^1/2 A^-1/2 for the covariances A and B: as Gaussians, the source's colours become the
    target's. It needs no pairs. Raises ValueError when the numbers of channels differ.
    """
    if source.mean.shape != target.mean.shape:
        raise ValueError(f"{len(source.mean)} channels cannot be moved onto {len(target.mean)}.")
    root = _power(source.covariance, 0.5)
    inverse = _power(source.covariance, -0.5)
    matrix = inverse @ _power(root @ target.covariance @ root, 0.5) @ inverse
    return ColourMap(matrix, target.mean - source.mean @ matrix)


def best_affine(pairs: Iterable[tuple[Array, Array]], count: int) -> ColourMap:
    """The affine map that is best in L1 on these very pairs (input, truth): it sees what it is scored on.

    Least absolute deviations by iteratively reweighted least squares, then the same for what is left of them once
    values are clipped to [0, 1]; the best map on the way. `count` says how many pairs there are; of large pictures, a
    random part of the pixels is used (seed 0). Raises DataError when there is no pair.
    """
    each = max(1, MOST_PIXELS // max(1, count))
    sampled = [(_some(x, each), _some(y, each)) for x, y in pairs]
    if not sampled:
        raise DataError("There are no pairs to score.")
    x, y = (np.concatenate(side) for side in zip(*sampled, strict=True))
    ones = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    columns = np.stack([_least_deviations(ones, y[:, channel]) for channel in range(y.shape[1])], axis=1)
    return ColourMap(columns[:-1], columns[-1])


def _least_deviations(x: Doubles, y: Doubles) -> Doubles:
    """(n, k) and (n,) -> the (k,) of the least mean |clip(x @ w) - y|."""
    ridge = 1e-9 * len(x) * np.eye(x.shape[1])
    weights: npt.NDArray[Any] = np.ones(len(x))
    best, least = np.zeros(x.shape[1]), np.inf
    for number in range(2 * ROUNDS):
        found = np.linalg.solve(x.T @ (x * weights[:, None]) + ridge, x.T @ (weights * y))
        straight = x @ found
        clipped = np.clip(straight, 0, 1)
        error = float(np.abs(clipped - y).mean())
        if error < least:
            best, least = found, error
        weights = 1 / np.maximum(np.abs(straight - y), SOFTEST)
        if number >= ROUNDS:  # a value beyond the range is as good as one at its end
            weights[straight != clipped] = 0
    return best


def _some(picture: Array, most: int) -> Doubles:
    """(n, C) pixels: all, or `most` of them, the same places in every picture of a size."""
    pixels = to_float(picture).reshape(-1, picture.shape[2]).astype(np.float64)
    if len(pixels) <= most:
        return pixels
    return pixels[np.random.default_rng(0).choice(len(pixels), most, replace=False)]


def _power(matrix: Doubles, exponent: float) -> Doubles:
    """A symmetric matrix to a power; directions without any spread count as having a very small one."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    powered: Doubles = (vectors * np.maximum(values, 1e-8) ** exponent) @ vectors.T
    return powered
