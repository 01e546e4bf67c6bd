"""A Pillow picture of any mode is taken for what it is, or refused in a sentence; nothing becomes black unsaid."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from i2i.errors import PictureError
from i2i.images.decode import read_picture
from i2i.images.from_pillow import from_pil
from i2i.serving import Engine

RAMP = np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)
RGB = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)


def test_floats_in_0_to_1_run_through_an_engine_with_all_their_greys(make_model):
    result = Engine(make_model("invert"), device="cpu")(Image.fromarray(RAMP))
    shown = np.asarray(result.convert("L")).astype(int)
    assert len(np.unique(shown)) == 256
    assert np.abs(shown - (1 - RAMP) * 255).max() <= 0.51


@pytest.mark.parametrize("array", [RAMP * 255, RAMP - 0.5, RAMP * np.float32(np.nan)], ids=["255", "below", "nan"])
def test_floats_outside_0_to_1_are_refused(array):
    with pytest.raises(PictureError, match=r"float values outside \[0, 1\] \(Pillow's mode F\); scale it first"):
        from_pil(Image.fromarray(array))


@pytest.mark.parametrize("most", [1, 255, 65535])
def test_integers_of_32_bits_are_refused_for_nothing_says_what_is_white(most):
    with pytest.raises(PictureError, match="32-bit integers.*nothing says which of them is white"):
        from_pil(Image.fromarray((RAMP * most).astype(np.int32)))


def test_uint16_arrays_keep_their_values():
    deep = (RAMP * 65535).astype(np.uint16)
    np.testing.assert_array_equal(from_pil(Image.fromarray(deep)).pixels[..., 0], deep)


@pytest.mark.parametrize(
    "mode", ["1", "L", "LA", "La", "P", "PA", "RGB", "RGBA", "RGBa", "RGBX", "CMYK", "YCbCr", "HSV", "LAB"]
)
def test_every_other_mode_is_near_the_colours_it_was_made_of(mode):
    smooth = Image.fromarray(RGB[:3, :3] // 2 + 64).resize((64, 64), Image.Resampling.BICUBIC).convert("RGBA")
    via = {"La": "LA", "LA": "LA", "PA": "P", "RGBa": "RGBA", "RGBA": "RGBA", "1": "L", "L": "L"}.get(mode, "RGB")
    if mode == "LAB":
        from PIL import ImageCms

        srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        image = ImageCms.profileToProfile(smooth.convert("RGB"), srgb, lab, outputMode="LAB")
    else:
        image = smooth.convert(via).convert(mode)
    picture = from_pil(image)
    wanted = np.asarray(smooth.convert("L" if picture.pixels.shape[2] == 1 else "RGB")).astype(int).reshape(64, 64, -1)
    assert np.abs(picture.pixels - wanted).mean() < (130 if mode == "1" else 30 if mode in ("P", "PA") else 4)
    assert (picture.alpha is not None) == (mode in ("LA", "La", "PA", "RGBA", "RGBa"))


def test_a_file_with_a_palette_and_alpha_keeps_its_alpha():
    buffer = io.BytesIO()
    image = Image.fromarray(np.dstack([RGB, RGB[..., 0]])).quantize(64)
    image.save(buffer, "PNG")
    whole = np.asarray(Image.open(io.BytesIO(buffer.getvalue())).convert("RGBA"))
    np.testing.assert_array_equal(read_picture(buffer.getvalue()).alpha, whole[..., 3])
