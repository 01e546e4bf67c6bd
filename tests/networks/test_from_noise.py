"""GANs from noise: the published parameter counts, and what each definition promises of its networks."""

import itertools

import numpy as np
import pytest
import torch
from tiny_gans import leave_iterations_out

from i2i.errors import ConfigError, UnknownNameError
from i2i.networks.from_noise import (
    CRITICS,
    NOISE_GENERATORS,
    build_for,
    dcgan,
    fastgan,
    lapgan,
    mlp,
    progan,
    r3gan,
    resnet,
    stacked,
    stylegan2,
    transgan,
    voxels,
    wgan_gp,
)
from i2i.networks.from_noise.base import grid
from i2i.networks.from_noise.layers.attention import Attention
from i2i.networks.from_noise.layers.minibatch import GroupedStd, MinibatchDiscrimination
from i2i.networks.from_noise.stylegan2 import Mapping, StyleganCritic, StyleganGenerator, modulated
from i2i.networks.upsampling import UPSAMPLERS

DIGIT = {"channels": 1, "size": (28, 28)}


def sized(build, side, channels=3, **options):
    """A network for square pictures."""
    return build(channels, size=(side, side), **options)


def biggan(channels, size, multiples, attention):
    widths = [channels * multiple for multiple in multiples]
    slots = 20 * len(multiples)
    options = {"latent": slots, "widths": widths, "classes": 1000, "attention": attention}
    return sized(resnet.ResnetNoiseGenerator, size, **options, spectral=True, shared=128)


def biggan_critic(channels, multiples, attention):
    widths = [channels * multiple for multiple in multiples]
    return resnet.ResnetCritic(3, widths=widths, halved=len(widths) - 1, classes=1000, attention=attention, bias=True)


def r3(build, side, widths, classes, embedding, group):
    by_class = {"classes": classes, "embedding": embedding} if classes else {}
    return sized(build, side, widths=widths, group=group, **by_class)


