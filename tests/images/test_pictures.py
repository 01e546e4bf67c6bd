"""Every kind of picture is read as docs/pictures.md says."""

import importlib.util
import io
import tempfile

import imagecodecs
import numpy as np
import pytest
import tifffile
from heic_files import HEIC
from markdown import ROOT, table
from PIL import Image, ImageCms

from i2i.errors import PictureError, PictureTooLargeError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
from i2i.images.formats import written
from i2i.images.image import Picture

try:
    import OpenEXR
except ImportError:
    OpenEXR = None

PAGE = ROOT / "docs" / "pictures.md"
RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
DEEP = np.random.default_rng(1).integers(0, 65536, (20, 30, 5), dtype=np.uint16)
PHOTO = Image.fromarray(RGB)


def pil(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **{"photometric": "minisblack", **options})
    return buffer.getvalue()


def planar(array):
    return tiff(np.moveaxis(array, -1, 0), planarconfig="separate")


def bits(array, count, **options):
    """A TIFF of so many bits a sample, which tifffile packs."""
    return tiff(array & ((1 << count) - 1), bitspersample=count, **options)


def jxl(array, **options):
    return imagecodecs.jpegxl_encode(array, lossless=True, **options)


def ppm(array, most):
    return b"P6\n# by hand\n30 20 %d\n" % most + array.astype(">u2").tobytes()


def exr(kind):
    """Colours and alpha; by the path alone, as older versions write."""
    buffer = io.BytesIO()
    with tempfile.NamedTemporaryFile(suffix=".exr") as file:
        header = {"type": OpenEXR.scanlineimage, "compression": OpenEXR.ZIP_COMPRESSION}
        OpenEXR.File(header, {"RGBA": (np.sort(FOUR) / 255).astype(kind)}).write(file.name)
        buffer.write(file.read())
    return buffer.getvalue()


FOUR = np.dstack([RGB, RGB[..., 0]])
DEEP_FOUR = DEEP[..., :4]
LAB = {"planarconfig": "contig"}

