"""The perceptual loss and LPIPS are their papers' formulas, on weights that are found, told apart, and refused."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch.nn import functional as F
from torchvision.models import SqueezeNet1_1_Weights, VGG19_Weights, squeezenet1_1, vgg19

from i2i.errors import ConfigError, I2IError, ModelFileError, UnknownNameError
from i2i.evaluation.lpips import HEADS_IN, LPIPS_LAYERS, load_lpips
from i2i.losses import backbones
from i2i.losses.perceptual import RELATIVE, PerceptualConfig, build_perceptual, resolve

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
VGG = {"vgg19": vgg19, "squeezenet": squeezenet1_1}
CHANNELS = (64, 128, 256, 384, 384, 512, 512)


def random_weights(name):
    """The network's features with He's spread, and nothing of its classifier."""
    torch.manual_seed(0)
    with torch.device("meta"):
        shapes = VGG[name]().features.state_dict()
    made = {}
    for key, value in shapes.items():
        spread = math.sqrt(2 / math.prod(value.shape[1:])) if value.ndim == 4 else 0.05
        made[f"features.{key}"] = torch.randn(value.shape) * spread
    return made


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """Weights of both networks on disk, as torchvision's files name them."""
    folder = tmp_path_factory.mktemp("weights")
    for name in VGG:
        torch.save(random_weights(name), folder / f"{name}.pth")
    heads = {f"lin{n}.model.1.weight": torch.rand(1, c, 1, 1) for n, c in enumerate(CHANNELS)}
    torch.save(heads, folder / "heads.pth")
    return folder


@pytest.fixture(autouse=True)
def _no_weights_at_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    for variable in ("I2I_VGG19", "I2I_SQUEEZENET", "I2I_LPIPS"):
        monkeypatch.delenv(variable, raising=False)


@pytest.mark.parametrize(("name", "weights"), [("vgg19", VGG19_Weights), ("squeezenet", SqueezeNet1_1_Weights)])
def test_weights_come_from_torchvisions_own_address(name, weights):
    """Written out in BACKBONES, as importing torchvision takes as long as importing torch."""
    assert backbones.BACKBONES[name].url == weights.IMAGENET1K_V1.url


def pictures(side=48, count=2):
    torch.manual_seed(1)
    truth = F.interpolate(torch.rand(count, 3, 8, 8), size=side, mode="bicubic").clamp(0, 1) * 2 - 1
    return (truth + 0.1 * torch.randn_like(truth)).clamp(-1, 1), truth


def normalised(x):
    shift, scale = (torch.tensor(v, dtype=torch.float32)[:, None, None] for v in (MEAN, STD))
    return ((x + 1) / 2 - shift) / scale


def vgg_maps(weights, x):
    """Every map of VGG-19 by name, from its table: convolutions before their activation."""
    maps, place, y = {}, 0, normalised(x)
    for block, count in enumerate((2, 2, 4, 4, 4), start=1):
        for n in range(1, count + 1):
            y = F.conv2d(y, weights[f"features.{place}.weight"], weights[f"features.{place}.bias"], padding=1)
            maps[f"conv{block}_{n}"] = y
            y = y.relu()
            maps[f"relu{block}_{n}"] = y
            place += 2
        y = F.max_pool2d(y, 2)
        place += 1
    return maps


def squeeze_maps(weights, y):
    """The seven maps that LPIPS takes from SqueezeNet 1.1, given its normalised input."""

    def fire(y, place):
        at = {part: [weights[f"features.{place}.{part}.{kind}"] for kind in ("weight", "bias")]
              for part in ("squeeze", "expand1x1", "expand3x3")}  # fmt: skip
        y = F.conv2d(y, *at["squeeze"]).relu()
        return torch.cat([F.conv2d(y, *at["expand1x1"]), F.conv2d(y, *at["expand3x3"], padding=1)], 1).relu()

    maps = [F.conv2d(y, weights["features.0.weight"], weights["features.0.bias"], stride=2).relu()]
    y = maps[-1]
    for step in ((3, 4), (6, 7), (9,), (10,), (11,), (12,)):
        if len(step) == 2 or step == (9,):
            y = F.max_pool2d(y, 3, 2, ceil_mode=True)
        for place in step:
            y = fire(y, place)
        maps.append(y)
    return maps


