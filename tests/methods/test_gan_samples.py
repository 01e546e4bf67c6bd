"""GANs of more than RGB: points and volumes train and come out as such; what is transparent comes out so."""

import io
import json

import httpx
import numpy as np
import onnxruntime
import pytest
import torch
from PIL import Image
from tiny_runs import begun, changed, snapshot, weights

from i2i.adversarial.diff_augment import augment, colour
from i2i.adversarial.penalties import gradient_penalty
from i2i.datasets import opened
from i2i.hardware.device import place
from i2i.images.scatter import GENERATED, REAL, scatter
from i2i.images.voxels import rendered
from i2i.methods import METHODS
from i2i.methods.from_noise.samples import as_shown
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick
from i2i.serving.hosting.host import Host
from i2i.serving.runtime.model_file import read_card
from i2i.serving.web.server import create_app
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
    assert (status, "the generator 'dcgan' is for others. Use --preset points" in told) == (2, True)


def test_the_toy_of_the_teaching_texts_has_its_numbers_of_parameters():
    config = GAN.complete_config(
        resolve(GAN.Config, [GAN.PRESETS["points"], {"data": {"path": "x", "channels": {"image": 2}}}]), 100
    )
    method = GAN.from_config(config, place("cpu", "fp32"))
    assert [sum(p.numel() for p in method.networks[name].parameters()) for name in "GD"] == [2850, 641]


def test_a_point_lies_where_it_is_with_y_upwards():
    picture = scatter((np.array([[0.5, 0.9]]), (0, 0, 0)), side=100)
    rows, columns = np.nonzero((picture < 90).all(2))
    assert rows.mean() == pytest.approx(50 * (1 - 0.9 / 1.15), abs=1)
    assert columns.mean() == pytest.approx(50 * (1 + 0.5 / 1.15), abs=1)


def test_a_gan_with_alpha_is_shown_on_white_and_its_colour_augmentation_leaves_alpha_alone():
    torch.manual_seed(0)
    alpha, straight = torch.rand(4, 1, 8, 8), torch.rand(4, 3, 8, 8)
    whole = 2 * torch.cat([straight * alpha, alpha], 1) - 1
    (shown,) = as_shown({"real": whole}, 4).values()
    torch.testing.assert_close((shown + 1) / 2, straight * alpha + 1 - alpha)

    drawn = torch.random.get_rng_state()
    changed = augment(whole, ["colour"], 1, [4], has_alpha=True)
    torch.testing.assert_close(changed[:, 3:], whole[:, 3:], rtol=0, atol=0)
    opaque = 2 * torch.cat([straight, torch.ones_like(alpha)], 1) - 1
    torch.random.set_rng_state(drawn)
    of_opaque = augment(opaque, ["colour"], 1, [4], has_alpha=True)
    torch.random.set_rng_state(drawn)
    torch.testing.assert_close(of_opaque[:, :3], colour(opaque[:, :3]), rtol=1e-4, atol=1e-5)  # as pictures without
    hidden = 2 * torch.cat([torch.zeros_like(straight), torch.zeros_like(alpha)], 1) - 1
    torch.testing.assert_close(augment(hidden, ["colour"], 1, [4], has_alpha=True), hidden)  # nothing shines through


