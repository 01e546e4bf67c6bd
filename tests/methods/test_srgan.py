"""SRGAN: each stage computes the papers' losses, the second begins where the first ends, and a run goes through both."""

import math

import numpy as np
import pytest
import torch
import yaml
from PIL import Image
from tiny_runs import begun, noise, snapshot, tiny, train, weights
from torch import nn
from torch.nn import functional as F
from torchvision.models import squeezenet1_1

from i2i.degradation.pipeline import SHARPENED
from i2i.errors import ConfigError, RunError
from i2i.losses.pixel import charbonnier, checkerboard_loss
from i2i.methods import METHODS
from i2i.methods.building import build_discriminator, build_generator
from i2i.methods.schedules import ScheduleConfig
from i2i.networks.build import check_size
from i2i.settings import resolve
from i2i.training import checkpoint
from i2i.training.validation import scored

SMALL = {
    "size": 32,
    "generator": {"name": "compact", "width": 4, "blocks": 1},
    "discriminator": {"name": "unet", "width": 2},
}


def start(**settings):
    return begun("srgan", **{**SMALL, **settings})


def pair(scale, count=2, size=32):
    b = noise(*range(count), size=size)["b"]
    return {"a": F.avg_pool2d(b, scale) if scale > 1 else noise(*range(count), size=size)["a"], "b": b}


# The losses


def test_charbonnier_is_l1_with_a_rounded_tip():
    output, truth = torch.tensor([0.0, 0.3, -0.8]), torch.tensor([0.0, 0.0, 0.2])
    by_hand = (0.002 + math.hypot(0.3, 0.002) + math.hypot(1.0, 0.002)) / 3
    assert float(charbonnier(output, truth)) == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_the_loss_against_a_grid_sees_a_regular_pattern_and_no_texture(scale):
    """A pattern costs its own size; noise of that size a window's share, and a shift of all pixels what it is."""
    torch.manual_seed(0)
    truth = torch.rand(2, 3, 24 * scale, 24 * scale)
    pattern = 0.1 * torch.randn(1, 3, scale, scale)
    grid = checkerboard_loss(truth + pattern.repeat(1, 1, 24, 24), truth, scale)
    torch.testing.assert_close(grid, pattern.abs().mean(), rtol=1e-4, atol=1e-6)
    noise = 0.1 * torch.randn_like(truth)
    expected = 0.1 / 8 * math.sqrt(2 / math.pi)  # the mean size of a mean of 8 x 8 draws
    assert float(checkerboard_loss(truth + noise, truth, scale)) == pytest.approx(expected, rel=0.1)
    assert checkerboard_loss(truth, truth, scale) == 0
    assert float(checkerboard_loss(truth + 0.2, truth, scale)) == pytest.approx(0.2, rel=1e-4)
    assert float(
        checkerboard_loss(truth[..., :scale, :scale] + 0.2, truth[..., :scale, :scale], scale)
    ) == pytest.approx(0.2)


@pytest.mark.parametrize(("pixel", "loss"), [("l1", lambda d: d.abs()), ("mse", lambda d: d**2),
                                             ("charbonnier", lambda d: (d**2 + 1e-6).sqrt())])  # fmt: skip
@pytest.mark.parametrize("scale", [1, 2, 4])
def test_the_first_stage_is_one_step_of_adam_on_the_pixel_loss_of_pictures_in_0_1(pixel, loss, scale):
    settings = {"scale": scale, "pixel": pixel, "gan_images": 0, "ema": {"images": 0}}
    method, twin = start(**settings), start(**settings)
    batch = pair(scale)
    scalars = method.step(batch)
    difference = (twin.G(batch["a"]) - batch["b"]) / 2
    by_hand = loss(difference).mean()
    assert float(scalars["g_pixel"].detach()) == pytest.approx(float(by_hand.detach()), rel=1e-5)
    optimizer = torch.optim.Adam(twin.G.parameters(), 2e-4, (0.9, 0.99))
    by_hand.backward()
    optimizer.step()
    for ours, theirs in zip(method.G.parameters(), twin.G.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-6, rtol=0)


