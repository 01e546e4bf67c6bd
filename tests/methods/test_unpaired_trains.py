"""Unpaired training ends where it should, on pictures whose truth is known and on real ones; each takes minutes."""

import json
import subprocess
import sys

import numpy as np
import pytest
from markdown import ROOT
from PIL import Image

from i2i.diagnostics.failure_modes import alarms, typical
from i2i.training.run_directory import Run


@pytest.mark.slow
def test_snow_lies_nearer_to_the_truth_than_any_colour_transfer_puts_it(i2i, tmp_path):
    """The README's own words: summer made winter, without a pair, in ten minutes on two cores."""
    data, run, scores = tmp_path / "seasons", tmp_path / "run", tmp_path / "scores.json"
    assert i2i("data", "sample", "seasons", data, "--count", "400", "--size", "64")[0] == 0
    arguments = ["--preset", "fast", "--size", "64", "--images", "4000"]
    assert i2i("train", "cyclegan", data, "--run", run, *arguments)[0] == 0
    assert i2i("evaluate", run, data, "--json", scores)[0] == 0
    found = json.loads(scores.read_text())
    l1 = {name: figures["l1"] for name, figures in found["baselines"].items()}
    assert found["metrics"]["l1"] <= 0.75 * l1["input"]
    assert found["metrics"]["l1"] < l1["best transfer"] < l1["transfer"]
    assert alarms(typical(Run(run).records())) == []


@pytest.mark.slow
def test_real_seasons_train_without_collapse_or_inversion_and_convert_both_ways(i2i, tmp_path, real_data):
    data, run = real_data / "summer2winter_yosemite", tmp_path / "run"
    assert i2i("train", "cyclegan", data, "--run", run, "--preset", "fast", "--images", "1600")[0] == 0
    figures = typical(Run(run).records())
    assert {key for key in figures if "collapse" in key or "inversion" in key} == {
        "fail_collapse_a2b", "fail_collapse_b2a", "fail_inversion_a2b", "fail_inversion_b2a",
    }  # fmt: skip
    assert alarms(figures) == []
    winters = tmp_path / "winters"
    winters.mkdir()
    name = sorted(path.name for path in (data / "testB").iterdir())[0]
    (winters / name).write_bytes((data / "testB" / name).read_bytes())
    for direction in ("a2b", "b2a"):
        assert i2i("convert", run, winters, tmp_path / direction, "--direction", direction)[0] == 0
    one, other = (np.asarray(Image.open(tmp_path / way / name), float) for way in ("a2b", "b2a"))
    assert np.abs(one - other).mean() > 2  # grey levels: they are different translators


@pytest.mark.slow
def test_discogan_finds_the_hidden_angle_and_plain_gans_do_not(tmp_path):
    """As docs/unpaired.md publishes it, from the script that measured it."""
    arguments = ["--images", "80000", "--seeds", "1", "--runs", str(tmp_path), "--json", str(tmp_path / "r")]
    subprocess.run(
        [sys.executable, "-m", "benchmarks.experiments.discogan_relations", *arguments], cwd=ROOT, check=True
    )
    found = {row["reconstruct"]: row["r"] for row in json.loads((tmp_path / "r").read_text())}
    worst = {name: min(abs(r) for way in found[name].values() for r in way) for name in found}
    assert worst["both"] >= 0.9
    assert worst["none"] < 0.5
