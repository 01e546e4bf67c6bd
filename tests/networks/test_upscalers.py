"""The enlarging generators are the papers' and their authors', start from the enlarged input, and see what they say."""

import onnx
import pytest
import torch
from onnx import numpy_helper
from test_networks import ENLARGERS, check_receptive_field, small
from torch.nn import functional as F

from i2i.errors import ConfigError, UnknownNameError
from i2i.networks import GENERATORS, for_inference, receptive_field
from i2i.networks.build import build
from i2i.networks.upscaling import SKIPS, STAGES

SCALES = list(STAGES)
OTHER_SKIPS = [(name, skip) for name in ("msrresnet", "compact") for skip in SKIPS]


def fresh(name, channels=(3, 3), **options):
    """As a run begins: the network's own initial weights."""
    torch.manual_seed(0)
    return build(GENERATORS, "generator", name, channels, options)


def test_srresnet_has_the_parameters_that_the_papers_figure_adds_up_to():
    """By hand from figure 4: no bias under BatchNorm, a PReLU slope for each channel."""
    first = 9 * 9 * 3 * 64 + 64 + 64
    block = 2 * (3 * 3 * 64 * 64 + 2 * 64) + 64
    trunk = 3 * 3 * 64 * 64 + 2 * 64
    shuffle = 3 * 3 * 64 * 256 + 256 + 64
    last = 9 * 9 * 64 * 3 + 3
    network = fresh("srresnet", scale=4)
    assert sum(p.numel() for p in network.parameters()) == first + 16 * block + trunk + 2 * shuffle + last == 1_548_547


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ENLARGERS)
def test_an_enlarger_multiplies_both_sides_by_its_scale(name, scale):
    network = small(name, channels=(1, 3), scale=scale)
    x = torch.rand(2, 1, 3 * network.geometry.multiple, 5 * network.geometry.multiple)
    assert network(x).shape == (2, 3, scale * x.shape[2], scale * x.shape[3])
    assert network.geometry.scale == scale


@pytest.mark.parametrize("name", ENLARGERS)
def test_the_smallest_size_trains_and_serves(name):
    network = small(name)
    x = torch.rand(2, 3, network.geometry.smallest, network.geometry.smallest)
    network.train()(x).sum().backward()
    with torch.no_grad():
        assert for_inference(network)(x).isfinite().all()


@pytest.mark.parametrize("name", ENLARGERS)
def test_a_scale_that_no_generator_has_is_refused(name):
    with pytest.raises(ConfigError, match=r"enlarge by 1, 2, 3, 4; the scale 5 is none"):
        fresh(name, scale=5)


def test_an_unknown_skip_is_refused_with_the_likely_one():
    with pytest.raises(UnknownNameError, match="No skip is called 'bilinaer'. Did you mean 'bilinear'"):
        fresh("compact", skip="bilinaer")


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ENLARGERS)
def test_no_output_pixel_depends_on_more_than_the_stated_receptive_field(name, scale):
    options = {"growth": 2, "blocks": 1} if name == "rrdbnet" else {"blocks": 1}
    norm = {"norm": "none"} if name == "srresnet" else {}
    network = small(name, scale=scale, **options, **norm)
    assert check_receptive_field(network) == network.geometry.receptive_field


@pytest.mark.parametrize("factor", [2, 3, 4])
@pytest.mark.parametrize("way", SKIPS)
def test_the_reach_of_each_enlargement_is_exactly_what_torchs_takes(way, factor):
    back = receptive_field.enlarged(factor, SKIPS[way])
    for position in range(8 * factor, 9 * factor):
        x = torch.zeros(1, 1, 16, 16, dtype=torch.float64, requires_grad=True)
        F.interpolate(x, scale_factor=factor, mode=way)[0, 0, position, 8 * factor].backward()
        seen = x.grad[0, 0].abs().sum(1).nonzero()
        assert back((position, position)) == (int(seen.min()), int(seen.max()))


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("skip", SKIPS)
def test_the_compact_network_begins_as_the_enlarged_input(skip, scale):
    network, x = fresh("compact", scale=scale, skip=skip), torch.rand(2, 3, 9, 7) * 2 - 1
    enlarged = x if scale == 1 else F.interpolate(x, scale_factor=float(scale), mode=skip)
    torch.testing.assert_close(network(x), enlarged)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(network(x), enlarged)  # exactly: what is added is not rounded to bf16