def test_vggs_loss_is_the_papers_weighted_sum_of_gaps_between_the_named_maps(files):
    """Real-ESRGAN's five layers, before their activations."""
    layers = {"conv1_2": 0.1, "conv2_2": 0.1, "conv3_4": 1.0, "conv4_4": 1.0, "conv5_4": 1.0, "relu1_2": 0.3}
    loss = build_perceptual(PerceptualConfig(network="vgg19", weights=str(files / "vgg19.pth"), layers=layers))
    output, truth = pictures()
    weights = torch.load(files / "vgg19.pth")
    made, wanted = vgg_maps(weights, output), vgg_maps(weights, truth)
    expected = sum(weight * (made[layer] - wanted[layer]).abs().mean() for layer, weight in layers.items())
    torch.testing.assert_close(loss(output, truth), expected, rtol=1e-4, atol=0)


def test_vggs_own_choice_is_the_last_convolution_before_its_activation(files):
    loss = build_perceptual(PerceptualConfig(network="vgg19", weights=str(files / "vgg19.pth")))
    output, truth = pictures()
    weights = torch.load(files / "vgg19.pth")
    gap = (vgg_maps(weights, output)["conv5_4"] - vgg_maps(weights, truth)["conv5_4"]).abs().mean()
    torch.testing.assert_close(loss(output, truth), gap, rtol=1e-4, atol=0)


def test_squeezenets_loss_is_the_mean_of_relative_gaps_and_does_not_depend_on_the_size_of_its_features(files):
    loss = build_perceptual(PerceptualConfig(network="squeezenet", weights=str(files / "squeezenet.pth")))
    output, truth = pictures()
    weights = torch.load(files / "squeezenet.pth")
    made, wanted = (squeeze_maps(weights, normalised(x)) for x in (output, truth))
    gaps = [(a - b).abs().mean() / b.abs().mean() for a, b in zip(made, wanted, strict=True)]
    torch.testing.assert_close(loss(output, truth), torch.stack(gaps).mean(), rtol=1e-4, atol=0)
    assert RELATIVE == {"vgg19": False, "squeezenet": True}


@pytest.mark.parametrize("name", VGG)
@pytest.mark.parametrize("channels", [1, 3])
def test_the_gradient_goes_to_the_output_alone_and_lessens_the_loss(files, name, channels):
    loss = build_perceptual(PerceptualConfig(weights=str(files / f"{name}.pth")), channels)
    output, truth = (x[:, :channels] for x in pictures())
    output, truth = output.clone().requires_grad_(), truth.clone().requires_grad_()
    before = loss(output, truth)
    before.backward()
    assert truth.grad is None
    assert not [p for p in loss.parameters() if p.requires_grad or p.grad is not None]
    better = output.detach() - 0.001 * output.grad / output.grad.abs().mean()
    assert loss(better, truth) < before
    assert loss(truth, truth) < 1e-4
    loss.train()
    assert not any(module.training for module in loss.features.modules())


def test_bf16_gives_nearly_the_same_loss(files):
    loss = build_perceptual(PerceptualConfig(weights=str(files / "squeezenet.pth")))
    output, truth = pictures()
    with torch.autocast("cpu", torch.bfloat16):
        rounded = loss(output, truth)
    torch.testing.assert_close(rounded, loss(output, truth), rtol=0.03, atol=0)


def test_auto_takes_what_the_given_file_holds(files):
    for name in VGG:
        config = resolve(PerceptualConfig(weights=str(files / f"{name}.pth")))
        assert config.network == name
        assert config.layers


def test_auto_looks_for_vgg_first_then_squeezenet_and_goes_without_rather_than_download(files, tmp_path, monkeypatch):
    monkeypatch.setattr(backbones.torch.hub, "download_url_to_file", lambda *_: pytest.fail("downloaded"))
    assert resolve(PerceptualConfig()).network == "none"
    assert build_perceptual(PerceptualConfig()) is None
    monkeypatch.setenv("I2I_SQUEEZENET", str(files / "squeezenet.pth"))
    assert resolve(PerceptualConfig()).network == "squeezenet"
    cache = tmp_path / "home" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / backbones.BACKBONES["vgg19"].url.rsplit("/", 1)[-1]).symlink_to(files / "vgg19.pth")
    assert resolve(PerceptualConfig()).network == "vgg19"
    assert build_perceptual(PerceptualConfig()).features.places == {"conv5_4": 34}


def test_what_was_resolved_is_resolved(files):
    config = resolve(PerceptualConfig(weights=str(files / "squeezenet.pth"), layers={"fire5": 2.0, "fire9": 0.0}))
    assert config.layers == {"fire5": 2.0}
    assert resolve(config) == config


