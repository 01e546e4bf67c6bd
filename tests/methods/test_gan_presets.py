"""Every preset of a GAN from noise is the published system, and takes the step that its paper asks for."""

import contextlib
import functools

import pytest
import torch
from tiny_gans import CLASSES, GAN, SMALL, leave_iterations_out, small_config
from tiny_runs import snapshot, weights

from i2i.hardware.device import Placement
from i2i.networks.from_noise.progan import ProganCritic, ProganGenerator
from i2i.settings import resolve

PUBLISHED = {
    "vanilla": (2_503_984, 1_231_441),
    "vanilla-small": (561_168, 533_505),
    "teaching-small": (109_456, 100_609),
    "conditional": (2_413_984, 1_224_351),
    "dcgan": (3_576_704, 2_765_568),
    "lsgan": (3_576_704, 2_765_568),
    "relativistic": (3_576_704, 2_765_568),
    "wgan": (3_576_704, 2_765_568),
    "wgan-gp": (1_204_483, 1_053_825),
    "wgan-gp-digits": (1_554_177, 1_030_145),
    "sngan": (4_276_739, 1_053_824),
    "progan": (22_933_394, 22_941_313),
    "biggan": (70_433_988, 87_982_370),
    "stylegan2": (30_034_338, 28_864_129),
    "transgan": (83_312_495, 10_210_400),
    "r3gan": (20_732_160, 20_683_776),
    "fastgan": (24_037_603, None),
    "3dgan": (17_569_664, 11_048_704),
    "3dgan-small": (2_296_256, 665_984 - 2 * (64 + 128)),
    "lapgan": (1_792_992 + 2 * 218_179, 477_001 + 107_905 + 113_729),
    "stylegan2-small": (1_050_195, None),
    "progan-small": (1_112_268, 1_114_049),
    "sagan-small": (1_089_409, 683_458),
    "transgan-small": (2_839_435, 497_078),
    "r3gan-small": (760_160, 748_064),
}
"""Parameters of G and D, as published (BigGAN's of 1,000 classes), or as the page of small presets has them."""
FULL = [name for name in GAN.PRESETS if name not in SMALL]
GREY = ("vanilla", "vanilla-small", "teaching-small", "conditional", "wgan-gp-digits", "3dgan", "3dgan-small")
WHOLE_STEP = {"gan": {"ada": False, "penalty_every": 1, "d_steps": 1}, "d_rests_above": 1.0}
"""Updates of both on one batch, with all penalties; ADA and a D that rests ask for values, which "meta" has not."""


@pytest.fixture
def without_values(monkeypatch):
    """What the "meta" device needs: no iterations, and no autocast, which knows no such device."""
    leave_iterations_out(monkeypatch)
    monkeypatch.setattr(torch, "autocast", lambda *_, **__: contextlib.nullcontext())


@functools.cache
def on_meta(preset):
    """The preset for ten classes (BigGAN's: 1,000), and its method without memory."""
    data = {
        "path": "x",
        "domains": tuple(map(str, range(1000))) if preset == "biggan" else CLASSES,
        "channels": {"image": 2 if preset == "points" else 1 if preset in GREY else 3},
    }
    more = {**WHOLE_STEP, "batch": 4, "data": data, "images": 1000}
    config = GAN.complete_config(resolve(GAN.Config, [GAN.PRESETS[preset], more]), 1000)
    with torch.device("meta"):
        return config, GAN.from_config(config, Placement(torch.device("meta"), "fp32", ""))


@pytest.mark.usefixtures("without_values")
@pytest.mark.parametrize("preset", GAN.PRESETS)
def test_every_preset_is_a_system_with_the_published_number_of_parameters(preset):
    _, method = on_meta(preset)
    found = [sum(p.numel() for p in method.networks[name].parameters()) for name in "GD"]
    for count, wanted in zip(found, PUBLISHED.get(preset, (None, None)), strict=True):
        assert wanted in (None, count)


@pytest.mark.usefixtures("without_values")
@pytest.mark.parametrize("preset", FULL)
def test_every_full_preset_takes_its_whole_step_and_updates_all_its_weights(preset):
    config, method = on_meta(preset)
    method.at(996)  # networks that grow are whole
    for optimizer in method.optimizers.values():
        for group in optimizer.param_groups:
            group["fused"] = False  # knows no such device
    (channels,) = config.data.channels_of("image")
    sides = [config.size] * (3 if preset == "3dgan" else 2)
    x, label = torch.empty(4, channels, *sides, device="meta"), torch.zeros(4, dtype=torch.long, device="meta")
    scalars = method.step({"image": x, "label": label})
    assert {"d_real", "d_fake", "g_gan"} <= scalars.keys()
    asked = {
        "d_r1": config.gan.r1,
        "d_r2": config.gan.r2,
        "d_gp": config.gan.gradient_penalty,
        "d_drift": config.gan.drift,
        "g_path_length": config.path_length,
        "d_reconstruction": config.reconstruction,
    }
    assert {name for name, weight in asked.items() if weight} == asked.keys() & scalars.keys()
    still = {
        key
        for name, network in method.networks.items()
        if name in "GD"
        for key, weight in network.named_parameters()
        if weight not in method.optimizers[name.lower()].state
    }
    grows = isinstance(method.G, ProganGenerator) and isinstance(method.D, ProganCritic)
    smaller = (
        {
            f"{layer}.{level}.{part}"
            for layer in ("to_rgb", "from_rgb")
            for level in range(method.G.doublings)
            for part in ("weight", "bias")
        }
        if grows
        else set()
    )
    assert still == smaller


@pytest.mark.parametrize("preset", SMALL)
def test_every_small_preset_takes_its_whole_step_in_bf16(preset):
    """Augmentation and penalties included: both first come after many steps otherwise."""
    of_style = {"path_length": 2.0} if preset == "stylegan2-small" else {}
    config, shape = small_config(preset, batch=4, gan={"ada": False, "penalty_every": 1}, **of_style)
    method = GAN.from_config(config, Placement(torch.device("cpu"), "bf16", ""))
    before = snapshot(method)
    for n in range(config.gan.d_steps + 1):  # of d_steps above 1 the last is G's
        method.at(4 * n)
        scalars = method.step({"image": torch.rand(4, *shape) * 2 - 1, "label": torch.arange(4)})
        assert all(torch.as_tensor(value).isfinite() for value in scalars.values())
    assert {key[0] for key, value in weights(method).items() if not torch.equal(value, before[key])} == {"G", "D"}
