"""The demo makes the whole journey, and what it claims to reach it reaches."""

import json
from pathlib import Path

import numpy as np
import pytest
from conversions import results_in
from PIL import Image


@pytest.fixture
def quick(monkeypatch, i2i):
    """The journey with a training of sixteen pictures."""
    import i2i.workflows.demo as demo

    monkeypatch.setattr(demo, "LEAST", 16)
    monkeypatch.setattr(demo, "COUNT", 12)
    monkeypatch.setattr(demo, "PROBING_SECONDS", 0.1)

    def demo(*arguments):
        status, out, err = i2i("demo", "--minutes", "0.0001", *arguments)
        assert status == 0, err
        return out

    return demo


def test_the_demo_leaves_what_it_says_and_makes_way_for_other_pairs(quick, tmp_path, sample_pairs):
    run = tmp_path / "runs" / "demo"
    out = quick("--run", run)
    facts = json.loads((run / "demo.json").read_text())
    assert facts.keys() == {"l1", "baselines", "seconds"}
    assert facts["baselines"].keys() == {"input", "lookup"}
    for said in ("evaluation/sheet.png", "report.html", "model.onnx", "converted"):
        assert str(run / said) in out
        assert (run / said).exists()
    assert f"{facts['l1']:.4f}" in out
    assert "make serve" in out
    examples = sorted(p.name for p in (run / "examples").iterdir())
    assert examples
    assert examples == [p.name for p in results_in(run / "converted")]
    assert Image.open(run / "converted" / examples[0]).size == (128, 128)

    out = quick(sample_pairs, "--run", run)
    assert f"is now in {run}-1" in out
    assert (tmp_path / "runs" / "demo-1" / "demo.json").exists()
    assert {Image.open(path).size for path in results_in(run / "converted")} == {(64, 64)}


@pytest.mark.slow
def test_the_demo_ends_at_least_35_percent_below_the_better_baseline(i2i, tmp_path):
    assert i2i("demo", "--run", tmp_path / "demo")[0] == 0
    facts = json.loads((tmp_path / "demo" / "demo.json").read_text())
    assert facts["l1"] <= 0.65 * min(facts["baselines"].values())


@pytest.mark.slow
def test_labels_become_photographs_on_the_real_facades(i2i, tmp_path, real_data):
    """pix2pix's own task, small: the error falls, and the outputs have the detail of photographs, not of mud."""
    run = tmp_path / "facades"
    arguments = ["train", "pix2pix", real_data / "facades", "--run", run, "--preset", "fast", "--images", "2000"]
    assert i2i(*arguments, "--direction", "b2a")[0] == 0
    records = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    errors = [r["val_l1"] for r in records if "val_l1" in r]
    assert errors[-1] < 0.75 * errors[0]
    grid = Image.open(sorted(Path(run / "samples").glob("0*.png"))[-1]).convert("L")
    facts = json.loads((run / "samples" / "grid.json").read_text())
    width = facts["cell"][1]

    def detail(column):
        """Mean absolute difference of neighbours: what blur lacks."""
        left = column * (width + facts["gap"])
        cells = np.asarray(grid, float)[:, left : left + width]
        return np.abs(np.diff(cells, axis=1)).mean()

    output, truth = (detail(facts["columns"].index(name)) for name in ("output", "truth"))
    assert output > 0.5 * truth