def test_pictures_with_transparent_parts_are_generated_with_straight_alpha(i2i, tmp_path):
    y, x = np.mgrid[:16, :16]
    alpha = np.rint(255 * np.clip(6 - np.hypot(y - 7.5, x - 7.5), 0, 1))
    for n in range(6):
        picture = np.dstack([np.full((16, 16), 255), np.full((16, 16), 40 * n), np.zeros((16, 16)), alpha])
        Image.fromarray(picture.astype(np.uint8)).save(tmp_path / f"{n}.png")
    run, tiny = (
        tmp_path.parent / f"{tmp_path.name}-run",
        ("--set", "generator.width=4", "--set", "discriminator.width=4"),
    )
    size = ("--size", "16", "--batch", "4", "--images", "16", "--set", "gan.augment=[colour,translation]")
    status, _, told = i2i("train", "gan", tmp_path, "--run", run, *tiny, *size, *QUICK)
    assert (status, "6 of 6 pictures have transparent parts, so alpha is generated" in told) == (0, True)
    card = read_card(run / "model.onnx")
    assert (card.outputs[0].shape, card.output_meaning) == ((4, 16, 16), "rgba")
    with Image.open(max((run / "samples").glob("*.png"))) as image:
        assert image.mode == "RGB"
        assert image.getpixel((0, 0)) == (255, 255, 255)  # what is transparent in a real one
    assert Generator(run, device="cpu")(0, 1).mode == "RGBA"
    status, _, told = i2i("train", "gan", tmp_path, "--run", run, *tiny, *size, *QUICK, "--images", "24", "--no-export")
    assert status == 0, told  # the same channels, found again


@pytest.fixture(scope="module")
def volumes(tmp_path_factory):
    """Boxes and balls of 8 voxels a side."""
    path = tmp_path_factory.mktemp("volumes") / "solids.npy"
    z, y, x = np.mgrid[:8, :8, :8] - 3.5
    solids = [np.sqrt(z**2 + y**2 + x**2) < 1.5 + n % 3 for n in range(20)]
    solids += [(abs(z) < 1 + n % 3) & (abs(y) < 2) & (abs(x) < 3 - n % 2) for n in range(20)]
    np.save(path, np.array(solids))
    return path


def test_volumes_train_are_shown_and_come_out_as_files_that_train_again(volumes, i2i, serving, tmp_path):
    small = ("--preset", "3dgan-small", "--size", "8", "--batch", "8", "--images", "32", "--precision", "fp32", *QUICK)
    small += ("--set", "generator.width=4", "--set", "discriminator.width=4", "--set", "log.rows=1")
    status, said, told = i2i("train", "gan", volumes, "--run", tmp_path / "run", *small)
    assert status == 0, told
    assert "Volumes of 8 voxels a side in train (40); 2 of train held out as val." in said
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert {"val_swd", "health_spread", "d_r1"} <= set(last)
    assert not {"health_checkerboard", "health_leak"} & set(last)  # of pixels

    card = read_card(tmp_path / "run" / "model.onnx")  # which differs from torch by no more than 1e-4
    assert (card.outputs[0].kind, card.outputs[0].shape, card.output_meaning) == ("volume", (8, 8, 8), "volume")
    out = tmp_path / "out"
    status, _, told = i2i("generate", tmp_path / "run", out, "--count", "5", "--grid", tmp_path / "sheet.png")
    assert status == 0, told
    generator = Generator(tmp_path / "run", device="cpu")
    with np.load(out / "000003.npz") as stored:
        np.testing.assert_allclose(stored["volume"], generator.pictures([Pick(0, 3)])[0], atol=1e-3)
    assert generator(0, 3).size == (128, 128)
    assert i2i("verify", out)[0] == 0
    assert opened("single", out, holdout=0).shape == (1, 8, 8, 8)
    assert i2i("generate", tmp_path / "run", tmp_path / "drawn", "--count", "2", "--format", "png")[0] == 0
    assert Image.open(tmp_path / "drawn" / "000001.png").size == (128, 128)
    with serving(create_app(Host([tmp_path / "run"], device="cpu"))) as base:
        answer = httpx.post(f"{base}/v1/generate", json={"count": 4}, timeout=60)
    assert answer.status_code == 200, answer.text
    assert Image.open(io.BytesIO(answer.content)).size == (256, 256)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--preset", "dcgan-small"),
            "holds volumes, and the generator 'dcgan' is for others. Use --preset 3dgan-small",
        ),
        (("--preset", "3dgan-small"), "have 8 voxels a side, and 32 is no whole part of it. Use --size 8"),
        (("--preset", "3dgan-small", "--size", "4"), "cubes of 8, 16, 32, 64"),
        (("--preset", "3dgan-small", "--size", "8", "--set", "gan.augment=[cutout]"), "changes pictures"),
    ],
)
def test_what_volumes_cannot_have_is_refused_with_the_way_out(volumes, i2i, tmp_path, options, said):
    status, _, told = i2i("train", "gan", volumes, "--run", tmp_path / "run", *options, "--no-forecast")
    assert (status, said in told) == (2, True), told