def test_the_second_stage_is_esrgans_sum_of_losses_and_a_relativistic_average_discriminator():
    settings = {"scale": 2, "ema": {"images": 0}, "perceptual": {"network": "none"}, "gan_lr": 1e-3,
                "lambda_pixel": 0.01, "lambda_gan": 0.005, "lambda_checkerboard": 0}  # fmt: skip
    method, twin = start(**settings), start(**settings)
    for each in (method, twin):
        each.at(2)
    batch = pair(2)
    scalars = method.step(batch)

    G, D, x, y = twin.G, twin.D, batch["a"], batch["b"]
    opt_g = torch.optim.Adam(G.parameters(), 1e-3, (0.9, 0.99))
    opt_d = torch.optim.Adam(D.parameters(), 1e-3, (0.9, 0.99))
    fake, bce = G(x), F.binary_cross_entropy_with_logits
    D.requires_grad_(False)
    of_fake = D(fake)
    of_real = D(y)
    adversarial = bce(of_fake - of_real.mean(), torch.ones_like(of_fake)) + bce(
        of_real - of_fake.mean(), torch.zeros_like(of_real))  # fmt: skip
    (0.01 * F.l1_loss(fake / 2, y / 2) + 0.005 * adversarial).backward()
    opt_g.step()
    D.requires_grad_(True)
    of_real, of_fake = D(torch.cat([y, fake.detach()])).chunk(2)
    loss_d = bce(of_real - of_fake.mean(), torch.ones_like(of_fake)) + bce(
        of_fake - of_real.mean(), torch.zeros_like(of_real))  # fmt: skip
    loss_d.backward()
    opt_d.step()
    assert float(scalars["g_gan"].detach()) == pytest.approx(float(adversarial.detach()), rel=1e-4)
    assert float((scalars["d_real"] + scalars["d_fake"]).detach()) == pytest.approx(float(loss_d.detach()), rel=1e-3)
    for ours, theirs in ((method.G, G), (method.D, D)):
        for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
            torch.testing.assert_close(a, b, atol=2e-4, rtol=0)


class Brightness(nn.Module):
    """A perceptual loss that one can compute by hand."""

    def forward(self, output, truth):
        return (output.mean() - truth.mean()).abs()


def test_the_perceptual_loss_is_added_with_its_weight_and_the_sharpened_target():
    method = start(
        scale=1,
        lambda_pixel=0,
        lambda_gan=0,
        lambda_checkerboard=0,
        lambda_perceptual=2,
        perceptual={"network": "none"},
    )
    method.perceptual = Brightness()
    method.at(2)
    taken = []
    method.descend = lambda _, loss: taken.append(loss)
    batch = {**pair(1), SHARPENED: torch.full((2, 3, 32, 32), 0.7)}
    with torch.no_grad():
        by_hand = 2 * (method.G(batch["a"]).mean() - 0.7).abs()
    scalars = method.step(batch)
    assert float(taken[0].detach()) == pytest.approx(float(by_hand), rel=1e-4)
    assert float(scalars["g_perceptual"].detach()) == pytest.approx(float(by_hand) / 2, rel=1e-4)


def test_the_loss_against_a_grid_is_added_with_its_weight():
    method = start(scale=2, lambda_pixel=0, lambda_gan=0, lambda_checkerboard=3, perceptual={"network": "none"})
    method.at(2)
    taken = []
    method.descend = lambda _, loss: taken.append(loss)
    batch = pair(2)
    with torch.no_grad():
        by_hand = checkerboard_loss(method.G(batch["a"]), batch["b"], 2) / 2
    scalars = method.step(batch)
    assert float(scalars["g_checkerboard"].detach()) == pytest.approx(float(by_hand), rel=1e-4)
    assert float(taken[0].detach()) == pytest.approx(3 * float(by_hand), rel=1e-4)


# The stages


def test_at_scale_1_there_is_no_grid_to_have_a_loss_against():
    method = start(scale=1, images=4, gan_images=4, lambda_checkerboard=25, perceptual={"network": "none"})
    method.at(4)
    assert "g_checkerboard" not in method.step(pair(1))


def test_the_second_stage_begins_with_the_averaged_weights_and_a_fresh_optimizer():
    method = start(scale=2, images=8, ema={"images": 50, "rampup": 9})
    for n in range(4):
        method.at(2 * n) if n == 0 else None
        method.step(pair(2))
    average = {k: v.clone() for k, v in method.networks["G_ema"].state_dict().items()}
    assert any(not torch.equal(v, method.G.state_dict()[k]) for k, v in average.items())
    method.at(2)
    for network in (method.G, method.G_pixel):
        assert all(torch.equal(v, average[k]) for k, v in network.state_dict().items())
    assert not method.optimizers["g"].state
    method.step(pair(2))
    assert all(torch.equal(v, average[k]) for k, v in method.G_pixel.state_dict().items())


