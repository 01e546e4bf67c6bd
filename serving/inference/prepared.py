"""A picture on its way into a model and its translation on the way out: channels, depth, alpha and profile.

Pure functions of their arguments, so that they run in any thread beside the computation.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from ...card import Card
from ...errors import PictureError
from ...images.alpha import seen_pixels
from ...images.colour.managed import from_srgb, in_srgb
from ...images.image import Picture, to_float, with_channels
from ...images.metadata.resolution import enlarged
from .executors import IMAGE, Array, Feeds, FloatArray
from .planes import Canvas, Planes, is_large


@dataclasses.dataclass(frozen=True)
class Prepared:
    """What the model is fed for one picture, and what is needed of the picture afterwards."""

    feeds: Feeds
    """Arrays by port name, batch axes 1; `image` is (1, C, H, W) float32 in [0, 1] at the picture's own size: it is
    padded where it is computed, since tiles and turned views end where they end. Of a large picture it is Planes."""
    source: Picture
    """The picture with none of its pixels, but with their type and channels, its alpha and its metadata."""
    canvas: Canvas | None = None
    """Where the answer goes part by part, when it is large."""

    @property
    def is_deep(self) -> bool:
        """Whether the picture has more than 8 bits, which reduced precision would not keep."""
        return self.source.pixels.dtype != np.uint8


def prepare_picture(picture: Picture, card: Card, controls: Feeds) -> Prepared:
    """The feeds for a picture; raises PictureError on counts of channels that mean nothing to the model.

    Colours become sRGB by the profile. Grey is repeated for an RGB model and RGB becomes luma for a grey one. What
    alpha hides takes the visible colours around it first, as in training (i2i/images/alpha.py).
    """
    height, width, channels = picture.pixels.shape
    source = dataclasses.replace(picture, pixels=np.empty((0, 0, channels), picture.pixels.dtype))
    canvas = _canvas(source, card, height, width) if is_large(height * width * card.scale**2) else None

    def floats(pixels: Array) -> FloatArray:
        return to_float(with_channels(pixels, card.input_channels))

    if is_large(height * width) and picture.alpha is None:
        floats(in_srgb(picture.pixels[:1, :1], picture.icc))  # refused now rather than at the first part
        planes = Planes(
            picture.pixels, card.input_channels, lambda part: floats(in_srgb(np.ascontiguousarray(part), picture.icc))
        )
        return Prepared({IMAGE: planes, **controls}, source, canvas)  # type: ignore[dict-item]
    managed = Picture(in_srgb(picture.pixels, picture.icc), picture.alpha)
    seen = with_channels(seen_pixels(managed), card.input_channels)
    image = to_float(np.ascontiguousarray(seen.transpose(2, 0, 1)))[None]  # turned while it is small
    return Prepared({IMAGE: image, **controls}, source, canvas)


def finish_picture(prepared: Prepared, answer: FloatArray | Canvas, card: Card) -> Picture:
    """The model's (C', H', W') as a picture of the depth that went in; alpha, profile and metadata are carried over.

    What is enlarged or restored stays grey. Colours go back to the space that the picture came in; where grey became
    colour or the reverse they stay sRGB. What is enlarged keeps its size in inches. `answer` may be changed in place.
    """
    source = enlarged(prepared.source, card.scale)
    alpha = source.alpha if source.alpha is None else _enlarged(source.alpha, card.scale)
    pixels = answer.pixels if isinstance(answer, Canvas) else _as_source(answer.transpose(1, 2, 0), source, card)
    if pixels.shape[2] != source.pixels.shape[2] or (source.icc and not _goes_back(source, card)):
        source = dataclasses.replace(source, icc=None, colour_chunks=())
    return dataclasses.replace(source, pixels=pixels, alpha=alpha)


def _canvas(source: Picture, card: Card, height: int, width: int) -> Canvas:
    shape = (1, card.output_channels, height * card.scale, width * card.scale)
    return Canvas(shape, _channels(source, card), source.pixels.dtype, lambda part: _as_source(part, source, card))


def _channels(source: Picture, card: Card) -> int:
    """Of the result: what is enlarged or restored stays grey."""
    return 1 if card.keeps_content and source.pixels.shape[2] == 1 else card.output_channels


def _goes_back(source: Picture, card: Card) -> bool:
    """Whether results return to the colour space that the source came in."""
    if not source.icc or _channels(source, card) != source.pixels.shape[2]:
        return False
    return from_srgb(np.zeros((1, 1, source.pixels.shape[2]), np.float32), source.icc) is not None


def _as_source(part: FloatArray, source: Picture, card: Card) -> Array:
    """(h, w, C') of an answer as pixels of the source's space and depth."""
    out = with_channels(part, _channels(source, card))
    if source.icc and _goes_back(source, card):
        back = from_srgb(out, source.icc)
        out = out if back is None else back
    return _at_depth(out, source.pixels.dtype)


def from_array(array: Array, input_channels: int) -> Picture:
    """(H, W) or (H, W, C) as a picture; one channel more than grey or RGB is alpha. Raises PictureError."""
    if array.dtype not in (np.uint8, np.uint16, np.float32) or array.ndim not in (2, 3) or 0 in array.shape:
        raise PictureError(
            f"An array of shape {array.shape} and type {array.dtype} is no picture: "
            "give (H, W) or (H, W, C) of uint8, uint16 or float32 in [0, 1]."
        )
    whole = array[..., None] if array.ndim == 2 else array
    if whole.shape[2] in (2, 4) and whole.shape[2] != input_channels:
        return Picture(whole[..., :-1], whole[..., -1])
    return Picture(whole)


def to_array(picture: Picture) -> Array:
    """The inverse of `from_array`: (H, W, C), alpha last."""
    return picture.pixels if picture.alpha is None else np.dstack([picture.pixels, picture.alpha])


def to_pil(picture: Picture) -> Image.Image:
    """As Pillow holds it: L, LA, RGB, RGBA or, for 16-bit grey, I;16. Raises PictureError on more bands."""
    if picture.pixels.shape[2] not in (1, 3):
        bands = picture.pixels.shape[2]
        raise PictureError(f"Pillow holds no picture of {bands} bands; give the engine an array instead.")
    whole = to_array(picture)
    if whole.dtype != np.uint8 and whole.shape[2] > 1:  # Pillow has no deep colour
        whole = np.rint(to_float(whole) * 255).astype(np.uint8)
    image = Image.fromarray(whole[..., 0] if whole.shape[2] == 1 else whole)
    if picture.icc:
        image.info["icc_profile"] = picture.icc
    return image


def _at_depth(values: FloatArray, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """[0, 1] as `dtype`: rounded to the nearest integer, in `values` itself; float32 stays as it is."""
    if dtype == np.float32:
        return np.ascontiguousarray(values)
    values *= np.float32(np.iinfo(dtype).max)  # in place, as an enlarged picture is large
    return np.rint(values, out=values).astype(dtype)


def _enlarged(alpha: Array, scale: int) -> Array:
    """(H, W) -> (H * scale, W * scale), bicubic."""
    if scale == 1:
        return alpha
    size = (alpha.shape[1] * scale, alpha.shape[0] * scale)
    resized = Image.fromarray(to_float(alpha), mode="F").resize(size, Image.Resampling.BICUBIC)
    return _at_depth(np.clip(np.asarray(resized), 0, 1), alpha.dtype)
