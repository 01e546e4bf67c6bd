"""Weights of the PyTorch CycleGAN/pix2pix code and of CUT give, through ONNX, the pictures that their own code makes."""

import copy
import json

import junyanz_reference
import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from i2i.errors import ModelFileError, RequestError, UnknownNameError
from i2i.export.import_weights import ImportOptions, assemble, import_weights, norm_of, read_weights
from i2i.export.known_generators import recognise
from i2i.networks import for_inference
from i2i.probes import probe_picture

RESNETS = {
    f"{name}{', dropout' if dropout else ''}": (
        junyanz_reference.ResNet,
        {"blocks": blocks, "width": 4, "dropout": dropout, **more},
    )
    for name, blocks, more in (
        ("resnet 6", 6, {}),
        ("resnet 9", 9, {}),
        ("cut 6", 6, {"blur_down": True, "blur_up": True}),
        ("cut 9", 9, {"blur_down": True, "blur_up": True}),
        ("cut 4, down alone", 4, {"blur_down": True}),
        ("cut 4, up alone", 4, {"blur_up": True}),
    )
    for dropout in (False, True)
}
UNETS = {
    f"unet {2**depth}{', dropout' if dropout else ''}": (
        junyanz_reference.UNet,
        {"depth": depth, "width": 4, "dropout": dropout},
    )
    for depth in (5, 7, 8)
    for dropout in (False, True)
}
NETWORKS = RESNETS | UNETS


def saved(path, network, prefix=""):
    torch.save({prefix + key: value for key, value in network.state_dict().items()}, path)
    return path


def their_picture(network, picture, running=False):
    """As that code tests: norms in training mode unless running, dropout off, which it calls --no_dropout."""
    network = copy.deepcopy(network).train(not running)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
        if isinstance(module, nn.InstanceNorm2d):
            module.track_running_stats, module.running_mean, module.running_var = False, None, None
    with torch.no_grad():
        return ((network(torch.from_numpy(picture) * 2 - 1) + 1) / 2).numpy()


def by_onnx(path, picture):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    return session.run(None, {"image": picture})[0]


def sides(network):
    return (256, 512) if isinstance(network, junyanz_reference.UNet) else (36, 52)


def make(name, norm, **more):
    build, options = NETWORKS[name]
    return junyanz_reference.trained(build(norm=norm, **{**options, **more}))


EVERY = [(name, norm) for name in NETWORKS for norm in ("batch", "instance", "old instance")]
LISTED = [
    ("resnet 6", "batch"),
    ("resnet 9, dropout", "old instance"),
    ("unet 128", "instance"),
    ("unet 256, dropout", "batch"),
    ("cut 9", "instance"),
]


def our_network(weights, told):
    tensors, _ = read_weights(weights)
    known = recognise(tensors, weights)
    return assemble(tensors, known, norm_of(tensors, known, told, weights), weights)


def our_picture(weights, picture, told=None):
    """By our network in torch, which the export then compares with the file."""
    with torch.no_grad():
        return (
            (for_inference(our_network(weights, told or ImportOptions()))(torch.from_numpy(picture) * 2 - 1) + 1) / 2
        ).numpy()


@pytest.mark.parametrize(("name", "norm"), EVERY)
def test_our_network_gives_the_pictures_of_their_own_code(name, norm, tmp_path):
    network = make(name, norm)
    weights = saved(tmp_path / "latest_net_G.pth", network)
    picture = probe_picture(3, *sides(network), 5)
    ours = our_picture(weights, picture)
    assert np.abs(ours - their_picture(network, picture)).max() < 1e-4
    assert ours.std() > 0.03, "a flat picture would agree with anything"


def check_through_onnx(name, norm, folder):
    network = make(name, norm)
    weights = saved(folder / "latest_net_G.pth", network)
    known, card = import_weights(weights, folder / "g.onnx")
    picture = probe_picture(3, *sides(network), 5)
    assert np.abs(by_onnx(folder / "g.onnx", picture) - their_picture(network, picture)).max() < 1e-4
    assert card.method == {"res": "cyclegan", "cut": "cut", "une": "pix2pix"}[name[:3]]
    assert card.worst_parity < 1e-4
    assert known.words.split()[0] == ("U-Net" if name.startswith("unet") else "ResNet")


@pytest.mark.parametrize(("name", "norm"), LISTED)
def test_the_file_gives_the_pictures_of_their_own_code(name, norm, tmp_path):
    check_through_onnx(name, norm, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "norm"), sorted({*EVERY} - {*LISTED}))
def test_every_file_gives_the_pictures_of_their_own_code(name, norm, tmp_path):
    check_through_onnx(name, norm, tmp_path)


