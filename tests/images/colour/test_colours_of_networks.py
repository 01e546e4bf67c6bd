"""Trained networks on real pictures of other colour spaces: within a Delta E of 1 of the colour-managed way around them.

That way is: LittleCMS in floats to sRGB, the network, LittleCMS back, rounded to the file's depth.
"""

import io
import struct

import imagecodecs
import numpy as np
import onnxruntime as ort
import pytest
import tifffile
from PIL import Image, ImageCms

from i2i.images.codecs.jxl_colour import profile_of
from i2i.images.codecs.jxl_header import JxlColour
from i2i.images.decode import read_picture
from i2i.images.encode import encode
from i2i.serving import Engine
from i2i.serving.adopt.adopt import Told, adopt

D50 = (0.3457, 0.3585)
SRGB = imagecodecs.cms_profile("srgb")
SPACES = {
    "Adobe RGB": imagecodecs.cms_profile("adobergb"),
    "Display P3": profile_of(JxlColour(1, 11, (), 13, None), 3),
    "ProPhoto": profile_of(JxlColour(2, 2, (0.7347, 0.2653, 0.1596, 0.8404, 0.0366, 0.0001, *D50), 2, 1 / 1.8), 3),
}
MATRIX = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)
WHITE = np.array([0.9642, 1.0, 0.8251])
"""Linear sRGB to XYZ of D50 (Lindbloom)."""