def test_a_named_network_that_cannot_be_had_is_one_sentence_with_the_file_its_place_and_the_way_without(
    monkeypatch, tmp_path
):
    def offline(*_):
        raise OSError(101, "Network is unreachable")

    monkeypatch.setattr(backbones.torch.hub, "download_url_to_file", offline)
    with pytest.raises(I2IError) as caught:
        build_perceptual(PerceptualConfig(network="vgg19"))
    said = str(caught.value)
    for part in ("vgg19-dcbb9e9d.pth could not be downloaded (Network is unreachable)", str(tmp_path / "home"),
                 "--set perceptual.weights=FILE", "--set perceptual.network=none"):  # fmt: skip
        assert part in said
    assert "\n" not in said


def test_other_weights_than_those_that_were_named_are_refused(files):
    with pytest.raises(ConfigError, match=r"holds the weights of squeezenet, not of vgg19. Try --set"):
        build_perceptual(PerceptualConfig(network="vgg19", weights=str(files / "squeezenet.pth")))
    with pytest.raises(ModelFileError, match="no weights of vgg19 or squeezenet"):
        resolve(PerceptualConfig(weights=str(files / "heads.pth")))


def test_weights_of_which_some_are_missing_are_refused(files, tmp_path):
    torn = torch.load(files / "squeezenet.pth")
    del torn["features.6.squeeze.bias"]
    torch.save(torn, tmp_path / "torn.pth")
    with pytest.raises(ModelFileError, match=r"does not fit squeezenet: .*6.squeeze.bias"):
        build_perceptual(PerceptualConfig(weights=str(tmp_path / "torn.pth")))


def test_what_cannot_be_compared_is_refused_before_the_run(files):
    weights = str(files / "squeezenet.pth")
    with pytest.raises(UnknownNameError, match="No layer of squeezenet is called 'fire19'. Did you mean 'fire9'"):
        resolve(PerceptualConfig(weights=weights, layers={"fire19": 1.0}))
    with pytest.raises(ConfigError, match="weight 0"):
        resolve(PerceptualConfig(weights=weights, layers={"fire9": 0.0}))
    with pytest.raises(ConfigError, match="have 5 channels"):
        build_perceptual(PerceptualConfig(weights=weights), channels=5)
    with pytest.raises(ConfigError, match="17 pixels or more; the size is 16"):
        build_perceptual(PerceptualConfig(weights=weights), size=16)


@pytest.mark.parametrize("name", VGG)
def test_every_layer_has_a_map_at_the_smallest_size(files, name):
    layers = dict.fromkeys(backbones.BACKBONES[name].layers, 1.0)
    loss = build_perceptual(PerceptualConfig(weights=str(files / f"{name}.pth"), layers=layers), size=17)
    output, truth = pictures(side=17)
    assert torch.isfinite(loss(output, truth))


def lpips_by_hand(made, wanted, heads):
    total = 0.0
    for a, b, head in zip(made, wanted, heads, strict=True):
        a, b, head = a.numpy().astype(np.float64), b.numpy().astype(np.float64), head.numpy().ravel()
        a, b = (m / (np.sqrt((m**2).sum(1, keepdims=True)) + 1e-10) for m in (a, b))
        total += float(np.einsum("nchw,c->nhw", (a - b) ** 2, head).mean((1, 2)).mean())
    return total


def test_lpips_is_the_papers_formula(files):
    network = load_lpips(files / "squeezenet.pth", files / "heads.pth")
    assert network.name == "LPIPS"
    output, truth = pictures(side=65)
    weights, heads = torch.load(files / "squeezenet.pth"), list(torch.load(files / "heads.pth").values())
    made, wanted = (squeeze_maps(weights, normalised(x)) for x in (output, truth))
    expected = lpips_by_hand(made, wanted, heads)
    assert network.distance(output, truth) == pytest.approx(expected, rel=1e-4)
    assert network.distance(truth, truth) < 1e-9
    each = network(output, truth)
    assert each.shape == (2,)
    assert float(each.mean()) == pytest.approx(expected, rel=1e-4)


def test_lpips_is_torchmetrics_on_the_same_weights(tmp_path):
    """With the trained heads, which it brings along, on a SqueezeNet of random weights, as the trained are not at hand."""
    from torchmetrics.functional.image import lpips as theirs

    reference = theirs._LPIPS(net="squeeze", pnet_rand=True)
    named = {f"features.{key.split('.', 2)[2]}": value for key, value in reference.net.state_dict().items()}
    torch.save(named, tmp_path / "squeezenet.pth")
    network = load_lpips(tmp_path / "squeezenet.pth", Path(theirs.__file__).parent / "lpips_models" / "squeeze.pth")
    output, truth = pictures()
    expected = float(reference(output, truth).mean())
    assert expected > 0
    assert network.distance(output, truth) == pytest.approx(expected, rel=1e-4)


