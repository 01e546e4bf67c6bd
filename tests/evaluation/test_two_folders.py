"""`i2i evaluate A B`: two folders of pictures, without a model."""

import json
import unicodedata

import numpy as np
import pytest
from PIL import Image


def fill(folder, count, seed=0, suffix="png", shift=0, side=24):
    folder.mkdir(parents=True)
    draw = np.random.default_rng(seed)
    for n in range(count):
        pixels = draw.normal(120 + shift, 40, (side, side, 3)) + draw.normal(0, 25, 3)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"{n}.{suffix}")


@pytest.fixture
def score(i2i, tmp_path, monkeypatch):
    monkeypatch.setenv("I2I_CACHE", str(tmp_path / "cache"))

    def run(*words):
        status, out, err = i2i("evaluate", *words, "--json", tmp_path / "s.json", "--features", "pixels")
        facts = json.loads((tmp_path / "s.json").read_text()) if (tmp_path / "s.json").is_file() else None
        return status, out, err, facts

    return run


def test_pairs_are_scored_where_names_match_and_sets_always(score, tmp_path):
    fill(tmp_path / "a", 55)
    fill(tmp_path / "b", 52, seed=1, suffix="bmp", shift=10)
    status, out, err, facts = score(tmp_path / "a", tmp_path / "b", "--out", tmp_path / "out")
    assert status == 0, err
    assert facts["count"] == 55
    assert {"psnr", "ssim", "l1", "swd", "frechet_pixels", "recall_pixels", "precision_pixels"} <= set(facts["metrics"])
    assert "fid" not in facts["metrics"]
    assert facts["definitions"]["frechet_pixels"].startswith("Fréchet distance on plain pixels, 8 x 8 px")
    low, high = facts["intervals"]["frechet_pixels"]
    assert low < facts["metrics"]["frechet_pixels"] < high
    assert set(facts["refused"]) == {
        f"{name}_pixels" for name in ("frechet_unbiased", "kernel", "mind", "mind_unbiased", "density", "coverage")
    }
    assert "768 pictures" in facts["refused"]["frechet_unbiased_pixels"]
    assert "Refused: kernel_pixels needs 200 pictures of each set or more, here are 55 outputs and 52" in " ".join(
        out.split()
    )
    assert "52 of 55" in out
    assert Image.open(tmp_path / "out" / "sheet.png").width == 2 * 264 + 8
    rows = (tmp_path / "out" / "scores.csv").read_text().splitlines()
    assert len(rows) == 56
    assert [row.split(",")[0] for row in rows if row.split(",")[1] == ""] == ["52", "53", "54"]  # without a pair


def test_a_folder_is_at_no_distance_from_itself(score, tmp_path):
    fill(tmp_path / "a", 50)
    wanted = "l1,frechet,swd,precision,recall"
    _, _, _, facts = score(tmp_path / "a", tmp_path / "a", "--metrics", wanted, "--out", tmp_path / "out")
    figures = facts["metrics"]
    assert figures["l1"] == figures["swd"] == 0
    assert figures["frechet_pixels"] == pytest.approx(0, abs=1e-3)
    assert figures["precision_pixels"] == figures["recall_pixels"] == 1


def test_farther_pictures_score_worse(score, tmp_path):
    fill(tmp_path / "real", 60)
    fill(tmp_path / "near", 60, seed=1, shift=5)
    fill(tmp_path / "far", 60, seed=2, shift=60)
    wanted = ("--metrics", "frechet,swd,recall", "--out", tmp_path / "out")
    near, far = (score(tmp_path / name, tmp_path / "real", *wanted)[3]["metrics"] for name in ("near", "far"))
    assert all(near[name] < far[name] for name in ("frechet_pixels", "swd"))
    assert near["recall_pixels"] > far["recall_pixels"]


def test_too_few_pictures_for_all_that_was_asked_is_one_sentence(score, tmp_path):
    fill(tmp_path / "a", 8)
    fill(tmp_path / "b", 8, seed=1)
    status, _, err, facts = score(tmp_path / "a", tmp_path / "b", "--metrics", "mind")
    assert status == 2
    assert "mind_pixels needs 200 pictures of each set or more, here are 8 outputs and 8 real ones" in err
    assert facts is None


