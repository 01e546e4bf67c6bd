"""The networks are the papers', layer for layer, and keep their contracts at any size."""

import pytest
import torch
from exports import ENLARGERS

from i2i.errors import ConfigError, UnknownNameError
from i2i.networks import DISCRIMINATORS, GENERATORS, for_inference
from i2i.networks.build import build, geometry_of
from i2i.networks.init import init_normal
from i2i.networks.kernels import im2col
from i2i.networks.norms import NORMS, frozen_running_stats
from i2i.networks.unet import unet_for

COUNTS = [
    (GENERATORS, "unet256", (3, 3), {"norm": "batch_as_instance"}, 54_413_955),
    (GENERATORS, "unet256", (3, 3), {"norm": "instance_affine"}, 54_413_955),
    (GENERATORS, "unet256", (3, 3), {"norm": "instance"}, 54_409_603),
    (GENERATORS, "unet128", (3, 3), {"norm": "batch_as_instance"}, 41_828_995),
    (GENERATORS, "resnet9", (3, 3), {}, 11_378_179),
    (GENERATORS, "resnet6", (3, 3), {}, 7_837_699),
    (GENERATORS, "disco", (3, 3), {}, 5_513_856),
    (GENERATORS, "disco_bottleneck", (3, 3), {}, 7_153_480),
    (DISCRIMINATORS, "disco", (3,), {}, 2_765_568),
    (DISCRIMINATORS, "patch", (6,), {}, 2_768_705),
    (DISCRIMINATORS, "patch", (3,), {"norm": "instance"}, 2_764_737),
    (GENERATORS, "msrresnet", (3, 3), {"scale": 4}, 1_517_571),
    (GENERATORS, "rrdbnet", (3, 3), {"scale": 4}, 16_697_987),
    (GENERATORS, "rrdbnet", (3, 3), {"scale": 4, "blocks": 6}, 4_467_779),
    (GENERATORS, "rrdbnet", (3, 3), {"scale": 2}, 16_703_171),
    (DISCRIMINATORS, "vgg", (3,), {"size": 128}, 14_499_401),
    (DISCRIMINATORS, "srgan", (3,), {"size": 96}, 23_563_649),
    (DISCRIMINATORS, "unet", (3,), {}, 4_376_897),
]


def small(name, channels=(3, 3), **options):
    torch.manual_seed(0)
    few = {"blocks": 2} if name in ENLARGERS else {}
    generator = build(GENERATORS, "generator", name, channels, {"width": 4, **few, **options})
    init_normal(generator, 0.2)
    return generator


