"""From what Pillow decodes to a `Picture`: upright, palettes and CMYK as RGB, alpha apart."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image, ImageCms, ImageOps

from ..errors import PictureError
from .colour.by_exif import adobe_rgb, is_adobe_rgb
from .colour.inks import cmyk_to_srgb
from .image import Array, Picture
from .metadata.read import metadata_of
from .orientation import exif_of, orientation_of
from .quiet import quiet

_PLAIN = {
    "1": "L", "P": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA", "RGBX": "RGB", "YCbCr": "RGB", "HSV": "RGB",
}  # fmt: skip
"""Pillow's modes that become another by Pillow's own conversion."""


@quiet
def from_pil(image: Image.Image) -> Picture:
    """A Pillow picture as arrays, upright; may raise whatever Pillow's decoder raises.

    Raises PictureError on 32-bit integers, whose white nothing declares, and on floats outside [0, 1].
    """
    deep = image.mode.startswith("I;16") or (image.mode == "I" and image.format == "PPM")  # PGM says what its white is
    image.load()  # some formats say it at their end
    is_turned = exif_of(image).get(ExifTags.Base.Orientation) in range(2, 9)
    icc, upright = image.info.get("icc_profile"), ImageOps.exif_transpose(image) if is_turned else image  # else a copy
    beside = metadata_of(image, orientation_of(image))
    if icc is None and image.format in ("JPEG", "MPO") and image.mode == "RGB" and is_adobe_rgb(beside["exif"]):
        icc = adobe_rgb()
    if upright.mode == "CMYK":
        upright, icc = Image.fromarray(cmyk_to_srgb(np.asarray(upright), icc)), None
    elif upright.mode == "LAB":
        upright, icc = _lab_to_srgb(upright), None
    elif upright.mode in ("P", "L", "RGB") and "transparency" in upright.info:  # one colour is see-through
        upright = upright.convert("LA" if upright.mode == "L" else "RGBA")
    elif upright.mode in _PLAIN:
        upright = upright.convert(_PLAIN[upright.mode])
    array = np.asarray(upright)
    if deep:
        array = np.clip(array, 0, 65535).astype(np.uint16)
    elif upright.mode in ("I", "F"):
        array = _floats(array, upright.mode)
    if array.ndim == 2:
        array = array[..., None]
    alpha = array[..., -1] if upright.mode in ("LA", "RGBA") else None
    pixels = array if alpha is None else array[..., :-1]
    return Picture(np.ascontiguousarray(pixels), alpha, icc, **beside)


def _floats(array: Array, mode: str) -> Array:
    if mode == "I":
        raise PictureError(
            "The picture is of 32-bit integers (Pillow's mode I), and nothing says which of them is white. Give an "
            "array of uint8, of uint16, or of float32 in [0, 1]."
        )
    if not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise PictureError("The picture has float values outside [0, 1] (Pillow's mode F); scale it first.")
    return array


def _lab_to_srgb(image: Image.Image) -> Image.Image:
    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
    assert converted is not None  # it is, where nothing is done in place
    return converted