def test_the_log_tells_which_stage_a_step_belongs_to(tmp_path):
    method, run = train(tmp_path / "run", "srgan", 16, **SMALL)
    first, second = [[r for r in run.records() if ("g_gan" in r) == late] for late in (False, True)]
    assert [r["images"] for r in first] == [2, 4]
    assert [r["images"] for r in second] == [6, 8, 10, 12, 14, 16]
    assert all({"g_pixel", "lr_g"} <= r.keys() for r in first)
    assert all({"g_pixel", "p_real", "p_fake", "d_real"} <= r.keys() for r in second)
    assert all("val_psnr_y" in r for r in run.records() if "val_l1" in r)
    assert list(method.sample_columns(pair(1))) == ["input", "pixel loss", "GAN", "truth"]


@pytest.mark.parametrize("until", [2, 4, 10])
def test_a_run_that_was_stopped_in_either_stage_goes_on_bit_for_bit(until, tmp_path):
    straight, run = train(tmp_path / "straight", "srgan", 16, **SMALL)
    train(tmp_path / "broken", "srgan", 16, until=until, **SMALL)
    resumed, again = train(tmp_path / "broken", "srgan", 16, **SMALL)
    assert all(torch.equal(v, weights(resumed)[k]) for k, v in weights(straight).items())
    rates = [[(r["lr_g"], r.get("g_gan")) for r in each.records()] for each in (run, again)]
    assert rates[0] == rates[1]


def test_a_run_of_the_first_stage_alone_takes_on_the_second_later_and_equals_one_planned_so(tmp_path):
    staged, _ = train(tmp_path / "planned", "srgan", 16, **SMALL)
    tiny_images = {"gan_images": 0, **SMALL}
    train(tmp_path / "added", "srgan", 16, **tiny_images)  # four images, a quarter of sixteen
    added, _ = train(tmp_path / "added", "srgan", 16, **SMALL)
    assert set(weights(added)) == set(weights(staged))
    assert all(torch.equal(v, weights(staged)[k]) for k, v in weights(added).items())


def test_the_settings_of_the_second_stage_are_free_until_it_is_there():
    alone = tiny("srgan", gan_images=0, **SMALL)
    free = alone.free_to_change()
    assert {"discriminator", "gan", "perceptual", "gan_images", "images"} <= free
    assert not {"discriminator", "gan", "perceptual"} & tiny("srgan", **SMALL).free_to_change()
    assert "gan_images" in tiny("srgan", **SMALL).free_to_change()


def test_the_first_stage_cannot_be_lengthened_once_it_is_over(tmp_path):
    train(tmp_path / "run", "srgan", 16, **SMALL)
    with pytest.raises(ConfigError, match="adversarial stage, so its pixel stage cannot be made longer"):
        train(tmp_path / "run", "srgan", 100, **SMALL)


def test_a_checkpoint_that_lacks_what_the_first_stage_has_is_refused(tmp_path):
    _, run = train(tmp_path / "run", "srgan", 16, **SMALL)
    with pytest.raises(RunError, match="of another architecture"):
        checkpoint.restore(run.checkpoints, start(ema={"images": 0}, generator={**SMALL["generator"], "blocks": 2}))


def test_a_step_of_either_stage_leaves_the_pixel_stages_copy_alone():
    method = start(scale=2)
    method.at(2)
    before = snapshot(method)
    method.step(pair(2))
    now = weights(method)
    assert all(torch.equal(v, before[k]) for k, v in now.items() if k.startswith("G_pixel."))
    assert any(not torch.equal(v, before[k]) for k, v in now.items() if k.startswith("D."))


# The presets


@pytest.mark.parametrize("preset", METHODS["srgan"].PRESETS)
def test_the_networks_of_every_preset_suit_its_size_and_scale(preset):
    method = METHODS["srgan"]
    layers = [method.PRESETS[preset], {"data": {"path": "x"}, "perceptual": {"network": "none"}}]
    config = method.complete_config(resolve(method.Config, layers), 100)
    with torch.device("meta"):
        G, D = build_generator(config, (3, 3), config.scale), build_discriminator(config, 3)
    check_size(config.size, G, D, config.scale)
    assert {"x2": 2, "x3": 3, "x4": 4}.get(preset, config.scale) == config.scale


@pytest.mark.parametrize(("scale", "name"), [(1, "restorer"), (2, "compact"), (4, "compact")])
def test_the_generator_that_auto_means_suits_the_scale(scale, name):
    method = METHODS["srgan"]
    config = method.complete_config(resolve(method.Config, [{"data": {"path": "x"}, "scale": scale}]), 100)
    assert config.generator.name == name


