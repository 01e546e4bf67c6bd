"""Metrics: each a function of pictures and a row of METRICS, which says how to read it and what it needs.

Pictures are float32 (H, W, C) in [0, 1]. numpy alone, so that most scoring needs no torch. What a metric is measured on
(colour or luma, with or without a border) is a matter of its row and of `pair_values`, not of another function.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol

import numpy as np

from ..images.image import REC601, Doubles, Floats
from .sets import figures, patches, seen
from .sets.estimate import skewed
from .sets.figures import Figure
from .sets.seen import SeenFigure

LEAST = 20
"""Pairs below which a mean has no interval."""
STUDIO = (65.481 / 255, 128.553 / 255, 24.966 / 255)
"""Shares of R, G and B in Y of BT.601 in studio range, as MATLAB's rgb2ycbcr has them; black is 16/255."""


def l1(output: Floats, truth: Floats) -> float:
    """Mean absolute error over pixels and channels, in [0, 1]."""
    return float(np.abs(output - truth).mean())


def psnr(output: Floats, truth: Floats) -> float:
    """Peak signal-to-noise ratio in dB over all pixels and channels, peak 1; at most 100 for equal pictures."""
    error = float(np.mean((output.astype(np.float64) - truth) ** 2))
    return float(np.minimum(100.0, -10 * np.log10(np.maximum(error, 1e-10))))  # min and max would make 100 of nan


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


class PerceptualDistance(Protocol):
    """A network that tells how far two pictures are apart to the eye."""

    def pictures(self, output: Floats, truth: Floats) -> float:
        """Of two pictures (H, W, 1 or 3) in [0, 1]; 0 for equal ones."""


def lpips(network: PerceptualDistance, output: Floats, truth: Floats) -> float:
    """Learned perceptual distance (Zhang et al., 2018), 0 for equal pictures."""
    return network.pictures(output, truth)


def _blur(picture: Doubles) -> Doubles:
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


