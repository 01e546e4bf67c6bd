"""The table of small systems from noise, by its one command."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_every_preset_has_a_row_and_what_was_trained_is_not_trained_again(tmp_path):
    noise = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for n in range(240):
        patch = noise.integers(0, 256, (6, 6, 3), np.uint8).repeat(6, axis=0).repeat(6, axis=1)
        Image.fromarray(patch).save(tmp_path / "pictures" / f"{n}.png")

    def table(*presets):
        words = (
            str(tmp_path / "pictures"),
            *presets,
            "--images",
            "640",
            "--count",
            "200",
            "--out",
            str(tmp_path / "out"),
        )
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.from_noise", *words],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return [line.split(" | ") for line in done.stdout.splitlines() if line.startswith("| `")]

    (first,) = table("dcgan-small")
    weights = (tmp_path / "out" / "dcgan-small" / "model.onnx").read_bytes()
    again, other = table("dcgan-small", "lsgan-small")
    assert first == again
    assert weights == (tmp_path / "out" / "dcgan-small" / "model.onnx").read_bytes()
    assert other[0] == "| `lsgan-small`"
    assert other[2:] != first[2:]
    assert (tmp_path / "out" / "lsgan-small.png").exists()