@pytest.mark.parametrize(("name", "skip"), OTHER_SKIPS)
def test_a_grey_input_is_added_to_each_channel_of_a_colour_output(name, skip):
    network, x = fresh(name, (1, 3), scale=2, skip=skip), torch.rand(1, 1, 8, 8) * 2 - 1
    enlarged = F.interpolate(x, scale_factor=2.0, mode=skip).expand(1, 3, 16, 16)
    assert F.cosine_similarity(network(x).flatten(), enlarged.flatten(), dim=0) > 0.95


def test_nothing_is_added_where_the_channels_do_not_fit():
    network = fresh("compact", (2, 3), scale=2)
    assert network.skip is None
    assert network(torch.rand(1, 2, 8, 8)).abs().max() > 0


@pytest.mark.parametrize("scale", [2, 3, 4])
@pytest.mark.parametrize("name", ENLARGERS)
def test_a_flat_input_begins_without_a_checkerboard(name, scale):
    network = fresh(name, scale=scale, blocks=1).eval()
    with torch.no_grad():
        y = network(torch.full((1, 3, 64, 64), 0.4))
    inside = y[:, :, 26 * scale : -26 * scale, 26 * scale : -26 * scale]
    assert inside.shape[2] >= 12 * scale
    assert float(inside.std((2, 3)).max()) < 1e-5


@pytest.mark.parametrize("name", ENLARGERS)
def test_the_first_pictures_are_no_noise_of_large_values(name):
    with torch.no_grad():
        y = fresh(name)(torch.rand(1, 3, 16, 16) * 2 - 1)
    assert y.abs().max() < 1.6


