"""From what Pillow decodes to a `Picture`: upright, palettes and CMYK as RGB, alpha apart."""

from __future__ import annotations

import contextlib
import io

import numpy as np
from PIL import Image, ImageCms, ImageOps

from .image import Picture

_DESCRIBING = {270, 271, 272, 282, 283, 296, 305, 306, 315, 33432, 34665, 34853}
"""TIFF tags that say something of the picture: maker, resolution, date, author, rights, EXIF, GPS."""


def from_pil(image: Image.Image) -> Picture:
    """A Pillow picture as arrays, upright; may raise whatever Pillow's decoder raises."""
    icc, exif = image.info.get("icc_profile"), image.getexif()
    upright = ImageOps.exif_transpose(image)
    exif.pop(0x0112, None)
    if image.format == "TIFF":  # there the "EXIF" is the whole directory, with the layout of this very file
        for tag in set(exif) - _DESCRIBING:
            del exif[tag]
    if upright.mode == "CMYK":
        upright, icc = _cmyk_to_srgb(upright, icc), None
    elif upright.mode in ("P", "L", "RGB") and "transparency" in upright.info:  # one colour is see-through
        upright = upright.convert("LA" if upright.mode == "L" else "RGBA")
    elif upright.mode == "P":
        upright = upright.convert("RGB")
    elif upright.mode == "1":
        upright = upright.convert("L")
    elif upright.mode not in ("L", "LA", "RGB", "RGBA") and not upright.mode.startswith("I"):
        upright = upright.convert("RGB")  # YCbCr, LAB, HSV
    array = np.asarray(upright)
    if upright.mode.startswith("I"):  # Pillow's ways to hold 16-bit grey
        array = np.clip(array, 0, 65535).astype(np.uint16)
    if array.ndim == 2:
        array = array[..., None]
    alpha = array[..., -1] if upright.mode in ("LA", "RGBA") else None
    pixels = array if alpha is None else array[..., :-1]
    return Picture(np.ascontiguousarray(pixels), alpha, icc, exif.tobytes() if len(exif) else None)


def _cmyk_to_srgb(image: Image.Image, icc: bytes | None) -> Image.Image:
    if icc:
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a broken profile: the plain formula then
            profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
            converted = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB")
            if converted is not None:
                return converted
    return image.convert("RGB")