def test_pairs_without_common_names_are_refused_by_name(score, tmp_path):
    fill(tmp_path / "a" / "x", 3)
    fill(tmp_path / "b" / "y", 3)
    status, _, err, _ = score(tmp_path / "a", tmp_path / "b", "--metrics", "l1")
    assert status == 2
    assert "no pairs for l1" in err


def test_few_pairs_have_figures_and_no_interval(score, tmp_path):
    fill(tmp_path / "a", 5)
    fill(tmp_path / "b", 5, seed=1)
    status, out, _, facts = score(tmp_path / "a", tmp_path / "b", "--metrics", "l1,swd", "--out", tmp_path / "out")
    assert status == 0
    assert facts["intervals"] == {"l1": None, "swd": None}
    assert "too few" in out
    assert "With fewer than 20 pictures there is no interval of l1.\n" in out
    assert "With fewer than 50 pictures of each set there is no interval of swd.\n" in out


def test_all_is_every_metric_that_there_can_be_and_downloads_nothing(score, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    for name in ("I2I_INCEPTION", "I2I_SQUEEZENET"):
        monkeypatch.delenv(name, raising=False)
    fill(tmp_path / "a", 5)
    fill(tmp_path / "b", 5, seed=1)
    status, out, err, facts = score(tmp_path / "a", tmp_path / "b", "--metrics", "all", "--out", tmp_path / "out")
    assert status == 0, err
    assert list(facts["metrics"]) == ["l1", "psnr", "ssim", "psnr_y", "ssim_y", "swd"]
    sets = ("frechet", "kernel", "precision", "recall", "density", "coverage", "mind")
    assert {f"{name}_pixels" for name in sets} <= set(facts["refused"])
    assert "Without lpips: " in out
    assert "Without fid, fid_unbiased, kid, is, is_unbiased: inception needs its weights. Put " in out


def test_a_broken_picture_is_left_out_and_told(score, tmp_path):
    fill(tmp_path / "a", 52)
    fill(tmp_path / "b", 52, seed=1)
    (tmp_path / "a" / "3.png").write_bytes((tmp_path / "a" / "3.png").read_bytes()[:80])
    status, _, err, facts = score(tmp_path / "a", tmp_path / "b", "--metrics", "l1,frechet", "--out", tmp_path / "out")
    assert (status, facts["count"]) == (1, 51)
    assert "3.png" in err
    assert "51" in str(facts["count"])


def test_one_grey_picture_does_not_make_the_others_grey(score, tmp_path):
    """The first is grey in both folders; what differs in the others is colour of equal luma."""
    for name, pixel in (("a", (90, 120, 90)), ("b", (121, 104, 91))):
        fill(tmp_path / name, 3)
        Image.fromarray(np.full((24, 24), 90, np.uint8)).save(tmp_path / name / "0.png")
        for n in (1, 2):
            Image.fromarray(np.full((24, 24, 3), pixel, np.uint8)).save(tmp_path / name / f"{n}.png")
    _, _, err, _ = score(tmp_path / "a", tmp_path / "b", "--metrics", "l1", "--out", tmp_path / "out")
    rows = dict(row.split(",")[:2] for row in (tmp_path / "out" / "scores.csv").read_text().splitlines())
    assert float(rows["1"]) == pytest.approx((31 + 16 + 1) / 3 / 255, abs=1e-5), err


def test_the_folder_of_now_can_be_scored(score, tmp_path, monkeypatch):
    fill(tmp_path / "a", 3)
    fill(tmp_path / "b", 3, seed=1)
    monkeypatch.chdir(tmp_path / "a")
    status, _, err, _ = score(".", tmp_path / "b", "--metrics", "l1")
    assert status == 0, err
    assert (tmp_path / "a-evaluation" / "scores.csv").is_file()


def test_names_are_one_however_their_accents_are_written(score, tmp_path):
    fill(tmp_path / "a", 2)
    fill(tmp_path / "b", 2)
    for folder, form in (("a", "NFC"), ("b", "NFD")):
        for n in range(2):
            (tmp_path / folder / f"{n}.png").rename(tmp_path / folder / unicodedata.normalize(form, f"café{n}.png"))
    status, _, err, facts = score(tmp_path / "a", tmp_path / "b", "--metrics", "l1", "--out", tmp_path / "out")
    assert status == 0, err
    assert facts["metrics"]["l1"] == 0