@pytest.mark.parametrize("name", ["resnet 6, dropout", "unet 32", "cut 6"])
def test_running_averages_are_used_when_asked_for_as_by_their_eval(name, tmp_path):
    network = make(name, "batch")
    weights, told = saved(tmp_path / "g.pth", network), ImportOptions(statistics="running")
    picture = probe_picture(3, *sides(network), 5)
    given = our_picture(weights, picture, told)
    assert np.abs(given - their_picture(network, picture, running=True)).max() < 1e-4
    assert np.abs(given - their_picture(network, picture)).max() > 0.01
    if name == "cut 6":
        _, card = import_weights(weights, tmp_path / "g.onnx", told)
        assert card.tiling == "local"
        assert np.abs(by_onnx(tmp_path / "g.onnx", picture) - given).max() < 1e-4


@pytest.mark.parametrize("prefix", ["module.", "_orig_mod.", "module._orig_mod."])
def test_prefixes_of_wrappers_are_left_out(prefix, tmp_path):
    network = make("resnet 6", "instance")
    plain, prefixed = saved(tmp_path / "a.pth", network), saved(tmp_path / "b.pth", network, prefix)
    picture = probe_picture(3, 32, 32, 5)
    assert (our_picture(plain, picture) == our_picture(prefixed, picture)).all()


def test_a_state_dict_in_a_larger_file_and_an_early_format_and_half_precision_are_read(tmp_path):
    network = make("unet 32", "batch")
    picture = probe_picture(3, 64, 32, 5)
    torch.save({"epoch": 3, "state_dict": network.state_dict()}, tmp_path / "wrapped.pth")
    torch.save(network.state_dict(), tmp_path / "early.pth", _use_new_zipfile_serialization=False)
    torch.save(
        {k: v.half() if v.is_floating_point() else v for k, v in network.state_dict().items()}, tmp_path / "half.pth"
    )
    for name, limit in (("wrapped", 1e-4), ("early", 1e-4), ("half", 2e-2)):
        ours = our_picture(tmp_path / f"{name}.pth", picture)
        assert np.abs(ours - their_picture(network, picture)).max() < limit, name


@pytest.mark.parametrize("name", ["resnet 6", "unet 32"])
def test_biases_under_batch_norm_as_early_versions_have_them_are_kept(name, tmp_path):
    network = make(name, "batch")
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d) and module.bias is None:
            outputs = module.weight.shape[0 if isinstance(module, nn.Conv2d) else 1]
            module.bias = nn.Parameter(torch.randn(outputs))
    weights = saved(tmp_path / "g.pth", network)
    picture = probe_picture(3, 64, 64, 5)
    for told in (ImportOptions(), ImportOptions(statistics="running")):
        truth = their_picture(network, picture, told.statistics == "running")
        assert np.abs(our_picture(weights, picture, told) - truth).max() < 1e-4


def test_any_width_and_channels_are_inferred_and_said_by_the_card(tmp_path):
    for name in ("cut 6", "unet 32"):
        weights = saved(tmp_path / f"{name}.pth", make(name, "instance", width=6, channels=(1, 5)))
        known = recognise(read_weights(weights)[0], weights)
        assert "6 channels wide" in known.words
        assert known.channels == (1, 5)
    _, card = import_weights(weights, tmp_path / "g.onnx")
    assert (card.input_meaning, card.output_meaning) == ("grey", "5 bands")
    assert by_onnx(tmp_path / "g.onnx", probe_picture(1, 32, 64, 0)).shape == (1, 5, 32, 64)


def test_weights_without_norm_are_asked_for_and_then_right(tmp_path):
    network = make("resnet 6", "none")
    weights = saved(tmp_path / "g.pth", network)
    with pytest.raises(RequestError, match="neither norms nor biases.*--norm none or --norm instance"):
        import_weights(weights, tmp_path / "g.onnx")
    picture = probe_picture(3, 32, 32, 5)
    assert (
        np.abs(our_picture(weights, picture, ImportOptions(norm="none")) - their_picture(network, picture)).max() < 1e-4
    )


def test_the_command_writes_a_card_that_info_reads_and_a_file_that_converts(i2i, tmp_path):
    from PIL import Image

    weights = saved(tmp_path / "latest_net_G_A.pth", make("cut 6", "instance"))
    out = tmp_path / "zebras.onnx"
    told = ["--source", "horses", "--target", "zebras", "--size", "256", "--licence", "BSD-2-Clause"]
    status, said, err = i2i("import", weights, out, *told)
    assert (status, err) == (0, "")
    assert "ResNet with 6 blocks, 4 channels wide, anti-aliased, instance norm, from rgb to rgb" in said
    card = json.loads(i2i("info", out, "--json")[1])
    assert [card[k] for k in ("name", "source", "target", "licence")] == ["zebras", "horses", "zebras", "BSD-2-Clause"]
    assert card["training"]["size"] == 256
    assert card["training"]["imported"]["file"] == "latest_net_G_A.pth"
    assert "latest_net_G_A.pth" in i2i("info", out)[1]
    Image.new("RGB", (30, 21), (9, 200, 70)).save(tmp_path / "x.png")
    assert i2i("convert", out, tmp_path / "x.png", tmp_path / "out")[0] == 0


