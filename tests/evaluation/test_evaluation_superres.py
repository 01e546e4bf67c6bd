"""`i2i evaluate` scores enlargers as the field does: the published bicubic lines, Y and RGB, the border cut, LPIPS."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from small_models import write_model
from torchvision.models import squeezenet1_1

from i2i.datasets.streams.imresize import imresize
from i2i.degradation import DEGRADATIONS, Degradation, DegradationConfig

PUBLISHED = {("Set5", 2): 33.66, ("Set5", 3): 30.39, ("Set5", 4): 28.42, ("Set14", 2): 30.24, ("Set14", 4): 26.00}
"""PSNR over Y of bicubic enlargement in dB, as the papers' tables have it (SRCNN, VDSR, EDSR)."""


def enlarger(folder: Path, scale: int = 2, **fields: object) -> Path:
    """Each pixel becomes scale x scale of them."""
    task = "super-resolution" if scale > 1 else "restoration"
    return write_model(folder, "enlarge", method="srgan", task=task, scale=scale, **fields)


def scored(i2i, model: Path, data: Path, *words: object, status: int = 0) -> tuple[dict[str, object], str]:
    """The JSON, and what was printed."""
    file = model.parent / "scores.json"
    code, out, err = i2i("evaluate", model, data, "--json", file, "--device", "cpu", *words)
    assert code == status, err
    return json.loads(file.read_text()), out


def sharp(seed: int, height: int, width: int, channels: int = 3) -> np.ndarray:
    """Blocks with edges in every phase."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 3 + 1, width // 3 + 1, channels), np.uint8)
    return np.kron(coarse, np.ones((3, 3, 1), np.uint8))[:height, :width]


def save(pixels: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels.squeeze()).save(path)


@pytest.fixture
def folders(tmp_path) -> Path:
    """LR/ and HR/ of three pictures, whose small sides are no reduction of the large ones."""
    for n in range(3):
        save(sharp(n, 20 + n, 26), tmp_path / "pairs" / "LR" / f"p{n}.png")
        save(sharp(n + 10, 2 * (20 + n), 52), tmp_path / "pairs" / "HR" / f"p{n}.png")
    return tmp_path / "pairs"


@pytest.mark.parametrize(("name", "scale"), PUBLISHED)
def test_the_bicubic_line_is_the_published_one(i2i, real_data, tmp_path, name, scale):
    words = ("--metrics", "psnr_y")
    facts, _ = scored(i2i, enlarger(tmp_path, scale), real_data / "superres" / name, *words)
    assert list(facts["baselines"]) == ["bicubic"]
    assert facts["baselines"]["bicubic"]["psnr_y"] == pytest.approx(PUBLISHED[name, scale], abs=0.1)
    assert facts["count"] == int(name.removeprefix("Set"))


def test_psnr_is_that_of_y_and_of_rgb_with_the_border_cut(i2i, folders, tmp_path):
    """Written out from MATLAB's rgb2ycbcr and the definition of PSNR, on what the model is known to give."""
    facts, _ = scored(i2i, enlarger(tmp_path), folders)
    on_y, on_rgb = [], []
    for n in range(3):
        small, truth = (np.asarray(Image.open(folders / side / f"p{n}.png"), float) for side in ("LR", "HR"))
        made, truth = (x[2:-2, 2:-2] for x in (np.kron(small, np.ones((2, 2, 1))), truth))
        y = [(65.481 * x[..., 0] + 128.553 * x[..., 1] + 24.966 * x[..., 2]) / 255 + 16 for x in (made, truth)]
        on_y.append(10 * np.log10(255**2 / ((y[0] - y[1]) ** 2).mean()))
        on_rgb.append(10 * np.log10(255**2 / ((made - truth) ** 2).mean()))
    assert facts["metrics"]["psnr_y"] == pytest.approx(np.mean(on_y), abs=1e-3)
    assert facts["metrics"]["psnr"] == pytest.approx(np.mean(on_rgb), abs=1e-3)


def test_nothing_in_the_border_counts(i2i, tmp_path):
    """Pictures that differ in the outermost `scale` pixels alone are equal, and one pixel further in they are not."""
    for name, inset, equal in (("outside", 3, True), ("inside", 4, False)):
        root = tmp_path / name
        small = sharp(0, 16, 16)
        truth = np.kron(small, np.ones((3, 3, 1), np.uint8))
        spoilt = 255 - truth
        spoilt[inset:-inset, inset:-inset] = truth[inset:-inset, inset:-inset]
        save(small, root / "LR" / "p.png")
        save(spoilt, root / "HR" / "p.png")
        facts, _ = scored(i2i, enlarger(tmp_path, 3), root, "--metrics", "psnr_y,psnr")
        assert all((value == 100) is equal for value in facts["metrics"].values()), name