def test_a_discriminator_that_was_right_too_often_rests_in_the_next_step():
    nets = {"generator": {"name": "voxels", "width": 4}, "discriminator": {"name": "voxels", "width": 4}}
    data = {"path": "x", "channels": {"image": 1}}
    method = begun("gan", size=8, batch=4, images=64, d_rests_above=0.5, data=data, **nets)
    torch.manual_seed(0)
    batch, rested = {"image": torch.rand(4, 1, 8, 8, 8) * 2 - 1}, []
    for step in range(6):
        method.at(4 * step)
        before, rests = snapshot(method), method.resting.now
        method.resting.above = (0.01, 0.99)[step % 2]  # of what it is right on between them
        scalars = method.step(batch)
        assert changed(before, method) >= ({"G"} if rests else {"G", "D"})
        assert "D" not in changed(before, method) or not rests
        assert float(scalars["d_rested"]) == rests
        assert method.resting.now is bool(scalars["d_accuracy"] > method.resting.above)
        rested.append(rests)
    assert set(rested) == {False, True}


def test_a_stopped_run_of_volumes_goes_on_bit_for_bit():
    nets = {"generator": {"name": "voxels", "width": 4}, "discriminator": {"name": "voxels", "width": 4}}
    data = {"path": "x", "channels": {"image": 1}}

    def fresh():
        return begun("gan", size=8, batch=4, images=64, d_rests_above=0.05, data=data, **nets)

    def go_on(method, first, last):
        for step in range(first, last):
            torch.manual_seed(step)
            method.at(4 * step)
            method.step({"image": torch.rand(4, 1, 8, 8, 8) * 2 - 1})

    straight, stopped, resumed = fresh(), fresh(), fresh()
    go_on(straight, 0, 6)
    go_on(stopped, 0, 3)
    assert stopped.resting.now  # which has to be kept
    for name, network in resumed.networks.items():
        network.load_state_dict(stopped.networks[name].state_dict())
    resumed.load_state_dict(stopped.state_dict())
    go_on(resumed, 3, 6)
    for key, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[key]), key


def test_a_volume_is_drawn_upright_and_an_empty_one_is_white():
    z, y, x = np.mgrid[:16, :16, :16]
    assert rendered(np.zeros((16, 16, 16), np.float32)).min() == 255
    ball = rendered(((z - 7.5) ** 2 + (y - 7.5) ** 2 + (x - 7.5) ** 2 < 30).astype(np.float32))
    rows, columns = np.nonzero(ball[..., 0] < 200)
    assert (rows.mean(), columns.mean()) == (pytest.approx(63.5, abs=1), pytest.approx(63.5, abs=1))
    radius = np.sqrt(len(rows) / np.pi) / 128 * 1.56 * 16
    assert radius == pytest.approx(np.sqrt(30), abs=0.6)
    assert ball[rows.min() + 8, 60].mean() > ball[rows.max() - 8, 60].mean() + 20  # the light is above
    top, bottom = (rendered((z // 8 == half).astype(np.float32)) for half in (0, 1))
    heights = [np.nonzero(one[..., 0] < 250)[0].mean() for one in (top, bottom)]
    assert heights[0] < heights[1] - 10


def test_the_gradient_penalty_of_a_linear_critic_of_volumes_is_that_of_its_weights():
    torch.manual_seed(0)
    critic = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))
    real, fake = torch.randn(3, 1, 4, 4, 4), torch.randn(3, 1, 4, 4, 4)
    length = critic[1].weight.norm()
    torch.testing.assert_close(gradient_penalty(critic, real, fake), (length - 1).square())
