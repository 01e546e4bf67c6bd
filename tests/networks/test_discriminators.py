"""The discriminators of super-resolution are their authors', layer for layer, and say which pictures they take."""

import pytest
import torch
from torch.nn import functional as F

from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.methods.building import build_discriminator
from i2i.networks import DISCRIMINATORS, has_batch_statistics
from i2i.networks.build import build
from i2i.settings import resolve


def discriminator(name, **options):
    torch.manual_seed(0)
    return build(DISCRIMINATORS, "discriminator", name, (3,), {"width": 4, **options})


@pytest.mark.parametrize("size", [64, 96, 128, 192])
def test_the_vgg_discriminator_gives_one_prediction_for_a_picture_of_its_size(size):
    D = discriminator("vgg", size=size)
    maps, logits = D.features(torch.rand(2, 3, size, size))
    assert logits.shape == (2, 1, 1, 1)
    assert len(maps) == 11
    assert D.geometry.smallest == size


@pytest.mark.parametrize(("size", "instead"), [(100, 96), (32, 64), (16, 64), (120, 128)])
def test_a_size_that_cannot_be_halved_five_times_is_refused_with_the_nearest(size, instead):
    with pytest.raises(ConfigError, match=rf"multiple of 32 from 64 on, not {size}. Try --size {instead}, or"):
        discriminator("vgg", size=size)


def test_the_vgg_discriminator_is_made_for_the_size_of_the_run():
    config = resolve(
        METHODS["pix2pix"].Config, [{"data": {"path": "x"}, "size": 96, "discriminator": {"name": "vgg", "width": 2}}]
    )
    assert build_discriminator(config, 3).geometry.smallest == 96


def test_the_vgg_discriminator_is_the_authors_layer_for_layer():
    D = discriminator("vgg", size=64).train()
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    at = iter(list(D.parameters()))
    y = F.leaky_relu(F.conv2d(x, next(at), next(at), padding=1), 0.2)
    for n in range(9):
        y = F.conv2d(y, next(at), stride=1 if n % 2 else 2, padding=1)
        y = F.leaky_relu(F.batch_norm(y, None, None, next(at), next(at), training=True), 0.2)
    weight = next(at)
    y = F.leaky_relu(F.linear(y.flatten(1), weight.flatten(1), next(at)), 0.2)
    y = F.linear(y, next(at).flatten(1), next(at))
    torch.testing.assert_close(D(x).flatten(1), y)
    assert next(at, None) is None


def test_srgans_discriminator_is_the_papers_layer_for_layer():
    """Figure 4: eight 3x3 convolutions, every second one with stride 2, and two fully connected layers."""
    D = discriminator("srgan", size=32).train()
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    at = iter(list(D.parameters()))
    y = F.leaky_relu(F.conv2d(x, next(at), next(at), padding=1), 0.2)
    for n in range(7):
        y = F.conv2d(y, next(at), stride=1 if n % 2 else 2, padding=1)
        y = F.leaky_relu(F.batch_norm(y, None, None, next(at), next(at), training=True), 0.2)
    y = F.leaky_relu(F.linear(y.flatten(1), next(at).flatten(1), next(at)), 0.2)
    y = F.linear(y, next(at).flatten(1), next(at))
    torch.testing.assert_close(D(x).flatten(1), y)
    assert next(at, None) is None
    with pytest.raises(ConfigError, match=r"multiple of 16 from 32 on, not 100. Try --size 96"):
        discriminator("srgan", size=100)


def test_the_unet_discriminator_is_the_authors_layer_for_layer():
    D = discriminator("unet").eval()  # in eval mode the power iteration stands still
    x = torch.rand(2, 3, 32, 48) * 2 - 1
    convolutions = [m for m in D.modules() if isinstance(m, torch.nn.Conv2d)]
    assert [hasattr(c, "parametrizations") for c in convolutions] == [False, *[True] * 8, False]
    at = iter(convolutions)

    def conv(y, stride=1):
        layer = next(at)
        return F.leaky_relu(F.conv2d(y, layer.weight, layer.bias, stride=stride, padding=1), 0.2)

    def doubled(y):
        return F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)

    x0 = conv(x)
    x1 = conv(x0, 2)
    x2 = conv(x1, 2)
    x3 = conv(x2, 2)
    x4 = conv(doubled(x3)) + x2
    x5 = conv(doubled(x4)) + x1
    x6 = conv(doubled(x5)) + x0
    out = conv(conv(x6))
    last = next(at)
    logits = F.conv2d(out, last.weight, last.bias, padding=1)
    assert logits.shape == (2, 1, 32, 48)
    torch.testing.assert_close(D(x), logits)
    assert not has_batch_statistics(D)


@pytest.mark.parametrize("side", [16, 21, 50])
def test_the_unet_discriminator_takes_sides_that_cannot_be_halved_three_times(side):
    assert discriminator("unet")(torch.rand(1, 3, side, side + 3)).shape == (1, 1, side, side + 3)


@pytest.mark.parametrize(("name", "size"), [("vgg", 64), ("unet", 64)])
def test_a_discriminator_in_bf16_computes_what_it_does_in_fp32(name, size):
    D = discriminator(name, norm="none", width=16, **({"size": size} if name == "vgg" else {})).eval()
    x = torch.rand(2, 3, size, size) * 2 - 1
    with torch.no_grad():
        plain = D.features(x)[0][-1]
        with torch.autocast("cpu", torch.bfloat16):
            rounded = D.features(x)[0][-1]
    assert (rounded.float() - plain).norm() / plain.norm() < 0.05