@dataclasses.dataclass(frozen=True, kw_only=True)
class Metric:
    """A figure and how to read it."""

    definition: str
    higher_is_better: bool = False
    unit: str = ""
    luma: bool = False
    """Measured on Y alone, not on the channels as they are."""
    features: str | None = None
    """The key in FEATURES of the trained network that it is measured with."""
    interval_least: int = 0
    """Pictures, or pictures of each set, below which the figure has no interval."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class PairMetric(Metric):
    """Of an output and its truth; what is told is the mean over the pairs."""

    interval_least: int = LEAST
    against: Literal["truth", "input", "cycle"] = "truth"
    """What an output is compared with: its truth, its input, or, once it is translated back, its input."""

    measure: Callable[..., float]
    """From (output, truth), (H, W, C) in [0, 1] of one shape; with `features`, that network comes first."""

    def interval(self, values: Sequence[float]) -> tuple[float, float] | None:
        """95 % interval of the mean over pictures (Hall's, which allows for skewness); None below LEAST pictures."""
        if len(values) < LEAST:
            return None
        mean = float(np.mean(values))
        found = skewed(mean, [np.asarray(values, np.float64) - mean])
        return found.low, found.high


@dataclasses.dataclass(frozen=True, kw_only=True)
class SetMetric(Metric):
    """Of all outputs and all real pictures: no picture needs its truth, and none has a figure of its own."""

    compute: Callable[[Any, Any], float]
    """From what is known of the outputs and of the real pictures."""
    interval: Callable[[Any, Any], tuple[float, float] | None]
    """From the same, the 95 % interval."""
    update: Callable[[Any, Floats], Any] = lambda seen, picture: [*seen, picture]
    """What is known of a set, one picture later; at first an empty list."""
    least: int = 1
    """Pictures of each set below which there is no figure."""
    alone: bool = False
    """Whether it is of the outputs alone, so that it matters not how many real pictures there are."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class FeatureMetric(Metric):
    """A figure of what an embedding makes of the pictures; `embedding.bind` makes it a SetMetric, under its name."""

    figure: Figure
    only: str = ""
    """The one embedding that gives the figure its name."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class SeenMetric(Metric):
    """A figure of what a classifier of known accuracy sees; `classifier.bind` makes it a SetMetric."""

    figure: SeenFigure
    by_class: bool = False
    """Whether it compares with the classes that were asked for."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class NoiseMetric(Metric):
    """A figure of a generator from noise itself, which is asked for pictures of its own (path_length.py)."""


def _on_any(figure: Figure) -> FeatureMetric:
    return FeatureMetric(definition=figure.words, higher_is_better=figure.higher_is_better, figure=figure)


def _on_inception(figure: Figure, words: str) -> FeatureMetric:
    """The figure that has a name of its own on Inception."""
    row = dataclasses.replace(_on_any(figure), only="inception")
    return dataclasses.replace(row, definition=f"{words}: {figure.words}")


METRICS: dict[str, PairMetric | SetMetric | FeatureMetric | SeenMetric | NoiseMetric] = {
    "l1": PairMetric(measure=l1, definition="mean absolute error over RGB, in [0, 1]"),
    "psnr": PairMetric(
        measure=psnr,
        higher_is_better=True,
        unit="dB",
        definition="over RGB, peak 1, mean of the pictures' values",
    ),
    "ssim": PairMetric(
        measure=ssim, higher_is_better=True, definition="Wang et al. 2004, 11x11 Gaussian, sigma 1.5, RGB, no padding"
    ),
    "psnr_y": PairMetric(
        measure=psnr,
        higher_is_better=True,
        unit="dB",
        definition="over Y (BT.601, studio range, not rounded), peak 1, mean of the pictures' values",
        luma=True,
    ),
    "ssim_y": PairMetric(measure=ssim, higher_is_better=True, definition="as ssim, over Y", luma=True),
    "lpips": PairMetric(measure=lpips, definition="Zhang et al. 2018, version 0.1, SqueezeNet, RGB", features="lpips"),
    "cycle": PairMetric(
        measure=l1,
        against="cycle",
        definition="cycle consistency: mean absolute error of what comes back of an input, in [0, 1]",
    ),
    "identity": PairMetric(
        measure=l1,
        against="input",
        higher_is_better=True,
        definition="mean absolute difference of output and input, in [0, 1]: 0 when the input comes back untouched",
    ),
    "swd": SetMetric(
        update=patches.add,
        compute=patches.sliced_wasserstein,
        interval=patches.interval,
        interval_least=patches.LEAST,
        definition="sliced Wasserstein distance of 7x7 patches (Karras et al. 2018), in standard deviations of the "
        "real ones, of all outputs from all real pictures",
    ),
    "frechet": _on_any(figures.FRECHET),
    "frechet_unbiased": _on_any(figures.FRECHET_UNBIASED),
    "kernel": _on_any(figures.KERNEL),
    "classes": _on_any(figures.CLASSES),
    "classes_unbiased": _on_any(figures.CLASSES_UNBIASED),
    "precision": _on_any(figures.PRECISION),
    "recall": _on_any(figures.RECALL),
    "density": _on_any(figures.DENSITY),
    "coverage": _on_any(figures.COVERAGE),
    "mind": _on_any(figures.MIND),
    "mind_unbiased": _on_any(figures.MIND_UNBIASED),
    "fid": _on_inception(figures.FRECHET, "FID (Heusel et al. 2017)"),
    "fid_unbiased": _on_inception(figures.FRECHET_UNBIASED, "FID of infinitely many pictures"),
    "kid": _on_inception(figures.KERNEL, "KID (Bińkowski et al. 2018)"),
    "is": _on_inception(figures.CLASSES, "Inception Score (Salimans et al. 2016)"),
    "is_unbiased": _on_inception(figures.CLASSES_UNBIASED, "Inception Score of infinitely many pictures"),
    "modes": SeenMetric(definition=seen.MODES.words, higher_is_better=True, figure=seen.MODES),
    "modes_kl": SeenMetric(definition=seen.KL.words, figure=seen.KL),
    "confidence": SeenMetric(definition=seen.CONFIDENCE.words, higher_is_better=True, figure=seen.CONFIDENCE),
    "label_accuracy": SeenMetric(
        definition=seen.LABEL_ACCURACY.words, higher_is_better=True, figure=seen.LABEL_ACCURACY, by_class=True
    ),
    "path_length": NoiseMetric(definition="perceptual path length (Karras et al. 2019)"),
}
"""By the word that `--metrics` takes. A new one is a row: `lpips` of one with a network, `swd` of one of sets, and
`frechet` of one on features."""


def inside(picture: Floats, border: int) -> Floats:
    """Without `border` pixels of each side; small pictures keep a pixel at least."""
    height, width = picture.shape[:2]
    border = min(border, (min(height, width) - 1) // 2)
    return picture[border : height - border, border : width - border]


def pair_values(output: Floats, truth: Floats, metrics: Mapping[str, PairMetric], border: int = 0) -> dict[str, float]:
    """Every metric of an output, by name; `border` pixels of each side count for none of them.

    Pictures (H, W, C) may differ in channels where one is grey: colour is then compared in the output's channels. Y is
    in studio range, but of a grey truth in full range, as the field has it.
    Raises ValueError where Y is asked for and there is none.
    """
    output, truth = inside(output, border), inside(truth, border)
    colour = with_channels_of(output, truth)
    found = {}
    for name, metric in metrics.items():
        studio = truth.shape[2] == 3
        pair = (luma(output, studio), luma(truth, studio)) if metric.luma else (output, colour)
        found[name] = metric.measure(*pair)
    return found


def psnr_y(output: Floats, truth: Floats, border: int) -> float:
    """PSNR over Y as super-resolution is scored, in dB: pictures (H, W, 3 or 1) in [0, 1], `border` pixels cut."""
    metric = METRICS["psnr_y"]
    assert isinstance(metric, PairMetric)
    return pair_values(output, truth, {"psnr_y": metric}, border)["psnr_y"]


def with_channels_of(output: Floats, truth: Floats) -> Floats:
    """The truth in the output's channels, where one of them is grey."""
    if truth.shape[2] == output.shape[2]:
        return truth
    return np.repeat(truth, output.shape[2], axis=2) if truth.shape[2] == 1 else luma(truth, studio=False)
