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
from i2i.images.formats import FORMATS, Format, format_of, format_titles, late, suffixes, written
from i2i.images.image import Header, Opened, Picture
from i2i.text import listed

RGB = np.random.default_rng(0).integers(0, 256, (12, 9, 3), np.uint8)


SGI = Format("SGI", (".sgi",), "SGI", "image/sgi", late(".encode", "eight_bits", "SGI"), None, rb"\x01\xda")
"""One more row, which Pillow reads and writes."""


def test_without_its_row_a_format_is_neither_found_nor_read(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "x.sgi")
    assert not find_pictures(tmp_path)
    with pytest.raises(PictureError, match="is an SGI picture, which i2i does not read"):
        read_picture(tmp_path / "x.sgi")


def test_with_one_more_row_a_format_is_found_read_written_and_named(monkeypatch, i2i, tmp_path, make_model):
    monkeypatch.setitem(FORMATS, "sgi", SGI)
    folder = tmp_path / "in"
    folder.mkdir()
    Image.fromarray(RGB).save(folder / "x.sgi")
    assert find_pictures(folder) == [folder / "x.sgi"]
    assert (read_picture(folder / "x.sgi").pixels == RGB).all()
    assert read_header(folder / "x.sgi") == Header(9, 12, 3, 8)
    with pytest.raises(PictureError, match="not a JPEG, MPO, PNG, .* TGA or SGI picture"):
        read_picture(b"no picture")
    status, _, err = i2i("convert", make_model("invert"), folder, tmp_path / "out", "--device", "cpu")
    assert status == 0, err
    assert (np.asarray(Image.open(tmp_path / "out" / "x.sgi")) == 255 - RGB).all()
    (tmp_path / "empty").mkdir()
    assert ".sgi" in i2i("convert", make_model("invert"), tmp_path / "empty", tmp_path / "out")[2]


@pytest.mark.parametrize("name", [name for name, row in FORMATS.items() if row.writer is None])
def test_a_format_that_is_read_alone_is_refused_as_a_target(name, i2i, tmp_path, make_model):
    with pytest.raises(UnknownNameError, match=name):
        encode(Picture(RGB), name)
    Image.fromarray(RGB).save(tmp_path / "x.png")
    status, _, err = i2i("convert", make_model("invert"), tmp_path / "x.png", tmp_path / "out", "--format", name)
    assert (status, f"Known: {', '.join(sorted(['keep', *written()]))}" in " ".join(err.split())) == (2, True)


@pytest.mark.parametrize("suffix", [".gif", ".ppm", ".pgm", ".mpo"])
def test_a_format_that_is_read_alone_is_kept_as_its_row_says(suffix, i2i, tmp_path, make_model):
    (tmp_path / "in").mkdir()
    image = Image.new("L" if suffix == ".pgm" else "RGB", (9, 12), "white")
    image.save(tmp_path / "in" / f"x{suffix}", "JPEG" if suffix == ".mpo" else None)
    status, _, err = i2i("convert", make_model("invert"), tmp_path / "in", tmp_path / "out", "--device", "cpu")
    assert status == 0, err
    kept = FORMATS[FORMATS[format_of(suffix)].kept_as]
    with Image.open(tmp_path / "out" / f"x{kept.suffixes[0]}") as image:
        assert image.format == kept.pillow
        assert np.asarray(image).max() < 6


def test_a_reader_of_its_own_comes_before_pillow(monkeypatch):
    def open_upside_down(source):
        return Opened(Header(9, 12, 3, 8), lambda: Picture(RGB[::-1])) if source == b"RAW!" else None

    monkeypatch.setitem(FORMATS, "raw", Format("RAW", (".raw",), None, "image/x-raw", None, open_upside_down))
    assert (read_picture(b"RAW!").pixels == RGB[::-1]).all()
    assert (read_picture(encode(Picture(RGB), "png")).pixels == RGB).all()


@pytest.mark.parametrize("name", written())
def test_a_row_says_what_a_written_file_holds(name):
    row = FORMATS[name]
    for depth, kind in ((8, np.uint8), (16, np.uint16), (32, np.float32)):
        pixels = (RGB / 255).astype(np.float32) if depth == 32 else RGB.astype(kind) * (257 if depth == 16 else 1)
        again = read_picture(encode(Picture(pixels), name, 100))
        assert (again.pixels.dtype == kind) == (depth in row.depths), (name, depth)
    with_alpha = encode(Picture(RGB, RGB[..., 0]), name, 100)
    assert (read_picture(with_alpha).alpha is not None) == row.alpha or name == "bmp"
    if not row.bands:
        with pytest.raises(PictureError, match="Use --format tiff"):
            encode(Picture(RGB[..., :2]), name)
    assert (encode(Picture(RGB), name, 20) != encode(Picture(RGB), name, 90)) == row.lossy
    if row.pillow:
        assert Image.open(io.BytesIO(with_alpha)).format == row.pillow


@pytest.mark.parametrize("name", FORMATS)
def test_a_row_has_the_names_that_others_give_it(name):
    row = FORMATS[name]
    for suffix in row.suffixes:
        assert format_of(suffix.upper()) == name
        if row.pillow and name != "mpo":
            assert Image.registered_extensions()[suffix] == row.pillow
            assert Image.MIME[row.pillow] == row.mime
    assert (row.writer is None) or row.kept_as == "png"
    assert FORMATS[row.kept_as].writer


def test_the_page_says_what_every_row_says():
    page = {names(row["--format"])[0]: row for row in table(ROOT / "docs" / "pictures.md", "--format")}
    assert set(page) == set(FORMATS)
    for name, row in FORMATS.items():
        holds = page[name]["holds"]
        assert names(page[name]["suffixes"]) == list(row.suffixes)
        assert ("16 bits" in holds) == (16 in row.depths)
        assert ("any count of bands" in holds) == row.bands
        assert ("quality" in holds) == row.lossy
        assert (f"read alone; kept as `{row.kept_as}`" in holds) == (row.writer is None)
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
