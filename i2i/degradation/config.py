"""What the degradation may do: every probability and every range. The defaults are Real-ESRGAN's.

Wang et al., "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data", ICCVW 2021,
arXiv 2107.10833, section 3 and the authors' options.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ..settings import Strict

Probability = Annotated[float, Field(ge=0, le=1)]
Mode = Literal["area", "bilinear", "bicubic", "antialiased"]


def _ordered(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"the range must begin at its smaller end, as [{ends[1]:g}, {ends[0]:g}]")
    return ends


Span = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_ordered)]
"""Both ends of a range that is drawn from evenly, above 0."""
Kernel = Annotated[
    tuple[Annotated[int, Field(ge=3, le=31)], Annotated[int, Field(ge=3, le=31)]], AfterValidator(_ordered)
]
"""Least and largest side of a kernel, in pixels; odd sides are drawn."""
Quality = Annotated[
    tuple[Annotated[int, Field(ge=1, le=100)], Annotated[int, Field(ge=1, le=100)]], AfterValidator(_ordered)
]


def _sums_to_one(probabilities: Any, names: str) -> None:
    total = sum(probabilities)
    if abs(total - 1) > 1e-6:
        raise ValueError(f"the probabilities of {names} must sum to 1, and sum to {total:g}")


class BlurConfig(Strict):
    """A blur by a random kernel (section 3.1); with probability `sinc` it is a low-pass filter, which rings."""

    p: Probability = 1
    """Probability of any blur."""
    kernel: Kernel = (7, 21)
    """Least and largest side of the kernel, in pixels."""
    sinc: Probability = 0.1
    """Probability of a sinc filter in the place of the others."""
    iso: Probability = 0.45
    """Of a round Gaussian."""
    aniso: Probability = 0.25
    """Of a Gaussian that is longer in a random direction."""
    generalised_iso: Probability = 0.12
    """Of a round generalised Gaussian, sharper or flatter at its top."""
    generalised_aniso: Probability = 0.03
    """Of a longish one."""
    plateau_iso: Probability = 0.12
    """Of a round plateau with soft edges."""
    plateau_aniso: Probability = 0.03
    """Of a longish one."""
    sigma: Span = (0.2, 3)
    """Standard deviation along either axis, in pixels."""
    beta_generalised: Span = (0.5, 4)
    """Exponent of generalised Gaussians, drawn up to 1 and from 1 on equally often."""
    beta_plateau: Span = (1, 2)
    """Exponent of plateaus, drawn in the same way, so half of those of [1, 2] are 1."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _sums_to_one([getattr(self, kind) for kind in KINDS], "the kinds of blur but sinc")
        return self


KINDS = ("iso", "aniso", "generalised_iso", "generalised_aniso", "plateau_iso", "plateau_aniso")
"""Kinds of blur, each with its probability in BlurConfig."""


