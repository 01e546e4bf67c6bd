"""A TIFF is read by what it declares: bits, colours, extra bands, alpha, pages. Values are other libraries'."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms, TiffImagePlugin

from i2i.errors import PictureError
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode

RGB = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
NEAR_INFRARED = np.dstack([RGB, RGB[::-1, :, 0]])


def tiff(array, **options):
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, array, **options)
    return buffer.getvalue()


def by_hand(tags, data):
    """A little-endian TIFF of one strip, byte by byte: {tag: value}, values of 4 bytes."""
    tags = {**tags, 273: 8 + 2 + 12 * (len(tags) + 2) + 4, 279: len(data)}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries + bytes(4) + data


def packed(values, bits):
    """Most significant bit first, as TIFF packs them."""
    text = "".join(format(int(value), f"0{bits}b") for value in values)
    return int(text.ljust(-(-len(text) // 8) * 8, "0"), 2).to_bytes(-(-len(text) // 8), "big")


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 10, 12, 14, 16])
@pytest.mark.parametrize("photometric", [0, 1], ids=["white is zero", "black is zero"])
def test_the_greatest_value_of_so_many_bits_is_white_or_black_and_steps_are_even(bits, photometric):
    values = np.linspace(0, (1 << bits) - 1, 60).round().astype(int)
    tags = {256: 60, 257: 40, 258: bits, 259: 1, 262: photometric, 277: 1, 278: 40}
    row = packed(values, bits) if bits != 16 else values.astype("<u2").tobytes()
    data = by_hand(tags, row * 40)
    row = read_picture(data).pixels[7, :, 0]
    full = 255 if bits <= 8 else 65535
    assert row.dtype == (np.uint8 if bits <= 8 else np.uint16)
    wanted = values * full / ((1 << bits) - 1)
    assert np.abs(row - (wanted if photometric else full - wanted)).max() <= 0.5


@pytest.mark.parametrize("layout", ["chunky", "planar", "tiled", "planar tiles", "lzw", "bytes of Motorola"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
def test_a_fourth_band_that_is_not_called_alpha_stays_a_band(kind, layout):
    array = NEAR_INFRARED.astype(kind) * {np.uint8: 1, np.uint16: 257, np.float32: np.float32(1 / 255)}[kind]
    planar = {"planar": True, "planar tiles": True}.get(layout, False)
    options = {"planarconfig": "separate" if planar else "contig"}
    options |= {"tile": (16, 16)} if "tile" in layout else {}
    options |= {"compression": "lzw", "predictor": kind != np.float32} if layout == "lzw" else {}
    options |= {"byteorder": ">"} if "Motorola" in layout else {}
    stored = np.moveaxis(array, -1, 0) if planar else array
    data = tiff(stored, photometric="rgb", extrasamples=["unspecified"], **options)
    picture = read_picture(data)
    assert picture.alpha is None
    np.testing.assert_array_equal(picture.pixels, array)
    assert read_header(data).channels == 4
    again = tifffile.imread(io.BytesIO(encode(picture, "tiff")))
    np.testing.assert_array_equal(again, array)


@pytest.mark.parametrize("planar", [False, True], ids=["chunky", "planar"])
@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("colour", [(200, 100, 50), (120,)], ids=["rgb", "grey"])
def test_colours_of_associated_alpha_are_divided_by_it_and_others_stay(colour, kind, planar):
    alpha = np.full((40, 60, 1), 128)
    alpha[:5] = 0
    given = {}
    for said, colours in (("assocalpha", np.array(colour) * alpha / 255), ("unassalpha", np.array(colour) + alpha * 0)):
        whole = np.dstack([colours, alpha]) / 255
        stored = (whole if kind == np.float32 else np.rint(whole * np.iinfo(kind).max)).astype(kind)
        options = {"photometric": "rgb" if len(colour) == 3 else "minisblack", "extrasamples": [said]}
        options |= {"planarconfig": "separate" if planar else "contig"}
        given[said] = read_picture(tiff(np.moveaxis(stored, -1, 0) if planar else stored, **options))
    straight, divided = given["unassalpha"], given["assocalpha"]
    np.testing.assert_array_equal(straight.alpha, divided.alpha)
    full = 1 if kind == np.float32 else np.iinfo(kind).max
    off = np.abs(straight.pixels[5:] / full - divided.pixels[5:] / full).max() * 255
    assert off <= (1.01 if kind == np.uint8 else 0.01)
    assert not divided.pixels[:5].any()


def test_cmyk_of_sixteen_bits_keeps_them_and_is_near_pillows_of_eight():
    inks = np.random.default_rng(3).integers(0, 65536, (20, 30, 4), np.uint16)
    deep = read_picture(tiff(inks, photometric="separated")).pixels
    shallow = np.asarray(Image.fromarray((inks >> 8).astype(np.uint8), "CMYK").convert("RGB"))
    assert deep.dtype == np.uint16
    assert len(np.unique(deep)) > 1000
    assert np.abs(deep / 257 - shallow).max() < 3


@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("kind", ["cielab", "icclab"])
def test_lab_becomes_the_srgb_that_littlecms_makes_of_it(kind, depth):
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    smooth = Image.fromarray(RGB[::5, ::5]).resize((30, 20), Image.Resampling.BICUBIC)
    encoded = np.asarray(ImageCms.profileToProfile(smooth, srgb, lab, outputMode="LAB")).astype(np.int64)
    exact = ImageCms.buildTransform(
        lab, srgb, "LAB", "RGB", flags=ImageCms.Flags.NOOPTIMIZE
    )  # others are a coarse grid
    back = ImageCms.applyTransform(Image.fromarray(encoded.astype(np.uint8), "LAB"), exact)
    lightness, ab = encoded[..., :1], encoded[..., 1:].astype(np.uint8).view(np.int8).astype(np.int64) + 128
    if kind == "cielab":
        stored = np.dstack([lightness * (257 if depth == 16 else 1), (ab - 128) * (256 if depth == 16 else 1)])
    elif depth == 16:
        stored = np.dstack([np.rint(lightness / 255 * 0xFF00), ab * 256])
    else:
        stored = np.dstack([lightness, ab])
    stored = stored.astype(np.int64).astype(np.uint8 if depth == 8 else np.uint16)
    read = read_picture(tiff(stored, photometric=kind, planarconfig="contig")).pixels
    assert read.dtype == stored.dtype
    assert np.abs(read / (1 if depth == 8 else 257) - np.asarray(back)).max() < 3


@pytest.mark.parametrize("compression", ["jpeg2000", "png", "jpegxl", "webp", "lzma", "zstd", "packbits", "lerc"])
def test_a_tiff_is_read_whatever_compresses_it(compression):
    options = {"compressionargs": {"reversible": True}} if compression == "jpeg2000" else {}
    options |= {"compressionargs": {"lossless": True}} if compression in ("jpegxl", "webp") else {}
    data = tiff(RGB, photometric="rgb", compression=compression, **options)
    np.testing.assert_array_equal(read_picture(data).pixels, RGB)


def test_ycbcr_in_jpeg_is_read_as_colour():
    smooth = np.asarray(Image.fromarray(RGB[:2, :3]).resize((64, 48), Image.Resampling.BICUBIC))
    data = tiff(smooth, photometric="rgb", compression="jpeg", compressionargs={"outcolorspace": "ycbcr", "level": 97})
    assert tifffile.TiffFile(io.BytesIO(data)).pages[0].photometric == 6
    assert np.abs(read_picture(data).pixels.astype(int) - smooth).mean() < 2
    assert read_header(data).channels == 3


REFUSED = {
    "signed values of 8 bits": tiff(RGB[..., 0].astype(np.int8)),
    "signed values of 16 bits": tiff(RGB[..., 0].astype(np.int16)),
    "integers of 32 bits": tiff(RGB[..., 0].astype(np.uint32)),
    "complex values of 64 bits": tiff(RGB[..., 0].astype(np.complex64)),
    "YCbCr that is not compressed as JPEG": tiff(RGB, photometric="ycbcr", planarconfig="contig"),
    "ITU Lab": tiff(RGB, photometric="itulab", planarconfig="contig"),
    "raw camera values": tiff(RGB[..., 0], photometric="cfa"),
    "LogLuv": tiff(RGB, photometric="logluv", planarconfig="contig"),
    "inks that are not cyan": tiff(NEAR_INFRARED, photometric="separated", extratags=[(332, "H", 1, 2, True)]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_not_read_says_which_kind_of_tiff_it_is(what):
    for read in (read_header, read_picture):
        with pytest.raises(PictureError, match="is a TIFF of ") as caught:
            read(REFUSED[what])
        assert what in str(caught.value)
        assert "save it as" in str(caught.value)


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("thumbnail_first", [False, True])
def test_a_page_that_is_called_a_thumbnail_is_no_second_page(kind, thumbnail_first):
    buffer = io.BytesIO()
    pages = [(RGB.astype(kind), 0), (RGB[::4, ::4].astype(kind), 1)]
    with tifffile.TiffWriter(buffer) as writer:
        for array, subfile in reversed(pages) if thumbnail_first else pages:
            writer.write(array, photometric="rgb", subfiletype=subfile)
    np.testing.assert_array_equal(read_picture(buffer.getvalue()).pixels, RGB)
    header = read_header(buffer.getvalue())
    assert (header.width, header.height) == (30, 20)


def test_pages_in_a_circle_end():
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, RGB.astype(np.uint16), photometric="rgb", metadata=None)
    data = bytearray(buffer.getvalue())
    first = struct.unpack_from("<I", data, 4)[0]
    count = struct.unpack_from("<H", data, first)[0]
    struct.pack_into("<I", data, first + 2 + 12 * count, first)  # the next directory is this one
    np.testing.assert_array_equal(read_picture(bytes(data)).pixels, RGB)


@pytest.mark.parametrize("target", ["tiff", "png", "jpg", "webp"])
def test_a_bigtiff_of_eight_bits_is_read_and_written_in_every_format(target):
    data = tiff(RGB, photometric="rgb", bigtiff=True, software="Scanner 3", resolution=(300, 300))
    picture = read_picture(data)
    np.testing.assert_array_equal(picture.pixels, RGB)
    written = encode(picture, target, 100)
    with Image.open(io.BytesIO(written)) as image:
        assert image.getexif()[305] == "Scanner 3"
    if target == "tiff":
        np.testing.assert_array_equal(tifffile.imread(io.BytesIO(written)), RGB)


def test_a_palette_with_alpha_keeps_both():
    indices, alpha = (RGB[..., 0] & 3).astype(np.uint8), RGB[..., 1]
    image = Image.merge("LA", (Image.fromarray(indices), Image.fromarray(alpha)))
    colours = np.random.default_rng(5).integers(0, 256, (256, 3), np.uint8)
    buffer = io.BytesIO()
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[262], tags[320] = 3, [int(value) * 257 for value in colours.T.ravel()]
    image.save(buffer, "TIFF", tiffinfo=tags)
    data = buffer.getvalue()
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        assert (file.pages[0].photometric, file.pages[0].samplesperpixel) == (3, 2)
    picture = read_picture(data)
    np.testing.assert_array_equal(picture.pixels, colours[indices])
    np.testing.assert_array_equal(picture.alpha, alpha)


def test_pillows_own_reader_agrees_where_it_reads_the_same_kind():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA"):
        buffer = io.BytesIO()
        Image.fromarray(RGB).convert(mode).save(buffer, "TIFF")
        whole = np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGBA"))
        picture = read_picture(buffer.getvalue())
        np.testing.assert_array_equal(np.broadcast_to(picture.pixels, (20, 30, 3)), whole[..., :3])


@pytest.mark.parametrize("samples", [1, 3])
def test_a_tiff_that_says_nothing_of_its_colours_is_grey_or_rgb(samples):
    pixels = RGB[..., :samples]
    tags = {256: 30, 257: 20, 258: 8, 259: 1, 277: samples, 278: 20}
    np.testing.assert_array_equal(read_picture(by_hand(tags, pixels.tobytes())).pixels, pixels)


def test_a_palette_of_eight_bits_in_a_map_of_sixteen_is_not_black():
    colours = np.random.default_rng(1).integers(0, 256, (3, 256)).astype(np.uint16)
    data = tiff(RGB[..., 0], photometric="palette", colormap=colours)
    np.testing.assert_array_equal(read_picture(data).pixels, colours.T[RGB[..., 0]])


@pytest.mark.parametrize("share", [0, 0.5, 0.95])
@pytest.mark.parametrize(
    ("depth", "compression"), [(8, "zlib"), (8, "lzw"), (8, "jpeg"), (16, None), (16, "zlib"), (16, "lzw")]
)
def test_nothing_is_made_up_for_a_strip_that_is_cut(depth, compression, share):
    noise = np.random.default_rng(2).integers(0, 256, (48, 30, 3), np.uint8)
    pixels = noise if depth == 8 else noise.astype(np.uint16) * 257
    data = bytearray(tiff(pixels, photometric="rgb", rowsperstrip=16, compression=compression))
    with tifffile.TiffFile(io.BytesIO(data)) as file:
        counts = file.pages.first.tags[279]
        size = struct.calcsize({3: "<H", 4: "<I"}[counts.dtype])
        cut = int(counts.value[1] * share).to_bytes(size, "little")
        data[counts.valueoffset + size : counts.valueoffset + 2 * size] = cut
    with pytest.raises(PictureError, match="damaged"):
        read_picture(bytes(data))
