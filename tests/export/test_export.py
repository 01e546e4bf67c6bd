"""An exported file is the network: at sizes never traced, alone and in a batch, without torch's help."""

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from exports import ENLARGERS, small
from small_models import card_for
from torch import nn

from i2i.card import CARD_KEY, Card
from i2i.errors import ExportError
from i2i.export import proof
from i2i.export.onnx_file import export_onnx
from i2i.networks import GENERATORS, Generator, Geometry, for_inference
from i2i.networks.norms import NORMS
from i2i.networks.upsampling import UPSAMPLERS
from i2i.networks.upscaling import SKIPS
from i2i.ports import digest, unpack
from i2i.probes import probe_picture
from i2i.serving.runtime.probe import array_of
from i2i.tail import left_in_fp32

CARD = card_for("test", tiling="global")


def session(path):
    return onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])


def in_torch(generator, pictures):
    with torch.no_grad():
        y = for_inference(generator)(torch.from_numpy(pictures) * 2 - 1)
    return ((y + 1) / 2).clamp(0, 1).numpy()


@pytest.mark.parametrize("name", GENERATORS)
def test_the_file_equals_the_network_at_sizes_never_traced_alone_and_in_a_batch_of_four(name, exported):
    check(exported(name))


@pytest.mark.parametrize("up", sorted({*UPSAMPLERS} - {"transposed"}))
@pytest.mark.parametrize("name", ["unet16", "resnet6"])
def test_the_file_equals_the_network_whatever_doubles_its_sides(name, up, exported):
    check(exported(name, up=up))


@pytest.mark.parametrize("scale", [1, 2, 3])
@pytest.mark.parametrize("name", ENLARGERS)
def test_the_file_equals_the_network_at_every_scale_and_its_card_says_which(name, scale, exported):
    made = exported(name, scale=scale)
    check(made)
    assert (made.card.scale, made.card.tiling) == (scale, "local")


@pytest.mark.parametrize("skip", SKIPS)
def test_the_file_equals_the_network_whichever_way_the_added_input_is_enlarged(skip, exported):
    check(exported("compact", skip=skip, scale=2))


def test_rrdbnets_file_lays_no_more_than_two_maps_side_by_side(exported):
    graph = onnx.load(exported("rrdbnet").path).graph
    joined = [len(node.input) for node in graph.node if node.op_type == "Concat"]
    assert joined
    assert max(joined) == 2


@pytest.mark.parametrize("channels", [(3, 3), (1, 3), (4, 3)])
@pytest.mark.parametrize("skip", SKIPS)
def test_the_compact_networks_file_lays_pixels_out_once(skip, channels, exported):
    made = exported("compact", channels, skip=skip, scale=2)
    assert made.card.worst_parity < 1e-5
    nodes = [node.op_type for node in onnx.load(made.path).graph.node]
    assert nodes.count("DepthToSpace") == 1
    assert "Resize" not in nodes


