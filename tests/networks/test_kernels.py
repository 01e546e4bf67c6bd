"""The quick layers of a bf16 CPU: what torch's own give in fp32, within the rounding of bf16, and the same gradients."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from i2i.networks import GENERATORS
from i2i.networks.init import init_normal
from i2i.networks.kernels import bf16, enabled, im2col, layers, use_kernels
from i2i.networks.kernels.winograd import winograd_conv
from i2i.networks.upsampling import ShuffleConv2d


@pytest.fixture(autouse=True)
def _one_seed():
    torch.manual_seed(0)


def off(ours, truth):
    """Relative error over all elements."""
    return ((ours.float() - truth).norm() / truth.norm()).item()


def autocast():
    return torch.autocast("cpu", torch.bfloat16)


def to_channels_last(x):
    return x.to(torch.bfloat16, memory_format=torch.channels_last)


def assert_they_learn_the_same(ours, theirs, tolerance):
    """Each side is a layer, its input and its output; one gradient goes back through both."""
    (layer, x, y), (plain, source, truth) = ours, theirs
    grad = torch.randn_like(truth).bfloat16()
    y.backward(grad)
    truth.backward(grad.float())
    assert off(x.grad, source.grad) < tolerance
    for got, want in zip(layer.parameters(), plain.parameters(), strict=True):
        assert off(got.grad, want.grad) < tolerance


@pytest.mark.parametrize(("pictures", "i", "o", "height", "width"), [(1, 16, 24, 8, 12), (3, 32, 8, 4, 2)])
def test_winograds_convolution_and_its_gradients_are_those_of_a_convolution(pictures, i, o, height, width):
    x = torch.randn(pictures, i, height + 2, width + 2).bfloat16().float().requires_grad_()
    weight, bias = (0.1 * torch.randn(o, i, 3, 3)).requires_grad_(), torch.randn(o).requires_grad_()
    grad = torch.randn(pictures, o, height, width).bfloat16().float()
    ours = to_channels_last(x.detach()).requires_grad_()
    with autocast():
        y = winograd_conv(ours, weight, bias)
    truth = F.conv2d(x, weight, bias)
    assert y.dtype == torch.bfloat16
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert off(y, truth) < 0.01
    found = torch.autograd.grad(y, [ours, weight, bias], grad.bfloat16())
    wanted = torch.autograd.grad(truth, [x, weight, bias], grad)
    for got, want in zip(found, wanted, strict=True):
        assert got.shape == want.shape
        assert off(got, want) < 0.015
    assert found[1].dtype == torch.float32


def test_winograds_convolution_is_no_worse_than_thrice_the_rounding_of_a_bf16_convolution():
    x, weight = torch.randn(1, 128, 34, 34).relu(), 0.02 * torch.randn(128, 128, 3, 3)
    truth = F.conv2d(x, weight)
    usual = F.conv2d(x.bfloat16(), weight.bfloat16())
    assert off(winograd_conv(to_channels_last(x), weight, None), truth) < 3 * off(usual, truth)


@pytest.mark.parametrize("border", ["reflect", "zeros"])
@pytest.mark.parametrize(
    ("i", "o", "kernel", "side", "way"),
    [
        (128, 128, 3, 32, "winograd_conv"),
        (128, 128, 3, 33, None),  # no whole tiles
        (128, 128, 3, 16, None),  # too few pixels
        (32, 128, 3, 32, None),  # too few channels
        (3, 16, 7, 12, "conv_from_few"),
        (16, 3, 7, 12, "conv_to_few"),
        (16, 16, 7, 12, None),
        (1, 1, 7, 12, "conv_from_few"),
    ],
)
def test_a_bordered_convolution_is_torchs_whichever_way_it_takes(monkeypatch, i, o, kernel, side, way, border):
    monkeypatch.setattr(layers, "has_amx", lambda: False)
    taken = []
    for name in ("winograd_conv", "conv_from_few", "conv_to_few"):
        real = getattr(layers, name)
        monkeypatch.setattr(layers, name, lambda *a, name=name, real=real: (taken.append(name), real(*a))[1])
    ours = layers.SameConv2d(i, o, kernel, border=border)
    plain = nn.Conv2d(i, o, kernel, padding=kernel // 2, padding_mode=border)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(2 if side > 16 else 1, i, side, side).bfloat16().float()
    mine, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    assert torch.equal(ours(x), plain(x)), "in fp32 it is torch's own"
    assert not taken
    with autocast():
        y = ours(to_channels_last(mine))
    assert taken == ([way] if way else [])
    truth = plain(theirs)
    assert off(y, truth) < 0.01
    assert_they_learn_the_same((ours, mine, y), (plain, theirs, truth), 0.015)


@pytest.mark.parametrize("name", ["msrresnet", "rrdbnet", "compact", "srresnet"])
def test_an_enlarger_wide_enough_for_winograd_trains_in_bf16(monkeypatch, name):
    """Its activations work in place, on what the convolution gave."""
    monkeypatch.setattr(layers, "has_amx", lambda: False)
    network = GENERATORS[name](3, 3, scale=2, blocks=1, width=128)
    side = 32 * network.geometry.multiple
    with autocast():
        y = network(torch.rand(2, 3, side, side))
    y.float().square().mean().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize("factor", [2, 3, 4])
def test_a_pixel_shuffle_by_rows_is_torchs_and_learns_the_same(factor):
    ours = ShuffleConv2d(16, 8, True, factor)
    nn.init.normal_(ours.weight, 0, 0.1)
    nn.init.normal_(ours.bias)
    plain = nn.Sequential(nn.Conv2d(16, 8 * factor**2, 3, padding=1), nn.PixelShuffle(factor))
    plain[0].load_state_dict(ours.state_dict())
    x = torch.randn(2, 16, 5, 7).bfloat16().float()
    mine, theirs = to_channels_last(x).requires_grad_(), x.requires_grad_()
    assert torch.equal(ours(x), plain(x)), "in fp32 it is torch's own"
    with autocast():
        y = ours(mine)
    truth = plain(theirs)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert off(y, truth) < 0.01
    assert_they_learn_the_same((ours, mine, y), (plain, theirs, truth), 0.015)


def test_a_slope_for_each_channel_is_torchs_and_learns_the_same():
    ours, plain = layers.PReLU(6), nn.PReLU(6)
    nn.init.uniform_(ours.weight, -0.3, 0.5)
    plain.load_state_dict(ours.state_dict())
    x = torch.randn(3, 6, 8, 10).bfloat16().float()
    mine, theirs = to_channels_last(x).requires_grad_(), x.requires_grad_()
    assert torch.equal(ours(x), plain(x)), "in fp32 it is torch's own"
    with autocast():
        y = ours(mine)
    truth = plain(theirs)
    assert y.dtype == torch.bfloat16
    assert off(y, truth) < 0.01
    assert_they_learn_the_same((ours, mine, y), (plain, theirs, truth), 0.01)


def test_where_the_processor_has_matrix_tiles_a_convolution_stays_one(monkeypatch):
    layer, x = layers.ReflectConv2d(128, 128, 3), to_channels_last(torch.randn(1, 128, 32, 32))
    with autocast():
        monkeypatch.setattr(layers, "has_amx", lambda: False)
        assert layer.faster(x) is layers.winograd_conv
        monkeypatch.setattr(layers, "has_amx", lambda: True)
        assert layer.faster(x) is F.conv2d


@pytest.mark.parametrize("pictures", [1, 3])
@pytest.mark.parametrize("affine", [False, True])
def test_instance_norm_keeps_the_layout_and_is_torchs_and_learns_the_same(pictures, affine):
    ours = layers.InstanceNorm2d(6, affine=affine)
    plain = nn.InstanceNorm2d(6, affine=affine)
    if affine:
        nn.init.normal_(ours.weight)
        nn.init.normal_(ours.bias)
        plain.load_state_dict(ours.state_dict())
    x = (2 + 3 * torch.randn(pictures, 6, 8, 10)).bfloat16().float()
    mine, theirs = to_channels_last(x).requires_grad_(), x.requires_grad_()
    with autocast():
        y = ours(mine)
    truth = plain(theirs)
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert off(y, truth) < 0.003, "the rounding of bf16, which the mean and the spread must not add to"
    assert_they_learn_the_same((ours, mine, y), (plain, theirs, truth), 0.005)
    assert torch.equal(ours(x), plain(x)), "in fp32 it is torch's own"


def test_relu_is_torchs_to_the_bit_and_hides_no_nan():
    inf, nan = float("inf"), float("nan")
    x = torch.tensor([-inf, -3e38, -1.5, -1e-40, -0.0, 0.0, 1e-40, 0.7, 3e38, inf, nan, nan]).bfloat16()
    x[-1:].view(torch.int16).fill_(-64)  # a NaN with the sign of minus, as processors make them
    grad = torch.arange(1.0, 1 + len(x)).bfloat16()
    with autocast():
        found = bits_and_gradient(layers.ReLU(), x, grad)
    truth = bits_and_gradient(nn.ReLU(inplace=True), x, grad)
    kept = ~x.isnan()
    assert all(torch.equal(got[kept], want[kept]) for got, want in zip(found, truth, strict=True))
    assert found[0].view(torch.bfloat16)[~kept].isnan().all()


def bits_and_gradient(layer, x, grad):
    leaf = x.clone().requires_grad_()
    y = layer(leaf + 0)  # a leaf cannot be changed in place
    y.backward(grad)
    return y.detach().view(torch.int16), leaf.grad.view(torch.int16)


@pytest.mark.parametrize(("border", "height", "width"), [(1, 2, 5), (3, 4, 9), (3, 12, 8), (1, 64, 64)])
def test_a_reflected_border_gives_its_gradient_back_to_what_it_mirrors(border, height, width):
    x = to_channels_last(
        torch.randint(-8, 8, (2, 3, height, width)).float()
    )  # small whole numbers, which bf16 adds exactly
    mine, theirs = x.clone().requires_grad_(), x.clone().float().requires_grad_()
    with autocast():
        y = bf16.reflected(mine, border)
    truth = F.pad(theirs, (border,) * 4, mode="reflect")
    assert torch.equal(y.float(), truth)
    grad = torch.randint(-8, 8, truth.shape).float()
    y.backward(to_channels_last(grad))
    truth.backward(grad)
    assert torch.equal(mine.grad.float(), theirs.grad)


def generator():
    G = GENERATORS["resnet6"](3, 3, blocks=2, width=32)
    init_normal(G, 0.05)
    return G


def test_a_generator_in_bf16_is_the_one_in_fp32_and_learns_the_same():
    G = generator()
    twin, x = copy.deepcopy(G), torch.rand(2, 3, 128, 128) * 2 - 1
    with autocast():
        y = G(x)
    truth = twin(x)
    assert off(y, truth) < 0.05
    y.float().square().mean().backward()
    truth.square().mean().backward()
    for (name, got), want in zip(G.named_parameters(), twin.parameters(), strict=True):
        if name.endswith("weight"):  # a norm cancels its convolution's bias, whose gradient is rounding alone
            cosine = F.cosine_similarity(got.grad.flatten(), want.grad.flatten(), dim=0).item()
            assert cosine > 0.96, name  # bf16 alone, without the quick layers, loses 0.02 here


def test_the_same_step_twice_gives_the_same_bits():
    """Else a resumed run would not be the one that was never stopped."""
    G, x = generator(), torch.rand(1, 3, 128, 128)
    found = []
    for _ in range(2):
        G.zero_grad(set_to_none=True)
        with autocast():
            y = G(x)
        y.float().square().mean().backward()
        found.append([y, *(p.grad for p in G.parameters())])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


def test_the_layers_keep_the_names_and_shapes_of_torchs():
    expected = {"layers.0.weight": (64, 3, 7, 7), "layers.10.branch.0.weight": (256, 256, 3, 3),
                "layers.10.branch.4.bias": (256,), "layers.24.weight": (3, 64, 7, 7)}  # fmt: skip
    weights = GENERATORS["resnet9"](3, 3).state_dict()
    assert {name: tuple(weights[name].shape) for name in expected} == expected


@pytest.mark.parametrize("on", [True, False])
def test_one_switch_turns_all_kernels_off_and_on_again(monkeypatch, on):
    """Im2col, Winograd, norms, activations and the order in memory; what is left is torch's own, number for number."""
    monkeypatch.setattr(layers, "has_amx", lambda: False)
    monkeypatch.setattr(im2col, "LEAST_WEIGHTS", 1)
    taken = []
    for module, name in ((im2col, "_Im2col"), (layers, "winograd_conv"), (bf16, "_InstanceNorm"), (bf16, "_Relu"),
                         (bf16, "_Prelu"), (bf16, "_Reflected")):  # fmt: skip
        real = getattr(module, name)
        spied = (lambda *a, real=real, name=name: (taken.append(name), real(*a))[1]) if name == "winograd_conv" else type(
            name, (real,), {"forward": staticmethod(lambda *a, real=real, name=name: (taken.append(name), real.forward(*a))[1])}
        )  # fmt: skip
        monkeypatch.setattr(module, name, spied)
    with use_kernels(on):
        assert enabled() is on
        network = nn.Sequential(layers.ReflectConv2d(128, 128, 3), layers.InstanceNorm2d(128), layers.ReLU(), layers.PReLU(128),
                                im2col.Conv2d(128, 8, 32))  # fmt: skip
        layers.weights_to_channels_last(network)
        assert network[0].weight.is_contiguous(memory_format=torch.channels_last) is on
        x = torch.randn(1, 128, 32, 32)
        with autocast():
            y = network(layers.to_channels_last(x))
    assert enabled()
    assert set(taken) == (
        {"_Im2col", "winograd_conv", "_InstanceNorm", "_Relu", "_Prelu", "_Reflected"} if on else set()
    )
    if not on:
        plain = nn.Sequential(nn.Conv2d(128, 128, 3, padding=1, padding_mode="reflect"), nn.InstanceNorm2d(128), nn.ReLU(),
                              nn.PReLU(128), nn.Conv2d(128, 8, 32))  # fmt: skip
        plain.load_state_dict(network.state_dict())
        with autocast():
            assert torch.equal(plain(x), y)
