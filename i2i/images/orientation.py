"""EXIF and TIFF orientation: which of the eight it is, and pixels turned upright by it."""

from __future__ import annotations

import io
import re

from PIL import Image

from ..errors import PictureError
from .image import Array
from .structure import exif
from .structure.bounds import OWN
from .structure.counted import Counted

_REPEATED = re.compile(rb"(?:Exif\0\0){2,}")
_RAW = "Raw profile type exif"


def exif_of(image: Image.Image) -> Image.Exif:
    """Pillow's, without repeated headers; raises PictureError where it would copy the same bytes again and again."""
    block, text = image.info.get("exif"), image.info.get(_RAW)
    if not isinstance(block, bytes) and isinstance(text, str):
        try:
            block = bytes.fromhex("".join(text.split("\n")[3:]))
        except ValueError:
            block = None
    if isinstance(block, bytes):
        repeated = _REPEATED.match(block)
        if repeated:  # Pillow drops them one by one
            block = image.info["exif"] = exif.HEAD + block[repeated.end() :]
        exif.look(Counted(io.BytesIO(block), "The picture", OWN), block)
    return image.getexif()


def orientation_of(image: Image.Image) -> int:
    """1 to 8, without decoding: Pillow would decode a PNG whole in search of an EXIF chunk at its end."""
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    try:
        return int(exif_of(image).get(0x0112, 1))
    except PictureError:
        raise
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