def test_small_pictures_are_made_of_the_truth_by_matlabs_bicubic(i2i, tmp_path):
    truth = sharp(3, 40, 36)
    save(truth, tmp_path / "sharp" / "p.png")
    made = np.kron(imresize(truth, 0.5), np.ones((2, 2, 1), np.uint8)).astype(float)
    facts, printed = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", "--metrics", "psnr")
    gap = made[2:-2, 2:-2] - truth[2:-2, 2:-2].astype(float)
    assert facts["metrics"]["psnr"] == pytest.approx(10 * np.log10(255**2 / (gap**2).mean()), abs=1e-3)
    assert "MATLAB's bicubic reduction" in printed


def test_a_grey_file_is_its_own_y(i2i, tmp_path):
    save(sharp(4, 40, 36, 1), tmp_path / "sharp" / "p.png")
    facts, _ = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", "--metrics", "psnr_y,psnr")
    assert facts["metrics"]["psnr_y"] == pytest.approx(facts["metrics"]["psnr"], abs=0.01)


def test_the_table_says_how_every_figure_is_defined_and_what_it_gains(i2i, folders, tmp_path):
    facts, printed = scored(i2i, enlarger(tmp_path), folders)
    assert list(facts["metrics"]) == ["psnr_y", "ssim_y", "psnr", "ssim"]
    for said in ("BT.601, studio range", "11x11 Gaussian", "over RGB", "2 pixels cut from every border"):
        assert said in printed
    assert "gain over bicubic" in printed
    assert "inputs as the files have them" in printed
    rows = list(csv.DictReader((tmp_path / "models/enlarge/model-evaluation/scores.csv").open()))
    assert [row["name"] for row in rows] == ["p0", "p1", "p2"]
    assert np.mean([float(row["bicubic_psnr_y"]) for row in rows]) == pytest.approx(
        facts["baselines"]["bicubic"]["psnr_y"], abs=1e-3
    )
    sheet = Image.open(tmp_path / "models/enlarge/model-evaluation/sheet.png")
    assert min(sheet.size) > 40


def test_restoration_is_scored_beside_its_input_with_no_border_cut(i2i, tmp_path):
    for n in range(2):
        truth = sharp(n, 24, 24)
        save(truth, tmp_path / "x" / "high" / f"p{n}.png")
        save(truth // 2, tmp_path / "x" / "low" / f"p{n}.png")
    facts, printed = scored(i2i, enlarger(tmp_path, 1), tmp_path / "x")
    assert facts["baselines"]["input"] == pytest.approx(facts["metrics"])
    assert "no border cut" in printed


@pytest.fixture
def lpips_files(tmp_path):
    torch.manual_seed(0)
    network = {f"features.{key}": value for key, value in squeezenet1_1().features.state_dict().items()}
    torch.save(network, tmp_path / "squeezenet.pth")
    channels = (64, 128, 256, 384, 384, 512, 512)
    heads = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(channels)}
    torch.save(heads, tmp_path / "heads.pth")
    return "--lpips-weights", tmp_path / "squeezenet.pth", "--lpips-heads", tmp_path / "heads.pth"


def test_lpips_is_there_where_its_weights_are_and_is_lower_for_the_nearer_picture(i2i, tmp_path, lpips_files):
    save(sharp(3, 80, 80), tmp_path / "sharp" / "p.png")
    facts, printed = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", *lpips_files)
    assert list(facts["metrics"]) == ["psnr_y", "ssim_y", "psnr", "ssim", "lpips"]
    assert facts["metrics"]["lpips"] > 0
    assert "Zhang et al. 2018" in printed
    save(np.kron(sharp(3, 40, 40), np.ones((2, 2, 1), np.uint8)), tmp_path / "same" / "HR" / "p.png")
    save(sharp(3, 40, 40), tmp_path / "same" / "LR" / "p.png")
    same, _ = scored(i2i, enlarger(tmp_path), tmp_path / "same", *lpips_files)
    assert same["metrics"]["lpips"] == pytest.approx(0, abs=1e-6)


def test_the_definition_says_whose_weights_lpips_is_measured_with(i2i, tmp_path, lpips_files, monkeypatch):
    save(sharp(3, 40, 40), tmp_path / "sharp" / "p.png")
    _, printed = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", *lpips_files)
    assert "\nlpips: Zhang et al. 2018" in printed
    monkeypatch.setattr("i2i.losses.backbones.as_torchvision", lambda weights: (weights, "authors"))
    _, printed = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", *lpips_files)
    assert "\nlpips: like LPIPS, but on SqueezeNet's weights of another release: Zhang" in printed


def test_a_picture_that_is_too_small_for_lpips_is_left_out_and_listed(i2i, tmp_path, lpips_files):
    save(sharp(3, 40, 40), tmp_path / "sharp" / "p.png")
    save(sharp(4, 20, 20), tmp_path / "sharp" / "tiny.png")
    facts, _ = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", *lpips_files, status=1)
    assert facts["count"] == 1
    facts, _ = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", *lpips_files, "--metrics", "psnr")
    assert facts["count"] == 2