R3GAN = {  # size, widths, classes, embeddings of G and D, channels of a group, parameters of G and D
    "cifar": (32, (768,) * 4, 0, 0, 0, 16, 20_732_160, 20_683_776),
    "cifar by class": (32, (768,) * 4, 10, 64, 768, 16, 20_781_952, 21_280_512),
    "ffhq 64": (64, (768,) * 4 + (384,), 0, 0, 0, 16, 22_429_824, 22_381_440),
    "ffhq 256": (256, (768,) * 4 + (384, 192, 96), 0, 0, 0, 16, 23_057_952, 23_009_568),
    "imagenet 32": (32, (1536,) * 4, 1000, 64, 1536, 32, 82_914_304, 86_548_992),
    "imagenet 64": (64, (1536,) * 5, 1000, 64, 1536, 32, 103_570_432, 107_205_120),
    "small": (32, (192, 128, 64, 32), 0, 0, 0, 16, 760_160, 748_064),
}
DCGAN = {  # channels, size
    (3, 64): (3_576_704, 2_765_568),
    (1, 64): (3_574_656, 2_763_520),
    (3, 32): (1_068_928, 663_296),
    (1, 32): (1_066_880, 661_248),
    (3, 128): (12_786_560, 11_164_416),
}
PROGAN = {
    32: (20_719_628, 20_726_785),
    64: (22_490_383, 22_498_049),
    128: (22_933_394, 22_941_313),
    256: (23_044_309, 23_052_353),
    1024: (23_079_115, 23_087_249),
}
COUNTS = {
    "a G": (lambda: mlp.MlpGenerator(**DIGIT, widths=(256, 512), activation="leaky", norm=True), 561_168),
    "a D": (lambda: mlp.MlpCritic(**DIGIT, dropout=0.3), 533_505),
    "b G": (lambda: mlp.MlpGenerator(**DIGIT, latent=64, widths=(128,)), 109_456),
    "b D": (lambda: mlp.MlpCritic(**DIGIT, widths=(128,)), 100_609),
    "c G": (lambda: mlp.MlpGenerator(2, size=(), latent=10, widths=(64, 32), bounded=False), 2_850),
    "c D": (lambda: mlp.MlpCritic(2, size=(), widths=(32, 16)), 641),
    "vanilla G": (lambda: mlp.MlpGenerator(**DIGIT), 2_503_984),
    "vanilla D": (lambda: mlp.VanillaCritic(**DIGIT), 1_231_441),
    "conditional 2014 G": (lambda: mlp.ConditionalMlpGenerator(**DIGIT, classes=10), 2_413_984),
    "conditional 2014 D": (lambda: mlp.ConditionalMlpCritic(**DIGIT, classes=10), 1_224_351),
    **{
        f"dcgan {channels}x{size} {name}": (lambda build=build, c=channels, s=size: sized(build, s, c), count)
        for (channels, size), counts in DCGAN.items()
        for name, build, count in zip("GD", (dcgan.DcganGenerator, dcgan.DcganCritic), counts, strict=True)
    },
    "sagan small G": (lambda: sized(dcgan.DcganGenerator, 32, attention=128, spectral=True), 1_089_409),
    "sagan small D": (lambda: sized(dcgan.DcganCritic, 32, attention=128, spectral=True), 683_777),
    "wgan-gp digits G": (lambda: wgan_gp.WganGpGenerator(1), 1_554_177),
    "wgan-gp digits D": (lambda: wgan_gp.WganGpCritic(1), 1_030_145),
    "wgan-gp G": (lambda: sized(resnet.ResnetNoiseGenerator, 32, widths=(128,) * 4), 1_204_483),
    "wgan-gp G by class": (lambda: sized(resnet.ResnetNoiseGenerator, 32, widths=(128,) * 4, classes=10), 1_218_307),
    "wgan-gp D": (lambda: resnet.ResnetCritic(3, spectral=False, mean=True, bias=True), 1_053_825),
    "sn-gan G": (lambda: sized(resnet.ResnetNoiseGenerator, 32), 4_276_739),
    "sn-gan G by class": (lambda: sized(resnet.ResnetNoiseGenerator, 32, classes=10), 4_304_387),
    "sn-gan D": (lambda: resnet.ResnetCritic(3), 1_053_824),
    "sn-gan D by class": (lambda: resnet.ResnetCritic(3, classes=10), 1_055_104),
    "biggan 128 G": (lambda: biggan(96, 128, (16, 16, 8, 4, 2, 1), 192), 70_433_988),
    "biggan 128 D": (lambda: biggan_critic(96, (1, 2, 4, 8, 16, 16), 96), 87_982_370),
    "biggan 256 G": (lambda: biggan(96, 256, (16, 16, 8, 8, 4, 2, 1), 384), 82_235_844),
    "biggan 256 D": (lambda: biggan_critic(96, (1, 2, 4, 8, 8, 16, 16), 192), 99_225_890),
    "biggan 128, 64 wide, G": (lambda: biggan(64, 128, (16, 16, 8, 4, 2, 1), 128), 31_978_628),
    "biggan 128, 64 wide, D": (lambda: biggan_critic(64, (1, 2, 4, 8, 16, 16), 64), 39_448_258),
    "biggan cifar D": (lambda: resnet.ResnetCritic(3, widths=(256,) * 4, classes=10, bias=True), 4_207_361),
    **{
        f"progan {size} {name}": (lambda build=build, s=size: sized(build, s), count)
        for size, counts in PROGAN.items()
        for name, build, count in zip("GD", (progan.ProganGenerator, progan.ProganCritic), counts, strict=True)
    },
    "progan small 32 G": (lambda: sized(progan.ProganGenerator, 32, latent=128, base=1024, most=128), 1_112_268),
    "progan small 32 D": (lambda: sized(progan.ProganCritic, 32, base=1024, most=128), 1_114_049),
    "progan small 64 G": (lambda: sized(progan.ProganGenerator, 64, latent=128, base=1024, most=128), 1_140_079),
    "progan small 64 D": (lambda: sized(progan.ProganCritic, 64, base=1024, most=128), 1_141_921),
    "mapping of 8": (lambda: Mapping(512, 512), 2_101_248),
    "stylegan2 1024 G": (lambda: sized(StyleganGenerator, 1024), 30_370_060),
    "stylegan2 1024 D": (lambda: sized(StyleganCritic, 1024), 29_012_513),
    "stylegan2 256 G": (lambda: sized(StyleganGenerator, 256), 30_034_338),
    "stylegan2 256 D": (lambda: sized(StyleganCritic, 256), 28_864_129),
    "stylegan2 256, half the base, G": (lambda: sized(StyleganGenerator, 256, base=16384), 24_767_458),
    "stylegan2 256, half the base, D": (lambda: sized(StyleganCritic, 256, base=16384), 24_001_089),
    "stylegan2 128 auto G": (lambda: sized(StyleganGenerator, 128, layers=2, base=16384), 22_949_277),
    "stylegan2 128 auto D": (lambda: sized(StyleganCritic, 128, base=16384), 23_882_369),
    "stylegan2 64 auto G": (lambda: sized(StyleganGenerator, 64, layers=2, base=16384), 22_243_608),
    "stylegan2 64 auto D": (lambda: sized(StyleganCritic, 64, base=16384), 23_407_361),
    "stylegan2 cifar G": (lambda: sized(StyleganGenerator, 32, layers=2), 19_947_539),
    "stylegan2 cifar G by class": (lambda: sized(StyleganGenerator, 32, layers=2, classes=10), 20_215_315),
    "stylegan2 cifar D": (lambda: sized(StyleganCritic, 32, residual=False), 20_720_641),
    "stylegan2 cifar D by class": (lambda: sized(StyleganCritic, 32, residual=False, classes=10), 23_089_664),
    "stylegan2 small 32 G": (
        lambda: sized(StyleganGenerator, 32, latent=128, style=128, layers=2, base=2048, most=128),
        1_050_195,
    ),
    "stylegan2 small 32 D": (lambda: sized(StyleganCritic, 32, base=2048, most=128), 1_153_473),
    "stylegan2 small 64 G": (
        lambda: sized(StyleganGenerator, 64, latent=128, style=128, layers=2, base=2048, most=128),
        1_094_520,
    ),
    "stylegan2 small 64 D": (lambda: sized(StyleganCritic, 64, base=2048, most=128), 1_183_137),
    "transgan G": (lambda: sized(transgan.TransganGenerator, 32), 83_312_495),
    "transgan D": (lambda: sized(transgan.TransganCritic, 32), 10_210_400),
    "transgan small G": (
        lambda: sized(transgan.TransganGenerator, 32, latent=64, width=256, depths=(2, 2, 2)),
        2_839_435,
    ),
    "transgan small D": (lambda: sized(transgan.TransganCritic, 32, width=96, depth=2), 497_078),
    **{
        f"r3gan {name} G": (
            lambda s=s, w=w, c=c, e=g, group=group: r3(r3gan.R3ganGenerator, s, w, c, e, group),
            n,
        )
        for name, (s, w, c, g, _, group, n, _) in R3GAN.items()
    },
    **{
        f"r3gan {name} D": (lambda s=s, w=w, c=c, e=d, group=group: r3(r3gan.R3ganCritic, s, w, c, e, group), n)
        for name, (s, w, c, _, d, group, _, n) in R3GAN.items()
    },
    "fastgan G": (lambda: sized(fastgan.FastganGenerator, 256, width=128, light=False), 105_684_175),
    "fastgan light G": (lambda: sized(fastgan.FastganGenerator, 256, width=128), 79_354_307),
    "fastgan light 64 G": (lambda: sized(fastgan.FastganGenerator, 256), 24_037_603),
    "3d-gan G": (voxels.VoxelGenerator, 17_569_664),
    "3d-gan D": (voxels.VoxelCritic, 11_048_704),
    "3d-gan small G": (lambda: voxels.VoxelGenerator(size=(32, 32), width=32), 2_296_256),
    "3d-gan small D": (lambda: voxels.VoxelCritic(size=(32, 32), width=32), 665_984),
    "lapgan G": (lapgan.DetailGenerator, 218_179),
    "lapgan D 32": (lambda: lapgan.DetailCritic((32, 32)), 116_545),
    "lapgan D 28": (lambda: lapgan.DetailCritic((28, 28)), 113_729),
    "lapgan D 14": (lambda: lapgan.DetailCritic((14, 14)), 107_905),
    "lapgan base G": (lambda: lapgan.LapganGenerator(3, size=(8, 8)), 1_792_992),
    "lapgan base D": (lambda: lapgan.BaseCritic((8, 8)), 477_001),
    "stacked digits G": (stacked.StackedGenerator, 287_875),
    "stacked digits D, a quarter": (stacked.StackedCritic, 585),
    "stacked digits D, a quarter, packed": (lambda: stacked.StackedCritic(packed=2), 585 + 54),
    "stacked digits D, half": (lambda: stacked.StackedCritic(width=4), 1_889),
    "stacked digits D, half, packed": (lambda: stacked.StackedCritic(width=4, packed=3), 1_889 + 2 * 108),
}


