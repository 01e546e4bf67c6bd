"""Figures for an output against the truth: each a function of two pictures, and a line in METRICS.

Pictures are float32 (H, W, C) in [0, 1]. numpy alone, so that scoring needs no torch.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


def l1(output: Floats, truth: Floats) -> float:
    """Mean absolute error over pixels and channels, in [0, 1]."""
    return float(np.abs(output - truth).mean())


def psnr(output: Floats, truth: Floats) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, peak 1; at most 100 for equal pictures."""
    error = float(np.mean((output.astype(np.float64) - truth) ** 2))
    return float(min(100.0, -10 * np.log10(max(error, 1e-10))))


def ssim(output: Floats, truth: Floats) -> float:
    """Structural similarity (Wang et al., 2004, eq. 13): mean over whole windows and channels, at most 1.

    Gaussian window of 11 pixels and sigma 1.5, K1 0.01, K2 0.03, population covariance, no padding; for pictures
    under 11 pixels a side the window shrinks with them.
    """
    x, y = output.astype(np.float64), truth.astype(np.float64)
    c1, c2 = 0.01**2, 0.03**2
    mu_x, mu_y = _blur(x), _blur(y)
    var_x, var_y = _blur(x * x) - mu_x**2, _blur(y * y) - mu_y**2
    cov = _blur(x * y) - mu_x * mu_y
    similarity = ((2 * mu_x * mu_y + c1) * (2 * cov + c2)) / ((mu_x**2 + mu_y**2 + c1) * (var_x + var_y + c2))
    return float(similarity.mean())


def _blur(picture: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Gaussian means over the windows that lie wholly inside."""
    for axis in (0, 1):
        taps = min(11, picture.shape[axis])
        window = np.exp(-0.5 * ((np.arange(taps) - (taps - 1) / 2) / 1.5) ** 2)
        window /= window.sum()
        length = picture.shape[axis] - taps + 1
        parts = (w * picture.take(range(k, k + length), axis=axis) for k, w in enumerate(window))
        picture = np.sum(list(parts), axis=0)
    return picture


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure and how to read it."""

    measure: Callable[[Floats, Floats], float]
    higher_is_better: bool
    unit: str
    definition: str


METRICS: dict[str, Metric] = {
    "l1": Metric(l1, False, "", "mean absolute error over RGB, in [0, 1]"),
    "psnr": Metric(psnr, True, "dB", "over RGB, peak 1, mean of the pictures' values"),
    "ssim": Metric(ssim, True, "", "Wang et al. 2004, 11x11 Gaussian, sigma 1.5, RGB, no padding"),
}
