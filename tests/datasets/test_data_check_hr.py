"""`i2i data check --scale`: what a folder is for enlarging and restoring, what spoils it, and what the degradation looks like."""

from __future__ import annotations

import re

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.checks.superres import is_soft
from i2i.datasets.streams.imresize import imresize
from i2i.datasets.synthetic.facades.scenes import facade_pair
from i2i.degradation import DEGRADATIONS


def textured(seed, height=120, width=140):
    """Blocks of three pixels: edges everywhere."""
    coarse = np.random.default_rng(seed).integers(0, 256, (height // 3 + 1, width // 3 + 1, 3), np.uint8)
    return np.kron(coarse, np.ones((3, 3, 1), np.uint8))[:height, :width]


def save(pixels, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def photos(tmp_path):
    for n in range(4):
        save(textured(n), tmp_path / "photos" / f"p{n}.png")
    return tmp_path / "photos"


def test_a_sound_folder_is_described_and_nothing_is_wrong_with_it(i2i, photos):
    status, out, _ = i2i("data", "check", photos, "--scale", 4)
    assert status == 0
    assert "HR pictures in train (4); the inputs are made 4 times smaller bicubically" in out
    assert "Sizes from 140x120 to 140x120 pixels." in out
    assert "Nothing is wrong with it." in out


def test_pictures_that_were_enlarged_are_named(i2i, photos):
    save(imresize(imresize(facade_pair(0, "test", 1, 144)[1], 0.25), 4), photos / "soft.png")
    save(facade_pair(0, "test", 2, 144)[1], photos / "keen.png")
    _, out, _ = i2i("data", "check", photos, "--scale", 2)
    assert "as if enlarged or out of focus" in out
    assert "soft" in out.partition("Soft")[2]
    assert not {"p1", "keen"} & set(re.findall(r"\w+", out.partition("Soft")[2]))


def test_no_real_test_picture_is_called_soft_and_most_that_were_enlarged_are(real_data):
    files = sorted((real_data / "superres" / "Set14" / "original").iterdir())
    for scale, least in ((1, 0), (4, 12)):
        found = 0
        for file in files:
            pixels = np.asarray(Image.open(file).convert("RGB"))
            pixels = pixels[: len(pixels) // 4 * 4, : pixels.shape[1] // 4 * 4]
            found += is_soft(imresize(imresize(pixels, 1 / scale), scale) if scale > 1 else pixels)
        assert found >= least
        assert found == 0 or scale > 1


def test_pictures_smaller_than_a_crop_are_named(i2i, photos):
    save(textured(9, 60, 200), photos / "narrow.png")
    status, out, _ = i2i("data", "check", photos, "--scale", 2)
    assert status == 0
    assert "Smaller than a crop of 96 pixels" in out
    assert "narrow" in out


def test_a_broken_picture_and_a_pair_of_another_scale_cost_the_exit_status(i2i, photos, tmp_path):
    (photos / "p2.png").write_bytes((photos / "p2.png").read_bytes()[:99])
    status, out, _ = i2i("data", "check", photos, "--scale", 2)
    assert status == 1
    assert "Cannot be read:" in out
    assert "p2.png" in out
    for n in range(3):
        save(textured(n), tmp_path / "pairs" / "HR" / f"p{n}.png")
        small = imresize(textured(n), 1 / 4 if n == 1 else 1 / 2)
        save(small, tmp_path / "pairs" / "LR" / f"p{n}.png")
    status, out, _ = i2i("data", "check", tmp_path / "pairs", "--scale", 2)
    assert status == 1
    assert out.count("Wrong size:") == 1
    assert "p1" in out.partition("Wrong size:")[2]


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_the_sheet_shows_the_truth_and_five_different_draws_and_is_the_same_each_time(i2i, name, photos, tmp_path):
    files = [tmp_path / f"{n}.png" for n in range(2)]
    for file in files:
        status, out, err = i2i("data", "check", photos, "--scale", 1, "--degradation", name, "--sheet", file)
        assert status == 0, err
        assert str(file) in out
    assert files[0].read_bytes() == files[1].read_bytes()
    sheet = np.asarray(Image.open(files[0]).convert("RGB"), float)
    assert sheet.shape[1] > 6 * 100
    columns = np.array_split(sheet[40:], 6, axis=1)
    width = min(column.shape[1] for column in columns)
    columns = [column[:, :width] for column in columns]
    assert all(np.abs(a - b).mean() > 1 for i, a in enumerate(columns) for b in columns[:i])


def test_a_setting_of_the_degradation_changes_the_sheet_and_a_misspelt_one_is_refused(i2i, photos, tmp_path):
    def sheet(*words):
        file = tmp_path / "sheet.png"
        status, _, err = i2i("data", "check", photos, "--scale", 1, "--degradation", "noise", "--sheet", file, *words)
        return status, err, np.asarray(Image.open(file).convert("RGB"), float)

    def roughness(picture):
        return np.abs(np.diff(picture, axis=0)).mean()

    _, _, usual = sheet()
    status, _, louder = sheet("--set", "degradation.second.noise.sigma=[90,99]")
    assert status == 0
    assert roughness(louder) > roughness(usual) + 3
    status, err, _ = sheet("--set", "degradation.second.nosie.sigma=[90,99]")
    assert status == 2
    assert "Did you mean 'noise'?" in err
    status, _, err = i2i("data", "check", photos, "--scale", 1, "--degradation", "riel")
    assert status == 2
    assert "Did you mean 'real'?" in err


@pytest.mark.parametrize("scale", [0, 9])
def test_a_scale_that_no_network_has_is_refused(i2i, photos, scale):
    status, _, err = i2i("data", "check", photos, "--scale", scale, "--degradation", "real")
    assert status == 2
    assert "scale" in err


@pytest.mark.parametrize(("words", "sentence"), [
    (["--scale", 4, "--html", "page.html"], "--html"),
    (["--scale", 4, "--unpaired"], "--unpaired"),
    (["--scale", 2, "--set", "degradation.first.noise.sigma=[1,2]"], "--degradation"),
])  # fmt: skip
def test_what_has_no_effect_is_refused(i2i, photos, words, sentence):
    status, _, err = i2i("data", "check", photos, *words)
    assert status == 2
    assert sentence in err


def test_a_degradation_is_shown_at_the_scale_at_which_its_preset_trains(i2i, photos, tmp_path):
    sheets = [tmp_path / "usual.png", tmp_path / "said.png"]
    for sheet, words in zip(sheets, ([], ["--scale", 1]), strict=True):
        assert i2i("data", "check", photos, "--degradation", "noise", "--sheet", sheet, *words)[0] == 0
    assert sheets[0].read_bytes() == sheets[1].read_bytes()
