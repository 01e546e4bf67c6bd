"""Weights of ESRGAN, Real-ESRGAN and its compact network give the pictures that their papers' networks make."""

import esrgan_reference as reference
import numpy as np
import pytest
import safetensors.torch
import torch

from i2i.errors import ModelFileError, RequestError
from i2i.export.import_weights import ImportOptions, import_weights
from i2i.export.known_enlargers import enlarger, load_enlarger
from i2i.export.weight_files import read_weights
from i2i.probes import probe_picture
from i2i.serving import Engine

RRDBS = {
    "x4": {"unshuffle": 1, "doublings": 2},
    "x2": {"unshuffle": 2, "doublings": 2},
    "x1": {"unshuffle": 4, "doublings": 2},
    "plain x2": {"unshuffle": 1, "doublings": 1},
    "plain x1": {"unshuffle": 1, "doublings": 0},
    "grey x2": {"unshuffle": 2, "doublings": 2, "channels": 1},
}
NAMES = {
    "today": lambda network: network.state_dict(),
    "released": lambda network: reference.released(network.state_dict()),
    "early": lambda network: reference.early(network.state_dict(), len(network.body), network.doublings),
}
ROWS = [
    (name, names) for name in RRDBS for names in NAMES if names == "today" or name in ("x4", "plain x2", "plain x1")
]
COMPACT = {"channels": 3, "blocks": 3, "width": 6}


def ours(state, folder):
    """Our network with these weights, from a file, in [0, 1]; and what it was recognised as."""
    torch.save(state, folder / "weights.pth")
    tensors, _ = read_weights(folder / "weights.pth")
    known = enlarger(tensors, "weights.pth")
    return load_enlarger(tensors, known, "weights.pth"), known


def same(network, ours_, channels=3):
    picture = torch.from_numpy(probe_picture(channels, 24, 36, 3))
    with torch.no_grad():
        theirs, given = network(picture), ours_(picture)
    assert given.shape == theirs.shape
    assert theirs.std() > 0.03, "a flat picture would agree with anything"
    assert float((given - theirs).abs().max()) < 1e-5 * float(theirs.abs().max() + 1)


@pytest.mark.parametrize(("name", "names"), ROWS)
def test_an_rrdbnet_is_the_papers_under_any_of_its_names(name, names, tmp_path):
    network = reference.trained(reference.RRDB(**RRDBS[name]))
    found, known = ours(NAMES[names](network), tmp_path)
    same(network, found, RRDBS[name].get("channels", 3))
    assert f"2 blocks, 8 channels wide, that enlarges {int(name[-1])} times" in known.words
    assert known.options["growth"] == 4


@pytest.mark.parametrize("scale", [1, 2, 3, 4])
def test_a_compact_network_is_that_of_real_esrgan_at_every_scale(scale, tmp_path):
    network = reference.trained(reference.Compact(**COMPACT, scale=scale))
    found, known = ours(network.state_dict(), tmp_path)
    same(network, found)
    assert known.options == {"scale": scale, "blocks": 3, "width": 6, "skip": "nearest"}


def test_the_file_gives_their_pictures_and_its_card_says_what_it_is(tmp_path, i2i):
    network = reference.trained(reference.Compact(**COMPACT, scale=2))
    # What training leaves: both, and the averaged ones are meant.
    others = reference.trained(reference.Compact(**COMPACT, scale=2), seed=5)
    torch.save({"params": others.state_dict(), "params_ema": network.state_dict()}, tmp_path / "general.pth")
    status, said, err = i2i("import", tmp_path / "general.pth", tmp_path / "general.onnx", "--licence", "BSD-3-Clause")
    assert (status, err) == (0, "")
    assert "compact network of Real-ESRGAN (SRVGG), 3 blocks, 6 channels wide, that enlarges 2 times" in said
    engine = Engine(tmp_path / "general.onnx", device="cpu")
    card = engine.card
    assert (card.scale, card.task, card.method, card.tiling) == (2, "super-resolution", "real-esrgan", "local")
    assert (card.source, card.target, card.supervision) == ("low resolution", "high resolution", "degraded")
    picture = probe_picture(3, 37, 50, 8)
    with torch.no_grad():
        wanted = network(torch.from_numpy(picture)).clamp(0, 1).numpy()
    assert np.abs(engine.run(picture) - wanted).max() < 1e-5
    assert np.abs(wanted - wanted.mean()).max() > 0.1