FILES = {
    "RGB, 8 bits": [pil(PHOTO), pil(PHOTO, "JPEG"), pil(PHOTO, "WEBP"), pil(PHOTO, "TIFF"), pil(PHOTO, "BMP")],
    "RGB with alpha, 8 bits": [
        pil(Image.fromarray(np.dstack([RGB, RGB[..., 0]])), kind) for kind in ("PNG", "WEBP", "TIFF")
    ],
    "grey, 8 bits": [pil(PHOTO.convert("L"), kind) for kind in ("PNG", "JPEG", "TIFF", "BMP")],
    "grey with alpha, 8 bits": [pil(PHOTO.convert("LA"), kind) for kind in ("PNG", "TIFF")],
    "one bit": [pil(PHOTO.convert("1"), kind) for kind in ("PNG", "TIFF", "BMP")],
    "palette": [pil(PHOTO.convert("P"), kind) for kind in ("PNG", "TIFF", "BMP")],
    "palette with a transparent colour": [pil(PHOTO.convert("P"), transparency=0)],
    "PNG, grey, 16 bits": [encode(Picture(DEEP[..., :1]), "png")],
    "PNG, RGB, 16 bits": [encode(Picture(DEEP[..., :3]), "png")],
    "PNG, grey with alpha, 16 bits": [encode(Picture(DEEP[..., :1], DEEP[..., 1]), "png")],
    "GIF": [pil(PHOTO, "GIF"), pil(PHOTO.convert("P"), "GIF")],
    "GIF with a transparent colour": [pil(PHOTO.convert("P"), "GIF", transparency=0)],
    "AVIF, 10 and 12 bits": [
        imagecodecs.avif_encode(DEEP[..., :3] >> (16 - n), bitspersample=n, level=100) for n in (10, 12)
    ],
    "AVIF, 10 bits, with alpha": [imagecodecs.avif_encode(DEEP_FOUR >> 6, bitspersample=10, level=100)],
    "JPEG XL, 8 bits, with alpha": [jxl(FOUR), jxl(FOUR, usecontainer=True)],
    "JPEG XL, 10 and 16 bits": [jxl(DEEP[..., :3] >> 6, bitspersample=10), jxl(DEEP[..., :3])],
    "JPEG XL, floats in [0, 1]": [jxl((RGB / 255).astype(kind)) for kind in (np.float16, np.float32)],
    "PBM, and PGM to 255": [
        pil(PHOTO.convert("1"), "PPM"),
        pil(PHOTO.convert("L"), "PPM"),
        b"P1 #\n30 20\n" + b"01" * 300,
        b"P2 30 20 15 " + b"7 15 " * 300,
    ],
    "PPM to 1023 and to 65535": [
        ppm(DEEP[..., :3] >> 6, 1023),
        ppm(DEEP[..., :3], 65535),
        b"P3\n30 20\n1023\n" + b"0 511\n1023 " * 600,
    ],
    "TGA with alpha": [pil(Image.fromarray(FOUR), "TGA"), pil(Image.fromarray(FOUR), "TGA", compression="tga_rle")],
    "JPEG, 12 bits": [
        imagecodecs.jpeg_encode(DEEP[..., 0] >> 4, bitspersample=12, level=98),
        imagecodecs.jpeg_encode(DEEP[..., 0] >> 4, bitspersample=12, lossless=True),
    ],
    "HEIC, 8 bits, with alpha": [HEIC["alpha"]],
    "HEIC, 10 bits": [HEIC["10 bits"]],
    "OpenEXR, half and float in [0, 1]": [exr(np.float16), exr(np.float32)] if OpenEXR else [],
    "CMYK JPEG": [pil(PHOTO.convert("CMYK"), "JPEG")],
    "TIFF, grey, 16 bits": [tiff(DEEP[..., 0])],
    "TIFF, RGB, 16 bits": [tiff(DEEP[..., :3], photometric="rgb")],
    "TIFF, RGB with alpha, 16 bits": [tiff(DEEP[..., :4], photometric="rgb", extrasamples=["unassalpha"])],
    "TIFF, floats in [0, 1]": [
        tiff((RGB / 255).astype(kind), photometric="rgb") for kind in (np.float16, np.float32, np.float64)
    ],
    "TIFF, 2 and 4 bits": [bits(RGB[..., 0], n) for n in (2, 4)],
    "TIFF, RGB, 10, 12 and 14 bits": [bits(DEEP[..., :3], n, photometric="rgb") for n in (10, 12, 14)],
    "TIFF, grey with alpha, 16 bits": [
        tiff(DEEP[..., :2], planarconfig="contig", extrasamples=[alpha]) for alpha in ("assocalpha", "unassalpha")
    ],
    "TIFF, RGB with alpha, associated": [
        tiff(FOUR, photometric="rgb", extrasamples=["assocalpha"]),
        tiff(np.moveaxis(FOUR, -1, 0), photometric="rgb", planarconfig="separate", extrasamples=["assocalpha"]),
    ],
    "TIFF, RGB and near infrared": [
        tiff(FOUR, photometric="rgb", extrasamples=["unspecified"]),
        tiff(np.moveaxis(FOUR, -1, 0), photometric="rgb", planarconfig="separate", extrasamples=["unspecified"]),
    ],
    "TIFF, RGB, near infrared and alpha, 16 bits": [
        tiff(DEEP, photometric="rgb", extrasamples=kinds)
        for kinds in (["unspecified", "unassalpha"], ["unassalpha", "unspecified"])
    ],
    "TIFF, CMYK": [tiff(FOUR, photometric="separated"), pil(PHOTO.convert("CMYK"), "TIFF")],
    "TIFF, CMYK, 16 bits": [tiff(DEEP_FOUR, photometric="separated")],
    "TIFF, CMYK with alpha": [
        tiff(np.dstack([FOUR, RGB[..., 1]]), photometric="separated", extrasamples=["unassalpha"])
    ],
    "TIFF, Lab": [tiff(RGB, photometric=kind, **LAB) for kind in ("cielab", "icclab")],
    "TIFF, Lab, 16 bits": [tiff(DEEP[..., :3], photometric=kind, **LAB) for kind in ("cielab", "icclab")],
    "TIFF, two bands": [tiff(RGB[..., :2], planarconfig="contig", extrasamples=["unspecified"])],
    "TIFF, five bands": [tiff(DEEP, planarconfig="contig"), planar(DEEP)],
    "TIFF, white is zero": [tiff(RGB[..., 0], photometric="miniswhite")],
}


ABSENT = {
    kind: f"{package} is not installed (the extra `{extra}`)"
    for kind, package, extra in (("HEIC", "pi_heif", "heic"), ("OpenEXR", "OpenEXR", "exr"))
    if importlib.util.find_spec(package) is None
}