def written_out(name, state, x, scale):
    """The network of the authors' code, in functions, from the weights in their order."""
    weights = [value for key, value in state.items() if not key.endswith("num_batches_tracked")]
    at = iter(weights)

    def conv(y):
        weight, bias = next(at), next(at)
        return F.conv2d(y, weight, bias, padding=weight.shape[2] // 2)

    if name == "msrresnet":
        y = F.leaky_relu(conv(x), 0.1)
        for _ in range(2):
            y = y + conv(conv(y).relu())
        for factor in STAGES[scale]:
            y = F.leaky_relu(F.pixel_shuffle(conv(y), factor), 0.1)
        y = conv(F.leaky_relu(conv(y), 0.1)) + (
            x if scale == 1 else F.interpolate(x, scale_factor=scale, mode="bilinear")
        )
    elif name == "rrdbnet":
        gather = {1: 4, 2: 2}.get(scale, 1)
        y = first = conv(F.pixel_unshuffle(x, gather))
        for _ in range(2):
            block = y
            for _ in range(3):
                dense = y
                seen = y
                for _ in range(4):
                    seen = torch.cat([seen, F.leaky_relu(conv(seen), 0.2)], 1)
                y = conv(seen) * 0.2 + dense
            y = y * 0.2 + block
        y = first + conv(y)
        for factor in STAGES[scale * gather]:
            y = F.leaky_relu(conv(F.interpolate(y, scale_factor=factor, mode="nearest")), 0.2)
        y = conv(F.leaky_relu(conv(y), 0.2))
    assert next(at, None) is None
    return y


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", ["msrresnet", "rrdbnet"])
def test_the_generators_are_the_authors_layer_for_layer(name, scale):
    network = small(name, scale=scale).double()
    x = torch.rand(2, 3, 8, 12).double() * 2 - 1
    with torch.no_grad():
        found = network(x)
    # the kernels of the skip are fp32
    torch.testing.assert_close(found, written_out(name, network.state_dict(), x, scale), rtol=0, atol=1e-6)


@pytest.mark.parametrize("scale", SCALES)
def test_srresnet_is_the_papers_layer_for_layer(scale):
    network = small("srresnet", scale=scale).train()
    x = torch.rand(2, 3, 8, 12) * 2 - 1
    at = iter([p for _, p in network.named_parameters()])

    def conv(y, bias):
        weight = next(at)
        return F.conv2d(y, weight, next(at) if bias else None, padding=weight.shape[2] // 2)

    def normed(y):
        y = conv(y, False)
        return F.batch_norm(y, None, None, next(at), next(at), training=True)

    first = y = F.prelu(conv(x, True), next(at))
    for _ in range(2):
        inner = F.prelu(normed(y), next(at))
        y = y + normed(inner)
    y = first + normed(y)
    for factor in STAGES[scale]:
        y = F.prelu(F.pixel_shuffle(conv(y, True), factor), next(at))
    y = conv(y, True) + (x if scale == 1 else 0)
    torch.testing.assert_close(network(x), y)
    assert next(at, None) is None


def test_the_compact_network_with_the_weights_of_the_public_one_gives_its_pictures(real_models):
    """Of Real-ESRGAN's video network, whose range is 0 to 1: inside, where the border's zeros do not reach."""
    path = real_models / "realesr-animevideov3-x4.onnx"
    graph = onnx.load(path).graph
    arrays = [torch.from_numpy(numpy_helper.to_array(i).copy()) for i in graph.initializer]
    kernels = iter([a for a in arrays if a.ndim == 4])
    biases = iter([a for a in arrays if a.ndim == 1 and len(a) in (64, 48)])
    slopes = iter([a.flatten() for a in arrays if a.ndim == 3])
    network = fresh("compact", scale=4, blocks=16, skip="nearest")
    for layer in network.body:
        if isinstance(layer, torch.nn.Conv2d):
            layer.weight.data, layer.bias.data = next(kernels), next(biases)
        else:
            layer.weight.data = next(slopes)
    assert next(kernels, None) is None is next(biases, None)
    first, last = network.body[0], network.body[-1]
    first.bias.data += first.weight.data.sum((1, 2, 3)) / 2  # x in [-1, 1] is (x + 1) / 2 there
    first.weight.data /= 2
    last.weight.data *= 2
    last.bias.data *= 2
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    x = torch.rand(1, 3, 44, 50)
    theirs = session.run(None, {session.get_inputs()[0].name: x.numpy()})[0]
    with torch.no_grad():
        ours = (network(x * 2 - 1) + 1) / 2
    cut = slice(18 * 4, -18 * 4)
    torch.testing.assert_close(ours[:, :, cut, cut], torch.from_numpy(theirs)[:, :, cut, cut], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ENLARGERS)
def test_an_enlarger_in_bf16_is_the_one_in_fp32_and_learns_the_same(name):
    options = {"growth": 16} if name == "rrdbnet" else {}
    mine, twin = (fresh(name, scale=2, blocks=2, width=32, **options) for _ in range(2))
    torch.manual_seed(1)
    if name == "compact":  # of which nothing is learnt at first but the last layer
        for network in (mine, twin):
            torch.manual_seed(2)
            torch.nn.init.normal_(network.body[-1].weight, 0, 0.05)
    x, truth = torch.rand(2, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 32, 32) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        y = mine(x)
    plain = twin(x)
    assert (y.float() - plain).norm() / plain.norm() < 0.02
    (y.float() - truth).square().mean().backward()
    (plain - truth).square().mean().backward()
    for (key, got), want in zip(mine.named_parameters(), twin.parameters(), strict=True):
        if key.endswith("weight"):
            assert F.cosine_similarity(got.grad.flatten(), want.grad.flatten(), dim=0) > 0.97, key


def test_the_restorer_begins_as_its_input_and_may_be_cut_into_tiles_without_the_pictures_statistics():
    network, x = fresh("restorer", width=4), torch.rand(2, 3, 64, 32) * 2 - 1
    torch.testing.assert_close(network(x), x)
    assert network.geometry.tiling == "global"
    assert fresh("restorer", width=4, norm="batch_running").geometry.tiling == "local"
