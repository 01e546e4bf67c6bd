"""Files that ask for work without end are refused by what stands in them, or cost what any picture of their size does."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from amplifiers import AMPLIFIERS, AVIF, GIF, JPEG, PROGRESSIVE, WEBP, bare_tiff, chunk, png, raw_profile, tiff
from fuzzed_files import BOUNDED, FILES, damaged
from hypothesis import given
from hypothesis import strategies as st

from i2i.errors import PictureError
from i2i.images.decode import read_header, read_picture
from i2i.images.formats import FORMATS, public_names
from i2i.images.structure.bounds import OWN, STRANGERS

SECONDS, MEGABYTES = 2, 300
HARMLESS = ("claim", "behind", "not need", "packed", "rows a strip", "values of a tag", "mpo", "in a text", "headers")
"""Parts of names of those that say much and cost nothing, so that they are read."""


def outcome(data, bounds) -> str:
    """`read` or the refusal; fails on work or memory beyond the limits (of computing, which waits for nobody), twice: other
    threads of the process, which tests before have left, take some as well.
    """
    try:
        return measured(data, bounds)
    except AssertionError:
        return measured(data, bounds)


def measured(data, bounds) -> str:
    began, before = time.process_time(), highest(reset=True)
    try:
        read_header(data, bounds)
        read_picture(data, 16_000_000, bounds)
        said = "read"
    except PictureError as error:
        said = str(error)
        assert "\n" not in said
    assert time.process_time() - began < SECONDS
    assert highest() - before < MEGABYTES * 1024
    return said


def highest(reset: bool = False) -> int:
    """The most that the process has held since the last reset, in KiB."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1])


@pytest.mark.parametrize("name", AMPLIFIERS)
def test_a_million_of_anything_costs_a_stranger_nothing_and_us_nothing(name):
    said = outcome(AMPLIFIERS[name](1_000_000), STRANGERS)
    assert said != "read" or any(word in name for word in HARMLESS)


@pytest.mark.slow
@pytest.mark.parametrize("count", [1000, 30_000, 1_000_000])
@pytest.mark.parametrize("name", AMPLIFIERS)
@pytest.mark.parametrize("bounds", [STRANGERS, OWN], ids=["strangers", "own"])
def test_nor_does_any_number_from_ones_own_folder(name, count, bounds):
    outcome(AMPLIFIERS[name](count), bounds)


@pytest.mark.parametrize(
    "name", ["jpg, segments of EXIF", "png, headers of EXIF", "png, packed texts", "tiff, directories in a ring"]
)
def test_what_was_quadratic_is_read_or_refused_at_once_in_a_folder_too(name):
    outcome(AMPLIFIERS[name](1000), OWN)
    outcome(AMPLIFIERS[name](1_000_000), OWN)


def test_every_format_that_a_server_takes_has_amplifiers_and_a_look():
    names = {name.partition(",")[0] for name in AMPLIFIERS}
    assert set(public_names()) == names
    assert all(FORMATS[name].look for name in names - {"mpo"})  # whose look is that of JPEG


@pytest.mark.parametrize(
    "data",
    [JPEG, PROGRESSIVE, GIF, WEBP, AVIF, png(), tiff(), tiff(compression="lzw", rowsperstrip=8), tiff(tile=(16, 32)),
     tiff(big=True, compression="zlib"), bare_tiff(), png(chunk(b"tEXt", b"a\0b"), behind=chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0"))],
)  # fmt: skip
def test_plain_files_are_within_the_bounds_of_strangers(data):
    assert outcome(data, STRANGERS) == "read"


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (FILES["jxl"], "is a JPEG XL picture, which is not taken here; send it as JPEG, MPO, PNG, WebP, TIFF"),
        (FILES["ppm, text"], "is a PPM picture, which is not taken here"),
        (tiff(compression="zstd"), "compression 50000, where none, LZW, Deflate"),
        (tiff(tile=(80, 80)), "tiles of 80x80 pixels, which are larger than it"),
        (FILES["tiff, pages"], "more than 1 TIFF directories"),
        (bare_tiff(more=[(257, 4, 1, 64)]), "has the TIFF tag 257 twice"),
    ],
)
def test_of_a_stranger_only_what_a_short_list_names_is_read(data, why):
    assert why in outcome(data, STRANGERS)
    assert why not in outcome(data, OWN)


def test_repeated_headers_of_exif_hide_nothing_of_the_picture():
    block = b"Exif\0\0" * 3 + b"II*\0\x08\0\0\0\1\0" + b"\x12\1\3\0\1\0\0\0\6\0\0\0" + bytes(4)
    for data in (png(chunk(b"eXIf", block), width=3, height=5), png(raw_profile(block), width=3, height=5)):
        assert read_picture(data, bounds=STRANGERS).pixels.shape == (3, 5, 3)
        assert read_header(data).width == 5


@pytest.mark.parametrize("name", sorted(name for name in FILES if name.split(",")[0] in public_names()))
@BOUNDED
@given(data=st.data())
def test_a_damaged_file_of_a_stranger_costs_little(name, data):
    outcome(data.draw(damaged(FILES[name])), STRANGERS)
