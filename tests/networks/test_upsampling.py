"""Ways to double the sides: each keeps its contract, and those that promise no checkerboard make none."""

import runpy

import numpy as np
import pytest
import test_networks
import torch
from markdown import ROOT, names, table
from torch import nn

from i2i.errors import UnknownNameError
from i2i.networks import GENERATORS
from i2i.networks.build import build
from i2i.networks.init import init_normal
from i2i.networks.resnet import ResnetGenerator
from i2i.networks.upsampling import UPSAMPLERS, BlurDown, ShuffleConv2d

DOCS = ROOT / "docs" / "training.md"


def layer(name, kernel, channels=(6, 5)):
    torch.manual_seed(0)
    up = nn.Sequential(UPSAMPLERS[name].build(*channels, True, kernel))
    init_normal(up, 0.1)
    return up


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("name", UPSAMPLERS)
def test_both_sides_are_doubled(name, kernel):
    assert layer(name, kernel)(torch.rand(2, 6, 5, 7)).shape == (2, 5, 10, 14)


@pytest.mark.parametrize("kernel", [3, 4])
@pytest.mark.parametrize("name", UPSAMPLERS)
def test_a_flat_picture_stays_flat_as_initialised_but_through_transposed_convolution(name, kernel):
    inside = layer(name, kernel)(torch.ones(1, 6, 8, 8))[0, :, 3:-3, 3:-3]  # the zeros at the edges reach in so far
    spread = float(inside.detach().flatten(1).std(1).max())
    assert spread > 0.05 if name == "transposed" else spread < 1e-6


def test_the_kernels_of_a_shuffle_begin_equal_however_often_they_are_drawn_and_learn_apart():
    up = layer("shuffle", 4)
    weight = up[0].weight.detach()
    assert weight[::4].std() == pytest.approx(0.1, rel=0.1)
    for n in range(4):
        assert torch.equal(weight[n::4], weight[::4])
    (up(torch.rand(1, 6, 8, 8)) * torch.rand(1, 5, 16, 16)).sum().backward()
    assert not torch.equal(up[0].weight.grad[1::4], up[0].weight.grad[::4])


def test_a_shuffle_as_made_is_a_repetition_of_pixels_and_a_convolution():
    fresh = ShuffleConv2d(3, 2, True)
    plain = nn.Conv2d(3, 2, 3, padding=1)
    plain.weight.data, plain.bias.data = fresh.weight.detach()[::4], fresh.bias.detach()[::4]
    x = torch.rand(1, 3, 6, 6)
    torch.testing.assert_close(fresh(x), plain(x).repeat_interleave(2, 2).repeat_interleave(2, 3))


def test_the_blur_keeps_what_is_slow_and_takes_out_what_the_coarse_grid_cannot_hold():
    rows = torch.arange(16.0)
    slow, fast = rows[:, None].expand(16, 16), (rows % 2)[:, None].expand(16, 16)
    blurred = BlurDown()(torch.stack([slow, fast])[None])[0]
    torch.testing.assert_close(blurred[0, 1:], slow[2::2, ::2])
    torch.testing.assert_close(blurred[1], torch.full((8, 8), 0.5))


@pytest.mark.parametrize("up", UPSAMPLERS)
def test_the_stated_receptive_field_is_exact_for_each_way_up(up):
    for network in (
        build(GENERATORS, "generator", "unet16", (3, 3), {"width": 4, "norm": "none", "up": up}),
        ResnetGenerator(blocks=2, width=4, norm="none", up=up),
        ResnetGenerator(blocks=1, width=4, norm="none", up=up, antialias=True),
    ):
        assert test_networks.check_receptive_field(network) == network.geometry.receptive_field


def test_an_unknown_way_up_is_refused_with_the_likely_intent():
    with pytest.raises(UnknownNameError, match="No upsampler is called 'shufle'. Did you mean 'shuffle'"):
        build(GENERATORS, "generator", "unet16", (3, 3), {"up": "shufle"})


def test_the_papers_networks_are_what_one_gets_without_asking():
    for name in ("unet16", "resnet6"):
        plain, asked = (
            build(GENERATORS, "generator", name, (3, 3), {"width": 4, **options}).state_dict()
            for options in ({}, {"up": "transposed"})
        )
        assert {k: v.shape for k, v in plain.items()} == {k: v.shape for k, v in asked.items()}


def test_the_docs_list_each_way_up_with_its_parameters():
    rows = {names(row["up"])[0]: row for row in table(DOCS, "up")}
    assert list(rows) == list(UPSAMPLERS)
    for up, row in rows.items():
        for name in ("unet256", "resnet9"):
            with torch.device("meta"):
                network = build(GENERATORS, "generator", name, (3, 3), {"up": up})
            assert int(row[name].replace(",", "")) == sum(p.numel() for p in network.parameters())


def test_the_published_figure_sees_a_grid_and_nothing_else():
    checkerboard = runpy.run_path(str(ROOT / "benchmarks" / "experiments" / "upsampling.py"), run_name="upsampling")[
        "checkerboard"
    ]
    power = np.random.default_rng(0).uniform(0.5, 1.5, (96, 96))
    power[44:53, 44:53] += 1000  # the picture itself, at low frequencies
    assert abs(checkerboard(power)) < 1
    power[::24, ::24] += 900
    assert 18 < checkerboard(power) < 22  # 900 over the nine positions that are looked at: 100, so 20 dB
