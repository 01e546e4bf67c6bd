"""`i2i convert a.onnx,b.onnx`: each model takes what the one before gives, in floats."""

import hashlib
import json

import numpy as np
import pytest
from PIL import Image

import i2i as package
from i2i.errors import RequestError
from i2i.images.image import Picture
from i2i.probes import probe_picture
from i2i.serving import Engine
from i2i.serving.conversion.single import translated
from i2i.serving.inference.chain import open_models


@pytest.fixture
def models(make_model):
    """A network, an enlarger and an inverter, each by its name."""
    return {
        "network": make_model("network", probe=False),
        "large": make_model("enlarge", name="large", scale=2, task="super-resolution"),
        "larger": make_model("enlarge", name="larger", scale=3, task="super-resolution"),
        "invert": make_model("invert"),
        "grey": make_model("mix", name="grey", output_channels=1),
    }


def named(models, *names):
    return ",".join(str(models[name]) for name in names)


def test_the_second_takes_the_floats_of_the_first_and_scales_multiply(models):
    chain = open_models(named(models, "network", "large", "larger"), device="cpu")
    picture = probe_picture(3, 21, 34, 1)
    pixels = np.ascontiguousarray(picture[0].transpose(1, 2, 0))
    result = translated(chain, Picture(pixels))
    one_by_one = picture
    for name in ("network", "large", "larger"):
        one_by_one = Engine(models[name], device="cpu").run(one_by_one)
    assert (chain.card.scale, result.pixels.shape) == (6, (126, 204, 3))
    assert np.array_equal(result.pixels, one_by_one[0].transpose(1, 2, 0))
    assert len(np.unique(result.pixels)) > 1000, "steps of 8 bits would be fewer"


def test_channels_between_models_are_brought_to_one_another(models):
    chain = open_models(named(models, "grey", "large"), device="cpu")
    pixels = np.full((5, 4, 3), (10, 20, 60), np.uint8)
    result = translated(chain, Picture(pixels, np.full((5, 4), 128, np.uint8)))
    assert result.pixels.shape == (10, 8, 3)
    assert np.all(result.pixels == 30)
    assert result.alpha.shape == (10, 8)


def test_what_only_enlarges_in_the_end_may_have_changed_the_content_before(models):
    assert not open_models(named(models, "network", "large"), device="cpu").card.keeps_content
    assert open_models(named(models, "large", "larger"), device="cpu").card.keeps_content


def test_a_folder_is_converted_and_everything_names_all_the_models(models, tmp_path, i2i):
    (tmp_path / "in").mkdir()
    for n in range(3):
        pixels = (probe_picture(3, 20 + n, 30, n)[0].transpose(1, 2, 0) * 255).astype(np.uint8)
        Image.fromarray(pixels).save(tmp_path / "in" / f"{n}.png")
    command = ("convert", named(models, "invert", "large"), tmp_path / "in", tmp_path / "out")
    status, said, err = i2i(*command, "--device", "cpu", "--report", tmp_path / "r.jsonl", "--tile", 16)
    assert status == 0, err
    assert "3 written" in said
    before = np.asarray(Image.open(tmp_path / "in" / "1.png"))
    after = Image.open(tmp_path / "out" / "1.png")
    assert np.array_equal(np.asarray(after), (255 - before).repeat(2, 0).repeat(2, 1))
    digests = [hashlib.sha256(models[name].read_bytes()).hexdigest() for name in ("invert", "large")]
    first = json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])
    assert first["how"]["model"] == "+".join(digests)
    assert first["model"] == "invert+large"
    note = after.getexif()[11]
    assert f"invert+large, sha256 {digests[0][:12]}+{digests[1][:12]}" in note
    assert "3 already there" in i2i(*command, "--device", "cpu")[1]
    other = ("convert", named(models, "invert", "larger"), *command[2:], "--device", "cpu")
    assert "another model" in "".join(i2i(*other)[1:])


def test_large_pictures_go_through_a_chain_by_parts(models, monkeypatch):
    chain = open_models(named(models, "invert", "large"), device="cpu")
    picture = Picture((probe_picture(3, 61, 83, 4)[0].transpose(1, 2, 0) * 255).astype(np.uint8))
    whole = translated(chain, picture)
    monkeypatch.setattr("i2i.serving.inference.planes.LARGE", 1000)
    assert np.array_equal(translated(chain, picture).pixels, whole.pixels)


def test_models_that_do_not_fit_and_names_of_nothing_are_refused(models, make_model, tmp_path, i2i):
    five = make_model("mix", name="five", output_channels=5)
    with pytest.raises(RequestError, match="five gives 5 channels and large takes 3"):
        open_models(f"{five},{models['large']}", device="cpu")
    Image.new("RGB", (5, 4)).save(tmp_path / "x.png")
    status, _, err = i2i(
        "convert", f"{models['large']},{tmp_path / 'none.onnx'}", tmp_path / "x.png", tmp_path / "y.png"
    )
    assert status == 2
    assert "There is no model at" in err


def test_a_chain_is_named_in_python_as_on_the_command_line(models, tmp_path):
    Image.new("RGB", (5, 4)).save(tmp_path / "x.png")
    package.convert(named(models, "large", "larger"), tmp_path / "x.png", tmp_path / "y.png")
    assert Image.open(tmp_path / "y.png").size == (30, 24)


def test_a_file_whose_name_has_a_comma_is_one_model(make_model):
    assert open_models(str(make_model("invert", file="a,b.onnx")), device="cpu").card.name == "invert"