NOISE = DegradationConfig.model_validate(DEGRADATIONS["noise"])


@pytest.mark.parametrize("scale", [1, 2])
def test_who_learned_from_damaged_pictures_is_scored_on_such(i2i, tmp_path, scale):
    """On those that the degradation makes, the same each time; `--bicubic` makes an enlarger's small instead."""
    for n in range(2):
        save(sharp(n, 41, 40), tmp_path / "sharp" / f"p{n}.png")
    model = enlarger(tmp_path, scale, training={"degradation": NOISE.model_dump()})
    facts, printed = scored(i2i, model, tmp_path / "sharp", "--metrics", "l1")
    assert "degraded as in training" in printed
    damage, off = Degradation(NOISE, scale, scale, seed=0), []
    for n in range(2):
        truth = torch.from_numpy(sharp(n, 41, 40)[: 41 // scale * scale] / 255).permute(2, 0, 1).float()
        made = damage.degraded(truth[None], n)[0].repeat_interleave(scale, 1).repeat_interleave(scale, 2)
        inside = (..., slice(scale, -scale), slice(scale, -scale)) if scale > 1 else ...
        off.append(float((made - truth).abs()[inside].mean()))
    assert facts["metrics"]["l1"] == pytest.approx(np.mean(off), abs=1e-4)
    if scale > 1:
        clean, printed = scored(i2i, model, tmp_path / "sharp", "--metrics", "l1", "--bicubic")
        assert clean["metrics"]["l1"] < facts["metrics"]["l1"] - 0.01
        assert "MATLAB's bicubic reduction" in printed


def test_a_degradation_that_this_version_does_not_know_is_refused_in_a_sentence(i2i, tmp_path):
    save(sharp(0, 40, 40), tmp_path / "sharp" / "p.png")
    model = enlarger(tmp_path, training={"degradation": {"kind": "rust"}})
    code, _, err = i2i("evaluate", model, tmp_path / "sharp", "--device", "cpu")
    assert code == 2
    assert "--bicubic" in err
    scored(i2i, model, tmp_path / "sharp", "--metrics", "l1", "--bicubic")


def test_pairs_are_scored_as_they_are_whatever_the_model_learned_from(i2i, folders, tmp_path):
    plain, _ = scored(i2i, enlarger(tmp_path / "a"), folders)
    model = enlarger(tmp_path / "b", training={"degradation": NOISE.model_dump()})
    assert scored(i2i, model, folders)[0]["metrics"] == plain["metrics"]


def test_without_its_weights_one_sentence_says_so_and_all_else_is_scored(i2i, folders, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    monkeypatch.delenv("I2I_SQUEEZENET", raising=False)
    facts, printed = scored(i2i, enlarger(tmp_path), folders)
    assert "lpips" not in facts["metrics"]
    assert "Without lpips:" in printed
    assert "--lpips-weights" in printed
    code, _, err = i2i("evaluate", enlarger(tmp_path), folders, "--metrics", "psnr,lpips")
    assert code == 2
    assert "--lpips-weights" in err


def test_the_ensemble_changes_nothing_for_a_model_that_turns_with_its_input(i2i, folders, tmp_path):
    plain, _ = scored(i2i, enlarger(tmp_path), folders)
    eightfold, _ = scored(i2i, enlarger(tmp_path), folders, "--ensemble")
    assert eightfold["metrics"] == pytest.approx(plain["metrics"], abs=1e-4)


def test_the_ensemble_is_scored_and_said_for_a_model_that_does_not(i2i, tmp_path):
    for n in range(2):
        for side in ("low", "high"):
            save(sharp(n, 24, 24), tmp_path / "x" / side / f"p{n}.png")
    model = write_model(tmp_path, "network", method="srgan", task="restoration", tiling="global")
    plain, without = scored(i2i, model, tmp_path / "x")
    eightfold, printed = scored(i2i, model, tmp_path / "x", "--ensemble")
    assert abs(eightfold["metrics"]["psnr"] - plain["metrics"]["psnr"]) > 0.01
    assert "self-ensemble" in printed
    assert "self-ensemble" not in without


def test_pairs_that_do_not_fit_the_scale_are_named(i2i, folders, tmp_path):
    save(sharp(0, 60, 78), folders / "HR" / "p0.png")
    code, _, err = i2i("evaluate", enlarger(tmp_path), folders, "--device", "cpu")
    assert code != 0
    assert "p0" in err
    assert "Traceback" not in err


def test_a_broken_picture_is_left_out_and_listed(i2i, tmp_path):
    for n in range(3):
        save(sharp(n, 40, 40), tmp_path / "sharp" / f"p{n}.png")
    broken = tmp_path / "sharp" / "p1.png"
    broken.write_bytes(broken.read_bytes()[:50])
    facts, _ = scored(i2i, enlarger(tmp_path), tmp_path / "sharp", status=1)
    assert facts["count"] == 2
