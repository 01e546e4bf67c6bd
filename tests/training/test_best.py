"""The best checkpoint: what is better by more than chance takes the place of the older one, and nothing else."""

import json

import numpy as np
import pytest
import torch
from tiny_runs import begun, fresh, noise, tiny, train

from i2i.evaluation.metrics import psnr, ssim
from i2i.methods import METHODS
from i2i.training.best import replaces
from i2i.training.checkpoint import Progress
from i2i.training.tolerance import Tolerance
from i2i.training.validation import Validator, scored


def test_a_difference_inside_the_noise_does_not_replace_the_older_one():
    draw = np.random.default_rng(0)
    kept = draw.uniform(0.1, 0.3, 16)
    noisy, surely = kept - 0.004 + draw.normal(0, 0.02, 16), kept - 0.004 + draw.normal(0, 0.001, 16)
    assert noisy.mean() < kept.mean()
    assert not replaces("val_l1", noisy.mean(), kept.mean(), noisy, kept)
    assert replaces("val_l1", surely.mean(), kept.mean(), surely, kept)
    assert replaces("val_psnr_y", 40 - surely.mean(), 40 - kept.mean(), 40 - surely, 40 - kept)
    assert not replaces("val_psnr_y", surely.mean(), kept.mean(), surely, kept)


def test_equal_models_seldom_replace_one_another():
    """Of 1,000 checkpoints that differ by chance alone, at most 4 % replace the best: half of the 5, and its error."""
    draw = np.random.default_rng(1)
    taken = 0
    for _ in range(1000):
        kept, now = draw.gamma(4, 0.05, (2, 16))
        taken += replaces("val_l1", now.mean(), kept.mean(), now, kept)
    assert taken <= 40


def test_too_few_pictures_are_taken_at_their_word():
    assert replaces("val_l1", 0.1, 0.11, [0.1, 0.1], [0.2, 0.02])
    assert replaces("val_l1", 0.1, None)
    assert not replaces("val_l1", float("nan"), None)
    assert not replaces("val_l1", 0.2, 0.1)


def test_the_log_and_the_file_say_which_is_the_best(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 8)
    figure = json.loads((run.checkpoints / "best" / "best.json").read_text())
    assert figure["images"] == [line["best_images"] for line in run.records() if "best_images" in line][-1]
    assert np.mean(figure["pictures"]) == pytest.approx(figure["val_l1"], abs=1e-5)


def test_the_best_is_kept_by_the_figure_that_is_named(tmp_path):
    _, run = train(tmp_path / "run", "srgan", 8, log={"best": "val_psnr_y"})
    figure = json.loads((run.checkpoints / "best" / "best.json").read_text())
    assert {"images", "val_psnr_y", "pictures"} == set(figure)


@pytest.mark.parametrize("name", METHODS)
def test_the_best_may_be_kept_by_what_is_measured_and_by_nothing_else(name):
    """Which is known before a picture was translated."""
    method, config = fresh(name), tiny(name)
    found, _ = scored(method, method.sample_columns(noise(0, 1)))
    assert sorted(METHODS[name].scored_by(config)) == sorted(key for key in found if key.startswith("val_"))
    assert METHODS[name].scored_by(config)[0] == METHODS[name].best_metric


def test_bands_without_luma_are_not_scored_over_y():
    channels = {"data": {"path": "noise", "channels": {"a": 4, "b": 4}}}
    assert METHODS["srgan"].scored_by(tiny("srgan", **channels)) == ("val_l1",)


def test_another_figure_is_refused_before_anything_is_written(i2i, sample_pairs, tmp_path):
    words = ("train", "pix2pix", sample_pairs, "--run", tmp_path / "run", "--size", 64, "--set", "log.best=val_fid")
    status, _, err = i2i(*words)
    assert status == 2
    assert "log.best is val_fid, which pix2pix does not measure" in err
    assert "Known: val_l1, val_psnr, val_ssim." in err
    assert not (tmp_path / "run").exists()


def test_pairs_are_scored_by_psnr_and_ssim_as_evaluation_scores_them():
    """At the mean over the pictures, of which some differ more."""
    truth = torch.rand(2, 3, 16, 16) * 2 - 1
    output = torch.cat([truth[:1], -truth[1:]])
    values, of_pictures = scored(begun("pix2pix"), {"output": output, "truth": truth})
    assert of_pictures["val_psnr"][0] == 100
    assert of_pictures["val_ssim"][0] == pytest.approx(1)
    floats = [((x[1] + 1) / 2).permute(1, 2, 0).numpy() for x in (output, truth)]
    assert values["val_psnr"] == pytest.approx((100 + psnr(*floats)) / 2)
    assert values["val_ssim"] == pytest.approx((1 + ssim(*floats)) / 2)


def test_a_best_checkpoint_that_is_newer_than_the_progress_changes_no_decision(tmp_path):
    """Killed between a new best and the checkpoint, a run decides again by what it knew, and not by best.json."""
    draw = np.random.default_rng(0)
    kept = draw.uniform(0.1, 0.3, 16)
    now = (kept - 0.004 + draw.normal(0, 0.001, 16)).tolist()
    method, run = train(tmp_path / "run", "pix2pix", 8)
    validator = Validator(method, run, ((), None), 0, Tolerance(print), "val_l1")
    before = Progress(images=40, best=float(kept.mean()), best_by="val_l1", best_images=20, best_pictures=tuple(kept))
    validator.pictures = now
    decided = []
    for _ in range(2):  # the second time best.json holds these very pictures
        figures = {"val_l1": float(np.mean(now))}
        decided.append((validator.keep_best(before, figures), figures))
    assert decided[0] == decided[1]
    assert decided[0][0].best_images == 40


def test_a_figure_named_on_the_way_is_not_compared_with_the_value_of_another(tmp_path):
    method, run = train(tmp_path / "run", "pix2pix", 8)
    validator = Validator(method, run, ((), None), 0, Tolerance(print), "val_l1")
    now = validator.keep_best(Progress(images=40, best=0.01, best_by="val_lpips"), {"val_l1": 0.2})
    assert (now.best, now.best_by) == (0.2, "val_l1")
    assert validator.keep_best(now, {"val_l1": 0.3}) is now


def test_of_networks_that_grow_the_best_is_sought_anew_at_each_level(tmp_path):
    """A figure of 4 pixels, however good, is no rival of those of 8."""
    progan = {"size": 8, "generator": {"name": "progan", "width": None, "base": 32, "most": 8, "latent": 4}}
    progan |= {"discriminator": {"name": "progan", "width": None, "base": 32, "most": 8}}
    method, run = train(tmp_path / "run", "gan", 12, **progan)
    assert json.loads((run.checkpoints / "best" / "best.json").read_text())["among"] == "level 1"
    method = begun("gan", images=12, **progan)
    validator = Validator(method, run, ((), None), 0, Tolerance(print), "val_swd")
    coarse = Progress(images=4, best=0.01, best_by="val_swd", best_images=4, best_among="level 0")
    method.at(4)  # the next level is faded in
    now = validator.keep_best(coarse, {"val_swd": 0.2})
    assert (now.best, now.best_among) == (0.2, "level 1")
    method.at(8)  # and kept: the same pixels
    assert validator.keep_best(now, {"val_swd": 0.3}) is now
    assert validator.keep_best(now, {"val_swd": 0.1}).best == 0.1
