"""Pictures with transparent parts: alpha is a channel of what a GAN from noise learns, or they lie on white."""

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.streams.single import SingleSource


@pytest.fixture
def stickers(tmp_path):
    """Red discs on nothing, whose hidden pixels are green, with soft edges; and one opaque blue picture."""
    y, x = np.mgrid[:48, :48]
    alpha = np.clip(20 - np.hypot(y - 24, x - 24), 0, 1)
    pixels = np.where(alpha[..., None] > 0, [255, 0, 0], [0, 255, 0])
    whole = np.dstack([pixels, np.rint(255 * alpha)]).astype(np.uint8)
    for n in range(3):
        Image.fromarray(whole).save(tmp_path / f"{n}.png")
    Image.new("RGB", (48, 48), (0, 0, 255)).save(tmp_path / "blue.png")
    return tmp_path


def sample_of(ready, *, blue):
    return next(sample["image"] for sample in ready.validation[1] if bool(sample["image"][2].mean() > 0.9) is blue)


def test_colours_are_multiplied_by_an_alpha_that_is_the_fourth_channel(stickers):
    ready = SingleSource(stickers, holdout=0).read(size=16)
    assert ready.channels == {"image": 4}
    assert ready.notes == [
        "3 of 4 pictures have transparent parts, so alpha is generated, as a fourth channel. "
        "--set data.channels.image=3 lays them on white instead."
    ]
    disc = (sample_of(ready, blue=False) + 1) / 2
    assert disc[:, 0, 0].tolist() == [0, 0, 0, 0]
    assert disc[:, 8, 8].tolist() == [1, 0, 0, 1]
    np.testing.assert_allclose(disc[0], disc[3], atol=0.01)  # nothing of the hidden green, at no edge
    assert disc[1].max() < 0.01
    assert ((disc[3] > 0.2) & (disc[3] < 0.8)).any()
    blue = sample_of(ready, blue=True)
    assert blue[:, 3, 3].tolist() == [-1, -1, 1, 1]
    drawn = [ready.training[n]["image"] for n in range(4)]
    assert {one.shape for one in drawn} == {(4, 16, 16)}


def test_asked_for_three_channels_they_lie_on_white(stickers):
    ready = SingleSource(stickers, holdout=0).read(size=48, channels={"image": 3})
    assert (ready.channels, ready.notes) == ({"image": 3}, [])
    disc = next(one["image"] for one in ready.validation[1] if one["image"][0].mean() > 0)
    assert disc[:, 0, 0].tolist() == [1, 1, 1]
    assert disc[:, 24, 24].tolist() == [1, -1, -1]
    np.testing.assert_allclose(disc[1], disc[2], atol=0.01)
    assert disc[0].min() > 0.98  # from red to white


def test_an_alpha_that_hides_nothing_is_none(tmp_path):
    for n in range(3):
        Image.new("RGBA", (16, 16), (n, 200, 0, 255)).save(tmp_path / f"{n}.png")
    ready = SingleSource(tmp_path, holdout=0).read(size=16)
    assert (ready.channels, ready.notes) == ({"image": 3}, [])


def test_asked_for_four_channels_opaque_pictures_get_an_alpha(tmp_path):
    for n in range(3):
        Image.new("RGB" if n else "L", (16, 16), 200).save(tmp_path / f"{n}.png")
    ready = SingleSource(tmp_path, holdout=0).read(size=16, channels={"image": 4})
    assert ready.channels == {"image": 4}
    assert all(ready.training[n]["image"].shape == (4, 16, 16) for n in range(3))
    assert all(float(ready.training[n]["image"][3].min()) == 1 for n in range(3))
