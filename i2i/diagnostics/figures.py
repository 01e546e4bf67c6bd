"""Figures of the failure modes of an unpaired translator: each a function of pictures, none knows a network.

Pictures are float NCHW in [-1, 1]: x of the source domain, fake = G(x), y real ones of the target domain. What the
figures mean, when they are bad and what helps is in diagnostics/failure_modes.py, which needs no torch.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..evaluation.distances import wasserstein
from ..images.image import REC601

SMALL = 16
"""Longer side, in pixels, that pictures are averaged down to before all but the cycle is looked at."""

LEAST_SETS = 4
"""Pictures of each domain from which on the distance of the domains can be told from chance."""

CYCLE_PICTURES = 4
"""Pictures whose cycle is run at most; it takes three passes of the other generator."""

NOISE = 2 / 255
"""Standard deviation of the noise put on a fake before it is translated back, of pictures in [0, 1]."""

Back = Callable[[Tensor], Tensor]


def failure_figures(x: Tensor, fake: Tensor, y: Tensor, back: Back | None, direction: str) -> dict[str, float]:
    """Every figure by its name in `log.jsonl`, `fail_identity_a2b` for the direction `a2b`.

    x (N, C, H, W), fake (N, C', H, W) and y (M, C', H', W') in [-1, 1], N and M from 1 on; `back` is the other
    generator, called three times with at most CYCLE_PICTURES pictures; without one there is no figure of the cycle.
    Figures that these pictures cannot give
    (a set that is too small, flat pictures) are left out.
    """
    figures = {
        "identity": identity(x, fake, y),
        "changed": changed(x, fake),
        "inversion": inversion(x, fake),
        "collapse": collapse(x, fake, y),
        **(cycle(x, fake, back) if back is not None else {}),
    }
    return {f"fail_{name}_{direction}": figure for name, figure in figures.items() if math.isfinite(figure)}


def identity(x: Tensor, fake: Tensor, y: Tensor) -> float:
    """How far the colours moved, over how far they must: mean |fake - x| over the distance of the domains.

    The latter is the 1-Wasserstein distance of the values of x from those of y, mean over channels, which is the least
    mean change that can turn the one into the other: with the target's colours the figure is 1 or more, and 0 when the
    input is handed back. Luminance is compared where channels differ. NaN for fewer than LEAST_SETS pictures of
    either domain.
    """
    if min(len(x), len(y)) < LEAST_SETS:
        return math.nan
    x, fake, y = _small(x), _small(fake), _small(y)
    if x.shape[1] != y.shape[1]:
        x, fake, y = _luminance(x), _luminance(fake), _luminance(y)
    gap = wasserstein(_columns(x), _columns(y)).mean().clamp(min=2 / 255)  # two grey levels: less cannot be seen
    return float((fake - x).abs().mean() / gap)


def changed(x: Tensor, fake: Tensor) -> float:
    """Mean |fake - x| in [0, 1], pixel by pixel; of the luminance where channels differ."""
    if x.shape[1] != fake.shape[1]:
        x, fake = _luminance(x), _luminance(fake)
    return float((fake.float() - x.float()).abs().mean() / 2)


def inversion(x: Tensor, fake: Tensor) -> float:
    """Correlation of the luminance of x and fake, pixel by pixel, mean over pictures, in [-1, 1].

    Flat pictures have none and do not count; NaN when all are flat.
    """
    a, b = (_luminance(_small(pictures)).flatten(1) for pictures in (x, fake))
    a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
    spreads = a.std(1, correction=0), b.std(1, correction=0)
    told = (spreads[0] > 1 / 255) & (spreads[1] > 1 / 255)
    return float(((a * b).mean(1) / (spreads[0] * spreads[1]))[told].mean())


def collapse(x: Tensor, fake: Tensor, y: Tensor) -> float:
    """How diverse the outputs are, over the less diverse of the two domains; 0 when all outputs are alike.

    Diversity is the mean absolute difference of two pictures of a set, over all pairs. NaN where a set is a single
    picture, or the pictures of a domain are all alike.
    """
    if min(len(x), len(y)) < 2:
        return math.nan
    least = min(_diversity(x), _diversity(y))
    return _diversity(fake) / least if least > 1 / 255 else math.nan


def cycle(x: Tensor, fake: Tensor, back: Back) -> dict[str, float]:
    """Mean |back(fake) - x| in [0, 1]: as it is, of the fake in 8 bits, and of the fake with a little fixed noise.

    Where the way back reads what was hidden in a faint pattern (Chu et al., "CycleGAN, a Master of Steganography",
    2017), the noise destroys it and the error grows.
    """
    x, fake = x[:CYCLE_PICTURES], fake[:CYCLE_PICTURES].float().clamp(-1, 1)
    noise = torch.randn(fake.shape, generator=torch.Generator().manual_seed(0)).to(fake.device)
    variants = {
        "cycle": fake,
        "cycle_8bit": ((fake + 1) * 127.5).round() / 127.5 - 1,
        "cycle_noise": (fake + 2 * NOISE * noise).clamp(-1, 1),  # twice: [-1, 1] is two wide
    }
    return {name: float((back(seen).float() - x.float()).abs().mean() / 2) for name, seen in variants.items()}


def _small(pictures: Tensor) -> Tensor:
    """Means over areas, at most SMALL pixels a side, in [0, 1]: what is left is colour and coarse shape."""
    scale = min(1.0, SMALL / max(pictures.shape[2:]))
    size = [max(1, round(side * scale)) for side in pictures.shape[2:]]
    return F.interpolate((pictures.float() + 1) / 2, size, mode="area")


def _luminance(pictures: Tensor) -> Tensor:
    """(N, C, H, W) -> (N, 1, H, W): Rec. 601 of RGB, else the mean of the channels."""
    if pictures.shape[1] != 3:
        return pictures.mean(1, keepdim=True)
    weights = pictures.new_tensor(REC601)
    return (pictures * weights[:, None, None]).sum(1, keepdim=True)


def _columns(pictures: Tensor) -> Tensor:
    """(N, C, H, W) -> (N * H * W, C)."""
    return pictures.permute(0, 2, 3, 1).flatten(0, 2)


def _diversity(pictures: Tensor) -> float:
    """Mean absolute difference of two pictures, over all pairs of at least two, in [0, 1]."""
    flat = _small(pictures).flatten(1)
    return float(F.pdist(flat, p=1).mean() / flat.shape[1])
