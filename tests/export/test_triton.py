"""A Triton model repository: what Triton reads is what the graph has, versions count up, and nothing is half there."""

from __future__ import annotations

import onnx
import pytest
from small_models import write_model

from i2i.errors import ModelFileError
from i2i.export.triton import add_to_repository, config_of
from i2i.serving.runtime.model_file import read_model


def test_a_repository_has_the_file_and_its_configuration(make_model, tmp_path):
    model = make_model("enlarge", name='large "x4"', scale=3, multiple=4)
    version = add_to_repository(model, tmp_path / "repository")
    assert version == tmp_path / "repository" / "large-x4" / "1"
    assert (version / "model.onnx").read_bytes() == model.read_bytes()
    assert (version.parent / "config.pbtxt").read_text() == (
        'name: "large-x4"\n'
        'platform: "onnxruntime_onnx"\n'
        "max_batch_size: 8\n"
        'input { name: "image" data_type: TYPE_FP32 dims: [ 3, -1, -1 ] }\n'
        'output { name: "translation" data_type: TYPE_FP32 dims: [ 3, -1, -1 ] }\n'
        "dynamic_batching { }\n"
        'parameters { key: "i2i.multiple" value { string_value: "4" } }\n'
        'parameters { key: "i2i.smallest" value { string_value: "1" } }\n'
        'parameters { key: "i2i.scale" value { string_value: "3" } }\n'
        'parameters { key: "i2i.licence" value { string_value: "unspecified" } }\n'
    )


@pytest.mark.parametrize("name", ["..", "../../elsewhere", ".hidden"])
def test_no_name_leads_out_of_the_repository(make_model, tmp_path, name):
    version = add_to_repository(make_model(name=name), tmp_path / "repository")
    assert version.resolve().parent.parent == tmp_path / "repository"
    assert not version.parent.name.startswith(".")


def test_another_file_of_the_name_is_the_next_version_and_the_same_one_is_none(tmp_path):
    first, second = write_model(tmp_path / "a"), write_model(tmp_path / "b", source="sketches")
    repository = tmp_path / "repository"
    numbers = [add_to_repository(model, repository).name for model in (first, first, second, second)]
    assert numbers == ["1", "1", "2", "2"]
    assert sorted(each.name for each in (repository / "invert").iterdir()) == ["1", "2", "config.pbtxt"]


def test_a_fixed_batch_and_a_label_are_told(tmp_path):
    _, card = read_model(write_model(tmp_path))

    def graph(batch: int | None) -> onnx.ModelProto:
        of = onnx.helper.make_tensor_value_info
        picture = [batch if batch else "N", 3, "H", "W"]
        inputs = [of("image", 1, picture), of("label", 7, picture[:1])]
        return onnx.helper.make_model(onnx.helper.make_graph([], "g", inputs, [of("translation", 1, picture)]))

    free, fixed = config_of(graph(None), card), config_of(graph(1), card)
    assert 'name: "label" data_type: TYPE_INT64 dims: [ 1 ] reshape { shape: [ ] }' in free
    assert "max_batch_size: 0" in fixed
    assert 'name: "image" data_type: TYPE_FP32 dims: [ 1, 3, -1, -1 ]' in fixed
    assert "dynamic_batching" not in fixed


def test_a_file_without_a_card_is_refused_with_the_way_out(tmp_path):
    path = tmp_path / "foreign.onnx"
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([], "g", [], [])), path)
    with pytest.raises(ModelFileError, match="i2i adopt"):
        add_to_repository(path, tmp_path)


def test_the_configuration_is_one_by_triton_s_own_schema(make_model):
    pb2 = pytest.importorskip("tritonclient.grpc.model_config_pb2", reason="tritonclient is not installed here")
    from google.protobuf import text_format

    model = make_model("enlarge", name="große Bilder", scale=3, multiple=4)
    config = text_format.Parse(config_of(onnx.load(model), read_model(model)[1]), pb2.ModelConfig())
    assert [port.name for port in config.input] == ["image"]
    assert list(config.output[0].dims) == [3, -1, -1]
    assert config.parameters["i2i.multiple"].string_value == "4"
