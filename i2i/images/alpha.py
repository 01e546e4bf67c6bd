"""Alpha bleeding: the visible colours continued into transparent pixels, so that hidden ones cannot leak out of them.

Training, scoring, conversion and the server all show a model a picture in this way. Push and pull over halved
pictures (Gortler et al., "The Lumigraph", SIGGRAPH 1996), in colours times alpha.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

from .image import Array, Floats, Picture, to_float, with_channels

_FAINT = np.float32(1e-6)
"""Weight of a colour that was filled in, against 1 of an opaque one: near something visible that alone decides."""


def seen_pixels(picture: Picture) -> Array:
    """(H, W, C) of the picture's own type, as models see it: visible colours go on where the alpha is 0.

    All other pixels are as they were; without alpha, or where nothing or everything is hidden, it is the very array.
    """
    if picture.alpha is None:
        return picture.pixels
    hidden = picture.alpha == 0
    if hidden.all() or not hidden.any():
        return picture.pixels
    alpha = np.maximum(to_float(picture.alpha), _FAINT)  # a float's least halves to nothing
    weight = np.where(hidden, np.float32(0), alpha)
    *colours, weight = _from_half([*(to_float(picture.pixels).transpose(2, 0, 1) * weight), weight])
    filled = np.stack(colours, axis=-1)[hidden] / weight[hidden][:, None]
    seen = picture.pixels.copy()
    # rounded here, so that a picture which is kept in memory is the same as one that goes straight into a model
    seen[hidden] = filled if seen.dtype == np.float32 else np.rint(filled * np.iinfo(seen.dtype).max)
    return seen


def premultiplied(picture: Picture) -> Array:
    """(H, W, 4) of the picture's own type: RGB times alpha, and alpha. Where nothing is transparent, its channels."""
    alpha = picture.alpha
    if alpha is None or (alpha == _full(alpha)).all():
        return picture.pixels
    colours = with_channels(picture.pixels, 3)
    seen = to_float(colours) * to_float(alpha)[..., None]
    if colours.dtype != np.float32:
        seen = np.rint(seen * _full(colours)).astype(colours.dtype)
    return np.dstack([seen, alpha.astype(colours.dtype, copy=False)])


def on_white(picture: Picture) -> Array:
    """(H, W, C) of the picture's own type, as on paper."""
    alpha = picture.alpha
    if alpha is None:
        return picture.pixels
    share = to_float(alpha)[..., None]
    laid = to_float(picture.pixels) * share + (1 - share)
    if picture.pixels.dtype == np.float32:
        return laid
    rounded: Array = np.rint(laid * _full(picture.pixels)).astype(picture.pixels.dtype)
    return rounded


def multiplied_on_white(pixels: Floats) -> Floats:
    """(H, W, 1 or 3) of colours in [0, 1] that their alpha, where there is one in a fourth channel, multiplied."""
    return pixels if pixels.shape[2] != 4 else pixels[..., :3] + (1 - pixels[..., 3:])


def opaque(pixels: Array) -> Array:
    """(H, W, 1 or 3) as (H, W, 4) with an alpha that hides nothing; what has 4 channels stays."""
    if pixels.shape[2] == 4:
        return pixels
    colours = with_channels(pixels, 3)
    return np.dstack([colours, np.full(colours.shape[:2], _full(colours), colours.dtype)])


def _full(array: Array) -> int:
    """What stands for 1."""
    return 1 if array.dtype == np.float32 else int(np.iinfo(array.dtype).max)


def _from_half(planes: list[Floats]) -> list[Floats]:
    """Colours times weight and, last, the weight, (H, W) each, as the picture of half the size has them everywhere."""
    height, width = planes[-1].shape
    small = _filled([np.asarray(Image.fromarray(plane).reduce(2)) for plane in planes])
    size = (2 * small[-1].shape[1], 2 * small[-1].shape[0])
    large = [Image.fromarray(plane).resize(size, Image.Resampling.BILINEAR) for plane in small]
    return [np.asarray(image)[:height, :width] for image in large]


def _filled(planes: list[Floats]) -> list[Floats]:
    """The same planes, with faint colours from around where the weight is 0."""
    hidden = planes[-1] == 0
    if not hidden.any():
        return planes
    around = _from_half(planes)
    faint = hidden * _FAINT / around[-1]
    return [old + new * faint for new, old in zip(around, planes, strict=True)]  # `old` is 0 where it is hidden