def test_lpips_takes_its_files_from_the_environment_or_an_installed_package(files, tmp_path, monkeypatch):
    monkeypatch.setenv("I2I_SQUEEZENET", str(files / "squeezenet.pth"))
    monkeypatch.setenv("I2I_LPIPS", str(files / "heads.pth"))
    output, truth = pictures()
    expected = load_lpips().distance(output, truth)
    monkeypatch.delenv("I2I_LPIPS")
    for package, inside in HEADS_IN:
        (tmp_path / package / inside).parent.mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        (tmp_path / package / inside).write_bytes((files / "heads.pth").read_bytes())
        with monkeypatch.context() as patch:
            patch.delitem(sys.modules, package, raising=False)  # a package that is imported is found where it lies
            patch.syspath_prepend(str(tmp_path))
            assert load_lpips().distance(output, truth) == expected
        (tmp_path / package / inside).unlink()


def test_lpips_without_a_file_says_which_and_where_to_get_it(files, monkeypatch):
    monkeypatch.setattr("i2i.evaluation.lpips.HEADS_IN", (("nosuchpackage", "x"),))
    with pytest.raises(
        ModelFileError, match=r"SqueezeNet's weights: put .*squeezenet1_1-b8a52dc0.pth .*--lpips-weights"
    ):
        load_lpips()
    with pytest.raises(ModelFileError, match=r"trained heads.*--lpips-heads FILE or I2I_LPIPS"):
        load_lpips(files / "squeezenet.pth")
    with pytest.raises(ModelFileError, match="holds no heads of LPIPS"):
        load_lpips(files / "squeezenet.pth", files / "squeezenet.pth")
    with pytest.raises(ConfigError, match="LPIPS needs pictures of 17 pixels a side or more; here is one of 16"):
        load_lpips(files / "squeezenet.pth", files / "heads.pth").distance(*pictures(side=16))


def real_picture(real_data):
    path = next((real_data / "superres" / "Set5" / "original").glob("*butterfly*"))
    array = np.asarray(Image.open(path).convert("RGB"), np.float32)
    return torch.from_numpy(array).permute(2, 0, 1)[None] / 127.5 - 1


def test_the_authors_squeezenet_sees_the_picture_as_they_trained_it(real_data, real_models):
    """Blue, green, red in 0..255 with the means taken out, through kernels as they are in the file."""
    x = real_picture(real_data)
    network = load_lpips(real_models / "squeezenet1_1.npz", real_models / "lpips_squeeze_head.pth")
    assert network.name == "like LPIPS"
    raw = np.load(real_models / "squeezenet1_1.npz")
    places = {"conv1": "features.0", **{f"fire{n}": f"features.{p}" for n, p in
              zip(range(2, 10), (3, 4, 6, 7, 9, 10, 11, 12), strict=True)}}  # fmt: skip
    weights = {}
    for key in raw.files:
        layer = key.replace(".", "/", 1).split("/")[0]
        if layer in places:
            inner = key[len(layer) + 1 :].replace("squeeze1x1", "squeeze")
            weights[f"{places[layer]}.{inner}"] = torch.from_numpy(raw[key])
    bgr = ((x + 1) * 127.5).flip(1) - torch.tensor([103.939, 116.779, 123.68])[:, None, None]
    expected = squeeze_maps(weights, bgr)
    found = network.features(x)
    for layer, want in zip(LPIPS_LAYERS, expected, strict=True):
        torch.testing.assert_close(found[layer], want, rtol=1e-3, atol=1e-3 * float(want.abs().max()))
    # and it knows what it sees: a monarch, ImageNet's class 323
    head = F.conv2d(found["fire9"], torch.from_numpy(raw["conv10.weight"]), torch.from_numpy(raw["conv10.bias"]))
    assert int(head.relu().mean((2, 3)).argmax()) == 323


def test_lpips_grows_with_what_is_done_to_a_real_picture(real_data, real_models):
    network = load_lpips(real_models / "squeezenet1_1.npz", real_models / "lpips_squeeze_head.pth")
    x = real_picture(real_data)
    torch.manual_seed(0)
    noise = torch.randn_like(x)
    distances = [network.distance((x + much * noise).clamp(-1, 1), x) for much in (0, 0.05, 0.2, 0.5)]
    assert distances[0] < 1e-9
    assert distances == sorted(distances)
    small = F.interpolate(x, scale_factor=0.25, mode="bicubic", antialias=True)
    blurred = [F.interpolate(F.interpolate(x, scale_factor=f, mode="area"), size=x.shape[2:], mode="bicubic").clamp(-1, 1)
               for f in (0.5, 0.25)]  # fmt: skip
    assert small.shape[2] == x.shape[2] // 4
    assert 0.02 < network.distance(blurred[0], x) < network.distance(blurred[1], x) < 1