class Anything:
    """What a pickle can hold: reading it would run code."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (type(self.path).touch, (self.path,))


def test_nothing_in_a_file_is_ever_run(tmp_path):
    torch.save({"model.1.weight": Anything(tmp_path / "ran")}, tmp_path / "evil.pth")
    with pytest.raises(ModelFileError, match="could run any code"):
        import_weights(tmp_path / "evil.pth", tmp_path / "g.onnx")
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "g.onnx").exists()


def changed(network, **tensors):
    state = network.state_dict()
    state.update(tensors)
    return {key: value for key, value in state.items() if value is not None}


def bad_files(folder):
    """Files that are no such weights, each with what must be said."""
    network, unet = make("resnet 6", "instance"), make("unet 32", "batch")
    blurred = make("cut 6", "instance")
    good = saved(folder / "good.pth", network).read_bytes()
    patch = nn.Sequential(nn.Conv2d(3, 8, 4), nn.LeakyReLU(), nn.Conv2d(8, 1, 4))
    yield "whole", network, "whole Python object.*state_dict"
    yield "patch", {f"model.{k}": v for k, v in patch.state_dict().items()}, "discriminator.*latest_net_G.pth"
    yield "optimizer", torch.optim.Adam(network.parameters()).state_dict(), "optimizer.*latest_net_G.pth"
    yield "sampler", {"mlp_0.0.weight": torch.zeros(2, 2)}, "feature sampler"
    yield "other", {"conv1.weight": torch.zeros(2, 2)}, "no ResNet and no U-Net.*'conv1.weight'"
    yield "empty", {}, "no tensors by name"
    yield "tensor", torch.zeros(3), "no tensors by name"
    yield "cut", good[: len(good) // 2], "damaged or cut short"
    yield "text", b"<html>not found</html>", "is not a file of torch's"
    yield "nothing", b"", "is not a file of torch's"
    yield "zip", b"PK\x03\x04 something else", "damaged or cut short"
    yield (
        "more",
        changed(unet, **{"model.model.1.attention.weight": torch.zeros(2)}),
        "has 'model.model.1.attention.weight' too.*changed",
    )
    yield (
        "less",
        changed(network, **{"model.12.conv_block.1.weight": None}),
        "has no 'model.12.conv_block.1.weight'.*complete",
    )
    yield (
        "shape",
        changed(network, **{"model.4.weight": torch.zeros(5, 4, 3, 3)}),
        r"'model.4.weight' has the shape \(5, 4, 3, 3\)",
    )
    yield "flat", changed(network, **{"model.1.weight": torch.zeros(5)}), "'model.1.weight' has the shape"
    yield "blur", changed(blurred, **{"model.7.filt": torch.ones(8, 1, 3, 3) / 9}), "another blur in 'model.7.filt'"
    yield "odd", changed(blurred, **{"model.18.filt": torch.ones(16, 1, 3, 3) / 9}), "no blur 'model.18.filt'"
    yield "dot", changed(blurred, **{"model.11.filt": torch.tensor(1.0)}), "no blur 'model.11.filt'"
    yield "nan", changed(network, **{"model.1.bias": torch.full((4,), float("nan"))}), "no numbers.*earlier file"
    yield "list", changed(network, **{"model.1.bias": torch.zeros(4).to_sparse()}), "plain tensor under 'model.1.bias'"


def test_what_is_no_such_file_is_refused_with_what_it_is_and_the_way_out(tmp_path):
    for name, content, words in bad_files(tmp_path):
        path = tmp_path / f"{name}.pth"
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            torch.save(content, path)
        with pytest.raises(ModelFileError, match=words):
            import_weights(path, tmp_path / "g.onnx")
        assert not (tmp_path / "g.onnx").exists(), name


def test_a_missing_file_a_folder_and_the_weights_themselves_as_the_target_are_refused(i2i, tmp_path):
    weights = saved(tmp_path / "g.pth", make("resnet 6", "instance"))
    assert "cannot be read: No such file" in i2i("import", tmp_path / "none.pth", tmp_path / "g.onnx")[2]
    assert "cannot be read: Is a directory" in i2i("import", tmp_path, tmp_path / "g.onnx")[2]
    before = weights.read_bytes()
    status, _, err = i2i("import", weights, weights)
    assert (status, weights.read_bytes()) == (2, before)
    assert "Name a new file" in err
    status, _, err = i2i("info", weights)
    assert status == 2
    assert "`i2i import g.pth OUT.onnx`" in err


def test_what_is_told_must_fit_the_weights(tmp_path):
    batch = saved(tmp_path / "b.pth", make("unet 32", "batch"))
    instance = saved(tmp_path / "i.pth", make("resnet 6", "old instance"))
    for weights, told, words in (
        (instance, ImportOptions(statistics="running"), "no batch norm with running averages.*Leave out --statistics"),
        (batch, ImportOptions(norm="instance"), "trained with batch norm.*Leave out --norm"),
        (batch, ImportOptions(size=0), "size cannot be 0"),
    ):
        with pytest.raises(RequestError, match=words):
            import_weights(weights, tmp_path / "g.onnx", told)
    with pytest.raises(UnknownNameError, match="Did you mean 'running'"):
        import_weights(batch, tmp_path / "g.onnx", ImportOptions(statistics="runing"))
