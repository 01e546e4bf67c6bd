"""ADA's own augmentations of what a discriminator sees (Karras et al., NeurIPS 2020, arXiv 2006.06676, appendix B).

Twelve transformations in a fixed order, each done to each picture with probability p alone, so that the distribution of
real pictures can still be told from any other while p is below 0.8 or so. Those of whole pixels are exact; the other
geometric ones are one affine map, sampled between two steps of a wavelet filter; colours are one matrix. Pictures are
(N, C, H, W) in [-1, 1]; gradients flow through all, and every number is drawn for each picture from torch's global
generator.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from ..hardware.batch_part import drawn
from ..networks.norms import exact
from .sampling import Sampled

BLITS = ("flip", "rotate90", "shift")
GEOMETRY = ("scale", "rotate", "stretch", "subpixel")
COLOURS = ("brightness", "contrast", "luma_flip", "hue", "saturation")
PIPE = {"bgc": (*BLITS, *GEOMETRY, *COLOURS)} | {name: (name,) for name in (*BLITS, *GEOMETRY, *COLOURS)}
"""What `gan.augment` may name -> its transformations; `bgc` is the paper's choice."""
SIDE = 0.125
"""Largest shift by whole pixels, and the standard deviation of the other one, as a part of a side."""
SYM6 = (
    *(0.015404109327027373, 0.0034907120842174702, -0.11799011114819057, -0.048311742585633, 0.4910559419267466),
    *(0.787641141030194, 0.3379294217276218, -0.07263752278646252, -0.021060292512300564, 0.04472490177066578),
    *(0.0017677118642428036, -0.007800708325034148),
)  # fmt: skip
"""The low-pass filter of Daubechies' least asymmetric wavelet with six vanishing moments."""


def piped(x: Tensor, names: Collection[str], p: float, parts: Sequence[int], *, has_alpha: bool = False) -> Tensor:
    """`x` with each transformation of `names` done to each picture with probability `p`.

    `parts` are the channels of the pictures that are stacked in `x`: places move together, colours change alone.
    `has_alpha`: they are RGB times alpha, and alpha.
    """
    with torch.autocast(x.device.type, enabled=False):  # its products would be bf16: places and colours of two digits
        x = _blitted(exact(x), names, p)
        if any(name in names for name in GEOMETRY):
            x = _warped(x, names, p)
        if any(name in names for name in COLOURS):
            x = torch.cat([coloured(part, names, p, has_alpha=has_alpha) for part in torch.split(x, list(parts), 1)], 1)
    return x


class _Draws:
    """Numbers for each picture: 0 where a transformation is not asked for, or is not done."""

    def __init__(self, like: Tensor, names: Collection[str], p: float) -> None:
        self.like, self.names, self.p = like, names, p
        self.done = torch.zeros(len(like), 1, dtype=torch.bool, device=like.device)
        """(N, 1): whether anything was."""

    def uniform(self, name: str, low: float, high: float, p: float | None = None, numbers: int = 1) -> Tensor:
        """(N, numbers) from U(low, high)."""
        return self._kept(name, numbers, lambda: low + (high - low) * self._drawn(torch.rand, numbers), p)

    def whole(self, name: str, count: int) -> Tensor:
        """(N, 1) of whole numbers below `count`."""
        return self.uniform(name, 0, count).floor().clamp(max=count - 1)

    def normal(self, name: str, deviation: float, numbers: int = 1) -> Tensor:
        """(N, numbers) from N(0, deviation²)."""
        return self._kept(name, numbers, lambda: deviation * self._drawn(torch.randn, numbers))

    def _kept(self, name: str, numbers: int, value: Callable[[], Tensor], p: float | None = None) -> Tensor:
        if name not in self.names:
            return self.like.new_zeros(len(self.like), numbers)
        found, does = value(), self._drawn(torch.rand, 1) < (self.p if p is None else p)
        self.done = self.done | does
        return torch.where(does, found, 0.0)

    def _drawn(self, draw: Callable[..., Tensor], numbers: int) -> Tensor:
        """(N, numbers), drawn in float32, so that all precisions draw alike."""
        return drawn(lambda n: draw(n, numbers, device=self.like.device), len(self.like)).to(self.like.dtype)