@pytest.mark.parametrize("name", COUNTS)
def test_the_published_number_of_parameters(name, monkeypatch):
    leave_iterations_out(monkeypatch)
    build, count = COUNTS[name]
    with torch.device("meta"):
        network = build()
    assert sum(parameter.numel() for parameter in network.parameters()) == count


NARROW = {  # of families that make any size: options of G and of D
    "mlp": ({"widths": (16,)}, {"widths": (16,)}),
    "dcgan": ({"width": 4}, {"width": 4}),
    "resnet": ({"widths": (8,) * 4}, {"widths": (8,) * 4}),
    "progan": ({"base": 64, "most": 8}, {"base": 64, "most": 8}),
    "stylegan2": ({"style": 8, "layers": 2, "base": 64, "most": 8}, {"base": 64, "most": 8}),
    "transgan": ({"width": 64, "depths": (1, 1)}, {"width": 32, "depth": 1}),
    "r3gan": ({"widths": (16, 8, 8)}, {"widths": (16, 8, 8)}),
    "fastgan": ({"width": 8}, {"width": 8}),
    "lapgan": ({"widths": (16,), "width": 8}, {"widths": (16,), "width": 8}),
}
OF_ONE_SIZE = ("wgan_gp", "stacked")
OF_VOLUMES = ("voxels",)
BY_CLASS_ALONE = ("conditional_mlp",)


