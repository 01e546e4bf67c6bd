"""The real pictures that generated ones are compared with: those of a folder at the size that is generated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ...datasets.layouts.domains import find_single
from ...datasets.layouts.items import Alpha, Single
from ...datasets.streams.single import SinglePictures, in_turns
from ...datasets.streams.stream import Options
from ...errors import PictureError
from ...images.alpha import multiplied_on_white
from ...images.image import Floats
from ...seeding import Purpose
from ...seeding import generator as chance
from ...serving.generation.folder import classes_of
from ...serving.generation.generator import Generator
from .pairs import chosen_split, is_ambiguous, picture_options, without_seen

SEEN = (
    "Training pictures are among the real ones: the file names those that training held out without their classes, and "
    "several classes have pictures of these names. Put pictures that were not trained on into test/ to leave them out."
)


@dataclasses.dataclass(frozen=True)
class RealPictures:
    """Pictures of one split, seen as training saw them."""

    root: Path
    split: str
    classes: tuple[str, ...]
    """Names of the class folders, where there are several."""
    items: tuple[Single, ...]
    options: Options
    """Of the stream: size, channels and how pictures are made to fit."""
    note: str = ""
    """What is to be known of them beside the figures."""

    @classmethod
    def find(cls, generator: Generator, root: Path, split: str | None, count: int) -> RealPictures:
        """`count` at most of `split`, else of test or val, else what training held out, else all.

        Where there are more, they are drawn by chance, which is always the same: from each class as many where the
        generator goes round classes too, else from all.
        Raises UnknownNameError for a split that there is not, DataError for a folder without pictures.
        """
        whole = find_single(root)
        layout = without_seen(whole, generator.card)
        classes = layout.names if len(layout.names) > 1 else ()
        split = chosen_split(layout, split, things="pictures")
        channels, height, width = generator.size
        size = height if height == width else (height, width)
        options = picture_options(generator.card, size, (channels,))
        options["augment"] = ("none",)
        alpha: Alpha = "channel" if channels == 4 else "white"  # as training reads them
        there = layout.splits[split]
        drawn = [there[place] for place in chance(0, Purpose.SHUFFLE, 1).permutation(len(there))]
        kept = (in_turns(drawn) if classes_of(generator) is not None else drawn)[:count]
        items = tuple(dataclasses.replace(item, alpha=alpha) for item in kept)
        return cls(root, split, classes, items, options, SEEN if is_ambiguous(whole, generator.card) else "")

    def __len__(self) -> int:
        return len(self.items)

    def labelled(self, broken: list[str]) -> Iterator[tuple[Floats, int]]:
        """Those that can be read, (H, W, 1 or 3) in [0, 1], with their class or -1; why another cannot goes to
        `broken`.
        """
        stream = SinglePictures(self.items, **self.options)
        for index, item in enumerate(self.items):
            try:
                x = (stream.center_sample(index)["image"].transpose(1, 2, 0) + 1) / 2
            except PictureError as error:
                broken.append(str(error))
                continue
            shown = np.ascontiguousarray(multiplied_on_white(np.asarray(x, np.float32)))
            yield shown.clip(0, 1), item.domain if self.classes else -1