@pytest.mark.parametrize(("settings", "size"), [
    ({"scale": 3}, 96), ({"scale": 3, "size": 192}, 192), ({"scale": 4}, 128), ({}, 128),
])  # fmt: skip
def test_the_usual_size_suits_the_scale_and_the_discriminator(settings, size):
    config = resolve(METHODS["srgan"].Config, [{"data": {"path": "x"}, "gan_images": 16, **settings}])
    assert config.size == size
    assert size % (32 * config.scale) == 0


def test_a_size_that_does_not_suit_is_refused_with_one_that_suits_generator_and_discriminator():
    """Else each refusal would send the user to a size that the other one refuses."""
    vgg = {"discriminator": {"name": "vgg", "width": 2}, "perceptual": {"network": "none"}}
    with pytest.raises(ConfigError, match=r"multiples of 96.*Try --size 96"):
        start(scale=3, size=128, **vgg)
    start(scale=3, size=96, **vgg)


# The rate


def test_the_cosine_begins_anew_in_each_period_and_ends_at_its_floor():
    schedule = ScheduleConfig(kind="cosine", periods=4, floor=0.1)
    shares = (0, 0.125, 0.2499999, 0.25, 0.375, 1)
    assert [round(schedule.factor(s), 3) for s in shares] == [1, 0.55, 0.1, 1, 0.55, 0.1]


def test_steps_fall_at_their_shares():
    schedule = ScheduleConfig(kind="steps", at=(0.125, 0.5), by=0.5)
    assert [schedule.factor(s) for s in (0, 0.124, 0.125, 0.49, 0.5, 1)] == [1, 1, 0.5, 0.5, 0.25, 0.25]


def test_each_stage_has_a_rate_and_a_schedule_of_its_own(tmp_path):
    settings = {"optimizer": {"lr": 1.0}, "schedule": {"kind": "constant"}, "gan_lr": 0.5,
                "gan_schedule": {"kind": "steps", "at": [0.5], "by": 0.1}}  # fmt: skip
    _, run = train(tmp_path / "run", "srgan", 16, spoil=lambda m: setattr(m, "descend", lambda *_: None),
                   **SMALL, **settings)  # fmt: skip
    assert [r["lr_g"] for r in run.records()] == pytest.approx([1, 1, *[0.5] * 3, *[0.05] * 3])


# What is shown and scored


def test_what_is_shown_is_clipped_and_at_the_size_of_the_truth():
    method = start(scale=4, gan_images=0)
    with torch.no_grad():
        method.networks["G_ema"].body[-1].bias.fill_(9)
    columns = method.sample_columns({"a": torch.zeros(1, 3, 8, 8), "b": torch.zeros(1, 3, 32, 32)})
    assert list(columns) == ["nearest", "bicubic", "pixel loss", "truth"]
    assert {tuple(c.shape) for c in columns.values()} == {(1, 3, 32, 32)}
    assert float(columns["pixel loss"].max()) == 1


def test_the_bicubic_column_is_matlabs():
    from i2i.datasets.streams.imresize import imresize

    x = np.random.default_rng(0).uniform(0.3, 0.7, (12, 12, 3)).astype(np.float32)
    ours = start(scale=2, gan_images=0).sample_columns(
        {"a": torch.from_numpy(x).permute(2, 0, 1)[None], "b": torch.zeros(1, 3, 24, 24)}
    )["bicubic"][0].permute(1, 2, 0)  # fmt: skip
    inside = (slice(6, -6), slice(6, -6))
    np.testing.assert_allclose(ours.numpy()[inside], imresize(x, 2)[inside], atol=1e-5)


def test_validation_is_the_papers_psnr_on_y_with_the_border_cut():
    method = start(scale=2, gan_images=0)
    truth = torch.zeros(1, 3, 32, 32)
    output = truth.clone()
    output[..., 2:-2, 2:-2] += 2 * 16 / 255
    output[..., :2, :] = 1  # the border, which does not count
    figures, _ = scored(method, {"pixel loss": output, "truth": truth})
    assert figures["val_psnr_y"] == pytest.approx(20 * math.log10(255 / (16 * 219 / 255)), abs=0.15)


# What lay at hand when a run began


@pytest.fixture
def photos(tmp_path):
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for n in range(4):
        Image.fromarray(rng.integers(0, 256, (48, 48, 3), np.uint8)).save(tmp_path / "photos" / f"{n}.png")
    return tmp_path / "photos"