ROWS = {row["kind"]: (int(row["channels"]), row["type"], row["alpha"] == "yes") for row in table(PAGE, "kind")}


def test_every_row_of_the_page_is_tried():
    assert list(ROWS) == list(FILES)


@pytest.mark.parametrize("name", FILES)
def test_a_kind_of_file_is_read_as_its_row_says(name):
    if reason := ABSENT.get(name.split(",")[0]):
        pytest.skip(reason)
    channels, kind, alpha = ROWS[name]
    for data in FILES[name]:
        picture, header = read_picture(data), read_header(data)
        assert picture.pixels.shape == (20, 30, channels)
        assert picture.pixels.dtype == kind
        assert (picture.alpha is not None) == alpha
        assert (header.width, header.height, header.channels) == (30, 20, channels)
        if alpha:
            assert picture.alpha.shape == (20, 30)
            assert picture.alpha.dtype == kind


def test_depth_is_read_whole_where_the_page_says_so():
    assert (read_picture(FILES["TIFF, RGB, 16 bits"][0]).pixels == DEEP[..., :3]).all()
    assert (read_picture(FILES["PNG, grey, 16 bits"][0]).pixels == DEEP[..., :1]).all()
    for data in FILES["TIFF, five bands"]:
        assert (read_picture(data).pixels == DEEP).all()
    assert (read_picture(FILES["TIFF, two bands"][0]).pixels == RGB[..., :2]).all()
    assert (read_picture(FILES["PNG, RGB, 16 bits"][0]).pixels == DEEP[..., :3]).all()
    assert (read_picture(FILES["TIFF, white is zero"][0]).pixels[..., 0] == 255 - RGB[..., 0]).all()


def test_a_dark_file_of_sixteen_bits_is_not_taken_for_one_of_eight():
    dark = np.full((4, 4), 200, np.uint16)
    assert read_picture(tiff(dark)).pixels.dtype == np.uint16
    assert read_picture(pil(Image.fromarray(dark))).pixels.dtype == np.uint16


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_pictures_are_upright_and_say_nothing_of_orientation(kind, orientation):
    corner = Image.new("RGB", (32, 16))
    corner.paste((255, 255, 255), (0, 0, 16, 8))  # as stored: top left
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = pil(corner, kind, exif=exif)
    picture, header = read_picture(data), read_header(data)
    turns = {1: lambda x: x, 2: np.fliplr, 3: lambda x: np.rot90(x, 2), 4: np.flipud, 5: np.transpose,
             6: lambda x: np.rot90(x, -1), 7: lambda x: np.rot90(x, 2).T, 8: np.rot90}  # fmt: skip
    upright = turns[orientation](np.asarray(corner)[..., 0])
    assert picture.pixels.shape[:2] == upright.shape == (header.height, header.width)
    assert ((picture.pixels[..., 0] > 127) == (upright > 127)).mean() > 0.97  # JPEG and WebP blur edges
    left = Image.Exif()
    left.load(picture.exif or b"")
    assert 0x0112 not in left