def narrow(name, size, latent=8, classes=0):
    """G and D of a family, as the tables have them, small."""
    of_g, of_d = NARROW[name]
    generator = build_for(NOISE_GENERATORS, "generator", name, 3, size, classes, {"latent": latent, **of_g})
    return generator, build_for(CRITICS, "discriminator", name, 3, size, classes, of_d)


def test_every_family_is_tried():
    assert {*NARROW, *OF_ONE_SIZE, *OF_VOLUMES, *BY_CLASS_ALONE} == set(NOISE_GENERATORS) == set(CRITICS) - {"maxout"}


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (28, 28), (33, 50)], ids=str)
@pytest.mark.parametrize("name", NARROW)
def test_pictures_of_any_size_are_made_judged_and_learned_from(name, size):
    generator, critic = narrow(name, size)
    picture = generator(torch.randn(3, generator.latent))
    assert picture.shape == (3, 3, *size)
    logit = critic(picture)
    assert logit.shape == (3, 1)
    logit.sum().backward()
    still = {n for n, p in generator.named_parameters() if p.grad is None or not torch.isfinite(p.grad).all()}
    assert {n for n in still if not (name == "progan" and n.startswith("to_rgb."))} == set()  # those of smaller levels


def test_attention_and_spectral_norms_stand_in_dcgan():
    options = {"width": 8, "attention": 16, "spectral": True}
    generator = build_for(NOISE_GENERATORS, "generator", "dcgan", 3, (16, 24), 0, options)
    critic = build_for(CRITICS, "discriminator", "dcgan", 3, (16, 24), 0, options)
    assert critic(generator(torch.randn(2, 100))).shape == (2, 1)
    assert sum(isinstance(module, Attention) for net in (generator, critic) for module in net.modules()) == 2