class ResizeConfig(Strict):
    """A change of size, by a factor from `range`: above 1 when up, below when down (section 3.1)."""

    up: Probability = 0.2
    """Probability of enlarging."""
    down: Probability = 0.7
    """Of reducing."""
    keep: Probability = 0.1
    """Of neither."""
    range: Span = (0.15, 1.5)
    """Least and largest factor."""
    modes: tuple[Mode, ...] = ("area", "bilinear", "bicubic")
    """Ways to resize, of which one is drawn; `antialiased` is bicubic and averages where it reduces."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _sums_to_one((self.up, self.down, self.keep), "up, down and keep")
        low, high = self.range
        if (self.up and high < 1) or (self.down and low > 1):
            raise ValueError(f"the range [{low:g}, {high:g}] has no factor to go up or down by")
        if not self.modes:
            raise ValueError("name one mode at least")
        return self


class NoiseConfig(Strict):
    """Noise of the camera (section 3.1)."""

    p: Probability = 1
    """Probability of any noise."""
    gaussian: Probability = 0.5
    """Probability that it is Gaussian; else it is Poisson, which grows with the light."""
    sigma: Span = (1, 30)
    """Standard deviation of Gaussian noise, in levels of 255."""
    poisson: Span = (0.05, 3)
    """Strength of Poisson noise; 1 counts as many photons as there are levels."""
    grey: Probability = 0.4
    """Probability that the noise is the same in all channels."""


class JpegConfig(Strict):
    """Compression as JPEG, with half the resolution of colour."""

    p: Probability = 1
    """Probability of any compression."""
    quality: Quality = (30, 95)
    """Least and largest quality."""


class StageConfig(Strict):
    """A classical degradation: blur, change of size, noise, JPEG, in this order (section 3.1)."""

    blur: BlurConfig = BlurConfig()
    """Blur."""
    resize: ResizeConfig = ResizeConfig()
    """Change of size."""
    noise: NoiseConfig = NoiseConfig()
    """Noise."""
    jpeg: JpegConfig = JpegConfig()
    """JPEG."""


class SincConfig(Strict):
    """The filter at the end, for the ringing of sharpened pictures (section 3.3)."""

    p: Probability = 0.8
    """Probability of the filter."""
    kernel: Kernel = (7, 21)
    """Least and largest side of the kernel, in pixels."""


class DegradationConfig(Strict):
    """How low-resolution pictures are made of HR ones: two classical degradations in a row (section 3.2)."""

    kind: Literal["bicubic", "pipeline"] = "bicubic"
    """`bicubic` reduces once and for all, as MATLAB does; `pipeline` degrades anew for each sample, as set below."""
    first: StageConfig = StageConfig()
    """The first degradation."""
    second: StageConfig = StageConfig(
        blur=BlurConfig(p=0.8, sigma=(0.2, 1.5)),
        resize=ResizeConfig(up=0.3, down=0.4, keep=0.3, range=(0.3, 1.2)),
        noise=NoiseConfig(sigma=(1, 25), poisson=(0.05, 2.5)),
    )
    """The second; its sizes are relative to the low-resolution picture, and its JPEG comes last or before the sinc."""
    sinc: SincConfig = SincConfig()
    """The sinc filter at the end."""
    sharpen: bool = False
    """Sharpen what is degraded, and what pixel and perceptual loss compare with; D sees the truth as it is."""


NOTHING: dict[str, Any] = {
    "blur": {"p": 0},
    "resize": {"up": 0, "down": 0, "keep": 1, "modes": ["antialiased"]},
    "noise": {"p": 0},
    "jpeg": {"p": 0},
}
"""A stage that does nothing but bring the picture to its size."""
ALONE: dict[str, Any] = {"kind": "pipeline", "first": NOTHING, "second": NOTHING, "sinc": {"p": 0}}

DEGRADATIONS: dict[str, dict[str, Any]] = {
    "real": {"kind": "pipeline", "sharpen": True},
    "mild": {
        **ALONE,
        "first": {
            "blur": {"p": 0.7, "sinc": 0, "kernel": [7, 13], "sigma": [0.2, 1.2]},
            "resize": {"up": 0.1, "down": 0.5, "keep": 0.4, "range": [0.6, 1.2]},
            "noise": {"p": 0.7, "sigma": [1, 8], "poisson": [0.05, 0.6]},
            "jpeg": {"p": 0.7, "quality": [60, 95]},
        },
        "second": {**NOTHING, "jpeg": {"p": 0.5, "quality": [75, 95]}},
    },
    "noise": {**ALONE, "second": {**NOTHING, "noise": {"p": 1, "sigma": [5, 50], "poisson": [0.5, 4]}}},
    "blur": {**ALONE, "second": {**NOTHING, "blur": {"p": 1, "sinc": 0, "sigma": [0.6, 3]}}},
    "jpeg": {**ALONE, "second": {**NOTHING, "jpeg": {"p": 1, "quality": [10, 70]}}},
}
"""Rows of settings by name: Real-ESRGAN's; a milder one for photographs; and one operation each, to undo at scale 1."""
