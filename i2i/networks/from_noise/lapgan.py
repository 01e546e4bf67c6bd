"""LAPGAN (Denton et al., NeurIPS 2015, arXiv 1506.05751): a generator for each level of a Laplacian pyramid.

The smallest level is fully connected; each other one adds what its picture lacks, given the coarse one enlarged. Every
level has a discriminator of its own.
"""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ...errors import ConfigError
from ..kernels.layers import Dropout
from ..options import Count
from .base import Critic, NoiseGenerator, Size, one_hot
from .mlp import MlpCritic, MlpGenerator

SMALLEST = 8
"""Shorter side of the smallest level, or a little more."""
SEEN = 9
"""Shortest side that the convolutions of a discriminator can look at."""


def sizes_of(size: Size, sides: tuple[int, ...] = ()) -> list[Size]:
    """Height and width of each level, the smallest first: `sides` are the shorter sides of those below the picture.

    Without `sides` they are halves of halves (32 of 64), 8 pixels or a little more at last. Raises ConfigError where
    they do not rise, or are too small for a discriminator.
    """
    if not sides:
        sizes = [size]
        while min(sizes[0]) >= 2 * SMALLEST:
            sizes.insert(0, (-(-sizes[0][0] // 2), -(-sizes[0][1] // 2)))
        return sizes
    shorter = [*sides, min(size)]
    if sorted(set(shorter)) != shorter or min(shorter[1:]) < SEEN:
        raise ConfigError(
            f"The levels of a pyramid rise from the smallest side to the picture's, {min(size)}, and all but the "
            f"smallest are of {SEEN} pixels or more; these are {', '.join(map(str, sides))}. Leave sides out for "
            "halves of halves, or give others: --set generator.sides=[8,16] --set discriminator.sides=[8,16]."
        )
    return [*((round(size[0] * side / min(size)), round(size[1] * side / min(size))) for side in sides), size]


def enlarged(picture: Tensor, size: Size) -> Tensor:
    """(N, C, h, w) -> (N, C, height, width), without what it lacks there."""
    height, width = picture.shape[2:]
    if size[0] % height or size[1] % width:
        return F.interpolate(picture, size, mode="bilinear", align_corners=False)
    times = (size[0] // height, size[1] // width)  # a file with factors is for any number of pictures
    return F.interpolate(picture, scale_factor=times, mode="bilinear", align_corners=False)


def pyramid(picture: Tensor, sizes: list[Size]) -> list[Tensor]:
    """The picture at every level, the smallest first; (N, C, H, W) of the last size itself."""
    levels = [picture]
    for size in reversed(sizes[:-1]):
        levels.insert(0, F.interpolate(levels[0], size, mode="area"))
    return levels


class DetailGenerator(nn.Module):
    """A plane of noise, and the coarse picture, -> what it lacks: 7x7, 7x7, 5x5, ReLU between."""

    def __init__(self, channels: int = 3, width: int = 64, classes: int = 0, size: Size = (32, 32)) -> None:
        """With `classes`, a dense layer makes a plane of that size of the class."""
        super().__init__()
        self.plane = ClassPlane(classes, size) if classes else None
        planes = 1 + channels + bool(classes)
        self.layers = nn.Sequential(
            nn.Conv2d(planes, width, 7, padding=3), nn.ReLU(),
            nn.Conv2d(width, width, 7, padding=3), nn.ReLU(),
            nn.Conv2d(width, channels, 5, padding=2),
        )  # fmt: skip

    def forward(self, noise: Tensor, below: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, 1, H, W) of U(-1, 1), (N, C, H, W), (N,) -> (N, C, H, W) to be added."""
        planes = [noise, below, *([] if self.plane is None else [self.plane(label, below)])]
        detail: Tensor = self.layers(torch.cat(planes, 1))
        return detail


class ClassPlane(nn.Module):
    """A plane of a picture's size for each class: a dense layer of the class, and ReLU."""

    def __init__(self, classes: int, size: Size) -> None:
        super().__init__()
        self.classes, self.size, self.dense = classes, size, nn.Linear(classes, math.prod(size))

    def forward(self, label: Tensor, like: Tensor) -> Tensor:
        """(N,), of the type of `like` -> (N, 1, H, W)."""
        plane: Tensor = self.dense(one_hot(label, self.classes).to(like.dtype)).relu().reshape(-1, 1, *self.size)
        return plane


class DetailCritic(Critic):
    """A picture with its detail, real or generated -> 5x5, 5x5 halving, ReLU, dropout, a logit.

    What was added and what it was added to are seen as their sum, as the paper has it.
    """

    def __init__(self, size: Size, channels: int = 3, width: int = 64, classes: int = 0) -> None:
        super().__init__()
        self.classes, self.plane = classes, ClassPlane(classes, size) if classes else None
        self.layers = nn.Sequential(
            nn.Conv2d(channels + bool(classes), width, 5), nn.ReLU(),
            nn.Conv2d(width, width, 5, stride=2), nn.ReLU(), Dropout(0.5),
        )  # fmt: skip
        self.last = nn.Linear(width * math.prod((side - 4 - 5) // 2 + 1 for side in size), 1)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        seen = x if self.plane is None else torch.cat([x, self.plane(label, x)], 1)
        return super().forward(seen)


class BaseCritic(MlpCritic):
    """Of the smallest level: fully connected, with ReLU and dropout."""

    def __init__(self, size: Size, channels: int = 3, widths: tuple[int, ...] = (600, 600), classes: int = 0) -> None:
        numbers = channels * math.prod(size) + classes
        super().__init__(1, size=(numbers,), widths=widths, activation="relu", dropout=0.5)
        self.classes = classes

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        return super().forward(x if label is None else with_class(x.flatten(1), label, self.classes))


def with_class(numbers: Tensor, label: Tensor | None, classes: int) -> Tensor:
    """(N, F), (N,) -> (N, F + classes); without classes the numbers themselves."""
    return numbers if label is None else torch.cat([numbers, one_hot(label, classes).to(numbers.dtype)], 1)


class LapganGenerator(NoiseGenerator):
    """z -> the smallest level -> enlarged, and what a level lacks added, until the size is met.

    z is `latent` numbers of the smallest level and then a plane of each other one, all in one row.
    """

    prior = "uniform"

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        latent: Count = 100,
        widths: tuple[Count, ...] = (1200, 1200),
        norm: bool = False,
        width: Count = 64,
        sides: tuple[Count, ...] = (),
        classes: int = 0,
    ) -> None:
        """`widths` and `norm`, which is batch norm, are of the smallest level, `width` is the channels of the others.

        `sides` are as `sizes_of` has them.
        """
        super().__init__()
        self.classes, self.sizes = classes, sizes_of(size, sides)
        self.parts = [latent, *map(math.prod, self.sizes[1:])]
        """How many numbers of z are each level's."""
        self.latent = sum(self.parts)
        self.base = MlpGenerator(channels, size=self.sizes[0], latent=latent + classes, widths=widths, norm=norm)
        self.details = nn.ModuleList(DetailGenerator(channels, width, classes, size) for size in self.sizes[1:])

    def level(self, n: int, z: Tensor, below: Tensor | None, label: Tensor | None = None) -> Tensor:
        """The n-th smallest picture (N, C, H, W): of its own numbers (N, parts[n]), and of the one below, enlarged."""
        if below is None:
            smallest: Tensor = self.base(with_class(z, label if self.classes else None, self.classes))
            return smallest
        picture: Tensor = below + self.details[n - 1](z.reshape(-1, 1, *self.sizes[n]), below, label)
        return picture

    def forward(self, z: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, latent), (N,) -> (N, C, H, W): each level of the one before."""
        parts = torch.split(z, self.parts, 1)
        picture = self.level(0, parts[0], None, label)
        for n, size in enumerate(self.sizes[1:], 1):
            picture = self.level(n, parts[n], enlarged(picture, size), label)
        return picture


class LapganCritic(Critic):
    """A discriminator for each level; as one, that of the largest."""

    def __init__(
        self,
        channels: int,
        *,
        size: Size,
        widths: tuple[Count, ...] = (600, 600),
        width: Count = 64,
        sides: tuple[Count, ...] = (),
        classes: int = 0,
    ) -> None:
        super().__init__()
        self.classes, self.sizes = classes, sizes_of(size, sides)
        base = BaseCritic(self.sizes[0], channels, widths, classes)
        self.levels = nn.ModuleList([base, *(DetailCritic(size, channels, width, classes) for size in self.sizes[1:])])

    def features(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, F)."""
        return cast(Critic, self.levels[-1]).features(x)

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        """(N, C, H, W), (N,) -> (N, 1)."""
        logit: Tensor = self.levels[-1](x, label)
        return logit