@pytest.mark.parametrize("name", OF_ONE_SIZE)
def test_a_network_of_one_size_refuses_others_with_that_size(name):
    with pytest.raises(ConfigError, match="28x28.*--size 28"):
        build_for(NOISE_GENERATORS, "generator", name, 3, (32, 32), 0, {})
    generator = build_for(NOISE_GENERATORS, "generator", name, 3, (28, 28), 0, {})
    critic = build_for(CRITICS, "discriminator", name, 3, (28, 28), 0, {})
    assert critic(generator(torch.randn(2, generator.latent))).shape == (2, 1)


def test_what_a_network_does_not_know_is_refused_with_what_is_known():
    with pytest.raises(ConfigError, match="widht.*width"):
        build_for(NOISE_GENERATORS, "generator", "dcgan", 3, (32, 32), 0, {"widht": 8})
    with pytest.raises(ConfigError, match="'progan' knows no classes. Use one of conditional_mlp, dcgan"):
        build_for(NOISE_GENERATORS, "generator", "progan", 3, (32, 32), 10, {})
    with pytest.raises(UnknownNameError, match="dcgan"):
        build_for(NOISE_GENERATORS, "generator", "dcgann", 3, (32, 32), 0, {})


def test_a_map_begins_with_four_pixels_or_a_few_more():
    assert grid((64, 64)) == (4, 4, 4)
    assert grid((96, 64)) == (6, 4, 4)
    assert grid((28, 28)) == (7, 7, 2)


CONDITIONAL = {
    "2014": lambda: (
        mlp.ConditionalMlpGenerator(3, size=(16, 16), classes=3, latent=8),
        mlp.ConditionalMlpCritic(3, size=(16, 16), classes=3),
    ),
    **{name: lambda name=name: narrow(name, (16, 16), classes=3) for name in ("dcgan", "resnet", "stylegan2", "r3gan")},
    "biggan": lambda: (
        sized(resnet.ResnetNoiseGenerator, 16, latent=12, widths=(8,) * 3, classes=3, spectral=True, shared=4),
        resnet.ResnetCritic(3, widths=(8, 8), classes=3),
    ),
}


@pytest.mark.parametrize("name", CONDITIONAL)
def test_the_class_reaches_the_picture_and_the_logit(name):
    torch.manual_seed(0)
    generator, critic = (network.eval() for network in CONDITIONAL[name]())
    for module in (generator, critic):  # gains of classes, and last layers, begin alike
        for parameter in module.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
    z = torch.randn(1, generator.latent).expand(3, -1)
    label = torch.arange(3)
    pictures = generator(z, label)
    assert (pictures[0] - pictures[1]).abs().max() > 1e-4
    logits = critic(pictures[:1].expand(3, -1, -1, -1), label)
    assert logits.unique().numel() == 3


def test_attention_is_the_identity_until_its_gate_moves():
    block, x = Attention(16), torch.randn(2, 16, 7, 6)
    assert torch.equal(block(x), x)
    torch.nn.init.ones_(block.sigma)
    assert not torch.allclose(block(x), x)


@pytest.mark.parametrize("channels", [64, 128, 256])
def test_attention_has_a_quarter_more_parameters_than_its_channels_squared(channels):
    assert sum(p.numel() for p in Attention(channels).parameters()) == 1.25 * channels**2 + 1


def test_a_block_of_r3gan_is_the_identity_at_the_start():
    block, x = r3gan.Block(32, 8, 16), torch.randn(2, 32, 5, 5)
    assert torch.equal(block(x), x)


SHORT = {"latent": 16, "base": 64, "most": 16}


@pytest.mark.parametrize("level", [1, 2, 3])
def test_a_level_that_is_not_faded_in_is_the_one_before_and_one_that_is_equals_a_net_of_its_size(level):
    torch.manual_seed(0)
    generator, critic = sized(progan.ProganGenerator, 32, **SHORT), sized(progan.ProganCritic, 32, base=64, most=16)
    z = torch.randn(4, 16)
    generator.grow(level - 1, 1.0)
    critic.grow(level - 1, 1.0)
    before = generator(z)
    small = torch.randn(4, 3, *before.shape[2:])
    logit = critic(small)
    generator.grow(level, 0.0)
    critic.grow(level, 0.0)
    assert torch.equal(generator(z), progan.doubled(before))
    assert torch.equal(critic(progan.doubled(small)), logit)
    side = 4 * 2**level
    beside = sized(progan.ProganGenerator, side, **SHORT), sized(progan.ProganCritic, side, base=64, most=16)
    x = torch.randn(4, 3, side, side)
    for grown, small, given in zip((generator, critic), beside, (z, x), strict=True):
        grown.grow(level, 1.0)
        kept = {key: value for key, value in grown.state_dict().items() if key in small.state_dict()}
        small.load_state_dict(kept)
        for layers in (grown.to_rgb if grown is generator else grown.from_rgb)[:level]:
            torch.nn.init.normal_(layers.weight)  # what is faded out counts for nothing
        small.grow(level, 1.0)
        assert torch.equal(grown(given), small(given))


