"""The best checkpoint: what is better by more than chance takes the place of the older one, and nothing else."""

import json

import numpy as np
import pytest
from tiny_runs import train

from i2i.errors import ConfigError
from i2i.training.best import replaces


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
    with pytest.raises(ConfigError, match="log.best is val_fid, which this run does not measure. Known: val_l1"):
        train(tmp_path / "other", "pix2pix", 8, log={"best": "val_fid"})
