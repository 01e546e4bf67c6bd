"""High-resolution pictures, or pairs of low and high resolution, as samples for super-resolution and restoration.

Samples are {"a": (C, size / scale, size / scale), "b": (C, size, size)} float32 in [-1, 1], of which b is the truth;
or, where a degradation makes the inputs while training, {"b": (C, S, S), SAMPLE_NUMBER: () int64}, S the size and a
margin.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from ...errors import ConfigError, DataError, PictureError
from ...images.image import with_channels
from ...seeding import SAMPLE_NUMBER, Purpose, generator
from ..layouts.items import HighRes, Item, Pair
from ..layouts.layout import Layout
from ..layouts.superres import find_superres
from .augment import AUGMENTATIONS, Transforms, chosen
from .cache import PictureCache
from .imresize import imresize
from .loading import Array, ResizePolicy, decode
from .scan import Facts, refuse_small, times
from .source import Source, two
from .stream import Options, Order, Sample, Stream, as_augmented, to_tensor_range
from .superres_cache import SuperResCache, fitting, margin

FIXED = 2**40
"""Number of the first sample that is shown, far from those of training."""

TURNS = {
    "flip": lambda rng, picture: picture[:, ::-1] if rng else picture,
    "vertical_flip": lambda rng, picture: picture[::-1] if rng else picture,
    "rotate90": lambda rng, picture: np.rot90(picture, rng),
}
"""Augmentations that both sides go through, whatever their sizes: (number drawn, (H, W, C)) -> (H, W, C)."""
CHOICES = {"flip": 2, "vertical_flip": 2, "rotate90": 4}
"""How many numbers each of them draws from."""


class SuperResPictures(Stream):
    """An endless, reshuffled stream of aligned crops, in which every picture comes once an epoch, whatever its size."""

    def __init__(
        self,
        items: Sequence[Pair | HighRes],
        *,
        scale: int,
        pipeline: bool = False,
        swap: bool = False,
        **options: Unpack[Options],
    ) -> None:
        """Crops of `size` high-resolution pixels; `swap` makes side B of pairs the input, at scale 1.

        Raises ConfigError for augmentations that resize, DataError when there are no pictures.
        """
        if not items:
            raise DataError("There are no pictures to draw samples from.")
        augment = tuple(options.pop("augment", ()))
        refuse_resizing(augment)
        options["augment"] = ("crop", *(name for name in augment if name != "crop"))
        if options.get("cache") is None:
            fit = ResizePolicy(None, options.get("interpolation", "bicubic"), options.get("stretch", False))
            options["cache"] = SuperResCache(fit, options.get("cache_mb", 2048), scale, pipeline)
        super().__init__(items, **options)
        self.scale, self.pipeline, self.swap = scale, pipeline, swap
        self.margin = margin(scale) if pipeline else 0
        self._step = 1 if pipeline else scale
        self._turns = [name for name in augment if name in TURNS]
        self._alone = [name for name in augment if AUGMENTATIONS[name].input_only]
        self._order = Order(len(self.items), self.seed)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, number: int) -> Sample:
        """Sample `number`, 0 or more, as the module says."""
        rng = generator(self.seed, Purpose.AUGMENT, number)
        sides = self._sides(self.index(number))
        places = [int(rng.integers(0, room + 1)) for room in self._room(sides)]
        turns = [(name, int(rng.integers(CHOICES[name]))) for name in self._turns]
        crops = []
        for crop in self._cut(sides, places):
            for name, choice in turns:
                crop = TURNS[name](choice, crop)
            crops.append(crop)
        if self._alone:
            crops[0] = self._changed(rng, np.ascontiguousarray(crops[0]))
        return self._sample(crops, number)

    def index(self, number: int) -> int:
        """Which picture sample `number` shows."""
        return self._order(number)

    def center_sample(self, index: int) -> Sample:
        """Picture `index` as a sample without chance: its middle."""
        sides = self._sides(index)
        return self._sample(self._cut(sides, [room // 2 for room in self._room(sides)]), FIXED + index)

    def whole(self, index: int) -> dict[str, Array]:
        """Picture number `index` at its own size: {"a": (h, w, C), "b": (h scale, w scale, C)} of the file's type."""
        item = self.items[index]
        low, high = decode(item)
        try:
            a, b = fitting(low, high, self.scale, reduce=isinstance(item, HighRes) and self.scale > 1)
        except PictureError as error:
            raise PictureError(f"{item.files[-1]}: {error}") from error
        a, b = (b, a) if self.swap else (a, b)
        return {"a": with_channels(a, self.channels[0]), "b": with_channels(b, self.channels[1])}

    def _sides(self, index: int) -> tuple[Array, ...]:
        """Input and truth; the truth alone where the input is made of it, later or of the crop."""
        held = self.cache.read(self.items[index])
        return held[::-1] if self.swap else held

    def _room(self, sides: Sequence[Array]) -> list[int]:
        """By how many steps the crop can move down and to the right; a step is a pixel of the input."""
        full = self.size + self.margin
        return [length // self._step - full // self._step for length in sides[-1].shape[:2]]

    def _cut(self, sides: Sequence[Array], places: Sequence[int]) -> list[Array]:
        """The crop of each side, whose corner is `places` steps down and to the right, with the channels of samples."""
        y, x = places
        small = self.size // self.scale
        part = slice(y, y + small), slice(x, x + small)
        y, x, full = y * self._step, x * self._step, self.size + self.margin
        crops = [sides[-1][y : y + full, x : x + full]]
        if not self.pipeline:
            crops.insert(0, sides[0][part] if len(sides) > 1 else imresize(sides[0], 1 / self.scale, part))
        return [as_augmented(crop, count) for crop, count in zip(crops, self.channels[-len(crops) :], strict=True)]

    def _changed(self, rng: np.random.Generator, crop: Array) -> Array:
        """The input alone, changed."""
        if not hasattr(self._local, "transforms"):  # each thread has its own
            self._local.transforms = Transforms(self._alone, len(crop), self.channels[0])
        transforms: Transforms = self._local.transforms
        return transforms(rng, crop)[0]

    def _sample(self, crops: Sequence[Array], number: int) -> Sample:
        tensors = [to_tensor_range(crop) for crop in crops]
        if self.pipeline:
            return {"b": tensors[0], SAMPLE_NUMBER: np.array(number)}
        return {"a": tensors[0], "b": tensors[1]}


def refuse_resizing(augment: Sequence[str]) -> None:
    """Raise ConfigError for augmentations that resize pictures, whose pixels are what is learnt here."""
    for name in augment:
        chosen([name])
        if name in ("jitter", "none"):
            raise ConfigError(
                f"The augmentation {name!r} resizes pictures, and super-resolution learns from their pixels. Use "
                "--set data.augment=[crop,flip,rotate90]."
            )


class SuperResSource(Source[Any]):
    """A folder of high-resolution pictures, or of pairs of which one side is `scale` times as large."""

    unit_name = "pictures"
    augment = ("crop", "flip", "rotate90")

    def __init__(
        self,
        root: Path,
        *names: str | None,
        holdout: float = 0.05,
        seed: int = 0,
        scale: int = 4,
        pipeline: bool = False,
    ) -> None:
        """As `Source`; with a `pipeline` the inputs are made while training, of the truths alone."""
        self.scale, self.pipeline = scale, pipeline
        self.small: list[Facts] = []
        """What is smaller than the crop, and left out."""
        super().__init__(root, *names, holdout=holdout, seed=seed)

    def find(self, root: Path, *names: str | None) -> Layout[Any]:
        """High-resolution pictures, or pairs where names say so."""
        return find_superres(root, *two(names), self.scale, self.pipeline)

    def counts(self, splits: dict[str, tuple[Any, ...]]) -> dict[str, int]:
        """Pictures by split."""
        return {split: len(items) for split, items in splits.items()}

    def stream(self, items: Sequence[Any], channels: tuple[int, ...], swap: bool, **options: Any) -> SuperResPictures:
        """Samples of these pictures."""
        return SuperResPictures(
            items,
            scale=self.scale,
            pipeline=self.pipeline,
            swap=swap,
            channels=channels[::-1] if swap else channels,
            **options,
        )

    def names(self, stream: SuperResPictures) -> list[str]:
        """The pictures' names."""
        return [item.name for item in stream.items]

    def cache(self, fit: ResizePolicy, budget_mb: float) -> PictureCache:
        """One that makes the inputs, and keeps them."""
        if fit.stretch:
            raise ConfigError(
                "data.stretch resizes pictures, and super-resolution learns from their pixels. Leave it out."
            )
        return SuperResCache(ResizePolicy(None, fit.interpolation), budget_mb, self.scale, self.pipeline)

    def refuse_augmentations(self, augment: Sequence[str]) -> None:
        """Those that resize, and those that a pipeline is in the place of."""
        refuse_resizing(augment)
        alone = [name for name in augment if AUGMENTATIONS[name].input_only]
        if alone and self.pipeline:
            raise ConfigError(
                f"The degradation makes the inputs, so there is none for the augmentation {alone[0]!r} yet."
            )

    def rule(self, facts: list[Facts], size: int, unit_name: str) -> Collection[Item]:
        """Refuses pairs of other proportions than the scale; leaves out what is too small, while most is not."""
        if not self.pipeline:
            check_scale([fact for fact in facts if isinstance(fact.item, Pair)], self.scale)
        sides = {fact.item: min(fact.sizes[-1]) // self.scale * self.scale for fact in facts}
        self.small = [fact for fact in facts if sides[fact.item] < size]
        if 2 * len(self.small) >= len(facts):
            refuse_small(self.small, len(facts), size, unit_name)
        return {fact.item for fact in self.small}

    def notes(self) -> list[str]:
        """How many pictures were too small."""
        if not self.small:
            return []
        least = min(self.small, key=lambda fact: fact.shortest)
        such = f"{least.item.name} with {times(least.sizes[-1])}"
        if len(self.small) == 1:
            return [f"one picture is smaller than the crop and left out, {such}."]
        return [f"{len(self.small)} pictures are smaller than the crop and left out, such as {such}."]


def check_scale(pairs: list[Facts], scale: int) -> None:
    """Raises DataError unless the second of every pair is `scale` times as large as the first, its rest cut off."""
    for fact in pairs:
        low, high = fact.sizes
        if all(length in (big // scale, -(-big // scale)) for length, big in zip(low, high, strict=True)):
            continue
        guess = round(high[0] / low[0])
        fits = guess in (1, 2, 3, 4) and high[1] // guess == low[1]
        raise DataError(
            f"At scale {scale} the second of a pair must be {scale} times as large as the first, but "
            f"{fact.item.files[0]} is {times(low)} and {fact.item.files[-1]} is {times(high)}."
            + (f" Try --set scale={guess}." if fits else "")
        )
