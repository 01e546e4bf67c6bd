"""A small file of every kind that is read, and the ways to damage one; FUZZ_EXAMPLES=5000 searches on, at random."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
from pathlib import Path

import imagecodecs
import numpy as np
import tifffile
from heic_files import HEIC
from hypothesis import settings
from hypothesis import strategies as st
from PIL import Image

from i2i.images.encode import encode, saved
from i2i.images.formats import written
from i2i.images.image import Picture

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
DEEP = PIXELS.astype(np.uint16) * 257
EXIF = Image.Exif()
EXIF[0x0112], EXIF[0x010F] = 6, "Seed"
IMAGE, OTHER = Image.fromarray(PIXELS), Image.fromarray(255 - PIXELS)


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


FILES = {name: encode(Picture(PIXELS, None, b"profile", EXIF.tobytes()), name, 90) for name in written()} | {
    "png, 16 bits": encode(Picture(DEEP), "png"),
    "tiff, 16 bits": encode(Picture(DEEP), "tiff"),
    "tiff, floats": encode(Picture((PIXELS / 255).astype(np.float32)), "tiff"),
    "tiff, two bands": encode(Picture(PIXELS[..., :2]), "tiff"),
    "tiff, tiles": tiff(np.tile(DEEP, (5, 5, 1)), photometric="rgb", tile=(16, 16), compression="lzw"),
    "tiff, BigTIFF, planar": tiff(np.moveaxis(DEEP, -1, 0), photometric="rgb", planarconfig="separate", bigtiff=True),
    "gif": saved(IMAGE.quantize(8), "GIF", transparency=3),
    "gif, frames": saved(IMAGE, "GIF", save_all=True, append_images=[OTHER]),
    "png, frames": saved(IMAGE, "PNG", save_all=True, append_images=[OTHER]),
    "webp, frames": saved(IMAGE, "WEBP", save_all=True, append_images=[OTHER]),
    "tiff, pages": saved(IMAGE, "TIFF", save_all=True, append_images=[OTHER]),
    "ppm, text": b"P3 #c\n5 7\n255\n" + b" ".join(b"%d" % value for value in PIXELS.ravel()),
    "ppm, 16 bits": b"P6 5 7 65535\n" + DEEP.tobytes(),
    "pbm": b"P4 5 7\n" + bytes(7),
    "jpg, 12 bits": imagecodecs.jpeg_encode(DEEP >> 4, bitspersample=12, level=90),
    "avif, 10 bits": imagecodecs.avif_encode(DEEP >> 6, bitspersample=10),
    "jxl, 16 bits": encode(Picture(DEEP, DEEP[..., 0], None, EXIF.tobytes()), "jxl", 100),
    "heic": HEIC["alpha"],
}

with contextlib.suppress(ImportError), tempfile.TemporaryDirectory() as folder:
    import OpenEXR

    place = Path(folder, "x.exr")
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"RGB": (PIXELS / 255).astype(np.float16)}).write(str(place))
    FILES["exr"] = place.read_bytes()

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
BOUNDED = settings(max_examples=EXAMPLES or 40, deadline=None, derandomize=not EXAMPLES)

EXTREMES = [0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1]


@st.composite
def damaged(draw, whole):
    """Bytes changed, fields of 1 to 8 bytes that say something extreme, a part left out, or repeated to megabytes."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        what = draw(st.sampled_from(["byte", "field", "field", "out", "again", "zeros", "cut"]))
        end = min(len(data), place + draw(st.integers(1, 64)))
        if what == "byte":
            data[place : place + 1] = bytes([draw(st.integers(0, 255))])
        elif what == "field":
            order, form = draw(st.sampled_from("<>")), draw(st.sampled_from("BHIQ"))
            size = struct.calcsize(form)
            value = draw(st.sampled_from(EXTREMES)) & ((1 << (8 * size)) - 1)
            data[place : place + size] = struct.pack(order + form, value)
        elif what == "out":
            del data[place:end]
        elif what == "again":
            data[place:place] = bytes(data[place:end]) * draw(st.sampled_from([1, 2, 100, 20_000]))
        elif what == "zeros":
            data[place:place] = bytes(draw(st.sampled_from([1, 1000, 2_000_000])))
        else:
            del data[place:]
    return bytes(data)


@st.composite
def joined(draw, two):
    """The beginning of one file and the end of another, or one within the other; damaged besides, or not."""
    first, second = two
    cut, begin = draw(st.integers(0, len(first))), draw(st.integers(0, len(second)))
    rest = draw(st.sampled_from([b"", first[cut:]]))
    whole = first[:cut] + second[begin:] + rest
    return draw(damaged(whole)) if draw(st.booleans()) else whole
