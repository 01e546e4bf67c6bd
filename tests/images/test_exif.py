"""A camera's EXIF comes through into every kind of file, and never decides how that file is laid out."""

import dataclasses
import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from picture_files import png_with
from PIL import Image

from i2i.images.decode import read_picture
from i2i.images.encode import encode

PIXELS = np.dstack(
    [np.tile(np.arange(48, dtype=np.uint8) * 5, (32, 1)), *[np.full((32, 48), v, np.uint8) for v in (90, 200)]]
)
DATE = "2026:05:04 10:11:12"


def photo(format="PNG", **tags):
    """A camera's file; `tags` go into its first directory, by number."""
    exif = Image.Exif()
    exif[271], exif[33432] = "CAM", "A. Photographer"
    exif.get_ifd(0x8769)[36867] = DATE
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 1.5)})
    for tag, value in tags.items():
        exif[int(tag)] = value
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, format, exif=exif.tobytes())
    return data.getvalue()


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_maker_rights_date_and_place_stand_in_the_tiff_that_a_camera_file_becomes(format):
    picture = read_picture(photo(format))
    with tifffile.TiffFile(io.BytesIO(encode(picture, "tiff"))) as written:
        page = written.pages.first
        assert (page.tags.valueof(271), page.tags.valueof(33432)) == ("CAM", "A. Photographer")
        assert page.tags.valueof(34665)["DateTimeOriginal"] == DATE
        assert page.tags.valueof(34853)["GPSLatitudeRef"] == "N"
        np.testing.assert_array_equal(page.asarray(), picture.pixels)


@pytest.mark.parametrize("name", ["jpg", "png", "webp", "tiff"])
def test_a_tiff_with_exif_becomes_every_kind_of_file_with_it(name):
    written = Image.open(io.BytesIO(encode(read_picture(photo("TIFF")), name)))
    assert written.getexif()[271] == "CAM"
    assert written.getexif().get_ifd(0x8769)[36867] == DATE


LAYOUT = {
    "256": 7, "257": 7, "258": (8, 8, 8), "259": 1, "262": 6, "273": 8, "277": 3, "278": 1, "279": 9, "284": 2, "317": 2,
    "320": (0,) * 768, "338": 2, "339": (3, 3, 3),
}  # fmt: skip
"""Tags of TIFF's layout, as editors copy them into EXIF, with values that are another file's."""


@pytest.mark.parametrize("tag", LAYOUT)
@pytest.mark.parametrize("bands", [1, 3])
def test_tags_of_layout_in_exif_do_not_spoil_a_tiff(bands, tag):
    picture = read_picture(photo("PNG", **{tag: LAYOUT[tag]}))
    picture = dataclasses.replace(picture, pixels=picture.pixels[..., :bands])
    written = tifffile.imread(io.BytesIO(encode(picture, "tiff")))
    np.testing.assert_array_equal(written, picture.pixels.squeeze())


def test_without_directories_a_tiff_is_compressed_as_ever():
    picture = read_picture(photo())
    plain = dataclasses.replace(picture, exif=None)
    with tifffile.TiffFile(io.BytesIO(encode(plain, "tiff"))) as written:
        assert written.pages.first.compression == tifffile.COMPRESSION.ADOBE_DEFLATE


def test_damaged_exif_never_costs_a_picture(capfd):
    """Bytes of it are changed at random; libtiff, which writes to the terminal itself, must have nothing to say."""
    whole, rng = photo("JPEG"), np.random.default_rng(0)
    start = whole.index(b"Exif\0\0") + 6
    end = start + int.from_bytes(whole[start - 8 : start - 6], "big") - 8
    for _ in range(400):
        data = bytearray(whole)
        for place in rng.integers(start, end, 2):
            data[place] = rng.integers(256)
        for name in ("jpg", "png", "webp", "tiff"):
            assert encode(read_picture(bytes(data)), name)
    assert "TIFF" not in capfd.readouterr().err


def squeezed():
    """Files that say twice as many pixels across as down, and no unit."""
    jpeg, png, tiff, tga = io.BytesIO(), io.BytesIO(), io.BytesIO(), io.BytesIO()
    Image.fromarray(PIXELS).save(jpeg, "JPEG", dpi=(2, 1))
    at = jpeg.getvalue().index(b"JFIF\0") + 7
    Image.fromarray(PIXELS).save(png, "PNG")
    tifffile.imwrite(tiff, PIXELS, photometric="rgb", resolution=(2, 1), resolutionunit="none")
    Image.fromarray(PIXELS).save(tga, "TGA")
    image = tga.getvalue().removesuffix(bytes(8) + b"TRUEVISION-XFILE.\0")
    extension = struct.pack("<H", 495) + bytes(472) + struct.pack("<HH", 1, 2) + bytes(17)
    return {
        "jpeg": jpeg.getvalue()[:at] + b"\0" + jpeg.getvalue()[at + 1 :],
        "png": png_with(png.getvalue(), (b"pHYs", struct.pack(">IIB", 2, 1, 0))),
        "tiff": tiff.getvalue(),
        "tga": image + extension + struct.pack("<II", len(image), 0) + b"TRUEVISION-XFILE.\0",
    }


@pytest.mark.parametrize("source", ["jpeg", "png", "tiff", "tga"])
@pytest.mark.parametrize("target", ["jpg", "png", "tiff", "bmp", "webp"])
def test_pixels_that_are_not_square_stay_so_though_no_unit_is_said(source, target):
    again = read_picture(encode(read_picture(squeezed()[source]), target))
    assert again.dpi == pytest.approx((144, 72), abs=0.02)


def box(kind, content):
    return struct.pack(">I4s", 8 + len(content), kind) + content


@pytest.mark.parametrize("packed", ["as libjxl does", "cut", "beyond all measure"])
def test_metadata_that_a_jpeg_xl_packs_is_read(packed):
    """libjxl's cjxl packs EXIF and XMP by Brotli unless it is told not to."""
    exif, xmp = Image.Exif(), b"<x><rdf:RDF/></x>"
    exif[271] = "CAM"
    stream = imagecodecs.jpegxl_encode(PIXELS, lossless=True, usecontainer=False)
    whole = bytes(imagecodecs.brotli_encode(bytes(4) + exif.tobytes()[6:]))
    given = {
        "as libjxl does": whole,
        "cut": whole[:-8],
        "beyond all measure": imagecodecs.brotli_encode(bytes(32 << 20)),
    }
    head = b"\0\0\0\x0cJXL \r\n\x87\n" + box(b"ftyp", b"jxl \0\0\0\0jxl ")
    parts = box(b"brob", b"Exif" + given[packed]) + box(b"brob", b"xml " + imagecodecs.brotli_encode(xmp))
    picture = read_picture(head + parts + box(b"jxlc", stream))
    assert picture.xmp == xmp
    assert (b"CAM\0" in (picture.exif or b"")) == (packed == "as libjxl does")
    assert picture.left_out == (() if packed == "as libjxl does" else ("damaged EXIF",))
    assert (picture.pixels == PIXELS).all()
