"""The degradation in order: blur, size, noise, JPEG, and the same again with a sinc filter (section 3 of the paper).

What happens to a sample is, on one kind of device, a function of (seed, its number) and of nothing else: neither of the
batch that it is in nor of what came before. So there is no queue of old samples, which the authors
need, as all samples of their batches share one choice.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..seeding import SAMPLE_NUMBER, Purpose, generator
from .config import DegradationConfig, JpegConfig, NoiseConfig, ResizeConfig
from .kernels import FINAL_SINC_FROM, drawn_blur, drawn_side, sinc
from .operations import blur, gaussian_noise, jpeg, poisson_noise, resize, sharpened

SHARPENED = "sharpened"
"""Key of the truths after the unsharp mask, of the truths' size; pixel and perceptual losses compare with them."""


class Degradation:
    """A batch transform that makes inputs of truths, between the loader and the step of a method.

    b of (N, C, S, S) becomes a of (N, C, size / scale, size / scale) and b of (N, C, size, size), all in [-1, 1], on
    whatever device b is. S is `size` or more, and what is more is cut off around the middle, so that the borders of the
    crop are degraded as what lies within.
    """

    takes = ("b", SAMPLE_NUMBER)
    """Keys of a batch that it reads: the truths, and the samples' numbers (N,) int64. Others are passed on."""

    @property
    def gives(self) -> tuple[str, ...]:
        """Keys that it writes: inputs, truths, and with `sharpen` the truths that pixel losses compare with."""
        return ("a", "b", SHARPENED) if self.config.sharpen else ("a", "b")

    def __init__(self, config: DegradationConfig, scale: int, size: int, seed: int) -> None:
        self.config, self.scale, self.size, self.seed = config, scale, size, seed

    @torch.no_grad()
    def __call__(self, batch: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The batch with what it `gives` in the place of what it `takes`; raises KeyError where that is missing."""
        truths, numbers = (batch["b"].float() + 1) / 2, batch[SAMPLE_NUMBER].tolist()
        sources = torch.cat([sharpened(truth[None]) for truth in truths]) if self.config.sharpen else truths
        inputs = [self.degraded(source[None], number) for source, number in zip(sources, numbers, strict=True)]
        given = {"a": self._middle(torch.cat(inputs), self.size // self.scale), "b": self._middle(truths, self.size)}
        if self.config.sharpen:
            given[SHARPENED] = self._middle(sources, self.size)
        others = {name: value for name, value in batch.items() if name not in self.takes}
        return {**others, **{name: (pictures * 2 - 1).contiguous() for name, pictures in given.items()}}

    def degraded(self, x: Tensor, number: int) -> Tensor:
        """(1, C, H, W) in [0, 1] -> (1, C, H / scale, W / scale), in steps of 1/255: the input of sample `number`."""
        rng = generator(self.seed, Purpose.DEGRADE, number)
        noise = torch.Generator(x.device).manual_seed(int(rng.integers(2**62)))
        first, second = self.config.first, self.config.second
        full = x.shape[2:]
        small = (full[0] // self.scale, full[1] // self.scale)
        if rng.random() < first.blur.p:
            x = blur(x, drawn_blur(rng, first.blur))
        x = _resized(x, rng, first.resize, full)
        x = _noisy(x, rng, first.noise, noise)
        x = _compressed(x, rng, first.jpeg)
        if rng.random() < second.blur.p:
            x = blur(x, drawn_blur(rng, second.blur))
        x = _resized(x, rng, second.resize, small)
        x = _noisy(x, rng, second.noise, noise)
        compressed_last = rng.random() < 0.5
        if not compressed_last:
            x = _compressed(x, rng, second.jpeg)
        x = resize(x, *small, _mode(rng, second.resize))
        if rng.random() < self.config.sinc.p:
            side = drawn_side(rng, self.config.sinc.kernel)
            x = blur(x, sinc(side, rng.uniform(FINAL_SINC_FROM, math.pi)))
        if compressed_last:
            x = _compressed(x, rng, second.jpeg)
        return (x.clamp(0, 1) * 255).round() / 255

    def _middle(self, pictures: Tensor, side: int) -> Tensor:
        y, x = ((length - side) // 2 for length in pictures.shape[2:])
        return pictures[..., y : y + side, x : x + side]


def _resized(x: Tensor, rng: np.random.Generator, config: ResizeConfig, full: tuple[int, ...]) -> Tensor:
    """To `full` times a drawn factor."""
    way = ("up", "down", "keep")[rng.choice(3, p=[config.up, config.down, config.keep])]
    low, high = config.range
    spans = {"up": (max(1, low), high), "down": (low, min(1, high)), "keep": (1, 1)}
    factor = rng.uniform(*spans[way])
    height, width = (max(4, int(length * factor)) for length in full)
    return resize(x, height, width, _mode(rng, config))


def _mode(rng: np.random.Generator, config: ResizeConfig) -> str:
    return config.modes[rng.integers(len(config.modes))]


def _noisy(x: Tensor, rng: np.random.Generator, config: NoiseConfig, generator: torch.Generator) -> Tensor:
    if rng.random() >= config.p:
        return x
    grey = bool(rng.random() < config.grey)
    if rng.random() < config.gaussian:
        return gaussian_noise(x, rng.uniform(*config.sigma), grey, generator)
    return poisson_noise(x, rng.uniform(*config.poisson), grey, generator)


def _compressed(x: Tensor, rng: np.random.Generator, config: JpegConfig) -> Tensor:
    if rng.random() >= config.p:
        return x
    return jpeg(x.clamp(0, 1), int(rng.integers(config.quality[0], config.quality[1] + 1)))
