"""Many pictures in one: a contact sheet, and a way between pictures as a strip or an animation."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...images.encode import encode
from ...images.frames import encode_frames
from ...images.image import Picture, Timing
from .generator import BATCH, Generator
from .picks import Pick

Bytes = npt.NDArray[np.uint8]

LEAST_SIDE = 64
"""Pixels a side that a picture has in a sheet for people: smaller ones are enlarged by whole factors."""
GAP = 2
"""Pixels between two pictures."""
FRAME = 60.0
"""Milliseconds of a frame."""


def columns_of(count: int, classes: int = 0) -> int:
    """How many pictures stand in a row: one of each class, where they go round few classes, else about a square."""
    return classes if 2 <= classes <= 24 and count > classes else math.ceil(math.sqrt(count))


def made(generator: Generator, picks: Sequence[Pick]) -> Iterator[Picture]:
    """The pictures of 8 bits, so that samples of no more than a batch are in memory. Raises as `pictures` does."""
    step = max(BATCH, generator.largest)
    for first in range(0, len(picks), step):
        yield from map(generator.picture, generator.pictures(picks[first : first + step]))


def sheet(pictures: Sequence[Picture], columns: int, gap: int = 0, least: int = 1) -> Picture:
    """Pictures of 8 bits and one size as one of rows with `columns` each, `gap` pixels apart; what is left is white, or
    transparent. Those of fewer than `least` pixels a side are enlarged by a whole factor.
    """
    height, width, channels = pictures[0].pixels.shape
    factor = max(1, math.ceil(least / max(height, width)))
    cell = (height * factor + gap, width * factor + gap)
    size = (math.ceil(len(pictures) / columns) * cell[0] - gap, columns * cell[1] - gap)
    is_solid = pictures[0].alpha is None
    whole = np.full((*size, channels), 255 if is_solid else 0, np.uint8)
    alpha = None if is_solid else np.zeros(size, np.uint8)
    for place, picture in enumerate(pictures):
        top, left = (place // columns) * cell[0], (place % columns) * cell[1]
        here = slice(top, top + height * factor), slice(left, left + width * factor)
        whole[here] = picture.pixels.repeat(factor, axis=0).repeat(factor, axis=1)
        if alpha is not None and picture.alpha is not None:
            alpha[here] = picture.alpha.repeat(factor, axis=0).repeat(factor, axis=1)
    return Picture(whole, alpha)


def sheet_file(pictures: Sequence[Picture], columns: int) -> bytes:
    """A contact sheet for people, as a PNG."""
    return encode(sheet(pictures, columns, GAP, LEAST_SIDE), "png")


def animation(frames: Sequence[Picture], name: str) -> bytes:
    """The frames as a file of that format (`gif`, or one that FORMATS writes animations of), played for ever."""
    if name != "gif":
        return encode_frames(list(frames), Timing((FRAME,) * len(frames), 0), False, name, 90).data
    images = [as_pillow(frame) for frame in frames]
    out = io.BytesIO()
    more: dict[str, Any] = {"disposal": 2} if frames[0].alpha is not None else {}
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=FRAME, loop=0, **more)
    return out.getvalue()


def as_pillow(frame: Picture) -> Image.Image:
    """A picture of 8 bits as Pillow has it, with its alpha."""
    pixels = frame.pixels[..., 0] if frame.pixels.shape[2] == 1 else frame.pixels
    if frame.alpha is None:
        return Image.fromarray(pixels)
    return Image.fromarray(np.dstack([pixels, frame.alpha]))