def lab_of_srgb(values):
    """L in [0, 100], a and b, of sRGB in [0, 1], beyond it too, by the formulas."""
    linear = np.where(
        np.abs(values) <= 0.04045, values / 12.92, np.sign(values) * ((np.abs(values) + 0.055) / 1.055) ** 2.4
    )
    f = linear @ MATRIX.T / WHITE
    f = np.where(f > 216 / 24389, np.cbrt(f), (24389 / 27 * f + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def through(values, source, target):
    """By LittleCMS in floats, relative colorimetrically, not clipped."""
    given = {"colorspace": "rgb", "outcolorspace": "rgb", "outdtype": np.float32, "intent": 1}
    return imagecodecs.cms_transform(np.ascontiguousarray(values, np.float32), source, target, **given)


def delta_e(ours, theirs, profile=SRGB):
    """CIE76, of values in [0, 1]."""
    return np.sqrt(
        ((lab_of_srgb(through(ours, profile, SRGB)) - lab_of_srgb(through(theirs, profile, SRGB))) ** 2).sum(-1)
    )


class Theirs:
    """A network by itself, without i2i."""

    def __init__(self, path, by, cut, scale):
        self.session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        self.by, self.cut, self.scale = by, cut, scale

    def __call__(self, srgb):
        """(H, W, 3) in [0, 1] -> the same, enlarged."""
        padded = np.pad(srgb, ((self.cut, self.cut), (self.cut, self.cut), (0, 0)), mode="reflect")
        planes = np.ascontiguousarray(self.by * padded.transpose(2, 0, 1)[None], np.float32)
        (answer,) = self.session.run(None, {self.session.get_inputs()[0].name: planes})
        return np.clip(answer[0].transpose(1, 2, 0) / self.by, 0, 1)


WAIFU = pytest.param("waifu2x-upconv7-photo-scale2.0x_model", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=["fast-style-rain_princess", WAIFU])
def both(request, real_models, tmp_path_factory):
    """A network in i2i's form, and by itself."""
    path, ours = real_models / f"{request.param}.onnx", tmp_path_factory.mktemp("adopted") / "ours.onnx"
    adopt(path, ours, Told())
    return Engine(ours, device="cpu"), Theirs(path, *((255, 0, 1) if "princess" in request.param else (1, 7, 2)))


@pytest.fixture(scope="module")
def photo(real_data):
    """64 pixels a side of a real photograph, in [0, 1]."""
    path = sorted((real_data / "summer2winter_yosemite/testA").iterdir())[3]
    return np.asarray(Image.open(path).convert("RGB").crop((96, 96, 160, 160))) / np.float64(255)


def rounded(values, dtype):
    full = np.iinfo(dtype).max
    return np.rint(np.clip(values, 0, 1) * full).astype(dtype)


def values_of(tiff):
    """In [0, 1], read by another library than the one that i2i reads with; and the profile."""
    page = tifffile.TiffFile(io.BytesIO(tiff)).pages.first
    pixels = page.asarray()
    return pixels / np.iinfo(pixels.dtype).max, page.tags.valueof(34675)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("space", SPACES)
def test_a_picture_of_a_wide_space_comes_back_as_the_managed_way_gives_it(space, dtype, both, photo):
    engine, network = both
    source, data = rounded(photo, dtype), io.BytesIO()
    tifffile.imwrite(data, source, photometric="rgb", iccprofile=SPACES[space])
    found, profile = values_of(encode(engine.translate(read_picture(data.getvalue())), "tiff"))
    assert profile == SPACES[space]
    srgb = np.clip(through(source / np.iinfo(dtype).max, SPACES[space], SRGB), 0, 1)
    right = rounded(through(network(srgb), SRGB, SPACES[space]), dtype) / np.iinfo(dtype).max
    error = delta_e(found, right, SPACES[space])
    assert np.abs(found - right).max() < 1.01 / np.iinfo(dtype).max * (1 if dtype == np.uint8 else 16)
    assert error.mean() < (0.05 if dtype == np.uint8 else 0.001)


def press():
    """A profile of a press, made by hand: a table of 5 steps an ink, of which each swallows a little of all light."""
    steps = np.linspace(0, 1, 5)
    c, m, y, k = np.meshgrid(steps, steps, steps, steps, indexing="ij")
    passed = np.stack(
        [(1 - 0.9 * c) * (1 - 0.15 * m), (1 - 0.9 * m) * (1 - 0.3 * c), (1 - 0.85 * y) * (1 - 0.2 * m)], -1
    )
    lab = lab_of_srgb(passed * (1 - 0.95 * k)[..., None])
    table = np.rint(np.clip(np.stack([lab[..., 0] * 2.55, lab[..., 1] + 128, lab[..., 2] + 128], -1), 0, 255))
    same = bytes(range(256))
    lut = struct.pack(">4s4xBBBx9i", b"mft1", 4, 3, 5, *(65536 * np.eye(3, dtype=int)).ravel().tolist())
    lut += 4 * same + table.astype(np.uint8).tobytes() + 3 * same
    white = struct.pack(">4s4x3i", b"XYZ ", *(round(each * 65536) for each in WHITE))
    name = struct.pack(">4s4xI", b"desc", 6) + b"press\0" + bytes(78)
    rights = b"text" + bytes(4) + b"none\0\0\0\0"
    at, parts, entries = 128 + 4 + 4 * 12, b"", b""
    for tag, value in ((b"A2B0", lut), (b"wtpt", white), (b"desc", name), (b"cprt", rights)):
        entries += struct.pack(">4sII", tag, at + len(parts), len(value))
        parts += value + bytes(-len(value) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s", at + len(parts), 0x02400000, b"prtr", b"CMYK", b"Lab ", b"acsp")
    head = head.ljust(68, b"\0") + struct.pack(">3i", *(round(each * 65536) for each in WHITE))
    return head.ljust(128, b"\0") + struct.pack(">I", 4) + entries + parts


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_a_picture_in_inks_comes_as_srgb_as_the_managed_way_gives_it(kind, both, photo):
    engine, network = both
    inks = Image.fromarray(rounded(photo, np.uint8)).convert("CMYK")
    data, profile = io.BytesIO(), press()
    inks.save(data, kind, icc_profile=profile, **({"quality": 95} if kind == "JPEG" else {}))
    managed = ImageCms.profileToProfile(
        Image.open(data), io.BytesIO(profile), ImageCms.createProfile("sRGB"), outputMode="RGB"
    )
    found, icc = values_of(encode(engine.translate(read_picture(data.getvalue())), "tiff"))
    right = rounded(network(np.asarray(managed) / 255), np.uint8) / 255
    assert icc is None
    assert np.abs(found - right).max() < 2.01 / 255
    assert delta_e(found, right).mean() < 0.1
    assert delta_e(np.asarray(managed) / 255, np.asarray(inks.convert("RGB")) / 255).mean() > 3  # the profile matters


def srgb_of_lab(lab):
    """In [0, 1], by the formulas."""
    f = (lab[..., 0] + 16) / 116
    f = np.stack([f + lab[..., 1] / 500, f, f - lab[..., 2] / 200], -1)
    linear = np.where(f > 6 / 29, f**3, (116 * f - 16) / (24389 / 27)) * WHITE @ np.linalg.inv(MATRIX).T
    return np.clip(
        np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0) ** (1 / 2.4) - 0.055), 0, 1
    )


@pytest.mark.parametrize(("dtype", "signed", "steps"), [(np.uint8, np.int8, 1), (np.uint16, np.int16, 256)])
def test_a_picture_in_lab_comes_as_srgb_as_the_managed_way_gives_it(dtype, signed, steps, both, photo):
    engine, network = both
    full, data = np.iinfo(dtype).max, io.BytesIO()
    scaled = np.rint(lab_of_srgb(photo) * (full / 100, steps, steps)).astype(np.int32).astype(dtype)
    tifffile.imwrite(data, scaled, photometric="cielab")
    found, icc = values_of(encode(engine.translate(read_picture(data.getvalue())), "tiff"))
    given = np.dstack([scaled[..., 0] * (100 / full), scaled[..., 1:].astype(signed) / steps])
    right = rounded(network(srgb_of_lab(given)), dtype) / full
    assert icc is None
    assert delta_e(found, right).mean() < (0.5 if dtype == np.uint8 else 0.05)
