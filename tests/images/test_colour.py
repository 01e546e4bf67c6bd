"""Pictures of every colour space are translated as sRGB and come back in their own, within a Delta E of 1."""

import io
import struct

import imagecodecs
import numpy as np
import pytest
import tifffile
from heic_files import HEIC
from picture_files import exif_number, png_chunks, png_with
from PIL import Image, ImageCms

from i2i.datasets.streams import loading
from i2i.images.codecs.jxl_colour import profile_of
from i2i.images.codecs.jxl_header import JxlColour
from i2i.images.decode import read_picture
from i2i.images.encode import encode, encoded
from i2i.images.image import Picture
from i2i.serving import Engine

RGB = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
SPACES = {
    "Adobe RGB": imagecodecs.cms_profile("adobergb"),
    "Display P3": profile_of(JxlColour(1, 11, (), 13, None), 3),
    "ProPhoto": profile_of(JxlColour(2, 2, (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, *D50), 2, 1 / 1.8), 3),
}
SRGB = imagecodecs.cms_profile("srgb")
GREY = imagecodecs.cms_profile("gray", gamma=1.8)


def through(pixels, source, target):
    """By LittleCMS in floats, without shortcuts."""
    out = imagecodecs.cms_transform(
        pixels.astype(np.float32), source, target, colorspace="rgb", outcolorspace="rgb", outdtype=np.float32, intent=1
    )
    return np.clip(out, 0, 1)


def delta_e(a, b, profile):
    """CIE76, of values in [0, 1] of the profile's space, by the formula from linear sRGB (Lindbloom)."""

    def lab(values):
        out = imagecodecs.cms_transform(
            values.astype(np.float32),
            profile,
            SRGB,
            colorspace="rgb",
            outcolorspace="rgb",
            outdtype=np.float32,
            intent=1,
        )
        linear = np.where(np.abs(out) <= 0.04045, out / 12.92, np.sign(out) * ((np.abs(out) + 0.055) / 1.055) ** 2.4)
        xyz = linear @ np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]).T
        f = xyz / (0.9642, 1, 0.8251)
        f = np.where(f > 0.008856, np.cbrt(f), 7.787 * f + 16 / 116)
        return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)

    return np.sqrt(((lab(a) - lab(b)) ** 2).sum(-1))


@pytest.fixture
def invert(make_model):
    return Engine(make_model("invert"), device="cpu")


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("space", SPACES)
def test_a_picture_of_a_wide_space_is_translated_as_the_managed_way_does_it(space, dtype, invert):
    values = RGB / 255
    full = 1 if dtype == np.float32 else np.iinfo(dtype).max
    picture = Picture((values * full).round(0 if full > 1 else 9).astype(dtype), icc=SPACES[space])
    done = invert.translate(picture)
    assert (done.icc, done.pixels.dtype) == (SPACES[space], dtype)
    right = through(1 - through(values, SPACES[space], SRGB), SRGB, SPACES[space])
    error = delta_e(done.pixels / full, right, SPACES[space])
    assert error.mean() < (0.5 if dtype == np.uint8 else 0.05)
    assert delta_e(1 - values, right, SPACES[space]).mean() > 5  # values as they are would be far off
    again = tifffile.TiffFile(io.BytesIO(encode(done, "tiff"))).pages.first
    assert again.tags.valueof(34675) == SPACES[space]


def test_srgb_by_whatever_name_and_pictures_without_a_profile_stay_as_they_are_bit_by_bit(invert):
    for icc in (None, SRGB, ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()):
        done = invert.translate(Picture(RGB, icc=icc))
        assert (done.pixels == 255 - RGB).all()
        assert done.icc == icc


def test_a_grey_profile_is_heeded(invert):
    grey = RGB[..., :1]
    data = io.BytesIO()
    Image.fromarray(grey[..., 0]).save(data, "PNG", icc_profile=GREY)
    picture = read_picture(data.getvalue())
    assert picture.icc == GREY
    done = invert.translate(picture)  # of colour: sRGB
    linear = (grey / 255) ** 1.8
    srgb = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    assert np.abs((1 - srgb) * 255 - done.pixels).max() < 1.2
    assert done.icc is None


@pytest.mark.parametrize("icc", [b"profile", SRGB[:200], SRGB[:16] + b"CMYK" + SRGB[20:], GREY])
def test_a_broken_profile_and_one_of_other_colours_is_left_out_and_said(icc):
    data = io.BytesIO()
    Image.fromarray(RGB).save(data, "PNG", icc_profile=icc)
    picture = read_picture(data.getvalue())
    assert (picture.icc, picture.left_out) == (None, ("broken colour profile",))
    assert (picture.pixels == RGB).all()