def _blitted(x: Tensor, names: Collection[str], p: float) -> Tensor:
    """Mirrored, turned and shifted by whole pixels; what comes in from outside is the mirror image."""
    draws, (_, _, height, width) = _Draws(x, names, p), x.shape
    if "flip" in names:
        x = torch.where(_each(draws.whole("flip", 2)) > 0, x.flip(3), x)
    if "rotate90" in names:
        turns = _each(draws.whole("rotate90", 4))
        if height != width:
            turns = 2 * (turns / 2).floor()  # a quarter of a turn would not fit
        else:
            x = torch.where(turns % 2 > 0, x.rot90(1, (2, 3)), x)
        x = torch.where(turns >= 2, x.rot90(2, (2, 3)), x)
    if "shift" in names:
        down, across = torch.split(draws.uniform("shift", -SIDE, SIDE, numbers=2), 1, 1)
        rows, columns = _mirrored(down, height), _mirrored(across, width)
        pictures = torch.arange(len(x), device=x.device)[:, None, None]
        x = x.permute(0, 2, 3, 1)[pictures, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    return x


def _each(numbers: Tensor) -> Tensor:
    """(N, 1) -> (N, 1, 1, 1), beside pictures."""
    return numbers[:, :, None, None]


def _mirrored(shift: Tensor, length: int) -> Tensor:
    """(N, 1), parts of the side -> (N, length): the places that are seen after it, mirrored at both ends."""
    place = torch.arange(length, device=shift.device) - (shift * length).round().long()
    return _inside(place, length)


def _inside(place: Tensor, length: int) -> Tensor:
    """Places along a side, mirrored at both ends as often as it takes."""
    place = place.remainder(2 * length)
    return torch.minimum(place, 2 * length - 1 - place)


def _warped(x: Tensor, names: Collection[str], p: float) -> Tensor:
    """Scaled, turned, stretched along any axis and moved by parts of pixels, in one step."""
    draws, (_, _, height, width) = _Draws(x, names, p), x.shape
    once = 1 - math.sqrt(1 - p)  # of two turns, so that with p there is any
    scale, stretch = (torch.exp2(draws.normal(name, 0.2)) for name in ("scale", "stretch"))
    first, second = (draws.uniform("rotate", -math.pi, math.pi, p=once) for _ in range(2))
    move = _times(draws.normal("subpixel", SIDE, numbers=2), width, height)
    # a point of the outcome -> where it is taken from: the inverse of each, the last one first
    stretched = torch.diag_embed(torch.cat([1 / stretch, stretch], 1))
    inverse = _turn(-first) @ stretched @ _turn(-second) / scale[:, :, None]
    taken = _sampled(x, inverse, -(inverse @ move[:, :, None])[:, :, 0])
    return torch.where(_each(draws.done), taken, x)


def _turn(angle: Tensor) -> Tensor:
    """(N, 1) -> (N, 2, 2)."""
    c, s = angle.cos(), angle.sin()
    return torch.cat([c, -s, s, c], 1).reshape(-1, 2, 2)


EXTRA = 3
"""Pixels beyond each border that are mirrored before the filters, so that nothing of the picture meets its end."""
LAG = (sum(n * tap for n, tap in enumerate(SYM6)) / sum(SYM6) - (len(SYM6) - 1) / 2) / 2
"""Pixels by which the filter, which is not symmetric, moves what it doubles."""


def _sampled(x: Tensor, matrix: Tensor, move: Tensor) -> Tensor:
    """Each pixel from `matrix` (N, 2, 2) times its place from the middle, plus `move` (N, 2), in pixels, x first.

    Doubled, taken at twice the density, halved, so that neither too fine nor too coarse samples alias; where nothing
    moves the filters undo each other. They are products of matrices, which a processor does quicker than convolutions.
    """
    n, _, height, width = x.shape
    where, margin = (x.device, x.dtype), len(SYM6) // 2 - 1
    fine = _doubling(height, *where) @ x @ _doubling(width, *where).T
    columns, rows = (
        (torch.arange(2 * side + 2 * margin, device=x.device, dtype=x.dtype) - margin + 0.5) / 2 - side / 2 - LAG
        for side in (width, height)
    )
    places = torch.stack(torch.meshgrid(columns, rows, indexing="xy"), 2).reshape(1, -1, 2)
    taken = places @ matrix.transpose(1, 2) + move[:, None] + LAG
    grid = _times(taken, 1 / (width / 2 + EXTRA), 1 / (height / 2 + EXTRA)).reshape(n, len(rows), len(columns), 2)
    seen: Tensor = Sampled.apply(fine, grid)
    return _halving(height, *where) @ seen @ _halving(width, *where).T


def _times(places: Tensor, across: float, down: float) -> Tensor:
    """(…, 2), x first, each by its own factor; a tensor of both would be copied to the device at each step."""
    return torch.stack([places[..., 0] * across, places[..., 1] * down], -1)


@functools.cache
def _doubling(side: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(2 (side + 2 EXTRA), side): the doubled line of pixels, mirrored beyond its ends."""
    border, before = EXTRA + len(SYM6) // 4, len(SYM6) // 2 - 1
    lines = torch.zeros(2 * (side + 2 * EXTRA), side, dtype=torch.float64)
    for place in range(-border, side + border):
        column = int(_inside(torch.tensor(place), side))
        for n, tap in enumerate(SYM6):
            fine = 2 * (place + EXTRA) + n - before
            if 0 <= fine < len(lines):
                lines[fine, column] += 2 * tap / sum(SYM6)
    return lines.to(device, dtype)


@functools.cache
def _halving(side: int, device: torch.device, dtype: torch.dtype) -> Tensor:
    """(side, 2 side + 10): of twice as many pixels, and five at both ends."""
    lines = torch.zeros(side, 2 * side + len(SYM6) - 2, dtype=torch.float64)
    for n, tap in enumerate(SYM6):
        lines[torch.arange(side), 2 * torch.arange(side) + n] = tap / sum(SYM6)
    return lines.to(device, dtype)


def coloured(x: Tensor, names: Collection[str], p: float, *, has_alpha: bool = False) -> Tensor:
    """Brightness, contrast, luma flip, hue and saturation, in this order, as one matrix.

    Grey has the first three, bands that are no RGB no hue. With alpha, the colours are changed as they were before
    they were multiplied by it, and it stays.
    """
    draws, alpha = _Draws(x, names, p), x[:, 3:] if has_alpha else x[:, :0]
    x = x[:, :3] if has_alpha else x
    channels = x.shape[1]
    one = torch.eye(channels, device=x.device, dtype=x.dtype)
    luma = one.new_full((channels, channels), 1 / channels)  # the projection on the axis of greys

    shift, contrast = draws.normal("brightness", 0.2), torch.exp2(draws.normal("contrast", 0.5))
    flip, hue = draws.whole("luma_flip", 2), draws.uniform("hue", -math.pi, math.pi)
    saturation = torch.exp2(draws.normal("saturation", 1.0))
    matrix = contrast[:, :, None] * (one - 2 * flip[:, :, None] * luma)
    if channels == 3:
        matrix = _about_grey(hue[:, :, None]) @ matrix
    matrix = (luma + saturation[:, :, None] * (one - luma)) @ matrix
    if not has_alpha:
        return torch.einsum("nij,njhw->nihw", matrix, x + _each(shift))
    share = (alpha + 1) / 2  # the whole is linear, so it is made of the products
    y = torch.einsum("nij,njhw->nihw", matrix, x + 1 - share + _each(shift) * share)
    return torch.cat([y - 1 + share, alpha], 1)


def _about_grey(angle: Tensor) -> Tensor:
    """(N, 1, 1) -> (N, 3, 3): turns about the axis of greys (Rodrigues)."""
    c, s = angle.cos(), angle.sin()
    across = _across(angle.device, angle.dtype)
    return c * torch.eye(3, device=angle.device, dtype=angle.dtype) + s * across + (1 - c) / 3


@functools.cache
def _across(device: torch.device, dtype: torch.dtype) -> Tensor:
    """(3, 3): the vector product with the axis of greys."""
    return torch.tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device, dtype=dtype) / math.sqrt(3)
