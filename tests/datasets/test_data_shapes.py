"""The two shapes share their angle alone, and the gauge reads it off any picture of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter

from i2i.datasets.synthetic.shapes import WIDEST, read_truth, render, shape_angle, true_angle, write_shapes


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shapes(tmp_path_factory.mktemp("shapes") / "out", 30, 64, 0)


@pytest.mark.parametrize("domain", ["a", "b"])
def test_the_gauge_reads_the_written_truth(shapes: Path, domain: str) -> None:
    truth = read_truth(shapes)
    folder = shapes / f"test{domain.upper()}"
    assert {path.stem for path in folder.iterdir()} == truth.keys()
    for name, degrees in truth.items():
        assert shape_angle(np.asarray(Image.open(folder / f"{name}.png")), domain) == pytest.approx(degrees, abs=0.3)


@pytest.mark.parametrize("size", [32, 64, 96])
@pytest.mark.parametrize("domain", ["a", "b"])
def test_the_gauge_reads_clean_renders_beyond_the_range_that_is_drawn(domain: str, size: int) -> None:
    for degrees in np.linspace(-85, 85, 35):
        assert shape_angle(render(domain, degrees, size), domain) == pytest.approx(degrees, abs=0.6)


@pytest.mark.parametrize("domain", ["a", "b"])
def test_blur_faint_contrast_and_grain_move_the_gauge_by_a_degree_at_most(domain: str) -> None:
    for degrees in np.linspace(-75, 75, 31):
        clean = render(domain, degrees, 64)
        blurred = Image.fromarray((clean * 255).astype(np.uint8)).filter(ImageFilter.GaussianBlur(3))
        noise = np.random.default_rng(0).normal(0, 0.2, clean.shape)
        for changed in (np.asarray(blurred), clean * 0.4 + 0.3, clean * 0.5 + 0.25 + noise):
            assert shape_angle(changed, domain) == pytest.approx(degrees, abs=1)


def test_angles_are_drawn_evenly_and_apart_in_training() -> None:
    a, b = (np.array([true_angle(0, folder, n) for n in range(1000)]) for folder in ("trainA", "trainB"))
    for angles in (a, b):
        counts = np.histogram(angles, 10, (-WIDEST, WIDEST))[0]
        assert counts.sum() == 1000  # none lies beyond
        assert counts.min() > 65
    assert abs(np.corrcoef(a, b)[0, 1]) < 0.1


def test_a_picture_that_is_not_square_has_no_angle() -> None:
    with pytest.raises(ValueError, match="not square"):
        shape_angle(np.zeros((8, 9, 3)), "a")


def test_the_truth_comes_back_when_it_was_lost(shapes: Path) -> None:
    before = read_truth(shapes)
    (shapes / "truth.csv").unlink()
    write_shapes(shapes, 30, 64, 0)
    assert read_truth(shapes) == before
