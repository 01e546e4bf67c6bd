"""A format is one row of FORMATS: everything that lists, finds, reads or writes pictures is made of it."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import numpy as np
import pytest
from markdown import ROOT, names, table
from PIL import Image

from i2i.errors import PictureError, UnknownNameError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
from i2i.images.find import find_pictures
from i2i.images.formats import FORMATS, Format, format_of, format_titles, late, suffixes
from i2i.images.image import Header, Opened, Picture
from i2i.text import listed

RGB = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)


@pytest.fixture
def tga(monkeypatch):
    """One more row."""
    row = Format("TGA", (".tga",), "TGA", "image/x-tga", late(".encode", "eight_bits", "TGA"))
    monkeypatch.setitem(FORMATS, "tga", row)


def test_without_its_row_a_format_is_neither_found_nor_read(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.tga")
    assert not find_pictures(tmp_path)
    with pytest.raises(PictureError, match="not a JPEG, PNG, WebP, TIFF or BMP picture"):
        read_picture(tmp_path / "x.tga")


def test_with_one_more_row_a_format_is_found_read_written_and_named(tga, i2i, tmp_path, make_model):
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(RGB).save(folder / "x.tga")
    assert find_pictures(folder) == [folder / "x.tga"]
    assert (read_picture(folder / "x.tga").pixels == RGB).all()
    assert read_header(folder / "x.tga") == Header(9, 12, 3, 8)
    with pytest.raises(PictureError, match="not a JPEG, PNG, WebP, TIFF, BMP or TGA picture"):
        read_picture(b"GIF89a")
    status, _, err = i2i("convert", make_model("invert"), folder, tmp_path / "out", "--device", "cpu")
    assert status == 0, err
    assert (np.asarray(Image.open(tmp_path / "out" / "x.tga")) == 255 - RGB).all()
    (tmp_path / "empty").mkdir()
    assert ".tga" in i2i("convert", make_model("invert"), tmp_path / "empty", tmp_path / "out")[2]


def test_a_format_that_is_read_alone_is_refused_as_a_target_and_converted_to_png(
    monkeypatch, i2i, tmp_path, make_model
):
    monkeypatch.setitem(FORMATS, "tga", Format("TGA", (".tga",), "TGA", "image/x-tga", None))
    (tmp_path / "in").mkdir()
    Image.fromarray(RGB).save(tmp_path / "in" / "x.tga")
    with pytest.raises(UnknownNameError, match="tga"):
        encode(Picture(RGB), "tga")
    model = make_model("invert")
    status, _, err = i2i("convert", model, tmp_path / "in", tmp_path / "out", "--format", "tga")
    assert (status, "Known: bmp, jpg, keep, png, tiff, webp" in " ".join(err.split())) == (2, True)
    assert i2i("convert", model, tmp_path / "in", tmp_path / "out", "--device", "cpu")[0] == 0
    assert (np.asarray(Image.open(tmp_path / "out" / "x.png")) == 255 - RGB).all()


def test_a_reader_of_its_own_comes_before_pillow(monkeypatch):
    def open_upside_down(source):
        return Opened(Header(9, 12, 3, 8), lambda: Picture(RGB[::-1])) if source == b"RAW!" else None

    monkeypatch.setitem(FORMATS, "raw", Format("RAW", (".raw",), "PNG", "image/x-raw", None, open_upside_down))
    assert (read_picture(b"RAW!").pixels == RGB[::-1]).all()
    assert (read_picture(encode(Picture(RGB), "png")).pixels == RGB).all()


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_says_what_a_written_file_holds(name):
    row = FORMATS[name]
    for depth, kind in ((8, np.uint8), (16, np.uint16), (32, np.float32)):
        pixels = (RGB / 255).astype(np.float32) if depth == 32 else RGB.astype(kind) * (257 if depth == 16 else 1)
        again = read_picture(encode(Picture(pixels), name, 100))
        assert (again.pixels.dtype == kind) == (depth in row.depths), (name, depth)
    with_alpha = encode(Picture(RGB, RGB[..., 0]), name, 100)
    assert (len(Image.open(io.BytesIO(with_alpha)).getbands()) == 4) == row.alpha or name == "bmp"
    if not row.bands:
        with pytest.raises(PictureError, match="Use --format tiff"):
            encode(Picture(RGB[..., :2]), name)
    assert (encode(Picture(RGB), name, 20) != encode(Picture(RGB), name, 90)) == row.lossy
    assert Image.MIME[row.pillow] == row.mime
    for suffix in row.suffixes:
        assert Image.registered_extensions()[suffix] == row.pillow
        assert format_of(suffix.upper()) == name


def test_the_page_says_what_every_row_says():
    page = {names(row["--format"])[0]: row for row in table(ROOT / "docs" / "pictures.md", "--format")}
    assert set(page) == set(FORMATS)
    for name, row in FORMATS.items():
        holds = page[name]["holds"]
        assert names(page[name]["suffixes"]) == list(row.suffixes)
        assert ("16 bits" in holds) == (16 in row.depths)
        assert ("any count of bands" in holds) == row.bands
        assert ("quality" in holds) == row.lossy
    said = " ".join((ROOT / "docs" / "pictures.md").read_text("utf-8").split())
    assert f"{format_titles('and')} are read" in said
    assert all(f"`{suffix}`" in said for suffix in suffixes())


def test_the_table_is_read_without_numpy_or_pillow():
    code = "import sys, i2i.images.formats; print([m for m in ('numpy', 'PIL', 'tifffile') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60).stdout == "[]\n"


def test_no_other_file_lists_the_formats():
    """A list by hand would drift from the table, as one did."""
    lists = re.compile(r"JPEG, PNG|PNG, JPEG|\.jpe?g\W+\.?png|png, jpg|jpg, png", re.I)
    found = [
        path
        for folder in ("i2i", "serving", "datasets")
        for path in (ROOT / folder).rglob("*.py")
        if path.name != "formats.py" and lists.search(path.read_text("utf-8"))
    ]
    assert not found


@pytest.mark.parametrize(("given", "said"), [(["a"], "a"), (["a", "b"], "a or b"), (["a", "b", "c"], "a, b or c")])
def test_names_are_listed_with_or_before_the_last(given, said):
    assert listed(*given) == said


@pytest.mark.parametrize("suffix", [".jfif", ".jpe", ".JFIF"])
def test_a_jpeg_is_converted_by_whatever_name_windows_and_browsers_give_it(suffix, i2i, tmp_path, make_model):
    (tmp_path / "in").mkdir()
    Image.new("RGB", (20, 10), (250, 10, 10)).save(tmp_path / "in" / f"x{suffix}", "JPEG", quality=100)
    status, _, err = i2i("convert", make_model("invert"), tmp_path / "in", tmp_path / "out", "--device", "cpu")
    assert status == 0, err
    with Image.open(tmp_path / "out" / f"x{suffix}") as image:
        assert image.format == "JPEG"
        assert np.abs(np.asarray(image).astype(int) - (5, 245, 245)).max() < 6


def test_of_a_jpeg_of_several_pictures_the_first_is_read():
    buffer = io.BytesIO()
    first, second = Image.new("RGB", (20, 10), "red"), Image.new("RGB", (20, 10), "blue")
    first.save(buffer, "MPO", save_all=True, append_images=[second])
    assert read_picture(buffer.getvalue()).pixels[0, 0, 0] > 240