def chunked(*chunks):
    return png_with(imagecodecs.png_encode(RGB), *chunks)


GAMMA_1 = (b"gAMA", struct.pack(">I", 100_000))
ADOBE = (b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 21000, 71000, 15000, 6000))
P3 = (b"cICP", bytes([12, 13, 0, 1]))
CHUNKS = {"cICP, P3": (P3,), "gAMA 1.0": (GAMMA_1,), "gAMA and cHRM": ((b"gAMA", struct.pack(">I", 45455)), ADOBE)}


@pytest.mark.parametrize("name", CHUNKS)
def test_colour_chunks_of_a_png_are_heeded_kept_in_a_png_and_become_a_profile_elsewhere(name, invert):
    picture = read_picture(chunked(*CHUNKS[name]))
    profile = {"cICP, P3": SPACES["Display P3"], "gAMA and cHRM": SPACES["Adobe RGB"]}.get(name)
    if profile is None:
        srgb = np.where(RGB / 255 <= 0.0031308, RGB / 255 * 12.92, 1.055 * (RGB / 255) ** (1 / 2.4) - 0.055)
    else:
        srgb = through(RGB / 255, profile, SRGB)
    fed = invert.prepare(picture).feeds["image"][0].transpose(1, 2, 0)
    assert np.abs(fed - srgb).max() < 3 / 255
    done = invert.translate(picture)
    kinds = [
        (kind, data) for kind, data in png_chunks(encode(done, "png")) if kind in (b"cICP", b"gAMA", b"cHRM", b"iCCP")
    ]
    assert sorted(kinds) == sorted(CHUNKS[name])
    for target in ("tiff", "webp", "jpg"):
        assert read_picture(encode(done, target)).icc == picture.icc is not None
    flat = encoded(done, "bmp")
    assert "colour profile" in flat.left_out
    assert np.abs(np.asarray(Image.open(io.BytesIO(flat.data))) / 255 - (1 - srgb)).mean() < 2 / 255


@pytest.mark.parametrize(
    "chunks",
    [
        (),
        ((b"sRGB", b"\0"),),
        ((b"gAMA", struct.pack(">I", 45455)),),
        ((b"cICP", bytes([9, 16, 0, 1])), (b"mDCV", bytes(24)), (b"cLLI", bytes(8))),
    ],
)
def test_srgb_in_chunks_and_hdr_leave_values_as_they_are_and_chunks_in_a_png(chunks, invert):
    picture = read_picture(chunked(*chunks))
    assert picture.icc is None
    assert (invert.translate(picture).pixels == 255 - RGB).all()
    assert set(chunks) <= set(png_chunks(encode(picture, "png")))
    file, is_hdr = encoded(picture, "jpg"), b"cICP" in dict(chunks)
    assert file.left_out == (("HDR (PQ)",) if is_hdr else ())
    assert file.notes == (("HDR (PQ): the model saw its values as they are",) if is_hdr else ())


def test_training_sees_the_colours_that_serving_sees(tmp_path, invert):
    Image.fromarray(RGB).save(tmp_path / "x.png", icc_profile=SPACES["Display P3"])
    seen = loading._read(tmp_path / "x.png", None).pixels
    served = invert.prepare(read_picture(tmp_path / "x.png")).feeds["image"][0].transpose(1, 2, 0)
    assert seen.dtype == np.uint8
    assert np.abs(seen / 255 - served).max() <= 0.5 / 255 + 1e-4


def test_the_same_chunks_give_the_same_profile_at_all_times():
    assert profile_of(JxlColour(1, 11, (), 13, None), 3)[24:36] == bytes.fromhex("07d000010001000000000000")


def test_a_preview_has_the_picture_s_own_colours():
    """The slider has no profiles: a picture of Adobe RGB was shown paler than it is."""
    from i2i.serving.web.service import shown

    green = Picture(np.full((8, 8, 3), (60, 200, 60), np.uint8), icc=SPACES["Adobe RGB"])
    assert shown(green).pixels[4, 4, 0] == 0  # sRGB's red of that green


def of_camera(space, index, **options):
    """A JPEG whose EXIF says these: ColorSpace, and the index of interoperability."""
    exif, data = Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8769).update({0xA001: space, 0x9003: "2026:05:04 10:11:12"})
    exif.get_ifd(0x8769)[0xA005] = {1: index}
    Image.fromarray(RGB).save(data, "JPEG", quality=95, exif=exif.tobytes(), **options)
    return data.getvalue()