def test_growing_adds_one_block_and_one_layer_to_rgb():
    sizes = [sum(p.numel() for p in sized(progan.ProganGenerator, s, **SHORT).parameters()) for s in (8, 16, 32)]
    widths = [progan.channels_of(level, 64, 16) for level in range(4)]
    for n in (1, 2):
        a, b = widths[n], widths[n + 1]
        assert sizes[n] - sizes[n - 1] == (9 * a * b + b) + (9 * b * b + b) + (3 * b + 3)


def test_real_pictures_are_faded_as_generated_ones():
    real = torch.randn(2, 3, 16, 16)
    assert torch.equal(progan.faded(real, 1.0), real)
    coarse = progan.faded(real, 0.0)
    assert torch.equal(coarse, progan.doubled(torch.nn.functional.avg_pool2d(coarse, 2)))


@pytest.mark.parametrize("scale", [0.2, 1.0, 5.0])
def test_demodulated_maps_have_unit_variance_whatever_the_style(scale):
    torch.manual_seed(0)
    x, style = torch.randn(32, 64, 16, 16), scale * (torch.rand(32, 64) + 0.5)
    y = modulated(x, torch.randn(64, 64, 3, 3), style, demodulate=True)[:, :, 1:-1, 1:-1]
    assert float(y.std()) == pytest.approx(1, abs=0.01)


def test_w_moves_the_picture_and_noise_only_where_its_strength_is_not_zero():
    torch.manual_seed(0)
    generator = narrow("stylegan2", (16, 24))[0].eval()
    w = generator.mapping(torch.randn(2, 8))[:, None].expand(-1, generator.styles, -1)
    noise = [torch.randn(2, 1, *size) for size in generator.noises]
    plain = generator.synthesis(w)
    assert torch.equal(generator.synthesis(w, noise), plain)
    assert not torch.allclose(generator.synthesis(w + 0.1), plain)
    for module in generator.modules():
        if isinstance(module, stylegan2.StyledConv):
            torch.nn.init.ones_(module.strength)
    assert not torch.allclose(generator.synthesis(w, noise), plain)
    assert torch.equal(generator.synthesis(w), plain)


def test_truncation_leads_to_the_average_and_one_leaves_w_alone():
    generator = narrow("stylegan2", (16, 16))[0]
    generator.average.copy_(torch.randn(8))
    w = torch.randn(3, 8)
    assert torch.allclose(generator.truncated(w, 1.0), w, atol=1e-6)
    assert torch.equal(generator.truncated(w, 0.0), generator.average.expand(3, -1))


@pytest.mark.parametrize(("size", "sides"), [((28, 28), (8, 14)), ((33, 50), ()), ((32, 32), ())], ids=str)
def test_each_level_of_a_pyramid_and_the_coarse_picture_are_the_picture_again(size, sides):
    real = torch.rand(2, 3, *size, dtype=torch.float64) * 2 - 1
    sizes = lapgan.sizes_of(size, sides)
    levels = lapgan.pyramid(real, sizes)
    assert [tuple(level.shape[2:]) for level in levels] == sizes
    details = [fine - lapgan.enlarged(small, fine.shape[2:]) for small, fine in itertools.pairwise(levels)]
    picture = levels[0]
    for detail in details:
        picture = lapgan.enlarged(picture, detail.shape[2:]) + detail
    assert torch.allclose(picture, real, rtol=0, atol=1e-15)


