"""Figures for an output against the truth: each a function of two pictures, and a line in METRICS.

Pictures are float32 (H, W, C) in [0, 1]. numpy alone, so that scoring needs no torch. What a figure is measured on
(colour or luma, with or without a border) is a matter of its line and of `figures`, not of another function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Measure = Callable[[Floats, Floats], float]

STUDIO = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Shares of R, G and B in Y of BT.601 in studio range, as MATLAB's rgb2ycbcr has them; black is 16/255."""

REC601 = (0.299, 0.587, 0.114)
"""The same in full range: a grey picture's value stays what it is."""


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
        moved = picture.swapaxes(0, axis)
        blurred, part = np.zeros_like(moved[:length]), np.empty_like(moved[:length])
        for k, weight in enumerate(window):
            blurred += np.multiply(moved[k : k + length], weight, out=part)
        picture = blurred.swapaxes(0, axis)
    return picture


def luma(picture: Floats, studio: bool = True) -> Floats:
    """Y of BT.601, not rounded: (H, W, 3 or 1) in [0, 1] -> (H, W, 1), in [16/255, 235/255] or, not `studio`, [0, 1].

    One channel is a grey, which in full range is its own Y. Raises ValueError on other counts of channels.
    """
    channels = picture.shape[2]
    if channels not in (1, 3):
        raise ValueError(f"A picture of {channels} channels has no luma.")
    shares = np.array(STUDIO if studio else REC601)
    weights = shares if channels == 3 else shares.sum(keepdims=True)
    y = picture.astype(np.float64) @ weights[:, None] + (16 / 255 if studio else 0)
    return np.asarray(y, np.float32)


@dataclasses.dataclass(frozen=True)
class Metric:
    """A figure and how to read it."""

    measure: Measure | None
    """None where a network measures it, which whoever scores brings along."""
    higher_is_better: bool
    unit: str
    definition: str
    luma: bool = False
    """Measured on Y alone, not on the channels as they are."""


METRICS: dict[str, Metric] = {
    "l1": Metric(l1, False, "", "mean absolute error over RGB, in [0, 1]"),
    "psnr": Metric(psnr, True, "dB", "over RGB, peak 1, mean of the pictures' values"),
    "ssim": Metric(ssim, True, "", "Wang et al. 2004, 11x11 Gaussian, sigma 1.5, RGB, no padding"),
    "psnr_y": Metric(
        psnr, True, "dB", "over Y (BT.601, studio range, not rounded), peak 1, mean of the pictures' values", luma=True
    ),
    "ssim_y": Metric(ssim, True, "", "as ssim, over Y", luma=True),
    "lpips": Metric(None, False, "", "Zhang et al. 2018, version 0.1, SqueezeNet, RGB"),
}


def figures(output: Floats, truth: Floats, metrics: Mapping[str, Metric], border: int = 0) -> dict[str, float]:
    """Every metric of an output, by name; `border` pixels of each side count for none of them.

    Pictures (H, W, C) may differ in channels where one is grey: colour is then compared in the output's channels. Y is
    in studio range, but of a grey truth in full range, as the field has it. Small pictures keep a pixel at least.
    Raises ValueError where a metric brings no measure, or where Y is asked for and there is none.
    """
    height, width = truth.shape[:2]
    border = min(border, (min(height, width) - 1) // 2)
    inside = (slice(border, height - border), slice(border, width - border))
    output, truth = output[inside], truth[inside]
    colour = _with_channels_of(output, truth)
    found = {}
    for name, metric in metrics.items():
        if metric.measure is None:
            raise ValueError(f"{name} is measured by a network, and none was given.")
        studio = truth.shape[2] == 3
        pair = (luma(output, studio), luma(truth, studio)) if metric.luma else (output, colour)
        found[name] = metric.measure(*pair)
    return found


def psnr_y(output: Floats, truth: Floats, border: int) -> float:
    """PSNR over Y as super-resolution is scored, in dB: pictures (H, W, 3 or 1) in [0, 1], `border` pixels cut."""
    return figures(output, truth, {"psnr_y": METRICS["psnr_y"]}, border)["psnr_y"]


def _with_channels_of(output: Floats, truth: Floats) -> Floats:
    if truth.shape[2] == output.shape[2]:
        return truth
    return np.repeat(truth, output.shape[2], axis=2) if truth.shape[2] == 1 else luma(truth, studio=False)
