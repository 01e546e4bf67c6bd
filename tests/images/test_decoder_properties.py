"""Whatever bytes come, the decoder gives a picture or a PictureError, and nothing else."""

from __future__ import annotations

import imagecodecs
import numpy as np
import pytest
from heic_files import HEIC
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from i2i.errors import PictureError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode, saved
from i2i.images.formats import written
from i2i.images.image import Header, Picture

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
DEEP = PIXELS.astype(np.uint16) * 257
FILES = {name: encode(Picture(PIXELS), name, 90) for name in written()} | {
    "png, 16 bits": encode(Picture(DEEP), "png"),
    "tiff, 16 bits": encode(Picture(DEEP), "tiff"),
    "tiff, floats": encode(Picture((PIXELS / 255).astype(np.float32)), "tiff"),
    "tiff, two bands": encode(Picture(PIXELS[..., :2]), "tiff"),
    "gif": saved(Image.fromarray(PIXELS).quantize(8), "GIF", transparency=3),
    "ppm, text": b"P3 #c\n5 7\n255\n" + b" ".join(b"%d" % value for value in PIXELS.ravel()),
    "ppm, 16 bits": b"P6 5 7 65535\n" + DEEP.tobytes(),
    "pbm": b"P4 5 7\n" + bytes(7),
    "jpg, 12 bits": imagecodecs.jpeg_encode(DEEP >> 4, bitspersample=12, level=90),
    "avif, 10 bits": imagecodecs.avif_encode(DEEP >> 6, bitspersample=10),
    "jxl, 16 bits": encode(Picture(DEEP, DEEP[..., 0]), "jxl", 100),
    "heic": HEIC["alpha"],
}
BEGINNINGS = [data[:4] for data in FILES.values()] + [b"II+\0", b"MM\0*", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
BOUNDED = settings(max_examples=60, deadline=None, derandomize=True)


def holds(data: bytes) -> bool:
    """Whether the file was read, as it could be; fails on a result that is no picture, and on any other error than PictureError."""
    read = False
    for reader in (read_header, read_picture):
        try:
            found = reader(data, max_pixels=10**6) if reader is read_picture else reader(data)
        except PictureError as error:
            said = str(error)
            assert said.strip()
            assert "\n" not in said
            continue
        if isinstance(found, Header):
            assert found.width > 0
            assert found.height > 0
            continue
        read = True
        assert found.pixels.ndim == 3
        assert found.pixels.size
        assert found.pixels.dtype in (np.uint8, np.uint16, np.float32)
        assert found.alpha is None or found.alpha.shape == found.pixels.shape[:2]
    return read


@BOUNDED
@given(st.binary(max_size=300))
@example(b"")
def test_any_bytes_are_a_picture_or_a_picture_error(data):
    holds(data)


@BOUNDED
@given(st.sampled_from(BEGINNINGS), st.binary(max_size=300))
def test_any_bytes_behind_the_beginning_of_a_format_are_too(beginning, rest):
    holds(beginning + rest)


@pytest.mark.parametrize("name", FILES)
def test_a_file_cut_short_anywhere_is_too(name):
    """Every length; whole files are read, and no file without its last half."""
    data = FILES[name]
    assert holds(data) or name == "heic"
    step = max(1, len(data) // 60)
    read = [length for length in range(0, len(data), step) if holds(data[:length])]
    assert all(length > len(data) // 3 for length in read)


@BOUNDED
@given(st.data())
@pytest.mark.parametrize("name", FILES)
def test_a_file_with_some_bytes_changed_is_too(name, data):
    whole = bytearray(FILES[name])
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), max_size=6)):
        whole[place] = data.draw(st.integers(0, 255))
    holds(bytes(whole))
