"""A PNG is read whatever its texts and profiles weigh, and whatever colour is see-through; one of ours by anybody."""

from __future__ import annotations

import dataclasses
import io
import struct
import zlib

import imagecodecs
import numpy as np
import pytest
from PIL import Image, ImageCms

from i2i.errors import PictureError
from i2i.images.codecs import png, png_chunks
from i2i.images.decode import read_header, read_picture
from i2i.images.encode import encode
from i2i.images.image import Picture

RGB = np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
DEEP = RGB.astype(np.uint16) * 257


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def with_chunks(*chunks, array=RGB, late=False):
    plain = imagecodecs.png_encode(array)
    place = len(plain) - 12 if late else 33
    return plain[:place] + b"".join(chunks) + plain[place:]


LARGE = imagecodecs.cms_profile("srgb") + bytes(2 << 20)
TEXTS = {
    "zTXt": [chunk(b"zTXt", b"workflow\0\0" + zlib.compress(LARGE))],
    "iTXt, packed": [chunk(b"iTXt", b"workflow\0\1\0\0\0" + zlib.compress(LARGE))],
    "iTXt, plain": [chunk(b"iTXt", b"workflow\0\0\0\0\0" + LARGE)],
    "iCCP": [chunk(b"iCCP", b"profile\0\0" + zlib.compress(LARGE))],
    "tEXt": [chunk(b"tEXt", b"workflow\0" + LARGE)],
    "many": [chunk(b"zTXt", b"n%d\0\0" % n + zlib.compress(bytes(1 << 20))) for n in range(66)],
    "many, plain": [chunk(b"tEXt", b"n%d\0" % n + bytes(1 << 20)) for n in range(66)],
    "bomb": [chunk(b"zTXt", b"x\0\0" + zlib.compress(bytes(200 << 20), 9))],
}


@pytest.mark.parametrize("late", [False, True], ids=["before the pixels", "after them"])
@pytest.mark.parametrize("what", TEXTS)
@pytest.mark.parametrize("array", [RGB, DEEP], ids=["8 bits", "16 bits"])
def test_a_picture_is_read_whatever_its_texts_weigh(what, late, array, tmp_path):
    if late and what == "iCCP":
        pytest.skip("a profile stands before the pixels")
    data = with_chunks(*TEXTS[what], array=array, late=late)
    path = tmp_path / "x.png"
    path.write_bytes(data)
    for source in (data, path):
        np.testing.assert_array_equal(read_picture(source).pixels, array)
        assert read_header(source).width == 60


def test_a_profile_of_megabytes_is_carried_and_one_that_unpacks_beyond_all_measure_is_not():
    assert read_picture(with_chunks(*TEXTS["iCCP"])).icc == LARGE
    bomb = chunk(b"iCCP", b"profile\0\0" + zlib.compress(bytes(100 << 20), 9))
    picture = read_picture(with_chunks(bomb))
    assert picture.icc is None
    np.testing.assert_array_equal(picture.pixels, RGB)


def test_nothing_is_unpacked_beyond_the_limit(monkeypatch):
    asked = []
    inflated = png_chunks._inflated
    monkeypatch.setattr(png_chunks, "_inflated", lambda d, k, most: asked.append(most) or inflated(d, k, most))
    read_picture(with_chunks(*TEXTS["bomb"]))
    assert max(asked) <= png_chunks.LARGEST_TEXT + 1


def test_small_texts_are_left_to_pillow():
    assert png_chunks.looked_through(with_chunks(chunk(b"zTXt", b"a\0\0" + zlib.compress(b"hello")))).lighter is None


@pytest.mark.parametrize("channels", [1, 3])
def test_a_see_through_colour_of_sixteen_bits_keeps_them(channels):
    array = (np.random.default_rng(1).integers(0, 65536, (40, 60, channels))).astype(np.uint16)
    array[5:9, 7:20] = key = array[0, 0]
    array[20, 20] = key ^ 1  # the same in 8 bits
    trns = chunk(b"tRNS", key.astype(">u2").tobytes())
    picture = read_picture(with_chunks(trns, array=array.squeeze()))
    np.testing.assert_array_equal(picture.pixels, array)
    np.testing.assert_array_equal(picture.alpha, np.where((array == key).all(-1), 0, 65535))
    with Image.open(io.BytesIO(with_chunks(trns, array=array.squeeze()))) as image:
        assert "transparency" in image.info