def test_the_levels_of_a_pyramid_are_halves_down_to_eight_or_as_they_are_told():
    assert lapgan.sizes_of((64, 64)) == [(8, 8), (16, 16), (32, 32), (64, 64)]
    assert lapgan.sizes_of((33, 50)) == [(9, 13), (17, 25), (33, 50)]
    assert lapgan.sizes_of((28, 28), (8, 14)) == [(8, 8), (14, 14), (28, 28)]
    for wrong in ((14, 8), (8, 28), (4, 8)):
        with pytest.raises(ConfigError, match="rise.*9 pixels or more"):
            lapgan.sizes_of((28, 28), wrong)


def test_each_level_is_given_what_the_one_below_made_and_its_own_numbers_alone():
    generator = narrow("lapgan", (32, 32))[0].eval()
    z = torch.rand(2, generator.latent) * 2 - 1
    with torch.no_grad():
        whole = generator(z)
        picture = None
        for n, part in enumerate(torch.split(z, generator.parts, 1)):
            below = None if picture is None else lapgan.enlarged(picture, generator.sizes[n])
            picture = generator.level(n, part, below)
        assert torch.equal(picture, whole)
        for layer in generator.details:
            torch.nn.init.zeros_(layer.layers[-1].weight)
            torch.nn.init.zeros_(layer.layers[-1].bias)
        base = generator.level(0, z[:, :8], None)
        assert torch.equal(generator(z), lapgan.enlarged(lapgan.enlarged(base, (16, 16)), (32, 32)))


def test_maxout_is_the_largest_of_its_pieces():
    layer, x = mlp.Maxout(6, 4, 5), torch.randn(3, 6)
    every = (x @ layer.linear.weight.t() + layer.linear.bias).reshape(3, 4, 5)
    assert torch.allclose(layer(x), every.amax(2))


def test_the_spectral_norm_of_every_layer_is_the_largest_singular_value():
    torch.manual_seed(0)
    critic = resnet.ResnetCritic(3, widths=(8, 8), classes=3)
    x, label = torch.randn(2, 3, 8, 8), torch.zeros(2, dtype=torch.long)
    for _ in range(100):
        critic(x, label)
    critic.eval()
    for module in critic.modules():
        if hasattr(module, "parametrizations"):
            largest = np.linalg.svd(module.weight.detach().flatten(1).numpy(), compute_uv=False)[0]
            assert largest == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("up", UPSAMPLERS)
def test_dcgan_enlarges_in_every_way_and_the_spectral_norm_of_each_is_of_outputs_by_inputs(up):
    torch.manual_seed(0)
    generator = dcgan.DcganGenerator(3, size=(16, 24), latent=6, width=4, up=up, spectral=True)
    z = torch.randn(2, 6)
    for _ in range(50):
        assert generator(z).shape == (2, 3, 16, 24)
    generator.eval()
    for layer in (generator.first, *generator.ups):
        weight = layer.weight.detach()
        matrix = (weight.transpose(0, 1) if isinstance(layer, torch.nn.ConvTranspose2d) else weight).flatten(1)
        assert np.linalg.svd(matrix.numpy(), compute_uv=False)[0] == pytest.approx(1, abs=0.01)


def test_a_packed_discriminator_of_one_is_the_plain_one():
    torch.manual_seed(0)
    plain = stacked.StackedCritic()
    torch.manual_seed(0)
    packed = stacked.StackedCritic(packed=1)
    x = torch.randn(4, 3, 28, 28)
    assert torch.equal(plain(x), packed(x))


def test_the_noise_of_a_fastgan_that_is_not_light_counts_by_its_strength_and_is_none_unless_given():
    torch.manual_seed(0)
    generator = fastgan.FastganGenerator(3, size=(16, 24), latent=4, width=2, light=False).eval()
    assert generator.noises == [(8, 12)] * 2 + [(16, 24)] * 2
    assert sized(fastgan.FastganGenerator, 16, width=2).noises == []
    z, maps = torch.randn(2, 4), [torch.randn(2, 1, *size) for size in generator.noises]
    plain = generator(z)
    assert torch.equal(generator(z, None, maps), plain)  # strengths begin at 0
    injections = [module for module in generator.modules() if isinstance(module, fastgan.NoiseInjection)]
    for n, injection in enumerate(injections):
        torch.nn.init.ones_(injection.strength)
        one = [noise * (m == n) for m, noise in enumerate(maps)]
        assert not torch.allclose(generator(z, None, one), plain)
    assert len(injections) == len(maps)
    assert torch.equal(generator(z), plain)