@pytest.fixture
def squeezenet(tmp_path, monkeypatch):
    """A file of weights, and nothing at hand but it."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "empty"))
    for name in ("I2I_VGG19", "I2I_SQUEEZENET"):
        monkeypatch.delenv(name, raising=False)
    torch.save({f"features.{k}": v for k, v in squeezenet1_1().features.state_dict().items()}, tmp_path / "sq.pth")
    return tmp_path / "sq.pth"


TRAIN = ("--scale", 2, "--size", 32, "--batch", 2, "--images", 2, "--set", "generator.width=4", "--set",
         "generator.blocks=1", "--set", "discriminator.name=unet", "--set", "discriminator.width=2",
         "--device", "cpu")  # fmt: skip


def perceptual(run):
    return yaml.safe_load((run / "config.yaml").read_text())["perceptual"]


def test_a_run_goes_on_with_the_network_that_auto_meant_at_first(i2i, photos, squeezenet, tmp_path, monkeypatch):
    asked = ("train", "srgan", photos, "--run", tmp_path / "r", *TRAIN)
    assert i2i(*asked, "--set", "gan_images=2")[0] == 0
    assert perceptual(tmp_path / "r")["network"] == "none"
    monkeypatch.setenv("I2I_SQUEEZENET", str(squeezenet))  # `auto` would take it
    status, _, err = i2i(*asked, "--set", "gan_images=4")
    assert status == 0, err
    assert perceptual(tmp_path / "r")["network"] == "none"


def test_a_run_is_exported_without_what_training_alone_needs_and_says_what_it_misses(i2i, photos, squeezenet, tmp_path):
    asked = ("train", "srgan", photos, "--run", tmp_path / "r", *TRAIN)
    status, _, err = i2i(*asked, "--set", "gan_images=2", "--set", f"perceptual.weights={squeezenet}")
    assert status == 0, err
    squeezenet.unlink()
    status, _, err = i2i("export", tmp_path / "r", "--out", tmp_path / "again.onnx")
    assert status == 0, err
    status, out, err = i2i(*asked, "--set", "gan_images=4")
    assert status == 2
    assert "perceptual.weights=FILE" in err
    assert "perceptual.network=none" in err
    assert "Reading" not in out + err, "the folder was read first"


# What is refused


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"scale": 4, "size": 30}, r"multiples of 4.*Try --size 32"),
    ({"scale": 2, "direction": "b2a"}, "from small pictures to large ones"),
    ({"optimizer": {"decay_from": 0.9}}, "schedule and gan_schedule, not optimizer.decay_from"),
    ({"scale": 5}, "less than or equal to 4"),
    ({"perceptual": {"network": "vgg19", "weights": "missing.pth"}}, "no file of weights"),
])  # fmt: skip
def test_what_cannot_work_is_refused_before_the_first_step(settings, sentence):
    with pytest.raises((ConfigError, Exception), match=sentence):
        start(**settings)


def test_missing_perceptual_weights_stop_a_run_before_it_begins_with_the_ways_out(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.delenv("I2I_VGG19", raising=False)
    monkeypatch.setattr(torch.hub, "download_url_to_file", lambda *_: (_ for _ in ()).throw(OSError("no network")))
    with pytest.raises(Exception, match=r"weights of vgg19.*perceptual\.weights=FILE.*perceptual\.network=none"):
        start(perceptual={"network": "vgg19"})


def test_auto_goes_without_a_perceptual_loss_where_no_weights_are_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for name in ("I2I_VGG19", "I2I_SQUEEZENET"):
        monkeypatch.delenv(name, raising=False)
    assert tiny("srgan", **SMALL).perceptual.network == "none"


def test_the_preset_paper_has_srgans_own_discriminator_and_older_runs_of_it_keep_theirs():
    """They had the ESRGAN authors' form of it, which their config.yaml says."""
    srgan = METHODS["srgan"]

    def config(**discriminator):
        layer = {"data": {"path": "x"}, **({"discriminator": discriminator} if discriminator else {})}
        return srgan.complete_config(
            resolve(srgan.Config, [srgan.PRESETS["paper"], {"perceptual": {"network": "none"}}, layer]), 10
        )

    now, old = config(), config(name="vgg")
    D = build_discriminator(now, 3)
    assert sum(p.numel() for p in D.parameters()) == 23_563_649
    assert srgan.resume_config(now, old).discriminator == old.discriminator
    assert srgan.resume_config(now, now).discriminator == now.discriminator