@pytest.mark.parametrize(("table", "name", "channels", "options", "count"), COUNTS)
def test_a_network_has_exactly_the_published_number_of_parameters(table, name, channels, options, count):
    network = build(table, "network", name, channels, options)
    assert sum(p.numel() for p in network.parameters()) == count


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_keeps_the_size_and_the_range_at_two_sizes(name):
    generator = small(name, channels=(2, 5))
    side = -(-max(generator.geometry.smallest, 8) // generator.geometry.multiple) * generator.geometry.multiple
    for height, width in ((side, side), (side, 2 * side)):
        y = generator(torch.rand(1, 2, height, width) * 2 - 1)
        scale = 4 if name in ENLARGERS else 1
        assert y.shape == (1, 5, scale * height, scale * width)
        assert name in (*ENLARGERS, "restorer") or y.abs().max() <= 1  # those have no tanh; the exported file clips


@pytest.mark.parametrize("name", GENERATORS)
def test_features_by_role_are_what_the_forward_pass_computes_and_stop_at_the_deepest(name):
    network = for_inference(small(name))
    side = -(-max(network.geometry.smallest, 8) // network.geometry.multiple) * network.geometry.multiple
    x, computed, run = torch.rand(1, 3, side, side) * 2 - 1, [], []
    for module in network.modules():
        module.register_forward_hook(lambda module, _, y: (computed.append(y), run.append(module))[1] and None)
    with torch.no_grad():
        picture = network(x)
        maps = [y for y in computed if torch.is_tensor(y)]
        everything = len(run)
        found = network.features(x, network.roles)
        assert list(found) == list(network.roles)
        assert torch.equal(found["output"], picture)
        depth = 0
        for role in network.roles:
            run.clear()
            (alone,) = network.features(x, [role]).values()
            assert torch.equal(alone, found[role])  # nothing that comes later has changed the map
            assert depth < len(run) <= everything - 1 or role in ("body", "output")  # the network itself is not called
            depth = len(run)
            whole = role in ("body", "output")  # a sum with the skip over all blocks is no module's output
            assert whole or any(y.shape == alone.shape and torch.equal(y, alone) for y in maps)


def test_a_role_without_a_number_is_the_last_of_its_kind_and_an_unknown_one_is_refused():
    network, x = small("resnet6", norm="none"), torch.rand(1, 3, 16, 16)
    assert network.roles == ("stem", "down.0", "down.1", *(f"body.{n}" for n in range(6)), "up.0", "up.1", "output")
    with torch.no_grad():
        found = network.features(x, ("stem", "down", "body"))
        assert torch.equal(found["down"], network.features(x, ["down.1"])["down.1"])
    assert [tuple(y.shape[1:]) for y in found.values()] == [(4, 16, 16), (16, 4, 4), (16, 4, 4)]
    assert network.features(x, ()) == {}
    with pytest.raises(UnknownNameError, match=r"No role of this generator is called 'dwon'. Did you mean 'down"):
        network.features(x, ["dwon"])


def test_the_geometry_of_a_network_is_known_without_building_it_or_drawing_numbers():
    assert [geometry_of(DISCRIMINATORS, name).multiple for name in ("vgg", "srgan", "patch")] == [32, 16, 1]
    assert geometry_of(GENERATORS, "unet64") == small("unet64").geometry
    torch.manual_seed(0)
    state = torch.get_rng_state()
    geometry_of(DISCRIMINATORS, "unet")
    assert torch.equal(torch.get_rng_state(), state)


def test_a_patch_discriminator_sees_patches_of_the_published_width():
    for layers, field in {1: 16, 2: 34, 3: 70, 4: 142}.items():
        network = build(DISCRIMINATORS, "discriminator", "patch", (1,), {"layers": layers, "width": 2, "norm": "none"})
        x = torch.rand(1, 1, 2 * field, 2 * field, requires_grad=True)
        logits = network(x)
        logits[0, 0, logits.shape[2] // 2, logits.shape[3] // 2].backward()
        seen = x.grad[0, 0].abs().sum(0).nonzero()
        assert int(seen.max() - seen.min()) + 1 == field


def test_a_256_pixel_pair_gives_30_by_30_logits():
    network = build(DISCRIMINATORS, "discriminator", "patch", (6,), {"width": 2})
    assert network(torch.rand(1, 6, 256, 256)).shape == (1, 1, 30, 30)


def test_the_pixel_discriminator_classifies_each_pixel_alone():
    network = build(DISCRIMINATORS, "discriminator", "pixel", (3,), {"width": 4, "norm": "none"})
    x = torch.rand(1, 3, 8, 8, requires_grad=True)
    network(x)[0, 0, 3, 5].backward()
    assert x.grad[0].abs().sum(0).nonzero().tolist() == [[3, 5]]


def test_discogans_discriminator_classifies_64_pixels_as_a_whole_and_larger_pictures_in_parts():
    network = build(DISCRIMINATORS, "discriminator", "disco", (3,), {"width": 2})
    assert network(torch.rand(2, 3, 64, 64)).shape == (2, 1, 1, 1)
    assert network(torch.rand(2, 3, 128, 96)).shape == (2, 1, 5, 3)


def test_the_bottleneck_leaves_one_pixel_of_100_channels_at_64_pixels():
    generator = build(GENERATORS, "generator", "disco_bottleneck", (3, 3), {})
    shapes = []
    for layer in generator.layers:
        layer.register_forward_hook(lambda _, __, y: shapes.append(tuple(y.shape[1:])))
    with torch.no_grad():
        generator(torch.rand(1, 3, 64, 64).repeat(2, 1, 1, 1))
    assert (100, 1, 1) in shapes
    assert max(shape[1] for shape in shapes) == 64


@pytest.mark.parametrize("name", ["disco", "disco_bottleneck"])
def test_discogans_generator_is_the_authors_layer_for_layer(name):
    """Written out: no bias, no norm on the first and the last, values from 0 to 1 inside."""
    generator = small(name).train()
    x = torch.rand(2, 3, 64, 64) * 2 - 1
    weights = iter(generator.named_parameters())

    def normed(y):
        scale, shift = next(weights)[1], next(weights)[1]
        return torch.nn.functional.batch_norm(y, None, None, scale, shift, training=True)

    y = (x + 1) / 2
    leaky = torch.nn.functional.leaky_relu
    for step in range(4):
        y = torch.nn.functional.conv2d(y, next(weights)[1], stride=2, padding=1)
        y = leaky(normed(y) if step else y, 0.2)
    if name == "disco_bottleneck":
        y = leaky(normed(torch.nn.functional.conv2d(y, next(weights)[1])), 0.2)
        y = normed(torch.nn.functional.conv_transpose2d(y, next(weights)[1])).relu()
    for step in range(4):
        y = torch.nn.functional.conv_transpose2d(y, next(weights)[1], stride=2, padding=1)
        y = normed(y).relu() if step < 3 else torch.sigmoid(y)
    torch.testing.assert_close(generator(x), y * 2 - 1)
    assert next(weights, None) is None


def test_batch_running_is_served_with_its_running_averages_and_batch_as_instance_with_the_pictures_own():
    x = torch.rand(4, 3, 64, 64) * 0.2 + 0.3
    for norm, by_average in (("batch_running", True), ("batch_as_instance", False)):
        generator = small("disco", norm=norm).train()
        for _ in range(3):
            generator(x)
        averaged = generator.eval()(x)
        served = for_inference(generator)(x)
        assert torch.allclose(served, averaged, atol=1e-5) == by_average


def test_a_single_value_is_normalised_with_the_averages_for_want_of_a_deviation():
    """The bottleneck's one pixel, in a batch of one; of two pictures it has a deviation."""
    generator = small("disco_bottleneck").train()
    x = torch.rand(2, 3, 64, 64)
    generator(x)
    before = {name: buffer.clone() for name, buffer in generator.named_buffers()}
    assert torch.isfinite(generator(x[:1])).all()
    moved = {name for name, buffer in generator.named_buffers() if not torch.equal(buffer, before[name])}
    assert moved
    assert not [name for name in moved if before[name].shape == (100 * 4 // 64,)]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["disco", "disco_bottleneck"])
def test_the_smallest_size_of_a_disco_generator_trains_and_serves_with_every_norm(name, norm):
    generator = small(name, norm=norm)
    side = generator.geometry.smallest
    assert generator.train()(torch.rand(1, 3, side, side)).shape == (1, 3, side, side)
    assert for_inference(generator)(torch.rand(1, 3, side, side)).shape == (1, 3, side, side)


def test_running_averages_stand_still_where_they_are_to_be_kept():
    generator = small("disco").train()
    x = torch.rand(2, 3, 32, 32)
    generator(x)
    before = {name: buffer.clone() for name, buffer in generator.named_buffers() if "running" in name}
    assert before
    with frozen_running_stats(generator):
        inside = generator(1 - x)
    now = dict(generator.named_buffers())
    assert all(torch.equal(value, now[name]) for name, value in before.items())
    torch.testing.assert_close(generator(1 - x), inside)  # batches are normalised as ever
    assert not any(torch.equal(value, now[name]) for name, value in before.items())


@pytest.mark.parametrize("name", ["unet16", "unet32", "resnet6", "disco", "disco_bottleneck"])
def test_no_output_pixel_depends_on_more_than_the_stated_receptive_field(name):
    check_receptive_field(small(name, norm="none"))


def check_receptive_field(generator):
    generator = for_inference(generator).double()
    assert generator.geometry.tiling == "local"
    for p in generator.parameters():  # all of one sign, so that nothing cancels and no ReLU closes
        p.data.fill_(0.003)
    field = generator.geometry.receptive_field
    side = -(-(2 * field) // generator.geometry.multiple) * generator.geometry.multiple
    across, widest = max(32, generator.geometry.smallest), 0
    scale = generator.geometry.scale
    for shift in range(generator.geometry.multiple * scale):  # the reach depends on where in the grid a pixel lies
        x = torch.rand(1, 3, side, across, dtype=torch.float64).requires_grad_()
        generator(x)[0, :, side // 2 * scale + shift, 16 * scale].sum().backward()
        seen = x.grad[0].abs().sum((0, 2)).nonzero()
        widest = max(widest, int(seen.max() - seen.min()) + 1)
    assert widest <= field
    assert widest > 0.8 * field  # and the statement is not idle
    return widest


@pytest.mark.parametrize("norm", NORMS)
def test_a_served_network_gives_a_picture_the_same_result_alone_and_in_a_batch(norm):
    served = for_inference(small("unet32", norm=norm))
    x = torch.rand(4, 3, 64, 32) * 2 - 1
    with torch.no_grad():
        alone = torch.cat([served(picture[None]) for picture in x])
        torch.testing.assert_close(served(x), alone, atol=1e-5, rtol=0)


def test_batch_norm_is_served_as_it_computed_at_batch_one_without_touching_the_network():
    generator = small("unet32", norm="batch_as_instance", dropout=0.0).train()
    x = torch.rand(1, 3, 32, 64) * 2 - 1
    with torch.no_grad():
        torch.testing.assert_close(for_inference(generator)(x), generator(x), atol=1e-5, rtol=0)
    assert generator.training
    assert any(isinstance(m, torch.nn.BatchNorm2d) for m in generator.modules())


def test_instance_affine_trains_like_batch_norm_at_batch_one():
    batch, picture = (
        small("unet32", norm="batch_as_instance", dropout=0.0),
        small("unet32", norm="instance_affine", dropout=0.0),
    )
    picture.load_state_dict(batch.state_dict(), strict=False)
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    torch.testing.assert_close(batch(x), picture(x), atol=1e-5, rtol=0)


def test_dropout_follows_the_three_innermost_decoder_steps_alone():
    rates = [m.p for m in build(GENERATORS, "generator", "unet64", (3, 3), {"width": 2}).dropouts]
    assert rates == [0.5, 0.5, 0.5, 0.0, 0.0]


def test_initial_weights_have_the_papers_standard_deviation():
    generator = build(GENERATORS, "generator", "unet64", (3, 3), {"width": 32})
    init_normal(generator)
    weights = torch.cat([m.weight.flatten() for m in generator.down])
    assert abs(float(weights.detach().std()) - 0.02) < 0.001
    assert float(generator.last.bias.detach().abs().max()) == 0


def test_the_unet_is_the_deepest_that_the_size_allows():
    assert [unet_for(size) for size in (64, 96, 128, 256, 512, 768)] == [
        "unet64", "unet32", "unet128", "unet256", "unet256", "unet256",
    ]  # fmt: skip
    with pytest.raises(ConfigError, match="multiple of 16"):
        unet_for(100)


def test_a_wrong_name_or_option_is_refused_with_the_likely_intent():
    with pytest.raises(UnknownNameError, match=r"No generator is called 'unet265'. Did you mean 'unet256'\?"):
        build(GENERATORS, "generator", "unet265", (3, 3), {})
    with pytest.raises(UnknownNameError, match="Did you mean 'batch"):
        build(GENERATORS, "generator", "unet32", (3, 3), {"norm": "bacth_running"})
    with pytest.raises(
        ConfigError, match=r"called 'discriminator.layers' for the discriminator 'pixel'. It has width=64, norm="
    ):
        build(DISCRIMINATORS, "discriminator", "pixel", (3,), {"layers": 2})


@pytest.mark.parametrize(
    ("n", "side", "kernel", "stride", "padding"),
    [(1, 2, 4, 2, 1), (3, 8, 4, 2, 1), (2, 6, 4, 1, 1), (1, 5, 3, 2, 1), (2, 4, 4, 1, 0), (1, 1, 3, 2, 1)],
)
def test_a_convolution_by_matrix_product_is_the_same_convolution(n, side, kernel, stride, padding):
    """Its gradients too, and theirs again, which R1 and the gradient penalty need."""
    torch.manual_seed(0)
    x = torch.rand(n, 5, side, side + 2, requires_grad=True, dtype=torch.float64)
    weight = torch.rand(7, 5, kernel, kernel, requires_grad=True, dtype=torch.float64)
    back = torch.rand(5, 7, kernel, kernel, requires_grad=True, dtype=torch.float64)
    bias = torch.rand(7, dtype=torch.float64)
    for theirs, ours, w in (
        (torch.nn.functional.conv2d, im2col.conv_by_product, weight),
        (torch.nn.functional.conv_transpose2d, im2col.deconv_by_product, back),
    ):
        expected = theirs(x, w, bias, stride, padding)
        given = ours(x, w, bias, im2col.Window(kernel, stride, padding))
        torch.testing.assert_close(given, expected)
        once = [torch.autograd.grad((y**2).sum(), (x, w), create_graph=True) for y in (expected, given)]
        torch.testing.assert_close(once[1], once[0])
        twice = [torch.autograd.grad((of_x**2).sum(), (x, w)) for of_x, _ in once]
        torch.testing.assert_close(twice[1], twice[0])


@pytest.mark.parametrize("side", [2, 3])
def test_a_picture_smaller_than_the_kernel_is_refused_as_torch_does(monkeypatch, side):
    monkeypatch.setattr(im2col, "has_amx", lambda: True)
    layer, x = im2col.Conv2d(512, 100, 4), torch.zeros(1, 512, side, side)
    with torch.autocast("cpu", torch.bfloat16), pytest.raises(RuntimeError, match="Kernel size can't be greater"):
        layer(x)


@pytest.mark.parametrize("norm", ["none", "batch_as_instance"])
@pytest.mark.parametrize("amx", [True, False])
@pytest.mark.parametrize("name", ["disco", "disco_bottleneck"])
def test_an_encoder_decoder_learns_the_same_by_products_and_by_convolutions(monkeypatch, name, amx, norm):
    torch.manual_seed(0)
    monkeypatch.setattr(im2col, "has_amx", lambda: amx)
    network = GENERATORS[name](3, 3, norm=norm)
    init_normal(network, 0.1)
    x, taken = torch.rand(2, 3, 64, 64) * 2 - 1, []
    for way in ("conv_by_product", "deconv_by_product"):
        real = getattr(im2col, way)
        monkeypatch.setattr(im2col, way, lambda *a, way=way, real=real: (taken.append(way), real(*a))[1])

    def learnt(bf16=True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = network(x)
        y.float().square().mean().backward()
        return torch.cat([y.detach().float().flatten(), *(p.grad.flatten() for p in network.parameters())])

    truth, products = learnt(bf16=False), learnt()
    assert {"conv_by_product", "deconv_by_product"} <= set(taken)
    assert len(taken) >= (4 if amx else 2)
    monkeypatch.setattr(im2col, "is_faster", lambda *_: False)
    convolutions = learnt()
    assert (products - truth).norm() < 1.5 * (convolutions - truth).norm() < 0.2 * truth.norm()


def test_wide_layers_take_the_product_in_bf16_on_a_cpu_alone_and_agree_with_the_convolution(monkeypatch):
    torch.manual_seed(0)
    network = build(GENERATORS, "generator", "unet64", (3, 3), {"norm": "none", "dropout": 0.0})
    x = torch.rand(1, 3, 64, 64) * 2 - 1
    taken = []
    by_product = im2col.conv_by_product
    monkeypatch.setattr(im2col, "conv_by_product", lambda *a: (taken.append(1), by_product(*a))[1])
    with torch.no_grad():
        full = network(x)
        assert not taken
        with torch.autocast("cpu", torch.bfloat16):
            product = network(x)
            assert taken
            monkeypatch.setattr(im2col, "is_faster", lambda *_: False)
            convolution = network(x)
    spread = (full - convolution).abs().mean()
    assert (full - product).abs().mean() < 1.5 * spread


@pytest.mark.parametrize("needs_x", [True, False])
@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize(
    ("n", "side", "kernel", "stride"), [(1, 8, 4, 2), (3, 6, 4, 2), (2, 6, 4, 1), (1, 8, 3, 1), (2, 7, 3, 2)]
)
def test_weights_get_by_a_product_the_gradient_of_the_convolution(n, side, kernel, stride, order, needs_x):
    """In double precision, where torch's own is the truth to the last digits; the input's gradient and the bias' too."""
    torch.manual_seed(0)
    x = torch.rand(n, 5, side, side, dtype=torch.float64).to(memory_format=order).requires_grad_(needs_x)
    window = im2col.Window(kernel, stride, 1)
    for transposed, shape in ((False, (7, 5)), (True, (5, 7))):
        weight = torch.rand(*shape, kernel, kernel, dtype=torch.float64).to(memory_format=order).requires_grad_()
        convolve = torch.nn.functional.conv_transpose2d if transposed else torch.nn.functional.conv2d
        asked = [weight, *([x] if needs_x else [])]
        expected = convolve(x, weight, None, stride, 1)
        given = im2col._ProductGradient.apply(x, weight, window, transposed)
        assert torch.equal(given, expected)
        grad = torch.rand_like(expected)
        for one, other in zip(*(torch.autograd.grad(y, asked, grad) for y in (given, expected)), strict=True):
            torch.testing.assert_close(one, other)


@pytest.mark.parametrize("amx", [True, False])
def test_only_where_weights_are_many_and_maps_small_is_their_gradient_a_product(monkeypatch, amx):
    monkeypatch.setattr(im2col, "has_amx", lambda: amx)
    monkeypatch.setattr(im2col, "LEAST_WEIGHTS", 1000)
    monkeypatch.setattr(im2col, "MOST_PLACES", 0)  # not all of it
    monkeypatch.setattr(im2col, "AMX_MOST_PLACES", 0)
    torch.manual_seed(0)
    taken, real = [], im2col.conv_with_product_gradient
    monkeypatch.setattr(
        im2col, "conv_with_product_gradient", lambda *a, **k: (taken.append(len(a[1])), real(*a, **k))[1]
    )
    down, up = im2col.Conv2d(8, 16, 4, 2, 1), im2col.ConvTranspose2d(16, 8, 4, 2, 1)
    large, small = torch.randn(2, 8, 18, 18), torch.randn(2, 8, 16, 16)

    def learnt(x, bf16=True):
        for layer in (down, up):
            layer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            y = up(down(x))
        y.float().square().sum().backward()
        return torch.cat([p.grad.flatten() for layer in (down, up) for p in layer.parameters()])

    learnt(large)  # 9x9 places
    learnt(small, bf16=False)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        up(down(small))
    assert not taken
    products, truth = learnt(small), learnt(small, bf16=False)
    assert taken == ([] if amx else [16, 16])
    monkeypatch.setattr(im2col, "gradient_is_faster", lambda *_: False)
    assert (products - truth).norm() < 1.5 * (learnt(small) - truth).norm() < 0.1 * truth.norm()
