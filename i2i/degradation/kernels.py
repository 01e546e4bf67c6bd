"""Blur kernels by formula: (side, side) float32 that sum to 1 (Real-ESRGAN, section 3.1 and the authors' code)."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .config import KINDS, BlurConfig

Floats = npt.NDArray[np.float64]
SINC_FROM, SMALL_SINC_FROM, FINAL_SINC_FROM = math.pi / 5, math.pi / 3, math.pi / 3
"""Lowest cut-off in radians a pixel: of a blur's filter of 13 pixels and more, of smaller ones, of the last one."""


def gaussian(side: int, sigma: tuple[float, float], angle: float, beta: float = 1) -> Floats:
    """exp(-q^beta / 2), q the squared distance in units of `sigma` along axes turned by `angle` radians."""
    return _normalised(np.exp(-0.5 * _distance(side, sigma, angle) ** beta))


def plateau(side: int, sigma: tuple[float, float], angle: float, beta: float) -> Floats:
    """1 / (1 + q^beta), q as in `gaussian`."""
    return _normalised(1 / (1 + _distance(side, sigma, angle) ** beta))


def sinc(side: int, cutoff: float) -> Floats:
    """The round low-pass filter that keeps waves below `cutoff` radians a pixel: cutoff J1(cutoff r) / (2 pi r)."""
    steps = np.arange(side) - side // 2
    r = np.hypot(*np.meshgrid(steps, steps))
    j1 = torch.special.bessel_j1(torch.from_numpy(cutoff * r)).numpy()
    with np.errstate(invalid="ignore"):
        values = cutoff * j1 / (2 * math.pi * r)
    values[side // 2, side // 2] = cutoff**2 / (4 * math.pi)
    return _normalised(values)


def drawn_blur(rng: np.random.Generator, config: BlurConfig) -> Floats:
    """A kernel as `config` says."""
    side = drawn_side(rng, config.kernel)
    if rng.random() < config.sinc:
        return sinc(side, rng.uniform(SMALL_SINC_FROM if side < 13 else SINC_FROM, math.pi))
    kind = KINDS[rng.choice(len(KINDS), p=[getattr(config, kind) for kind in KINDS])]
    first = rng.uniform(*config.sigma)
    longish = kind == "aniso" or kind.endswith("_aniso")
    sigma = (first, rng.uniform(*config.sigma) if longish else first)
    angle = rng.uniform(-math.pi, math.pi) if longish else 0.0
    if kind.startswith("plateau"):
        return plateau(side, sigma, angle, _drawn_beta(rng, config.beta_plateau))
    beta = _drawn_beta(rng, config.beta_generalised) if kind.startswith("generalised") else 1.0
    return gaussian(side, sigma, angle, beta)


def drawn_side(rng: np.random.Generator, ends: tuple[int, int]) -> int:
    """An odd number of pixels between both ends."""
    odd = [side for side in range(ends[0], ends[1] + 1) if side % 2]
    return int(rng.choice(odd or [ends[0] + 1]))


def as_weights(kernel: Floats, like: Tensor) -> Tensor:
    """The kernel for a convolution of each channel of `like` by itself: (C, 1, side, side)."""
    weights = torch.from_numpy(kernel).to(like)
    return weights.expand(like.shape[1], 1, *kernel.shape)


def _drawn_beta(rng: np.random.Generator, ends: tuple[float, float]) -> float:
    """Up to 1 and from 1 on equally often, so 1 itself half of the time where the range ends there."""
    low, high = ends
    if low <= 1 <= high:
        low, high = (low, 1.0) if rng.random() < 0.5 else (1.0, high)
    return float(rng.uniform(low, high))


def _distance(side: int, sigma: tuple[float, float], angle: float) -> Floats:
    """Squared distance from the middle, in units of sigma."""
    steps = np.arange(side) - side // 2
    x, y = np.meshgrid(steps, steps)
    along, across = x * math.cos(angle) + y * math.sin(angle), y * math.cos(angle) - x * math.sin(angle)
    return np.asarray((along / sigma[0]) ** 2 + (across / sigma[1]) ** 2)


def _normalised(values: Floats) -> Floats:
    return np.asarray(values / values.sum())
