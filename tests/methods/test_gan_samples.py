"""GANs of what is no picture: points train, are shown in their plane, and come out as they went in."""

import json

import numpy as np
import onnxruntime
import pytest
from PIL import Image

from i2i.images.scatter import GENERATED, REAL, scatter
from i2i.methods import METHODS
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick
from i2i.serving.runtime.model_file import read_card
from i2i.settings import resolve

GAN = METHODS["gan"]
QUICK = ("--no-forecast", "--set", "ema.images=100")


@pytest.fixture(scope="module")
def points(tmp_path_factory):
    """Two clusters."""
    path = tmp_path_factory.mktemp("points") / "points.npy"
    rng = np.random.default_rng(0)
    np.save(path, np.array([[-0.6, 0.5], [0.6, -0.5]])[rng.integers(2, size=200)] + 0.05 * rng.normal(size=(200, 2)))
    return path


def test_points_are_trained_shown_exported_and_generated_as_points(points, i2i, tmp_path):
    run, out = tmp_path / "run", tmp_path / "out"
    status, said, told = i2i("train", "gan", points, "--run", run, "--preset", "points", "--images", "256", *QUICK)
    assert status == 0, told
    assert "Points in train (200); 10 of train held out as val." in said
    grid = json.loads((run / "samples" / "grid.json").read_text())
    assert (grid["columns"], len(grid["rows"])) == (["real", "generated"], 1)
    with Image.open(max((run / "samples").glob("*.png"))) as image:
        colours = {colour for _, colour in image.convert("RGB").getcolors(100_000)}
    assert {REAL, GENERATED} <= colours
    assert '"generated"' in (run / "report.html").read_text()

    card = read_card(run / "model.onnx")
    assert (card.outputs[0].kind, card.outputs[0].shape, card.output_meaning) == ("point", (2,), "point")
    status, said, told = i2i("generate", run, out, "--count", "20", "--seed", "3", "--grid", tmp_path / "sheet.png")
    assert status == 0, told
    made = np.load(out / "points.npy")
    generator = Generator(run, device="cpu")
    np.testing.assert_allclose(made, generator.pictures([Pick(3, n) for n in range(20)]), atol=1e-6)
    session = onnxruntime.InferenceSession(run / "model.onnx")
    (sample,) = session.run(["sample"], {"latent": np.zeros((3, 10), np.float32)})
    assert sample.shape == (3, 2)
    assert Image.open(tmp_path / "sheet.png").size == (256, 256)
    assert generator(3, 1).size == (256, 256)
    status, _, told = i2i("generate", run, out, "--format", "jpeg")
    assert (status, "Leave --format out" in told) == (2, True)


def test_networks_of_pictures_are_refused_for_points_with_the_way_out(points, i2i, tmp_path):
    status, _, told = i2i("train", "gan", points, "--run", tmp_path / "run")
    assert (status, "the generator 'dcgan' is for pictures. Use --preset points" in told) == (2, True)


def test_the_toy_of_the_teaching_texts_has_its_numbers_of_parameters():
    config = GAN.complete_config(
        resolve(GAN.Config, [GAN.PRESETS["points"], {"data": {"path": "x", "channels": {"image": 2}}}]), 100
    )
    from i2i.hardware.device import place

    method = GAN.from_config(config, place("cpu", "fp32"))
    assert [sum(p.numel() for p in method.networks[name].parameters()) for name in "GD"] == [2850, 641]


def test_a_point_lies_where_it_is_with_y_upwards():
    picture = scatter((np.array([[0.5, 0.9]]), (0, 0, 0)), side=100)
    rows, columns = np.nonzero((picture < 90).all(2))
    assert rows.mean() == pytest.approx(50 * (1 - 0.9 / 1.15), abs=1)
    assert columns.mean() == pytest.approx(50 * (1 + 0.5 / 1.15), abs=1)