def check(made):
    """Equal to the network; and no transposed convolution is left in fp32 where OpenVINO has bf16 (tail.py)."""
    assert [node.name for node in left_in_fp32(onnx.load(made.path))] == []
    generator, run = made.network, session(made.path)
    side = -(-max(generator.geometry.smallest, 8) // generator.geometry.multiple) * generator.geometry.multiple
    for n, height, width in ((1, side, side), (4, side, side + generator.geometry.multiple)):
        pictures = np.concatenate([probe_picture(3, height, width, seed) for seed in range(n)])
        given = run.run(None, {"image": pictures})[0]
        assert np.abs(given - in_torch(generator, pictures)).max() < 1e-4
        alone = np.concatenate([run.run(None, {"image": picture[None]})[0] for picture in pictures])
        assert np.abs(given - alone).max() < 1e-4
    assert made.card.worst_parity < 1e-4


@pytest.mark.parametrize("norm", NORMS)
def test_every_norm_over_the_picture_is_one_instance_normalisation_in_the_file_and_dropout_is_gone(norm, exported):
    kinds = {node.op_type for node in onnx.load(exported("unet16", norm=norm).path).graph.node}
    assert ("InstanceNormalization" in kinds) == (norm not in ("none", "batch_running"))
    assert not kinds & {"Dropout", "ReduceMean"}
    assert norm == "batch_running" or "BatchNormalization" not in kinds


@pytest.mark.parametrize("channels", [(1, 3), (3, 1), (5, 2)])
def test_pictures_need_not_be_rgb_on_either_side(channels, exported):
    pictures = probe_picture(channels[0], 32, 48, 0)
    given = session(exported("unet16", channels).path).run(None, {"image": pictures})[0]
    assert given.shape == (1, channels[1], 32, 48)


def test_the_file_says_what_it_is_and_holds_everything(tmp_path):
    written = export_onnx(small("unet16"), tmp_path / "g.onnx", CARD)
    model = onnx.load(tmp_path / "g.onnx", load_external_data=False)
    onnx.checker.check_model(model)
    assert [p.name for p in tmp_path.iterdir()] == ["g.onnx"]
    assert [i.name for i in model.graph.input] == ["image"]
    assert [o.name for o in model.graph.output] == ["translation"]
    dims = [d.dim_param or d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims[1] == 3
    assert all(isinstance(dims[axis], str) for axis in (0, 2, 3))
    card = Card.from_json({p.key: p.value for p in model.metadata_props}[CARD_KEY])
    assert card == written
    assert (card.multiple, card.smallest, card.tiling) == (16, 16, "global")


def test_the_file_names_no_folder_of_the_machine_that_made_it(exported):
    path = exported("unet16").path
    raw = path.read_bytes()
    assert b".py" not in raw
    assert str(path.parent).encode() not in raw


def test_the_probe_is_what_the_network_gives(exported):
    generator, _, card = exported("resnet6")
    probe = card.probe
    given, gives = array_of(probe.inputs["image"]), array_of(probe.outputs["translation"])
    raw = unpack(probe.outputs["translation"])
    assert np.abs(gives - in_torch(generator, given)).max() < 2e-5
    assert digest(raw) == probe.digest


def test_output_is_clipped_to_the_range_even_for_input_outside_of_it(exported):
    given = session(exported("compact", scale=1).path).run(None, {"image": np.full((1, 3, 16, 16), 9, np.float32)})[0]
    assert given.min() >= 0
    assert given.max() <= 1


class SizeBakedIn(Generator):
    """Divides by the number of rows that tracing saw: right there, wrong elsewhere."""

    geometry = Geometry(multiple=4, smallest=8, receptive_field=1)

    def __init__(self):
        super().__init__()
        self.traced = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        rows = 64.0 if torch.compiler.is_exporting() else x.shape[2]
        return self.traced(x) / rows


def test_a_file_that_differs_from_its_network_is_refused_and_not_written(tmp_path):
    with pytest.raises(ExportError, match=r"differs from torch by .*the limit is 1e-04. Nothing was written"):
        export_onnx(SizeBakedIn(), tmp_path / "g.onnx", CARD)
    assert not list(tmp_path.iterdir())


def test_the_network_is_left_as_it_was(tmp_path):
    generator = small("unet16", norm="batch_as_instance").train()
    before = {k: v.clone() for k, v in generator.state_dict().items()}
    export_onnx(generator, tmp_path / "g.onnx", CARD)
    assert generator.training
    assert all(torch.equal(v, before[k]) for k, v in generator.state_dict().items())


@pytest.mark.parametrize("name", ["unet16", "resnet6", "compact"])
def test_a_half_precision_file_is_smaller_and_nearly_the_same(name, exported, tmp_path):
    generator, full, _ = exported(name)
    half = tmp_path / "half.onnx"
    export_onnx(generator, half, CARD, "fp16")
    pictures = probe_picture(3, 64, 96, 3)
    exact, rounded = (session(path).run(None, {"image": pictures})[0] for path in (full, half))
    assert rounded.dtype == np.float32
    assert -10 * np.log10(np.mean((exact - rounded) ** 2)) > proof.HALF_TOLERANCE
    weights = [sum(len(i.raw_data) for i in onnx.load(path).graph.initializer) for path in (full, half)]
    assert weights[1] < 0.6 * weights[0]
