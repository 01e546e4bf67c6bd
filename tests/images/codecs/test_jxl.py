"""The colours of a JPEG XL that a profile inside says: of a lossless one by that profile, of a lossy one as sRGB."""

import base64
import sys

import imagecodecs
import numpy as np
import pytest

from i2i.images.codecs.jxl import SIGNATURE, TYPE
from i2i.images.decode import read_picture

ADOBE, SRGB = (bytes(imagecodecs.cms_profile(name)) for name in ("adobergb", "srgb"))


def in_parts(stream):
    """A container with the codestream in two boxes, as of cameras that write as they go."""
    parts = ((0).to_bytes(4) + stream[:50], (1 | 1 << 31).to_bytes(4) + stream[50:])
    return SIGNATURE + TYPE + b"".join((8 + len(part)).to_bytes(4) + b"jxlp" + part for part in parts)


PROFILED = base64.b64decode(
    "/wpBQAhvFQNyYiKAMB36Jq0DitDLncepNLmjC5zpR4toagsvqNmtwdFSA6OnBsf3fCxhQfOQ0AhERmMjMsTX3L2Ijh0AmcPmXH6Aj3gulX1eZZcU"
    "jgAqcE8UtCpkJkdCEZ/NYNLxh3gFiU9hSShZp0RCosNnExqkJoXMkskb4lRAgg8FFhIoSR1KkEAiDnzYEGJAigkFMixkciMcVLIZPBaHT2JxON/G"
    "qIQNAx4sOPAh4Xo6uQf+NT+PNVdk/M4RXgwf0dwLUK9L+Fo8nNQNNJgMx11B2hkQyIf2mwPGdg4ACAQBAHwASxiLFcIR4m6PXF0gBIDix1fh0/RY"
    "GgAAAIAAAAAAAA=="
)
"""A codestream of 8x8 pixels without loss, with the profile of Adobe RGB inside, which libjxl wrote."""


LOSSY = base64.b64decode(
    "/wpDQApvFQNyYiKAMB36Jq0DitDLncepNLmjC5zpR4toagsvqNmtwdFSA6OnBsf3fCxhQfOQ0AhERmMjMsTX3L2Ijh0AmcPmXH6Aj3gulX1e5Yjz"
    "OAOgAvdEQatCZnIkFPHZDCYdf4hXkPgUloSSdUokJDp8NqFBalLILJm8IU4FJPhQYCGBktShBAkk4sCHDSEGpJhQIMNCJjfCQSWbwWNx+CQWh/Nt"
    "jErYMODBggMfEq6nk3vgX/PzWHNFxu8c4cXwEc29APW6hK/Fw0ndQIPJcNwVpJ0BgXxovzlgbOcAABOIABQC//+qAgBQoTLKuMHLuZ4vP3RYTNu4"
    "ztBW2xaWJIqMY5N0AocksSKMXYAxAAD/4B+eeQq5TPazrx0e2nAq29ySJciAqAAVUmARYwxiDBZ3kXkxY8aY8S5jxpgxxrQHQUIc4O0zrfSmPrTF"
    "X76tzWV08K7xNpUNdTAXh6Jvig+VNY/nAYTGAQ=="
)
"""A codestream of 16x16 pixels in XYB, the upper half (60, 200, 60) and the lower (20, 30, 60) of Adobe RGB, by libjxl."""


def test_a_profile_inside_a_lossless_jpeg_xl_is_that_of_its_values():
    pytest.importorskip("pylibjxl", reason="pylibjxl is not installed (the extra `jxl`)")
    picture = read_picture(PROFILED)
    assert picture.icc is not None
    assert picture.icc[36:] == ADOBE[36:]  # behind the date
    assert picture.left_out == ()
    assert tuple(picture.pixels[7, 0]) == (60, 200, 60)


def test_a_profile_inside_a_jpeg_xl_is_named_where_nothing_gives_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "pylibjxl", None)
    picture = read_picture(PROFILED)
    assert (picture.icc, picture.left_out) == (None, ("colour profile",))
    assert tuple(picture.pixels[7, 0]) == (60, 200, 60)


@pytest.mark.parametrize("whole", [LOSSY, in_parts(LOSSY)], ids=["bare", "in parts"])
def test_a_lossy_jpeg_xl_with_a_profile_is_srgb(whole):
    """The decoder gives linear light for it, which would be far too dark."""
    picture = read_picture(whole)
    assert (picture.icc, picture.left_out, picture.pixels.dtype) == (None, ("colour profile",), np.uint8)
    for place, adobe in (((2, 2), (60, 200, 60)), ((13, 13), (20, 30, 60))):
        managed = imagecodecs.cms_transform(
            np.full((1, 1, 3), adobe, np.uint8), ADOBE, SRGB, colorspace="rgb", outcolorspace="rgb", intent=1
        )
        assert np.abs(picture.pixels[place].astype(int) - managed[0, 0]).max() <= 1