def noise(channels, dtype, height, width):
    rng = np.random.default_rng(channels)
    whole = rng.integers(0, np.iinfo(dtype).max, (height, width, channels), dtype, endpoint=True)
    return Picture(whole[..., : channels - 1 + channels % 2], whole[..., -1] if channels % 2 == 0 else None), whole


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 7), (9, 1), (33, 20)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
@pytest.mark.parametrize("is_quick", [False, True])
def test_every_kind_of_png_is_read_back_as_it_was_by_libpng_pillow_and_i2i(is_quick, channels, dtype, height, width):
    given, whole = noise(channels, dtype, height, width)
    data = encode(given, "png", is_quick=is_quick)
    assert np.array_equal(imagecodecs.png_decode(data).reshape(whole.shape), whole)
    if dtype == np.uint8:
        image = Image.open(io.BytesIO(data))
        assert image.mode == ("L", "LA", "RGB", "RGBA")[channels - 1]
        assert np.array_equal(np.asarray(image).reshape(whole.shape), whole)
    ours = read_picture(data)
    assert np.array_equal(ours.pixels, given.pixels)
    assert (ours.alpha is None) == (given.alpha is None)
    assert given.alpha is None or np.array_equal(ours.alpha, given.alpha)


def test_pixels_in_any_order_of_memory_are_written_as_they_are_seen():
    whole = noise(3, np.uint8, 20, 30)[1]
    for seen in (whole[::-1, ::-1], whole.transpose(1, 0, 2), np.asfortranarray(whole)):
        assert np.array_equal(imagecodecs.png_decode(encode(Picture(seen), "png")), seen)


def test_a_picture_too_large_for_a_second_copy_is_written_with_the_same_pixels(monkeypatch):
    given, whole = noise(4, np.uint8, 40, 30)
    monkeypatch.setattr(png, "LARGE", whole.nbytes - 1)
    assert np.array_equal(imagecodecs.png_decode(encode(given, "png")), whole)


def test_a_photograph_takes_no_more_room_than_by_pillow():
    y, x = np.mgrid[0:240, 0:320]
    smooth = 128 + 60 * np.sin(x / 17) * np.cos(y / 23) + np.random.default_rng(0).normal(0, 2, (3, 240, 320))
    pixels = np.rint(smooth.transpose(1, 2, 0)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG", compress_level=3)
    assert len(encode(Picture(pixels), "png")) < 1.05 * len(buffer.getvalue())
    assert len(encode(Picture(pixels), "png", is_quick=True)) < 1.1 * len(buffer.getvalue())


def test_what_a_quick_png_says_beside_its_pixels_is_the_same():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    given = dataclasses.replace(noise(3, np.uint16, 9, 7)[0], icc=profile, texts=(("Title", "a"),))
    quick, usual = (read_picture(encode(given, "png", is_quick=is_quick)) for is_quick in (True, False))
    assert quick.icc == usual.icc == profile
    assert quick.texts == usual.texts == given.texts


@pytest.mark.parametrize("array", [RGB, DEEP], ids=["8 bits", "16 bits"])
@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("kind", "content", "word"),
    [
        (b"tEXt", b"Title\0x", "damaged texts"),
        (b"eXIf", b"II*\0\x08\0\0\0\0\0\0\0\0\0", "damaged EXIF"),
        (b"gAMA", (100000).to_bytes(4), "damaged colour chunks"),
        (b"pHYs", bytes(9), "damaged chunks"),
    ],
)
def test_a_chunk_beside_the_pixels_with_a_wrong_checksum_costs_no_picture(kind, content, word, late, array):
    good = chunk(kind, content)
    picture = read_picture(with_chunks(good[:-1] + bytes([good[-1] ^ 1]), array=array, late=late))
    np.testing.assert_array_equal(picture.pixels, array)
    assert picture.left_out == (word,)
    assert not picture.colour_chunks


def test_a_wrong_checksum_of_what_is_seen_is_damage():
    for kind, content in ((b"tRNS", bytes(6)), (b"PLTE", bytes(3))):
        good = chunk(kind, content)
        with pytest.raises(PictureError, match="damaged"):
            read_picture(with_chunks(good[:-1] + bytes([good[-1] ^ 1])))
