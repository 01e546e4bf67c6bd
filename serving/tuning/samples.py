"""The pictures that ways to run a model are measured with: real ones where there are any."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from ...card import Card
from ...errors import PictureError, RequestError
from ...images.decode import read_picture
from ...images.image import Picture
from ...probes import probe_picture
from ..inference.controls import NO_CONTROLS, resolve_controls
from ..inference.executors import IMAGE, Feeds, FloatArray
from ..inference.prepared import prepare_picture

SIDES = (1024, 768, 512, 384, 256, 128)
"""Pixels a side at most, of which the first is taken that is not too slow."""
SECONDS = 4.0
"""What one way may take for all pictures together, roughly."""
MOST = 4
"""Pictures."""


def samples(card: Card, run: Callable[[Feeds], FloatArray], pictures: Sequence[Path]) -> list[Feeds]:
    """The feeds of up to MOST pictures, cut out of the middle of `pictures` or, without any, made by program.

    `run` is one way to run the model, by whose time they are made smaller and fewer. Raises RequestError when none of
    the pictures can be read.
    """
    seconds = _seconds_a_pixel(card, run)
    side = next((side for side in SIDES if seconds * side**2 <= SECONDS), SIDES[-1])
    count = max(1, min(MOST, int(SECONDS / max(seconds * side**2, 1e-9))))
    if card.fixed_size is not None:
        side = max(card.fixed_size)
    found = _read(card, pictures, side, count) if pictures else _made(card, side, count)
    return [{IMAGE: image, **resolve_controls(card, NO_CONTROLS, image.shape[2:])} for image in found]


def _seconds_a_pixel(card: Card, run: Callable[[Feeds], FloatArray]) -> float:
    """Of the second of two runs, the first being dear."""
    side = max(SIDES[-1], card.smallest)
    image = _made(card, side, 1)[0]
    feeds = {IMAGE: image, **resolve_controls(card, NO_CONTROLS, image.shape[2:])}
    for _ in range(2):
        began = time.perf_counter()
        run(feeds)
        seconds = time.perf_counter() - began
    return seconds / side**2


def _made(card: Card, side: int, count: int) -> list[FloatArray]:
    return [probe_picture(card.input_channels, side, side, seed) for seed in range(count)]


def _read(card: Card, pictures: Sequence[Path], side: int, count: int) -> list[FloatArray]:
    found: list[FloatArray] = []
    for path in pictures:
        try:
            picture = read_picture(path)
            found.append(prepare_picture(_middle(picture, side), card, {}).feeds[IMAGE])
        except PictureError:
            continue
        if len(found) == count:
            break
    if not found:
        raise RequestError(f"None of {len(pictures)} pictures can be read, or the model takes other channels.")
    return found


def _middle(picture: Picture, side: int) -> Picture:
    height, width = picture.pixels.shape[:2]
    top, left = max(0, (height - side) // 2), max(0, (width - side) // 2)
    return Picture(picture.pixels[top : top + side, left : left + side], None, picture.icc)