@pytest.mark.parametrize(("space", "index"), [(0xFFFF, "R03"), (2, "R03"), (2, "R98")])
def test_adobe_rgb_that_exif_alone_names_is_translated_as_if_the_profile_were_in_the_file(space, index, invert):
    named, embedded = (
        read_picture(of_camera(space, index, **more)) for more in ({}, {"icc_profile": SPACES["Adobe RGB"]})
    )
    ours, theirs = invert.translate(named), invert.translate(embedded)
    assert (ours.pixels == theirs.pixels).all()
    assert (ours.pixels != 255 - named.pixels).any()
    with Image.open(io.BytesIO(encode(ours, "jpg"))) as image:
        assert image.info["icc_profile"][128:] == SPACES["Adobe RGB"][128:]
        assert image.getexif().get_ifd(0x8769)[0xA001] == space
    for flat in (read_picture(encode(named, name, 100)) for name in ("jxl", "webp")):
        assert (flat.icc is None) == (flat.exif is not None and exif_number(flat.exif, 0xA001, 0x8769) == 1)
    srgb = through(named.pixels / 255, SPACES["Adobe RGB"], SRGB) * 255
    assert np.abs(read_picture(encode(named, "jxl", 100)).pixels - srgb).max() < 1.5


@pytest.mark.parametrize(("space", "index"), [(1, "R98"), (0xFFFF, "R98"), (1, "R03"), (0xFFFF, "")])
def test_what_exif_does_not_call_adobe_rgb_keeps_every_bit(space, index, invert):
    picture = read_picture(of_camera(space, index))
    assert picture.icc is None
    assert (invert.translate(picture).pixels == 255 - picture.pixels).all()
    assert exif_number(read_picture(encode(picture, "png")).exif, 0xA001, 0x8769) == space


def test_a_cmyk_picture_whose_exif_still_names_the_camera_s_space_is_srgb():
    exif, data = Image.Exif(), io.BytesIO()
    exif.get_ifd(0x8769)[0xA001] = 2
    Image.fromarray(RGB).convert("CMYK").save(data, "JPEG", exif=exif.tobytes())
    assert read_picture(data.getvalue()).icc is None


def numbered(kind, primaries, transfer):
    """An AVIF or a HEIC whose colours are named by these numbers."""
    data = io.BytesIO()
    if kind == "avif":
        Image.fromarray(RGB).save(data, "AVIF", quality=95)
    whole = data.getvalue() or HEIC["8 bits"]
    at = whole.index(b"colrnclx") + 8
    return whole[:at] + struct.pack(">HH", primaries, transfer) + whole[at + 4 :]


@pytest.mark.parametrize("kind", ["avif", "heic"])
def test_the_numbers_by_which_avif_and_heic_name_their_colours_are_heeded(kind):
    found = {
        pair: read_picture(numbered(kind, *pair)) for pair in ((12, 13), (12, 1), (1, 1), (2, 2), (9, 16), (9, 18))
    }
    assert found[12, 13].icc == found[12, 1].icc == SPACES["Display P3"]  # curves of video are shown as sRGB's
    assert (found[1, 1].icc, found[1, 1].colour_chunks) == (found[2, 2].icc, found[2, 2].colour_chunks) == (None, ())
    for pair, name in (((9, 16), "PQ"), ((9, 18), "HLG")):
        assert (b"cICP", bytes([*pair, 0, 1])) in png_chunks(encode(found[pair], "png"))
        assert encoded(found[pair], "avif").left_out == (f"HDR ({name})",)


def bits(*pairs):
    """(value, count) one behind the other, the lowest bit first."""
    return "".join(format(value, f"0{count}b")[::-1] for value, count in pairs)


def test_hdr_of_a_jpeg_xl_is_named_and_stays_in_a_png():
    """Its header is written anew with the colours of BT.2100: RGB, D65, primaries 9, transfer function 16."""
    stream = imagecodecs.jpegxl_encode(RGB, lossless=True, usecontainer=False)
    head = bits(*((byte, 8) for byte in stream[2:5]))
    assert head[18] == "1"  # the colours are the default ones
    said = bits((0, 1), (0, 1), (0, 2), (1, 2), (2, 2), (9 - 2, 4), (0, 1), (2, 2), (16 - 2, 4), (1, 2))
    new = head[:18] + said + head[19:22]
    packed = int(new[::-1], 2).to_bytes(-(-len(new) // 8), "little")
    picture = read_picture(stream[:2] + packed + stream[5:])
    assert (picture.pixels == RGB).all()
    assert (b"cICP", bytes([9, 16, 0, 1])) in png_chunks(encode(picture, "png"))
    assert "HDR (PQ)" in encoded(picture, "jxl").left_out
