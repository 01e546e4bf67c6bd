"""The formats beside JPEG, PNG, WebP, TIFF and BMP: read whole as another library wrote them, written for another."""

from __future__ import annotations

import io
import sys

import imagecodecs
import numpy as np
import pytest
import tifffile
from heic_files import HEIC
from PIL import Image, ImageCms

from i2i.errors import PictureError, PictureTooLargeError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
from i2i.images.image import Picture

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (20, 30, 4), np.uint16)
SMOOTH = np.linspace(0, 4095, 64 * 48).reshape(48, 64).astype(np.uint16)


def saved(image, kind, **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def scaled(values, most):
    return np.rint(values * (65535 / most)).astype(int)


@pytest.mark.parametrize("bits", [10, 12])
def test_an_avif_of_more_than_8_bits_keeps_them(bits):
    said = DEEP >> (16 - bits)
    picture = read_picture(imagecodecs.avif_encode(said, bitspersample=bits, level=100))
    whole = scaled(said, (1 << bits) - 1)
    assert np.abs(picture.pixels.astype(int) - whole[..., :3]).max() <= 1
    assert np.abs(picture.alpha.astype(int) - whole[..., 3]).max() <= 1


def test_a_jpeg_of_12_bits_is_not_sixteen_times_too_dark():
    data = imagecodecs.jpeg_encode(SMOOTH, bitspersample=12, level=98)
    picture = read_picture(data)
    assert np.abs(picture.pixels[..., 0].astype(int) - scaled(SMOOTH, 4095)).max() < 100
    assert (picture.pixels.max(), read_header(data).depth) == (65535, 16) or picture.pixels.max() > 65400


GREY = imagecodecs.cms_profile("gray", gamma=2.2)


def test_a_jpeg_of_12_bits_stands_upright_with_its_profile_and_its_maker():
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Seed"
    plain = saved(Image.new("L", (64, 48)), "JPEG", exif=exif, icc_profile=GREY)
    notes = plain[2 : plain.index(b"\xff\xdb")]
    deep = imagecodecs.jpeg_encode(SMOOTH, bitspersample=12, lossless=True)
    data = deep[:2] + notes + deep[2:]
    picture, header = read_picture(data), read_header(data)
    np.testing.assert_array_equal(picture.pixels[..., 0], np.rot90(scaled(SMOOTH, 4095), -1))
    assert (header.width, header.height, picture.icc) == (48, 64, GREY)
    kept = Image.Exif()
    kept.load(picture.exif)
    assert dict(kept) == {0x010F: "Seed"}


def test_a_jpeg_of_12_bits_that_is_cut_short_is_not_filled_up():
    data = imagecodecs.jpeg_encode(SMOOTH, bitspersample=12, level=98)
    with pytest.raises(PictureError, match="cut short"):
        read_picture(data[:-60])


@pytest.mark.parametrize("most", [100, 255, 1000, 65535])
def test_a_ppm_says_which_value_is_white(most):
    said = (DEEP[..., :3].astype(np.uint32) * most // 65535).astype(np.uint16)
    raster = said.astype(np.uint8 if most < 256 else ">u2").tobytes()
    text = " ".join(map(str, said.ravel())).encode()
    full = 255 if most < 256 else 65535
    for data in (b"P6 30 20 %d\n" % most + raster, b"P3\n#x\n30 20\n%d\n" % most + text):
        assert np.abs(read_picture(data).pixels - said * (full / most)).max() < 0.501


def test_a_bitmap_is_read_as_pillow_reads_it():
    bits = Image.fromarray(RGB[..., 0] > 127)
    written = saved(bits, "PPM")
    np.testing.assert_array_equal(read_picture(written).pixels[..., 0], np.asarray(bits) * 255)
    text = b"P1\n30 20\n" + b"".join(b"01"[1 - bit : 2 - bit] for bit in np.asarray(bits).ravel().astype(int))
    np.testing.assert_array_equal(read_picture(text).pixels[..., 0], np.asarray(bits) * 255)


def test_a_tga_is_known_by_its_name_or_by_its_end(tmp_path):
    data = saved(Image.fromarray(RGB), "TGA")
    old = data[: data.index(b"\0\0\0\0\0\0\0\0TRUEVISION")]
    assert (read_picture(data).pixels == RGB).all()
    (tmp_path / "x.TGA").write_bytes(old)
    assert (read_picture(tmp_path / "x.TGA").pixels == RGB).all()
    for nameless in (old, tmp_path / "x.png"):
        if nameless != old:
            nameless.write_bytes(old)
        with pytest.raises(PictureError, match="is not a JPEG, .* or TGA picture"):
            read_picture(nameless)


def test_a_fourth_byte_of_a_tga_is_alpha_only_when_the_file_counts_its_bits():
    data = bytearray(saved(Image.fromarray(np.dstack([RGB, RGB[..., 0]])), "TGA"))
    assert (read_picture(bytes(data)).alpha == RGB[..., 0]).all()
    data[17] &= 0xF0
    picture = read_picture(bytes(data))
    assert picture.alpha is None
    assert (picture.pixels == RGB).all()


@pytest.mark.parametrize("depth", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_jpeg_xl_of_quality_100_holds_every_depth_without_loss(depth, channels):
    pixels = (RGB / 255).astype(np.float32) if depth == np.float32 else RGB.astype(depth)
    for alpha in (None, pixels[..., 0]):
        picture = Picture(pixels[..., :channels], alpha)
        array = imagecodecs.jpegxl_decode(encode(picture, "jxl", 100)).reshape(20, 30, -1)
        whole = picture.pixels if alpha is None else np.dstack([picture.pixels, alpha])
        assert array.dtype == depth
        np.testing.assert_array_equal(array, whole)


def test_a_jpeg_xl_says_its_size_as_its_decoder_does(tmp_path):
    """Sizes that the header writes in every way, bare and in boxes."""
    for height, width in ((1, 1), (8, 8), (16, 256), (300, 400), (9, 16), (513, 1), (1, 9000), (240, 320), (7, 2000)):
        for container in (False, True):
            data = imagecodecs.jpegxl_encode(
                np.zeros((height, width, 3), np.uint8), lossless=True, usecontainer=container
            )
            header = read_header(data)
            assert (header.height, header.width, header.channels, header.depth) == (height, width, 3, 8)


def test_a_jpeg_xl_made_of_a_jpeg_is_read():
    jpeg = saved(Image.fromarray(RGB), "JPEG", quality=95)
    found = read_picture(imagecodecs.jpegxl_encode_jpeg(jpeg)).pixels
    assert np.abs(found.astype(int) - np.asarray(Image.open(io.BytesIO(jpeg)))).max() < 8


def with_colours(data, *fields):
    """The JPEG XL of default colours with the (value, bits) of a colour encoding in their place."""
    number, length = int.from_bytes(data, "little"), 8 * len(data)
    spots = range(40, 80)  # where the one bit that says "default" stands is for the decoder to say
    for spot in spots:
        new, bits = number & ((1 << spot) - 1), spot
        for value, count in fields:
            new |= value << bits
            bits += count
        new |= (number >> spot + 1 & 0b111) << bits  # no extensions, no transform; then to the next byte
        rest = -(-(spot + 4) // 8) * 8
        start = -(-(bits + 3) // 8) * 8
        changed = (new | number >> rest << start).to_bytes((length - rest + start) // 8, "little")
        try:
            if (imagecodecs.jpegxl_decode(changed) == RGB).all():
                return changed
        except Exception:
            continue
    raise AssertionError("no such place")


def test_a_jpeg_xl_in_display_p3_comes_with_a_profile_that_says_so():
    data = imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=False)
    assert read_picture(data).icc is None
    p3 = with_colours(
        data, (0, 1), (0, 1), (0b00, 2), (0b01, 2), (0b10, 2), (9, 4), (0, 1), (0b10, 2), (11, 4), (0b01, 2)
    )
    picture = read_picture(p3)
    assert (picture.pixels == RGB).all()
    profile = ImageCms.ImageCmsProfile(io.BytesIO(picture.icc))
    srgb = ImageCms.createProfile("sRGB")
    red = ImageCms.profileToProfile(Image.new("RGB", (1, 1), (200, 100, 50)), profile, srgb).getpixel((0, 0))
    assert np.abs(np.array(red) - (215, 93, 31)).max() <= 2


def test_the_exif_of_a_jpeg_xl_is_written_and_read():
    exif = Image.Exif()
    exif[0x010F] = "Seed"
    for pixels in (RGB, RGB.astype(np.uint16) * 257):  # bare otherwise, and in boxes
        data = encode(Picture(pixels, exif=exif.tobytes()), "jxl", 100)
        assert (imagecodecs.jpegxl_decode(data) == pixels).all()
        picture = read_picture(data)
        kept = Image.Exif()
        kept.load(picture.exif)
        assert (dict(kept), (picture.pixels == pixels).all()) == ({0x010F: "Seed"}, True)


def test_an_avif_carries_profile_and_exif_and_is_near_its_picture():
    exif = Image.Exif()
    exif[0x010F] = "Seed"
    smooth = np.dstack([SMOOTH >> 4] * 3).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with Image.open(io.BytesIO(encode(Picture(smooth, None, profile, exif.tobytes()), "avif", 95))) as image:
        assert (image.format, image.info["icc_profile"], dict(image.getexif())) == (
            "AVIF",
            profile,
            {0x010F: "Seed"},
        )
        assert np.abs(np.asarray(image).astype(int) - smooth).max() < 6


@pytest.mark.parametrize(
    "data",
    [
        b"P6 100000 100000 255\n",
        b"GIF89a\xff\xff\xff\xff\x80\0\0" + bytes(6) + b",\0\0\0\0\xff\xff\xff\xff\0\2\1\0\0;",
        b"\xff\x0a" + (0b10 | 0b11 << 1 | 99999 << 3 | 0 << 33 | 0b11 << 36 | 99999 << 38).to_bytes(12, "little"),
        bytes([0, 0, 2, *[0] * 9, 255, 255, 255, 255, 24, 0]) + b"TRUEVISION-XFILE.\0",
    ],
    ids=["ppm", "gif", "jxl", "tga"],
)
def test_a_header_that_asks_for_billions_of_pixels_is_refused_before_decoding(data):
    with pytest.raises(PictureTooLargeError, match="too large|megapixels"):
        read_picture(data)


def test_a_jpeg_xl_over_the_limit_is_refused_before_decoding():
    data = imagecodecs.jpegxl_encode(np.zeros((200, 300, 3), np.uint8), lossless=True)
    with pytest.raises(PictureTooLargeError, match="300x200"):
        read_picture(data, max_pixels=50_000)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 40, "is a JPEG 2000 picture"),
        (b"8BPS\0\1" + b"\0" * 40, "is a PSD picture"),
        (b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg">', "is an SVG drawing"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "is a raw picture of a Canon camera"),
        (b"II*\0\x10\0\0\0CR\2\0" + b"\0" * 40, "is a raw picture of a Canon camera"),
        (b"FUJIFILMCCD-RAW 0201", "is a raw picture of a Fujifilm camera"),
        (b"\n<!doctype html>\n<html><body>404", "is a web page"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isom", "is a film"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:", "is a pointer of Git LFS"),
    ],
)
def test_what_is_no_picture_of_ours_is_called_what_it_is(data, said):
    with pytest.raises(PictureError, match=f"{said}.*, which i2i does not read"):
        read_picture(data)


@pytest.mark.parametrize("kind", ["dng", "other"])
def test_a_raw_file_is_not_taken_for_its_thumbnail(kind, tmp_path):
    buffer = io.BytesIO()
    with tifffile.TiffWriter(buffer) as tiff:
        tag = [(50706, "B", 4, (1, 4, 0, 0), True)] if kind == "dng" else []
        tiff.write(RGB, photometric="rgb", subifds=1, subfiletype=1, extratags=tag)
        tiff.write(DEEP[..., 0], photometric="cfa" if kind == "dng" else 32803)
    with pytest.raises(PictureError, match="is a raw picture of a camera"):
        read_picture(buffer.getvalue())


def test_a_heic_is_read_whatever_its_name_with_its_colours_where_they_are(tmp_path):
    pytest.importorskip("pi_heif", reason="pi-heif is not installed (the extra `heic`)")
    for name, full in (("8 bits", 255), ("10 bits", 65535), ("alpha", 255)):
        (tmp_path / "x.jpg").write_bytes(HEIC[name])
        picture = read_picture(tmp_path / "x.jpg")
        shown = np.rint(picture.pixels[[4, 4, -4, -4], [4, -4, 4, -4]] / full)
        assert shown.tolist() == [[1, 0, 0], [1, 1, 1], [0, 0, 0], [0, 0, 1]]
        if name == "alpha":
            assert picture.alpha[10, [3, -3]].tolist() == [0, 255]


@pytest.mark.parametrize(("package", "data", "said"), [
    ("pi_heif", HEIC["8 bits"], r"is a HEIC picture; .*pip install 'i2i\[heic\]'.*save it as JPEG"),
    ("OpenEXR", b"\x76\x2f\x31\x01\2\0\0\0", r"is an OpenEXR picture; .*pip install 'i2i\[exr\]'.*save it as TIFF"),
])  # fmt: skip
def test_a_format_whose_reader_is_not_installed_is_named_with_the_way_out(monkeypatch, package, data, said):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(PictureError, match=said):
        read_picture(data)


@pytest.fixture
def openexr():
    return pytest.importorskip("OpenEXR", reason="OpenEXR is not installed (the extra `exr`)")


def written_exr(openexr, folder, channels, **header):
    path = folder / "x.exr"
    openexr.File({"type": openexr.scanlineimage, "compression": openexr.ZIP_COMPRESSION, **header}, channels).write(
        str(path)
    )
    return path


def test_an_openexr_keeps_its_floats_and_divides_its_colours_by_its_alpha(openexr, tmp_path):
    colours, alpha = (RGB / 255).astype(np.float32), np.full((20, 30), 0.5, np.float32)
    path = written_exr(openexr, tmp_path, {"RGBA": np.dstack([colours * alpha[..., None], alpha])})
    picture = read_picture(path)
    np.testing.assert_allclose(picture.pixels, colours, atol=1e-6)
    assert (picture.alpha == 0.5).all()
    grey = written_exr(openexr, tmp_path, {"Y": colours[..., 0].astype(np.float16)})
    np.testing.assert_array_equal(read_picture(grey).pixels[..., 0], colours[..., 0].astype(np.float16))


def test_an_openexr_that_is_no_plain_picture_of_the_range_is_refused_by_what_it_is(openexr, tmp_path):
    colours = (RGB / 255).astype(np.float32)
    with pytest.raises(PictureError, match=r"has float values outside \[0, 1\]; scale it first"):
        read_picture(written_exr(openexr, tmp_path, {"RGB": colours * 4}))
    with pytest.raises(PictureError, match="OpenEXR of the channels B, G, R, Z"):
        read_picture(written_exr(openexr, tmp_path, {"RGB": colours, "Z": colours[..., 0]}))
