"""The real pictures that generated ones are compared with: those of a folder at the size that is generated."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from ... import renamed
from ...datasets.layouts.domains import find_single
from ...datasets.layouts.items import Alpha, Single
from ...datasets.streams.single import SinglePictures, in_turns
from ...errors import PictureError
from ...images.image import Array, Floats
from ...serving.generation.generator import Generator
from .pairs import chosen_split, without_seen


@dataclasses.dataclass(frozen=True)
class RealPictures:
    """Pictures of one split, seen as training saw them."""

    root: Path
    split: str
    classes: tuple[str, ...]
    """Names of the class folders, where there are several."""
    items: tuple[Single, ...]
    options: dict[str, Any]
    """Of the stream: size, channels and how pictures are made to fit."""

    @classmethod
    def find(cls, generator: Generator, root: Path, split: str | None, count: int) -> RealPictures:
        """`count` at most, classes taking turns, of `split`, else of test or val, else what training held out, else
        all.

        Raises UnknownNameError for a split that there is not, DataError for a folder without pictures.
        """
        layout = without_seen(find_single(root), generator.card)
        classes = layout.names if len(layout.names) > 1 else ()
        split = chosen_split(layout, split, things="pictures")
        channels, height, width = generator.size
        options = {
            "size": height if height == width else (height, width),
            "channels": (channels,),
            "augment": ("none",),
            "stretch": bool(renamed.training_facts(generator.card.training).get("stretch", False)),
            "interpolation": str(generator.card.training.get("interpolation", "bicubic")),
            "cache_mb": 0,
        }
        alpha: Alpha = "channel" if channels == 4 else "white"  # as training reads them
        items = (dataclasses.replace(item, alpha=alpha) for item in in_turns(layout.splits[split])[:count])
        return cls(root, split, classes, tuple(items), options)

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
            if x.shape[2] == 4:  # colours that alpha was multiplied into, shown on white
                x = x[..., :3] + (1 - x[..., 3:])
            yield np.ascontiguousarray(x, np.float32).clip(0, 1), item.domain if self.classes else -1

    def pictures(self, broken: list[str]) -> Iterator[Array]:
        """The same without their classes."""
        return (picture for picture, _ in self.labelled(broken))

    def of_class(self, name: str) -> RealPictures:
        """Those of one class; none of a class that there is not."""
        place = self.classes.index(name) if name in self.classes else -1
        return dataclasses.replace(self, items=tuple(item for item in self.items if item.domain == place))