def test_the_small_map_of_a_skip_layer_excitation_scales_the_channels_of_the_large_one_alike_everywhere():
    torch.manual_seed(0)
    gate = fastgan.Excitation(6, 5)
    for _ in range(20):
        gate(torch.randn(2, 6, 8, 8), torch.ones(2, 5, 4, 4))
    gate.eval()
    small, large = torch.randn(3, 6, 8, 8), torch.randn(3, 5, 32, 32)
    share = gate(small, large) / large
    assert torch.allclose(share, share[:, :, :1, :1].expand_as(share), atol=1e-5)
    assert 0 < share.min() < share.max() < 1
    other = gate(small.roll(1, 0), large) / large
    assert torch.allclose(other, share.roll(1, 0), atol=1e-5)  # by the small map of each picture
    assert not torch.allclose(other, share, atol=1e-3)


def test_four_pixels_gate_sixty_four():
    torch.manual_seed(0)
    generator, gated = sized(fastgan.FastganGenerator, 128, width=2, latent=4).eval(), []
    for gate in generator.gates:
        gate.register_forward_hook(lambda _, given, __: gated.append((given[0].shape[2], given[1].shape[2])))
    z = torch.randn(1, 4)
    plain = generator(z)
    assert gated == [(4, 64), (8, 128)]
    for gate in generator.gates:
        torch.nn.init.zeros_(gate.layers[3].parametrizations.weight.original)  # sigmoid(0): half of everything
    assert not torch.allclose(generator(z), plain)


def test_a_fastgan_discriminator_draws_the_picture_that_it_sees():
    torch.manual_seed(0)
    critic = sized(fastgan.FastganCritic, 16, width=16)
    x = torch.rand(8, 3, 16, 16) * 2 - 1
    optimizer = torch.optim.Adam(critic.parameters(), 2e-3)
    losses = []
    for _ in range(60):
        drawn, whole = critic.rebuilt(x)
        loss = (drawn - whole).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_picture_that_is_repeated_has_next_to_no_deviation_and_groups_do_not_see_each_other():
    layer, x = GroupedStd(), torch.randn(8, 3, 4, 5)
    alike = torch.cat([x[:1].expand(4, -1, -1, -1), x[4:]])
    found = layer(alike)[:, 3]
    assert found[:4].unique().tolist() == pytest.approx([1e-4])
    expected = (x[4:].var(0, correction=0) + 1e-8).sqrt().mean()
    assert torch.allclose(found[4:], expected.expand(4, 4, 5))
    assert layer(x[:6]).shape == (6, 4, 4, 5)


@pytest.mark.parametrize("features", [7, 64])
def test_minibatch_discrimination_counts_the_near_ones_and_not_the_picture_itself(features):
    torch.manual_seed(0)
    layer = MinibatchDiscrimination(features)
    assert sum(p.numel() for p in layer.parameters()) == 500 * features + 600
    x = torch.randn(6, features)
    near = layer(x)[:, features:]
    assert torch.equal(layer(x)[:, :features], x)
    assert (near > -1).all()
    assert near.mean() < 0.5  # at a distance of 2 a neighbour counts 0.14
    twins = torch.cat([x, x[:1]])
    assert (layer(twins)[0, features:] >= near[0] + 0.99).all()  # a copy of it counts one whole
    alone = layer.eval()(x[:1])[:, features:]
    assert torch.allclose(alone, torch.full_like(alone, -1))


def test_volumes_are_occupancies():
    generator, critic = (
        voxels.VoxelGenerator(size=(32, 32), latent=8, width=2),
        voxels.VoxelCritic(size=(32, 32), width=2),
    )
    volume = generator(torch.rand(2, 8) * 2 - 1)
    assert volume.shape == (2, 1, 32, 32, 32)
    assert -1 <= volume.min().item() < volume.max().item() <= 1
    assert critic(volume).shape == (2, 1)
