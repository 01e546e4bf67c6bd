"""EXIF and TIFF orientation: which of the eight it is, and pixels turned upright by it."""

from __future__ import annotations

from PIL import Image

from .image import Array


def orientation_of(image: Image.Image) -> int:
    """1 to 8, without decoding: Pillow would decode a PNG whole in search of an EXIF chunk at its end."""
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged EXIF: decoding decides what the file is worth
        return 1


def upright(array: Array, orientation: int) -> Array:
    """Upright, by the TIFF orientation tag (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return array
