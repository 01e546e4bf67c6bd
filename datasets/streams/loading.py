"""Pictures from files into arrays, and into the size that they are trained at.

Arrays are (H, W, C) uint8, uint16 or float32 in [0, 1], as `i2i.images.decode` decodes them; alpha is left out,
and what it hides has the visible colours around it, as a served picture has (`i2i.images.alpha`), unless a single
picture's item says otherwise.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...errors import PictureError
from ...images.alpha import on_white, premultiplied, seen_pixels
from ...images.colour.managed import at_depth, in_srgb
from ...images.decode import read_picture
from ...images.image import Picture, with_channels
from ..layouts.items import Alpha, HighRes, Item, Pair

Array = npt.NDArray[Any]

Contents = Mapping[Path, bytes]

Size = int | tuple[int, int]
"""Side of a square crop, or height and width, in pixels."""


def sides_of(size: Size) -> tuple[int, int]:
    """Height and width."""
    return (size, size) if isinstance(size, int) else size


FILTERS = {"bicubic": Image.Resampling.BICUBIC, "bilinear": Image.Resampling.BILINEAR,
           "nearest": Image.Resampling.NEAREST}  # fmt: skip
"""Ways to resize, by name; all but `nearest` average when they shrink. `nearest` keeps label maps pure."""


@dataclasses.dataclass(frozen=True)
class ResizePolicy:
    """How a decoded picture is brought to the size that crops are taken from."""

    side: Size | None
    """Pixels of the short side afterwards, or the least height and width; None leaves pictures as they are."""
    interpolation: str = "bicubic"
    stretch: bool = False
    """Make the sides just this long, whatever the shape, instead of keeping the proportions."""

    def __call__(self, pixels: Array) -> Array:
        """(H, W, C) resized, of the same type; the very same array when nothing is to be done."""
        if self.side is None:
            return pixels
        (height, width), (tall, wide) = pixels.shape[:2], sides_of(self.side)
        if not self.stretch:
            by = (tall, height) if tall * width > wide * height else (wide, width)
            tall, wide = (
                max(least, round(length * by[0] / by[1])) for least, length in ((tall, height), (wide, width))
            )
        return resize(pixels, tall, wide, self.interpolation)


def resize(pixels: Array, height: int, width: int, interpolation: str = "bicubic") -> Array:
    """(H, W, C) to (height, width, C) of the same type; `interpolation` is a name of FILTERS."""
    if pixels.shape[:2] == (height, width):
        return pixels
    filter_ = FILTERS[interpolation]
    if pixels.dtype == np.uint8 and pixels.shape[2] in (1, 3):
        image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
        return np.asarray(image.resize((width, height), filter_)).reshape(height, width, -1)
    bands = [
        np.asarray(Image.fromarray(pixels[..., band].astype(np.float32)).resize((width, height), filter_))
        for band in range(pixels.shape[2])
    ]
    resized: Array = np.stack(bands, axis=-1)
    if pixels.dtype == np.float32:
        return np.asarray(np.clip(resized, 0, 1))
    return np.asarray(np.rint(np.clip(resized, 0, np.iinfo(pixels.dtype).max)), pixels.dtype)


def load_pair(pair: Pair, channels: tuple[int, ...], *, swap: bool = False) -> tuple[Array, Array]:
    """Both sides at their own size and as models see them: (H, W, channels[0]) and (H, W, channels[1]).

    With `swap` the second side comes first; `channels` are those of what is returned. Raises PictureError.
    """
    first, second = decode_pair(pair)
    if swap:
        first, second = second, first
    return with_channels(first, channels[0]), with_channels(second, channels[1])


def decode_pair(pair: Pair, contents: Contents | None = None) -> tuple[Array, Array]:
    """Both sides, as `decode` gives them."""
    a, b = decode(pair, contents)
    return a, b


def decode(item: Item, contents: Contents | None = None) -> tuple[Array, ...]:
    """The pictures of its sides with the channels that their files have; from these contents instead of the files.

    Two of a pair, one of a single picture; of a high-resolution one, of which both sides are made, the same twice.
    Raises PictureError when a file cannot be read or a side-by-side picture has no middle.
    """
    if isinstance(item, HighRes):
        pixels = seen_pixels(_read(item.path, contents))
        return pixels, pixels
    if isinstance(item, Pair):
        if not item.side_by_side:
            return seen_pixels(_read(item.a, contents)), seen_pixels(_read(item.b, contents))
        return _halves(item.a, contents)
    if item.half:
        return (_halves(item.path, contents)[item.domain],)
    return (WITH_ALPHA[item.alpha](_read(item.path, contents)),)


WITH_ALPHA: Mapping[Alpha, Callable[[Picture], Array]] = {
    "bled": seen_pixels,
    "white": on_white,
    "channel": premultiplied,
}


def _halves(path: Path, contents: Contents | None) -> tuple[Array, Array]:
    whole = _read(path, contents)
    width = whole.pixels.shape[1]
    if width % 2:
        raise PictureError(f"{path} is {width} pixels wide, so it has no two equal halves.")
    return _part(whole, slice(width // 2)), _part(whole, slice(width // 2, width))


def _part(whole: Picture, columns: slice) -> Array:
    """A half as the picture that it is: the colours of the other one do not go on in it."""
    alpha = None if whole.alpha is None else whole.alpha[:, columns]
    return seen_pixels(Picture(np.ascontiguousarray(whole.pixels[:, columns]), alpha))


def _read(path: Path, contents: Contents | None) -> Picture:
    try:
        picture = read_picture(path if contents is None else contents[path])
        pixels = at_depth(in_srgb(picture.pixels, picture.icc), picture.pixels.dtype)
        return Picture(pixels, picture.alpha)
    except PictureError as error:
        raise type(error)(str(error).replace("The picture", str(path), 1)) from error
