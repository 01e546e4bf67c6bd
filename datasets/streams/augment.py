"""Random changes to training pictures, by name; one draw changes both sides of a pair alike.

A row says how far pictures are enlarged before the random crop and which albumentations transforms follow, in the
order in which the names are given. albumentations is imported when transforms are built, not before: it takes a
second, and looking at a folder needs none of it.
"""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import ConfigError, UnknownNameError
from .loading import Size, sides_of

Array = npt.NDArray[Any]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """One row of AUGMENTATIONS."""

    says: str
    """What it does, in words."""
    enlarge: float = 1.0
    """Pictures are resized to this many times the crop's side before the crop is taken at a random place."""
    native: bool = False
    """Leave pictures at their own size, so that crops show them pixel by pixel."""
    both: Callable[[Any], list[Any]] | None = None
    """Transforms of both sides, from the module albumentations."""
    input_only: Callable[[Any, int], list[Any]] | None = None
    """Transforms of side a of a pair alone, from the module and the number of channels."""


AUGMENTATIONS = {
    "none": Augmentation("nothing: resized to the crop's side, and the rest cut off at a random place"),
    "jitter": Augmentation("resized to 286/256 of the crop's side, then a random crop, as in the paper", 286 / 256),
    "crop": Augmentation("a random crop of the picture at its own size", native=True),
    "flip": Augmentation("mirrored left to right, half of the time", both=lambda A: [A.HorizontalFlip(p=0.5)]),
    "vertical_flip": Augmentation("upside down, half of the time", both=lambda A: [A.VerticalFlip(p=0.5)]),
    "rotate90": Augmentation("turned by 0, 90, 180 or 270 degrees", both=lambda A: [A.RandomRotate90(p=1)]),
    "colour": Augmentation(
        "side a alone: brightness, contrast and (of RGB) saturation and hue changed a little",
        input_only=lambda A, channels: (
            [A.ColorJitter((0.8, 1.2), (0.8, 1.2), (0.8, 1.2), (-0.04, 0.04), p=0.8)]
            if channels == 3
            else [A.RandomBrightnessContrast(0.2, 0.2, p=0.8)]
        ),
    ),
    "noise": Augmentation(
        "side a alone: a little Gaussian noise", input_only=lambda A, _: [A.GaussNoise((0.01, 0.04), p=0.5)]
    ),
}


def chosen(names: Sequence[str]) -> list[Augmentation]:
    """The rows of these names; raises UnknownNameError, or ConfigError for names that exclude each other."""
    for name in names:
        if name not in AUGMENTATIONS:
            raise UnknownNameError("augmentation", name, AUGMENTATIONS)
    rows = [AUGMENTATIONS[name] for name in names]
    if any(row.native for row in rows) and any(row.enlarge > 1 for row in rows):
        raise ConfigError(
            f"The augmentations {', '.join(names)} exclude each other: either resize or crop at full size."
        )
    return rows


def refuse_input_only(names: Sequence[str]) -> None:
    """Raise ConfigError for augmentations that change the input of a pair and leave its truth as it is.

    A domain of unpaired training is the input of one translator and what another learns to paint, so that such
    changes would be learned as part of the domain.
    """
    alone = [name for name, row in zip(names, chosen(names), strict=True) if row.input_only]
    if alone:
        raise ConfigError(
            f"The augmentation {alone[0]!r} changes the input of a pair and leaves its truth alone; unpaired domains "
            f"have no truth, and the translator would learn to paint the changes. Leave {alone[0]!r} out of "
            f"data.augment."
        )


def resize_to(names: Sequence[str], size: Size) -> Size | None:
    """Pixels of the sides that crops of `size` are taken from; None: the picture's own."""
    rows = chosen(names)
    if any(row.native for row in rows):
        return None
    by = max((row.enlarge for row in rows), default=1.0)
    return round(size * by) if isinstance(size, int) else (round(size[0] * by), round(size[1] * by))


class Transforms:
    """The transforms for crops of one size, drawn by the generator that each call brings.

    Not for use by two threads at once: albumentations keeps the generator in the transform.
    """

    def __init__(self, names: Sequence[str], size: Size, input_channels: int) -> None:
        # Before the import: albumentations would ask the network for its newest version.
        os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
        import albumentations as A
        import cv2

        cv2.setNumThreads(0)  # crops are too small for threads to help, and a pool that is forked may hang
        rows = chosen(names)
        both = [made for row in rows if row.both for made in row.both(A)]
        alone = [made for row in rows if row.input_only for made in row.input_only(A, input_channels)]
        self.both = A.Compose([A.RandomCrop(*sides_of(size)), *both], additional_targets={"b": "image"})
        self.input_only = A.Compose(alone) if alone else None

    def __call__(self, rng: np.random.Generator, *pictures: Array) -> tuple[Array, ...]:
        """One or two (H, W, C) arrays, uint8 or float32 in [0, 1], as (height, width, C) of the crop, of one type.

        Two are the sides of a pair, and are changed alike but for what changes the first alone.
        """
        # One pair of generators for all transforms. Compose.set_random_seed gives each of them the same seed
        # instead, and then a picture that is mirrored left to right is always upside down too.
        plain = random.Random(int(rng.integers(2**63)))
        self.both.set_random_state(rng, plain)
        targets = dict(zip(("image", "b"), pictures, strict=False))
        out = self.both(**targets)
        first, *others = (out[target] for target in targets)
        if self.input_only is not None:
            self.input_only.set_random_state(rng, plain)
            first = self.input_only(image=first)["image"]
        return first, *others