def test_half_precision_safetensors_with_a_wrappers_prefix_are_read(tmp_path):
    network = reference.trained(reference.RRDB(blocks=1, width=6, growth=3, unshuffle=2)).half().float()
    state = {f"module.{key}": value.half() for key, value in network.state_dict().items()}
    safetensors.torch.save_file(state, tmp_path / "x2.safetensors", {"note": "as many are"})
    tensors, _ = read_weights(tmp_path / "x2.safetensors")
    found = load_enlarger(tensors, enlarger(tensors, "x2"), "x2")
    same(network, found)
    assert (found.geometry.scale, found.geometry.multiple) == (2, 2)


def test_changed_enlargers_are_refused_with_the_tensor_and_the_way_out(tmp_path):
    state = reference.RRDB(blocks=1).state_dict()
    compact = reference.Compact(**COMPACT, scale=2).state_dict()
    refused = {
        "has no 'body.0.rdb2.conv3.weight'": {k: v for k, v in state.items() if k != "body.0.rdb2.conv3.weight"},
        "has 'body.0.attention.weight' too.*i2i adopt": {**state, "body.0.attention.weight": torch.zeros(2)},
        r"'conv_body.weight' has the shape \(8, 9, 3, 3\)": {**state, "conv_body.weight": torch.zeros(8, 9, 3, 3)},
        "3 doublings.*enlarge by 1, 2 or 4.*i2i adopt": reference.RRDB(blocks=1, doublings=3).state_dict(),
        "last convolution gives 15 channels": {**compact, "body.8.weight": torch.zeros(15, 6, 3, 3)},
    }
    for words, tensors in refused.items():
        torch.save(tensors, tmp_path / "changed.pth")
        with pytest.raises(ModelFileError, match=words):
            import_weights(tmp_path / "changed.pth", tmp_path / "g.onnx")
        assert not (tmp_path / "g.onnx").exists()
    torch.save(state, tmp_path / "whole.pth")
    with pytest.raises(RequestError, match="has no norms. Leave out --norm"):
        import_weights(tmp_path / "whole.pth", tmp_path / "g.onnx", ImportOptions(norm="none"))


OTHERS = {
    "conv0.weight": "discriminator",
    "conv1.weight_orig": "discriminator of Real-ESRGAN.*net_g_latest.pth",
    "lin0.model.1.weight": "heads of LPIPS",
    "model.diffusion_model.input_blocks.0.0.weight": "a diffusion model",
    "lora_unet_down_blocks_0.lora_up.weight": "what a LoRA adds",
    "layers.0.residual_group.blocks.0.norm1.weight": "a SwinIR or HAT.*i2i adopt",
    "layer1.0.conv1.weight": "a ResNet that classifies",
    "something.else": "'something.else'.*i2i adopt",
}


@pytest.mark.parametrize("key", OTHERS)
@pytest.mark.parametrize("kind", ["pth", "safetensors"])
def test_weights_of_something_else_are_called_what_they_are(key, kind, tmp_path):
    path = tmp_path / f"theirs.{kind}"
    save = torch.save if kind == "pth" else safetensors.torch.save_file
    save({key: torch.zeros(2, 2)}, path)
    with pytest.raises(ModelFileError, match=OTHERS[key]):
        import_weights(path, tmp_path / "g.onnx")


def test_a_file_that_holds_no_weights_is_called_what_it_is(tmp_path, real_models):
    np.savez(tmp_path / "a.npz", w=np.zeros(3))
    (tmp_path / "page.pth").write_bytes(b"<html>not found</html>")
    (tmp_path / "lfs.pth").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    good = safetensors.torch.save({"w": torch.zeros(40)})
    (tmp_path / "cut.safetensors").write_bytes(good[:-9])
    for path, words in (
        (tmp_path / "a.npz", r"arrays of numpy's \(.npz\)"),
        (tmp_path / "page.pth", "it is text"),
        (tmp_path / "lfs.pth", "git lfs pull"),
        (tmp_path / "cut.safetensors", "damaged or cut short"),
        (real_models / "espcn_x3_xbkaishui.onnx", "an ONNX file already.*`i2i adopt espcn_x3_xbkaishui.onnx OUT.onnx`"),
        (real_models / "lpips_squeeze_head.pth", "heads of LPIPS"),
    ):
        with pytest.raises(ModelFileError, match=words):
            import_weights(path, tmp_path / "g.onnx")
