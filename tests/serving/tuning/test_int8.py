"""`i2i tune` tries enlargers in int8, and keeps that where it is quicker and loses next to nothing."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from PIL import Image

from i2i.errors import ProviderError
from i2i.serving import Engine
from i2i.serving.runtime.model_file import read_model
from i2i.serving.runtime.profiles import Profile, keep_profile, profile_of, quantised_file
from i2i.serving.runtime.providers import open_session
from i2i.serving.tuning import int8, samples, tune


@pytest.fixture(autouse=True)
def quick(monkeypatch, tmp_path):
    """A cache of the test's own, small pictures, and int8 ten times as fast as all else."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(samples, "SIDES", (48,))
    monkeypatch.setattr(int8, "SIDE", 48)
    monkeypatch.setattr(tune, "_seconds", lambda executor, _: 0.1 if "int8" in executor.whole.where else 1.0)


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    down, right = np.mgrid[:110, :120]
    for n in range(6):
        waves = [np.sin(down / (5 + n) + k) * np.cos(right / (9 - n) - k) for k in range(3)]
        Image.fromarray(np.uint8(128 + 90 * np.stack(waves, 2))).save(folder / f"{n}.png")
    (folder / "broken.png").write_bytes(b"no picture")
    Image.new("RGB", (30, 30)).save(folder / "small.png")
    return folder


@pytest.fixture
def model(make_model):
    return make_model("enlarger", scale=2, receptive_field=7, task="super-resolution")


@pytest.fixture
def picture():
    return np.random.default_rng(0).integers(0, 256, (50, 40, 3), np.uint8)


def test_int8_is_measured_kept_and_taken(model, photos, i2i, picture, tmp_path):
    exact = Engine(model)
    status, out, err = i2i("tune", model, photos)
    assert status == 0, err
    rows = [line for line in out.splitlines() if " int8 " in line]
    assert rows
    assert all("lost on held-out pictures" in row and "too much" not in row for row in rows)
    profile = profile_of(exact.sha256)
    assert profile is not None
    assert profile.precision == "int8"
    engine = Engine(model)
    assert (engine.provider, engine.precision, engine.deep_precision) == (profile.device, "int8", "fp32")
    assert "in int8, the best here by i2i tune of" in engine.reason
    difference = np.abs(engine(picture).astype(int) - exact(picture))
    assert 0 < difference.max() <= 6
    deep = picture.astype(np.uint16) * 257
    np.testing.assert_array_equal(engine(deep), exact(deep))
    assert Engine(model, precision="fp32").precision == "fp32"
    (tmp_path / "in").mkdir()
    Image.fromarray(picture).save(tmp_path / "in" / "a.png")
    assert "in int8" in i2i("convert", model, tmp_path / "in", tmp_path / "out")[2]
    assert i2i("tune", model, "--forget")[1].strip() == "Forgotten."
    assert not list((tmp_path / "cache" / "i2i" / "tuned").iterdir())


@pytest.mark.parametrize("harm", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-9])])
def test_a_copy_that_is_gone_or_another_is_told_and_the_model_itself_runs(model, harm, picture):
    wanted = Engine(model)(picture)
    raw = model.read_bytes()
    feeds = {"image": np.random.default_rng(1).random((1, 3, 48, 48), np.float32)}
    copy = quantised_file(Engine(model).sha256)
    copy.parent.mkdir(parents=True)
    copy.write_bytes(int8.quantised(raw, [int8.Pair(feeds, np.zeros((3, 96, 96), np.float32))]))
    found = Profile("cpu", "int8", "auto", 1, 40.0, "2026-11-29", tune.hashlib.sha256(copy.read_bytes()).hexdigest())
    keep_profile(Engine(model).sha256, found)
    assert Engine(model).precision == "int8"
    harm(copy)
    engine = Engine(model)
    assert engine.precision != "int8"
    assert "not to be had any more" in engine.reason
    np.testing.assert_array_equal(engine(picture), wanted)


def test_int8_that_loses_too_much_is_not_kept(model, photos, i2i, monkeypatch):
    answers = iter([30.0, *[29.7] * 4])
    monkeypatch.setattr(int8, "psnr", lambda *_: next(answers))
    out = i2i("tune", model, photos)[1]
    assert "0.30 lost on held-out pictures (too much)" in out
    sha256 = Engine(model).sha256
    assert profile_of(sha256).precision != "int8"
    assert not quantised_file(sha256).exists()


def test_a_floor_that_the_user_names_holds_for_int8_too(model, photos, i2i):
    out = i2i("tune", model, photos, "--floor", 90)[1]
    assert "(below the floor)" in out
    assert profile_of(Engine(model).sha256).precision != "int8"


def test_why_int8_is_not_tried_is_said(model, make_model, photos, i2i, tmp_path):
    assert "Not tried: int8: it wants 4 pictures like yours at least: i2i tune MODEL FOLDER." in i2i("tune", model)[1]
    other = make_model("mix", receptive_field=1)
    assert "int8: of use for enlargers without normalisation alone" in i2i("tune", other, photos)[1]
    small = tmp_path / "thumbnails"
    small.mkdir()
    for n in range(5):
        Image.new("RGB", (40, 40)).save(small / f"{n}.png")
    assert "too few of the pictures are large enough" in i2i("tune", model, small)[1]


def test_half_of_the_pictures_calibrate_and_others_are_held_out(model, photos):
    card = Engine(model).card
    pairs = int8.split(card, sorted(photos.iterdir()), 48, lambda feeds: feeds["image"])
    assert [len(each) for each in pairs] == [3, 3]
    truths = [pair.truth.tobytes() for each in pairs for pair in each]
    assert len(set(truths)) == 6
    assert {pair.feeds["image"].shape for each in pairs for pair in each} == {(1, 3, 48, 48)}
    assert {pair.truth.shape for each in pairs for pair in each} == {(3, 96, 96)}
    many = int8.split(card, sorted(photos.iterdir()) * 9, 48, lambda feeds: feeds["image"])
    assert [len(each) for each in many] == [16, 8]


def test_the_first_and_the_last_convolution_stay_as_they_are_and_the_card_goes_along(model):
    raw, card = read_model(model)
    feeds = {"image": np.random.default_rng(1).random((1, 3, 48, 48), np.float32)}
    copy = onnx.ModelProto.FromString(int8.quantised(raw, [int8.Pair(feeds, np.zeros((3, 96, 96), np.float32))]))
    made = {name for node in copy.graph.node if node.op_type == "DequantizeLinear" for name in node.output}
    convolutions = [node for node in copy.graph.node if node.op_type == "Conv"]
    assert [node.input[1] in made for node in convolutions] == [False, True, False]
    assert {each.key: each.value for each in copy.metadata_props} == {
        each.key: each.value for each in onnx.ModelProto.FromString(raw).metadata_props
    }
    assert card.scale == 2


def test_a_copy_that_loses_too_much_is_not_called_a_damaged_file(make_model):
    path = make_model("invert", spoil=0.05)
    raw, card = read_model(path)
    with pytest.raises(ProviderError, match=r"Plain CPU in int8: it reaches 2.* dB on the golden probe") as caught:
        open_session(raw, card, "cpu", is_quantised=True)
    assert "damaged" not in str(caught.value)