@pytest.mark.parametrize("orientation", [3, 5, 6, 7, 8])
def test_deep_tiff_is_turned_as_pillow_turns_the_same_picture(orientation):
    tag = [(274, "H", 1, orientation, True)]
    deep = read_picture(tiff(RGB.astype(np.uint16) * 257, photometric="rgb", extratags=tag)).pixels
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert (deep // 257 == read_picture(pil(PHOTO, exif=exif)).pixels).all()


def test_cmyk_is_near_the_colour_it_came_from():
    flat = Image.new("RGB", (16, 16), (200, 40, 90))
    read = read_picture(pil(flat.convert("CMYK"), "JPEG", quality=95)).pixels
    assert np.abs(read.astype(int) - (200, 40, 90)).max() < 12


def test_profiles_are_carried_and_values_left_as_they_are():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture = read_picture(pil(PHOTO, icc_profile=profile))
    assert picture.icc == profile
    assert (picture.pixels == RGB).all()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (pil(PHOTO, "WEBP", save_all=True, append_images=[PHOTO.rotate(90)]), "holds 2 frames"),
        (pil(PHOTO, save_all=True, append_images=[PHOTO.rotate(180)]), "holds 2 frames"),
        (pil(PHOTO, "TIFF", save_all=True, append_images=[PHOTO]), "holds 2 frames"),
        (tiff(np.stack([DEEP[..., :3]] * 2), photometric="rgb"), "holds 2 frames"),
        (tiff(RGB[..., 0].astype(np.float32)), "float values outside"),
        (tiff(RGB[..., 0].astype(np.uint32)), "is a TIFF of integers of 32 bits, which i2i does not read"),
        (pil(PHOTO, "GIF", save_all=True, append_images=[PHOTO.rotate(180)]), "holds 2 frames"),
        (b"%PDF-1.7\n", "is a PDF document, which i2i does not read"),
        (b"nothing of the kind", "is not a JPEG, MPO, PNG, WebP, TIFF, BMP, GIF, AVIF, JPEG XL, PPM, HEIC, OpenEXR or TGA"),
        (b"", "is empty"),
        (pil(PHOTO, "JPEG")[:500], "damaged or cut short"),
        (pil(PHOTO)[:900], "damaged or cut short"),
        (tiff(DEEP[..., :3], photometric="rgb")[:900], "damaged or cut short"),
    ],
    ids=["webp frames", "png frames", "tiff pages", "deep pages", "floats", "integers", "gif frames", "pdf", "text", "empty",
         "cut jpeg", "cut png", "cut tiff"],
)  # fmt: skip
def test_what_cannot_be_read_is_refused_in_a_sentence(data, said):
    with pytest.raises(PictureError, match=said) as caught:
        read_picture(data)
    assert "\n" not in str(caught.value)


def test_too_many_pixels_are_refused_before_decoding():
    huge = pil(Image.new("1", (20_000, 10_000)))
    with pytest.raises(PictureTooLargeError, match="too large to be decoded; the limit is 178 megapixels"):
        read_picture(huge)


@pytest.mark.parametrize("name", written())
def test_what_is_written_is_read_back(name):
    again = read_picture(encode(Picture(RGB), name, 100))
    error = np.abs(again.pixels.astype(int) - RGB)
    assert error.max() == 0 if name not in ("jpg", "avif") else error.mean() < 3
    if name == "tiff":
        for bands in (2, 4, 5):
            assert (read_picture(encode(Picture(DEEP[..., :bands]), name)).pixels == DEEP[..., :bands]).all()
            shallow = (DEEP[..., :bands] >> 8).astype(np.uint8)
            assert (read_picture(encode(Picture(shallow), name)).pixels == shallow).all()


@pytest.mark.parametrize("kind", ["tif", "tif16", "png16", "jpg", "png", "webp", "bmp"])
def test_a_damaged_file_is_a_picture_error_whatever_byte_was_hit(kind, tmp_path):
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 255, (12, 9, 3), np.uint8)
    path = tmp_path / f"x.{kind.removesuffix('16')}"
    deep = pixels.astype(np.uint16) * 257
    if kind == "tif16":
        tifffile.imwrite(path, deep, photometric="rgb")
    elif kind == "png16":
        path.write_bytes(encode(Picture(deep), "png"))
    else:
        Image.fromarray(pixels).save(path)
    whole = path.read_bytes()
    refused = 0
    for _ in range(400):
        damaged = bytearray(whole)
        for place in rng.integers(0, min(len(whole), 400), rng.integers(1, 4)):
            damaged[place] = rng.integers(0, 256)
        for read in (read_header, read_picture):
            try:
                read(bytes(damaged))
            except PictureError:
                refused += 1
    assert refused


def test_deep_tiffs_are_read_whatever_compresses_them(tmp_path):
    for shape in ((20, 30), (20, 30, 3)):
        for compression in ("lzw", "zlib", "packbits"):
            deep = np.random.default_rng(0).integers(0, 65536, shape, np.uint16)
            kind = "rgb" if len(shape) == 3 else "minisblack"
            tifffile.imwrite(tmp_path / "x.tif", deep, photometric=kind, compression=compression)
            assert (read_picture(tmp_path / "x.tif").pixels.squeeze() == deep).all(), compression


def test_a_deep_png_keeps_its_bits_its_alpha_and_stands_upright():
    deep, alpha = DEEP[..., :3], DEEP[..., 3]
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    written = encode(Picture(deep, alpha, exif=exif.tobytes()), "png")
    picture, header = read_picture(written), read_header(written)
    assert (picture.pixels == np.rot90(deep, -1)).all()
    assert (picture.alpha == np.rot90(alpha, -1)).all()
    assert (header.height, header.width, header.depth) == (30, 20, 16)
