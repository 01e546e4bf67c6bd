"""HEIC (and HEIF of other HEVC), where pi-heif is installed: i2i's extra `heic`. Its decoders are LGPL, so it is no
part of the base install.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from ...errors import PictureError
from ..image import Header, Opened, Picture, divided, full_scale
from ..metadata.read import blocks
from ..source import read_whole, source_name
from .nclx import HEAD, chunks_of


def open_heic(source: Path | bytes) -> Opened:
    """A HEIC, upright as its transformations say. Raises PictureError where no reader is installed."""
    try:
        import pi_heif
    except ImportError as error:
        raise PictureError(
            f"{source_name(source)} is a HEIC picture; i2i reads those where pi-heif is installed "
            "(pip install 'i2i[heic]'). Or save it as JPEG first."
        ) from error
    data = read_whole(source)
    file = pi_heif.open_heif(data, convert_hdr_to_8bit=False, hdr_to_16bit=False)
    image = file[file.primary_index]
    bits = image.info["bit_depth"]
    header = Header(image.size[0], image.size[1], 1 if image.mode[0] == "L" else 3, 8 if bits <= 8 else 16)
    return Opened(header, lambda: _decoded(source, image, header, bits, chunks_of(data[:HEAD])))


def _decoded(
    source: Path | bytes, image: Any, header: Header, bits: int, colours: tuple[tuple[bytes, bytes], ...]
) -> Picture:
    array = np.asarray(image)
    if array.shape[:2] != (header.height, header.width):
        raise PictureError(f"{source_name(source)} is damaged (its headers contradict each other).")
    array = full_scale(array[..., None] if array.ndim == 2 else array, (1 << bits) - 1)
    alpha = np.ascontiguousarray(array[..., -1]) if image.has_alpha else None
    pixels = np.ascontiguousarray(array[..., : header.channels])
    if alpha is not None and image.premultiplied_alpha:
        pixels = divided(pixels, alpha)
    # Its orientation is among its transformations, which have been applied.
    beside = blocks(image.info.get("exif"), image.info.get("xmp"))
    icc = image.info.get("icc_profile")
    return Picture(pixels, alpha, icc, colour_chunks=() if icc else colours, **beside)
