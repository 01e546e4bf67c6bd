"""What a study shows: its pictures under names that give nothing away, its settings, and the trials of each rater.

A study is a folder: study.json, pictures/ and votes.sqlite. The trials of a rater are a function of (seed, number).
"""

from __future__ import annotations

import dataclasses
import io
import json
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from PIL import Image

from ..errors import RequestError
from ..files import write_atomically
from ..images.image import Array, to_pil, to_uint8, with_channels

Side = Literal["a", "b"]
Part = Literal["practice", "main", "check"]

KINDS: Mapping[str, dict[str, Any]] = {
    "real-or-fake": {"question": "Which one is fake?", "seconds": 1.0, "practice": 10, "counted": "b"},
    "a-against-b": {"question": "Which one looks better?", "seconds": 0.0, "practice": 2, "counted": "a"},
}
"""Of each kind the usual question, seconds that pictures are seen (0: until the answer), trials of practice, and the
choice that is counted: the real picture taken for the fake one, or the first model preferred."""

LARGEST = 768
"""Pixels a side at most; of larger pictures the middle is shown."""

STUDY, PICTURES, VOTES = "study.json", "pictures", "votes.sqlite"


@dataclasses.dataclass(frozen=True)
class Item:
    """Two pictures that are shown together, by id; `a` is generated, or the first model's."""

    a: str
    b: str
    name: str
    """Of the picture in the data, for the results alone."""


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a rater sees at a time."""

    part: Part
    item: int
    """A place in `items`, of a check in `checks`."""
    left: Side


@dataclasses.dataclass(frozen=True)
class Design:
    """A study as study.json has it."""

    kind: str
    titles: tuple[str, str]
    """What `a` and `b` are, for the results: a model and `real`, or two models."""
    question: str
    trials: int
    practice: int
    checks_each: int
    missed: int
    """Checks that a rater may miss and still counts."""
    seconds: float
    seed: int
    items: tuple[Item, ...]
    checks: tuple[Item, ...]
    """Obvious ones: `a` is what an attentive rater chooses."""
    key: str
    """Part of the address of the results."""
    request: dict[str, Any]
    """What was asked for, to know it again."""

    @property
    def counted(self) -> Side:
        """The choice that the rate is of."""
        side: Side = KINDS[self.kind]["counted"]
        return side

    def item(self, trial: Trial) -> Item:
        """The pictures of a trial; practice of a preference is on obvious ones, which have a right answer."""
        of_checks = trial.part == "check" or (trial.part == "practice" and self.kind == "a-against-b")
        return (self.checks if of_checks else self.items)[trial.item]

    @property
    def ids(self) -> frozenset[str]:
        """Of all pictures."""
        return frozenset(one for item in (*self.items, *self.checks) for one in (item.a, item.b))

    def trials_of(self, rater: int) -> list[Trial]:
        """Practice, then the main trials with checks among them; sides are balanced, and no pair comes twice.

        Raters share the pairs out: each epoch of raters sees all of them once, in an order of its own.
        """
        rng = np.random.default_rng((self.seed, 1, rater))
        apart = self._practice_pool
        pool = np.random.default_rng((self.seed, 2)).permutation(len(self.items))
        training, main = pool[:apart], pool[apart:]
        count = min(self.trials, len(main))
        blocks = len(main) // count
        epoch = np.random.default_rng((self.seed, 3, rater // blocks)).permutation(main)
        start = (rater % blocks) * count
        shown: list[tuple[Part, int]] = [("main", int(item)) for item in epoch[start : start + count]]
        obvious = rng.permutation(len(self.checks))
        for check in obvious[: self.checks_each]:
            shown.insert(int(rng.integers(1, len(shown) + 1)), ("check", int(check)))
        if self.kind == "a-against-b":
            first = obvious[::-1][: self.practice]  # not those above, where there are enough
        else:
            first = rng.permutation(training if len(training) else main)[: self.practice]
        shown = [*(("practice", int(item)) for item in first), *shown]
        left = rng.permutation([n % 2 == 0 for n in range(len(shown))])
        return [Trial(part, item, "a" if a else "b") for (part, item), a in zip(shown, left, strict=True)]

    @property
    def _practice_pool(self) -> int:
        """Pairs kept for practice, where enough are left."""
        room = len(self.items) - self.trials
        return self.practice if self.kind == "real-or-fake" and room >= self.practice else 0


class Pictures:
    """Takes pictures into a new study and gives them ids; everything is one kind of file, without metadata."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / PICTURES

    def pair(self, a: Array, b: Array, name: str) -> Item:
        """Two pictures (H, W, C) of whichever sizes: the larger is made smaller, so that no scale gives it away, then
        both are cut to the middle that they have in common.
        """
        height, width = (min(a.shape[axis], b.shape[axis], LARGEST) for axis in (0, 1))
        return Item(self._add(_shown(a, height, width)), self._add(_shown(b, height, width)), name)

    def drop(self, item: Item) -> None:
        """It is not shown after all."""
        for name in (item.a, item.b):
            (self.folder / f"{name}.png").unlink()

    def _add(self, picture: Image.Image) -> str:
        name, buffer = secrets.token_urlsafe(12), io.BytesIO()
        picture.save(buffer, "PNG")
        write_atomically(self.folder / f"{name}.png", buffer.getvalue())
        return name


def ruined(picture: Array, seed: int) -> Array:
    """A picture that nobody takes for a photograph: inverted, and its tiles in another order."""
    pixels = 255 - to_uint8(picture)
    rows, columns = (max(1, side // 8) for side in pixels.shape[:2])
    whole = pixels[: rows * 8, : columns * 8]
    tiles = whole.reshape(8, rows, 8, columns, -1).transpose(0, 2, 1, 3, 4).reshape(64, rows, columns, -1)
    mixed = tiles[np.random.default_rng(seed).permutation(64)]
    result: Array = mixed.reshape(8, 8, rows, columns, -1).transpose(0, 2, 1, 3, 4).reshape(whole.shape)
    return result


def _shown(pixels: Array, height: int, width: int) -> Image.Image:
    """Made smaller until one side is as asked, then the middle of the other."""
    image = to_pil(with_channels(to_uint8(pixels), 1 if pixels.shape[2] == 1 else 3)).convert("RGB")
    scale = max(height / image.height, width / image.width)
    if scale < 1:
        size = max(width, round(image.width * scale)), max(height, round(image.height * scale))
        image = image.resize(size, Image.Resampling.LANCZOS)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def write_design(folder: Path, design: Design) -> None:
    """Raises StorageError."""
    write_atomically(folder / STUDY, json.dumps(dataclasses.asdict(design), indent=1).encode())


def read_design(folder: Path) -> Design:
    """Raises RequestError where no study is in the folder."""
    try:
        known = json.loads((folder / STUDY).read_text("utf-8"))
        items, checks = ([Item(**one) for one in known.pop(part)] for part in ("items", "checks"))
        return Design(items=tuple(items), checks=tuple(checks), titles=tuple(known.pop("titles")), **known)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise RequestError(
            f"{folder} holds no study ({error}). Begin one with i2i study MODEL DATA, or name its folder by --out."
        ) from error
