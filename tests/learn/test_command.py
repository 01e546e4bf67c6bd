"""What "Copy as command" gives trains the very same elsewhere."""

import base64
import io
import json
import zipfile

import pytest

from i2i.learn.controls import checked
from i2i.learn.saying import as_command
from i2i.learn.training import Training

LOSSES = ("g_gan", "d_real", "d_fake", "d_r1", "p_real", "p_fake")


@pytest.mark.parametrize(
    ("data", "conditional"),
    [
        ("digits8", False),
        pytest.param("digits8", True, marks=pytest.mark.slow),
        ("ring", False),
        pytest.param("ring", True, marks=pytest.mark.slow),
    ],
)
def test_the_copied_line_trains_the_very_curve(i2i, tmp_path, monkeypatch, data, conditional):
    """D has an optimizer of its own."""
    asked = {"data": data, "count": 70, "steps": 50, "batch": 16, "conditional": conditional}
    asked |= {"optimizer.name_d": "sgd", "optimizer.lr_d": 0.01, "optimizer.beta1_d": 0.5}
    training = Training(checked(asked))
    training.steps(50)
    given = as_command(training)
    assert given["exact"] == ""
    (tmp_path / "learn.yaml").write_text(given["config"])
    stored = base64.b64decode(given["data"])
    (tmp_path / given["file"]).write_bytes(stored)
    if given["file"].endswith(".zip"):
        zipfile.ZipFile(io.BytesIO(stored)).extractall(tmp_path)
    monkeypatch.chdir(tmp_path)
    status, _, err = i2i(*given["line"].split()[1:], "--no-export")
    assert status == 0, err
    log = [json.loads(line) for line in (tmp_path / "runs/learn/log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in log] == [line["step"] for line in training.lines]
    for ours, theirs in zip(training.lines, log, strict=True):
        assert {key: ours[key] for key in LOSSES} == pytest.approx({key: theirs[key] for key in LOSSES}, rel=1e-3)


def test_what_keeps_a_curve_from_being_the_same_is_said():
    training = Training(checked({"count": 50, "steps": 50}))
    training.steps(3)
    training.change({"gan.r1": 2.0})
    assert "at step 3" in as_command(training)["exact"]
