"""Whatever bytes come, the decoder gives a picture or a PictureError, soon and in little memory, and says nothing else."""

from __future__ import annotations

import contextlib
import io
import itertools
import re
import resource
import struct
import subprocess
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile
from fuzzed_files import BOUNDED, FILES, PIXELS, damaged, tiff
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from i2i.errors import PictureError, PictureTooLargeError
from i2i.images.decode import read_header, read_picture
from i2i.images.frames import read_frames
from i2i.images.image import Header

BEGINNINGS = [data[:4] for data in FILES.values()] + [b"II+\0", b"MM\0*", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"]
SECONDS, MEGABYTES = 5, 700
"""Of computing, which waits for no other process, and of memory: what one file of a few megabytes may take."""


def holds(data: bytes) -> bool:
    """Whether the file was read, as it could be; fails on a result that is no picture, and on any other error than PictureError."""
    read = False
    for reader in (read_header, read_picture):
        began, before = time.process_time(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what reaches a terminal is tried below
                found = reader(data, max_pixels=10**6) if reader is read_picture else reader(data)
        except PictureError as error:
            said = str(error)
            assert said.strip()
            assert "\n" not in said
            continue
        finally:
            assert time.process_time() - began < SECONDS
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEGABYTES * 1024
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
    assert holds(data) or name == "heic" or "frames" in name or "pages" in name
    step = max(1, len(data) // 60)
    read = [length for length in range(0, len(data), step) if holds(data[:length])]
    assert all(length > len(data) // 3 for length in read)


@pytest.mark.parametrize("name", FILES)
@BOUNDED
@given(data=st.data())
def test_a_damaged_file_is_too(name, data):
    holds(data.draw(damaged(FILES[name])))


@pytest.mark.parametrize("name", [name for name in FILES if name.endswith(("frames", "pages"))])
@BOUNDED
@given(data=st.data())
def test_the_frames_of_a_damaged_file_are_pictures_until_a_picture_error(name, data):
    with contextlib.suppress(PictureError), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frames = read_frames(data.draw(damaged(FILES[name])), 10**6)
        for picture, milliseconds in itertools.islice(frames.pictures, 20):
            assert picture.pixels.size
            assert milliseconds >= 0


def pages(count: int, **options: object) -> bytes:
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as writer:
        for _ in range(count):
            writer.write(PIXELS, photometric="rgb", metadata=None, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("to", ["itself", "the first"])
def test_directories_that_point_in_circles_are_followed_once(to):
    data = bytearray(pages(2))
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        first, last = (page.offset for page in file.pages)
    count = struct.unpack_from("<H", data, last)[0]
    struct.pack_into("<I", data, last + 2 + 12 * count, last if to == "itself" else first)
    holds(bytes(data))
    struct.pack_into("<I", data, first + 2 + 12 * count, first)
    holds(bytes(data))


@pytest.mark.parametrize("options", [{}, {"subfiletype": 1}], ids=["pages", "thumbnails"])
def test_a_tiff_of_many_pages_is_looked_at_soon(options):
    holds(pages(3000, **options))


def test_many_bands_count_for_the_limit_and_thousands_are_refused():
    options = {"photometric": "minisblack", "planarconfig": "contig", "compression": "zlib"}
    sixty = tiff(np.zeros((300, 300, 60), np.uint8), **options)
    assert read_picture(sixty).pixels.shape == (300, 300, 60)
    with pytest.raises(PictureTooLargeError, match="300x300 = 0 megapixels of 60 channels; the limit is 1"):
        read_picture(sixty, max_pixels=10**6)
    with pytest.raises(PictureError, match="is a TIFF of 3000 samples a pixel"):
        read_picture(tiff(np.zeros((3, 3, 3000), np.uint8), **options))


def test_a_tiff_that_says_of_no_pixel_where_it_is_is_not_black():
    deep = tiff(PIXELS.astype(np.uint16), photometric="rgb", compression="zlib", metadata=None)
    with tifffile.TiffFile(io.BytesIO(deep)) as file:
        offsets = file.pages.first.tags[273].offset
    assert read_picture(deep).pixels.any()
    data = bytearray(deep)
    struct.pack_into("<HHII", data, offsets, 40000, 4, 1, 0)  # under a number that means nothing
    with pytest.raises(PictureError, match="damaged: it says of no pixel where it is"):
        read_picture(bytes(data))


@pytest.mark.parametrize("size", [(1, 1_000_000), (1_000_000, 1)])
def test_a_picture_of_one_line_is_read(size, tmp_path):
    for kind in ("PNG", "TIFF", "PPM", "BMP"):
        Image.new("RGB", size, (1, 2, 3)).save(tmp_path / "x", kind)
        picture = read_picture(tmp_path / "x")
        assert picture.pixels.shape == (size[1], size[0], 3)
        assert (picture.pixels[-1, -1] == (1, 2, 3)).all()


def test_nothing_but_its_sentence_is_said_of_a_damaged_file(tmp_path):
    """No warning on standard error, with the filters that a program begins with; libtiff's and OpenEXR's own lines apart."""
    rng = np.random.default_rng(0)
    for name, whole in FILES.items() - {("exr", FILES.get("exr"))}:
        for number in range(25):
            data = bytearray(whole)
            for place in rng.integers(0, len(data), 2):
                data[place] = rng.integers(0, 256)
            place = tmp_path / f"{name}{number}"
            place.write_bytes(data[: len(data) - 20 * (number % 2)])
    code = f"""
import sys; sys.path.insert(0, {str(Path(__file__).resolve().parents[2])!r})
from pathlib import Path
from i2i.errors import PictureError, PictureTooLargeError
from i2i.images.decode import read_picture
for path in Path({str(tmp_path)!r}).iterdir():
    try: read_picture(path, 10**6)
    except PictureError: pass
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=200)
    said = [line for line in done.stderr.splitlines() if not re.match(r"\w+: ", line)]
    assert (done.returncode, done.stdout, said) == (0, "", [])
