"""Operations of the degradation, one function each: (1, C, H, W) in [0, 1] to the same."""

from __future__ import annotations

import functools
import io

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from ..images.image import REC601
from .kernels import Floats, as_weights, gaussian

UNSHARP_SIDE, UNSHARP_SIGMA, UNSHARP_FROM, UNSHARP_WEIGHT = 51, 8.0, 10 / 255, 0.5
"""Of the authors' unsharp mask: side and standard deviation of its kernel, least difference sharpened, weight."""


def blur(x: Tensor, kernel: Floats) -> Tensor:
    """Each channel convolved with (side, side), the picture going on mirrored beyond its borders."""
    return F.conv2d(_extended(x, kernel.shape[0] // 2), as_weights(kernel, x), groups=x.shape[1])


def resize(x: Tensor, height: int, width: int, mode: str) -> Tensor:
    """Resized by a mode of `ResizeConfig`; all but `antialiased` are torch's own, as the authors use them."""
    if x.shape[2:] == (height, width):
        return x
    if mode == "area":
        return F.interpolate(x, (height, width), mode="area")
    way = "bicubic" if mode == "antialiased" else mode
    return F.interpolate(x, (height, width), mode=way, antialias=mode == "antialiased").clamp(0, 1)


def gaussian_noise(x: Tensor, sigma: float, grey: bool, generator: torch.Generator) -> Tensor:
    """Noise of standard deviation `sigma`, in levels of 255; the same in all channels when `grey`."""
    noise = torch.randn((1, 1 if grey else x.shape[1], *x.shape[2:]), generator=generator, device=x.device)
    return (x + noise * (sigma / 255)).clamp(0, 1)


def poisson_noise(x: Tensor, strength: float, grey: bool, generator: torch.Generator) -> Tensor:
    """The deviation of Poisson counts from the light that they count, times `strength`.

    As many photons make white as the picture has levels, up to a power of 2. When `grey` the luma is counted, in levels
    of its own, and all channels get its noise.
    """
    light = ((_luma(x) if grey else x) * 255).round().clamp(0, 255) / 255
    photons = 2.0 ** np.ceil(np.log2(max(2, len(torch.unique(light)))))
    noise: Tensor = torch.poisson(light * photons, generator=generator) / photons - light
    return (x + noise * strength).clamp(0, 1)


def jpeg(x: Tensor, quality: int) -> Tensor:
    """Encoded with half the resolution of colour, and decoded; channels that are neither grey nor RGB one by one."""
    levels = (x[0] * 255).round().clamp(0, 255).to(torch.uint8).cpu().numpy()
    parts = [levels] if len(levels) in (1, 3) else np.split(levels, len(levels))
    coded = np.concatenate([_jpeg(part, quality) for part in parts])
    return (torch.from_numpy(coded).to(x) / 255)[None]


def sharpened(x: Tensor) -> Tensor:
    """The authors' unsharp mask, (N, C, H, W) in [0, 1]: only of visible differences, by a blurred mask."""
    blurred = _soft(x)
    residual = x - blurred
    mask = _soft((residual.abs() > UNSHARP_FROM).to(x))
    return mask * (x + UNSHARP_WEIGHT * residual).clamp(0, 1) + (1 - mask) * x


def _soft(x: Tensor) -> Tensor:
    """By two passes: a Gaussian is a product."""
    line = _line().to(x)
    channels = x.shape[1]
    x = _extended(x, UNSHARP_SIDE // 2)
    x = F.conv2d(x, line.view(1, 1, -1, 1).expand(channels, 1, -1, 1), groups=channels)
    return F.conv2d(x, line.view(1, 1, 1, -1).expand(channels, 1, 1, -1), groups=channels)


def _extended(x: Tensor, pad: int) -> Tensor:
    """`pad` pixels more on each side: mirrored, which gives at most side - 1 pixels, then the edge repeated."""
    down, across = (min(pad, side - 1) for side in x.shape[2:])
    x = F.pad(x, (across, across, down, down), mode="reflect")
    return F.pad(x, (pad - across, pad - across, pad - down, pad - down), mode="replicate")


@functools.cache
def _line() -> Tensor:
    return torch.from_numpy(gaussian(UNSHARP_SIDE, (UNSHARP_SIGMA, UNSHARP_SIGMA), 0.0).sum(0)).float()


def _luma(x: Tensor) -> Tensor:
    if x.shape[1] != 3:
        return x.mean(1, keepdim=True)
    return (x * x.new_tensor(REC601)[:, None, None]).sum(1, keepdim=True)


def _jpeg(levels: npt.NDArray[np.uint8], quality: int) -> npt.NDArray[np.uint8]:
    picture = Image.fromarray(levels[0] if len(levels) == 1 else levels.transpose(1, 2, 0))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=quality, subsampling="4:2:0")
    decoded = np.asarray(Image.open(buffer, formats=["JPEG"]))
    return decoded[None] if len(levels) == 1 else decoded.transpose(2, 0, 1)
