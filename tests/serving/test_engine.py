"""The engine gives what the file computes, whatever the picture's size, kind and depth, and says what ran it."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from onnx import helper
from PIL import Image
from small_models import build, card_for

from i2i.card import CARD_KEY
from i2i.errors import (
    ConfigError,
    ModelFileError,
    PictureError,
    ProviderError,
    RequestError,
    RunError,
    UnknownNameError,
)
from i2i.images.decode import read_picture
from i2i.images.encode import encode
from i2i.images.image import Picture
from i2i.serving import convert_folder
from i2i.serving.inference.engine import Engine
from i2i.serving.inference.padding import pad
from i2i.serving.runtime import openvino, providers
from i2i.serving.runtime.model_file import read_card
from i2i.serving.runtime.resolve import resolve_model


def random(*shape, seed=0):
    return np.random.default_rng(seed).random(shape, dtype=np.float32)


# Sizes


@pytest.mark.parametrize("size", [(64, 64), (61, 33), (1, 1), (2, 7), (3, 200), (32, 31)])
def test_any_size_comes_back_at_its_own_size_with_the_networks_values(make_model, size):
    engine = Engine(make_model("blocks", multiple=4, smallest=16), device="cpu")
    batch = random(2, 3, *size)
    grown = pad(batch, 4, 16)
    blocks = grown.reshape(2, 3, grown.shape[2] // 4, 4, grown.shape[3] // 4, 4).mean((3, 5))
    expected = blocks.repeat(4, 2).repeat(4, 3)[:, :, : size[0], : size[1]]
    np.testing.assert_allclose(engine.run(batch), expected, atol=1e-6)


def test_padding_reflects_as_far_as_the_picture_reaches_and_then_repeats_the_edge():
    row = np.array([1, 2, 3], np.float32).reshape(1, 1, 1, 3)
    np.testing.assert_array_equal(pad(row, 8, 8)[0, 0, 0], [1, 2, 3, 2, 1, 1, 1, 1])
    assert pad(row, 8, 8).shape == (1, 1, 8, 8)
    assert pad(random(1, 3, 32, 64), 32, 32).shape == (1, 3, 32, 64)


def test_a_picture_of_fitting_size_is_not_padded_and_others_are_cut_back_exactly(make_model):
    engine = Engine(make_model("enlarge", scale=3, multiple=8), device="cpu")
    batch = random(1, 3, 13, 8)
    np.testing.assert_array_equal(engine.run(batch), batch.repeat(3, 2).repeat(3, 3))


def test_a_picture_gives_the_same_alone_and_in_a_batch(make_model):
    engine = Engine(make_model("network"), device="cpu")
    batch = random(4, 3, 40, 56)
    together = engine.run(batch)
    for index in range(4):
        np.testing.assert_allclose(engine.run(batch[index : index + 1])[0], together[index], atol=1e-5)


def test_arrays_of_another_shape_or_type_are_refused(make_model):
    engine = Engine(make_model(), device="cpu")
    with pytest.raises(ValueError, match=r"\(N, 3, H, W\)"):
        engine.run(random(1, 1, 8, 8))
    with pytest.raises(ValueError, match="float32"):
        engine.run(random(1, 3, 8, 8).astype(np.float64))


def test_values_that_are_no_numbers_are_an_error_and_not_a_black_picture(make_model):
    engine = Engine(make_model("nothing", probe=False), device="cpu")
    with pytest.raises(ProviderError, match="no numbers"):
        engine.run(np.zeros((1, 3, 8, 8), np.float32))


# Kinds of pictures


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_integers_come_back_in_their_own_depth_exactly(make_model, dtype):
    engine = Engine(make_model(), device="cpu")
    top = np.iinfo(dtype).max
    picture = np.random.default_rng(1).integers(0, top + 1, (9, 14, 3), dtype=dtype)
    answer = engine(picture)
    assert answer.dtype == dtype
    np.testing.assert_array_equal(answer, top - picture)


def test_floats_and_grey_arrays_keep_their_kind(make_model):
    colour = Engine(make_model(), device="cpu")
    picture = random(9, 14, 3)
    np.testing.assert_allclose(colour(picture), 1 - picture, atol=1e-6)
    grey = Engine(make_model(name="grey", input_channels=1, output_channels=1), device="cpu")
    assert grey(picture[..., 0]).shape == (9, 14)
    assert colour(picture[..., 0]).shape == (9, 14, 3)  # an RGB model makes colour of grey
    assert grey(picture).shape == (9, 14, 1)


def test_grey_is_repeated_for_a_colour_model_and_colour_becomes_luma_for_a_grey_one(make_model):
    colour = Engine(make_model(), device="cpu")
    answer = colour(Image.new("L", (5, 4), 100))
    assert (answer.mode, answer.size, answer.getpixel((0, 0))) == ("RGB", (5, 4), (155, 155, 155))
    grey = Engine(make_model(name="grey", input_channels=1, output_channels=1), device="cpu")
    answer = grey(Image.new("RGB", (5, 4), (255, 0, 0)))
    assert (answer.mode, answer.getpixel((0, 0))) == ("L", 255 - 76)


def test_alpha_is_carried_over_unchanged_and_grows_with_the_scale(make_model):
    rgba = np.random.default_rng(1).integers(0, 256, (6, 5, 4), dtype=np.uint8)
    answer = np.asarray(Engine(make_model(), device="cpu")(Image.fromarray(rgba)))
    np.testing.assert_array_equal(answer[..., :3], 255 - rgba[..., :3])
    np.testing.assert_array_equal(answer[..., 3], rgba[..., 3])
    np.testing.assert_array_equal(Engine(make_model(), device="cpu")(rgba), answer)
    flat = rgba.copy()
    flat[..., 3] = 77
    large = Engine(make_model("enlarge", scale=2), device="cpu")(flat)
    assert large.shape == (12, 10, 4)
    assert (large[..., 3] == 77).all()


def test_what_alpha_hides_takes_the_visible_colours_beside_it_and_these_stay(make_model):
    across = np.linspace(0, 1, 101, dtype=np.float32)
    given = np.dstack([np.broadcast_to(across, (70, 101)), random(70, 101), np.full((70, 101), 0.25, np.float32)])
    alpha = random(70, 101, seed=1) + np.float32(0.01)
    alpha[:, 64:] = alpha[30:40, 20:30] = 0  # as far as a power of two: no halved picture has both sides in one pixel
    seen = alpha > 0
    given[~seen] = 1, 1, 0  # what no one is to see
    kept = given.copy()
    done = 1 - Engine(make_model(), device="cpu").translate(Picture(given, alpha)).pixels
    np.testing.assert_array_equal(given, kept)  # the caller's array
    np.testing.assert_allclose(done[seen], given[seen], atol=1e-7)
    np.testing.assert_allclose(done[~seen][:, 2], 0.25, atol=1e-5)
    assert np.abs(done[:, 64:68, 0] - across[63]).max() < 0.08
    assert np.abs(done[30:40, 20:30, 0] - across[20:30]).max() < 0.06


@pytest.mark.parametrize("alpha", [1, 255, 0])
def test_where_alpha_hides_nothing_or_all_every_colour_stays(make_model, alpha):
    rgba = np.random.default_rng(1).integers(0, 256, (9, 14, 4), dtype=np.uint8)
    rgba[..., 3] = alpha
    answer = Engine(make_model(), device="cpu")(rgba)
    np.testing.assert_array_equal(answer[..., :3], 255 - rgba[..., :3])


@pytest.mark.parametrize("size", [(1, 2), (2, 1), (1, 37), (3, 5), (17, 33)])
def test_one_visible_pixel_gives_a_picture_of_any_size_its_colour(make_model, size):
    rgba = np.zeros((*size, 4), np.uint8)
    rgba[-1, -1] = 200, 100, 50, 1
    answer = Engine(make_model(), device="cpu")(rgba)
    np.testing.assert_array_equal(answer[..., :3], np.broadcast_to([55, 155, 205], (*size, 3)))


def test_the_least_alpha_of_a_float_picture_is_alpha(make_model):
    pixels, alpha = random(5, 9, 3), np.zeros((5, 9), np.float32)
    alpha[2, 3] = np.finfo(np.float32).smallest_subnormal
    done = 1 - Engine(make_model(), device="cpu").translate(Picture(pixels, alpha)).pixels
    np.testing.assert_allclose(done, np.broadcast_to(pixels[2, 3], done.shape), atol=1e-6)


def test_sixteen_bit_grey_stays_sixteen_bit_in_pillow(make_model):
    values = np.random.default_rng(1).integers(0, 65536, (6, 5), dtype=np.uint16)
    grey = Engine(make_model(name="grey", input_channels=1, output_channels=1), device="cpu")
    answer = grey(Image.fromarray(values))
    assert answer.mode == "I;16"
    np.testing.assert_array_equal(np.asarray(answer), 65535 - values)


def test_a_rotated_photograph_comes_back_upright(make_model):
    image = Image.new("RGB", (6, 4), (255, 255, 255))
    image.putpixel((0, 0), (0, 0, 0))
    image.getexif()[0x0112] = 6  # to be turned a quarter clockwise
    answer = Engine(make_model(), device="cpu")(image)
    assert answer.size == (4, 6)
    assert answer.getpixel((3, 0)) == (255, 255, 255)  # inverted black, now at the top right


def test_bands_that_mean_nothing_to_the_model_are_refused_in_a_sentence(make_model):
    engine = Engine(make_model("mix", input_channels=5, output_channels=2), device="cpu")
    assert engine(random(6, 7, 5)).shape == (6, 7, 2)
    with pytest.raises(PictureError, match="3 channels where 5 are needed"):
        engine(random(6, 7, 3))
    with pytest.raises(PictureError, match="is no picture"):
        engine(np.zeros((4, 4), np.int32))


def test_profile_and_exif_stay_unless_grey_became_colour(make_model):
    engine = Engine(make_model(), device="cpu")
    colour = engine.translate(Picture(np.zeros((4, 4, 3), np.uint8), None, b"profile", b"exif"))
    assert (colour.icc, colour.exif) == (b"profile", b"exif")
    assert engine.translate(Picture(np.zeros((4, 4, 1), np.uint8), None, b"profile", b"exif")).icc is None


# Files


def test_a_truncated_file_is_named_as_such_at_any_length(make_model, tmp_path):
    raw = make_model("network").read_bytes()
    broken = tmp_path / "broken.onnx"
    for length in (0, 1, 10, len(raw) // 2, len(raw) - 1):
        broken.write_bytes(raw[:length])
        with pytest.raises(ModelFileError, match=r"cut short|no model card"):
            Engine(broken)


@pytest.mark.parametrize("content", [b"hello, I am a text file\n", b"\x89PNG\r\n\x1a\n" + bytes(50), bytes(64)])
def test_a_file_that_is_no_onnx_is_named_as_such(tmp_path, content):
    (tmp_path / "a.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match="no ONNX file"):
        Engine(tmp_path / "a.onnx")
    with pytest.raises(ModelFileError, match="cannot be opened"):
        Engine(tmp_path / "missing.onnx")


def test_a_file_without_a_card_says_how_to_get_one(tmp_path):
    path = tmp_path / "foreign.onnx"
    path.write_bytes(build("invert", card_for()).SerializeToString())
    with pytest.raises(ModelFileError, match=r"no model card.*i2i export.*i2i adopt foreign.onnx"):
        Engine(path)


def test_weights_in_another_file_are_refused_before_they_are_read(make_model, tmp_path):
    model = onnx.load(make_model("network"))
    path = tmp_path / "outside.onnx"
    onnx.save(model, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    assert (tmp_path / "weights.bin").exists()
    with pytest.raises(ModelFileError, match="weights in another file"):
        Engine(path)


def test_a_graph_with_other_names_at_its_boundary_is_refused(tmp_path):
    model = build("invert", card_for())
    model.graph.input[0].name = model.graph.node[0].input[1] = "x"
    helper.set_model_props(model, {CARD_KEY: card_for().to_json()})
    path = tmp_path / "names.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="take 'image' and give 'translation'"):
        Engine(path, device="cpu")


def test_a_graph_that_no_runtime_loads_is_the_files_fault(tmp_path):
    model = build("invert", card_for())
    model.graph.node[0].op_type = "NoSuchOperator"
    helper.set_model_props(model, {CARD_KEY: card_for().to_json()})
    path = tmp_path / "odd.onnx"
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="NoSuchOperator"):
        Engine(path)


def test_the_card_is_read_without_a_runtime(make_model):
    card = read_card(make_model(name="facades", scale=2))
    assert (card.name, card.scale) == ("facades", 2)


def test_a_model_is_a_run_directory_or_a_file(make_model, tmp_path):
    file = make_model(file="run/model.onnx")
    assert resolve_model(file) == file
    assert resolve_model(tmp_path / "run") == file
    with pytest.raises(RunError, match=r"no translator for direction b2a; it holds model\.onnx"):
        resolve_model(tmp_path / "run", "b2a")
    both = [make_model(file=f"two/{d}.onnx") for d in ("a2b", "b2a")]
    assert [resolve_model(tmp_path / "two", d) for d in ("a2b", "b2a")] == both
    assert resolve_model(tmp_path / "two") == both[0]


def test_a_file_is_not_taken_for_the_other_direction(make_model, tmp_path):
    both = [make_model(file=f"two/{d}.onnx") for d in ("a2b", "b2a")]
    assert resolve_model(both[1], "b2a") == both[1]
    with pytest.raises(RequestError, match=r"a2b\.onnx is one translator.*name the run's folder or its b2a\.onnx"):
        resolve_model(both[0], "b2a")


def test_info_of_a_run_names_its_other_direction(make_model, tmp_path, i2i):
    for direction in ("a2b", "b2a"):
        make_model(file=f"two/{direction}.onnx")
    assert i2i("info", tmp_path / "two")[1].endswith("b2a.onnx (--direction b2a)\n")
    assert "Beside it" not in i2i("info", tmp_path / "two" / "a2b.onnx")[1]


def test_what_is_no_model_gets_a_sentence_of_its_own(tmp_path):
    (tmp_path / "run").mkdir()
    with pytest.raises(RunError, match="neither a run directory"):
        resolve_model(tmp_path / "run")
    (tmp_path / "run" / "config.yaml").touch()
    with pytest.raises(RunError, match=r"no exported model yet.*i2i export"):
        resolve_model(tmp_path / "run")
    with pytest.raises(RequestError, match=r"There is no model at .*Did you mean 'run'"):
        resolve_model(tmp_path / "rum")
    with pytest.raises(UnknownNameError, match="direction"):
        resolve_model(tmp_path / "run", "a2a")


# Providers


def fake_backends(monkeypatch, **rows):
    """Providers built on the real CPU one: `missing` says why, `wrong` spoils the answer in that precision."""

    class Spoiled:
        def __init__(self, session, offset):
            self.session, self.offset = session, offset

        def __getattr__(self, name):
            return getattr(self.session, name)

        def run(self, names, feeds):
            return [out + self.offset for out in self.session.run(names, feeds)]

    def row(title, missing=None, precisions=("fp32",), wrong=None, broken=False):
        def open_it(model, precision, number, threads):
            if broken:
                raise RuntimeError("driver is out of date")
            session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
            return Spoiled(session, np.float32((wrong or {}).get(precision, 0)))

        return providers.Backend(title, lambda _number: missing, lambda: precisions, open_it, "Mend it.")

    monkeypatch.setattr(providers, "BACKENDS", {key: row(key.upper(), **value) for key, value in rows.items()})


def test_auto_takes_the_first_usable_provider_and_says_why_not_the_others(make_model, monkeypatch):
    fake_backends(monkeypatch, cuda={"missing": "no card was found"}, openvino={"precisions": ("bf16", "fp32")}, cpu={})
    engine = Engine(make_model())
    assert (engine.provider, engine.precision) == ("openvino", "bf16")
    assert "OPENVINO in bf16" in engine.reason
    assert "CUDA: no card was found" in engine.reason


@pytest.mark.parametrize(
    ("wrong", "expected"),
    [
        ({"bf16": 0.01}, ("openvino", "bf16")),  # 40 dB: what reduced precision may do
        ({"bf16": 0.05}, ("openvino", "fp32")),  # 26 dB
        ({"bf16": np.nan}, ("openvino", "fp32")),
        ({"bf16": 0.05, "fp32": 0.003}, ("cpu", "fp32")),
        ({"bf16": 0.05, "fp32": 0.001}, ("openvino", "fp32")),
    ],
)
def test_a_provider_that_computes_wrongly_is_passed_over_aloud(make_model, monkeypatch, wrong, expected):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32"), "wrong": wrong}, cpu={})
    engine = Engine(make_model())
    assert (engine.provider, engine.precision) == expected
    for precision in wrong if expected[0] == "cpu" else []:
        assert f"OPENVINO in {precision}: it" in engine.reason


def test_a_provider_that_cannot_load_the_model_is_passed_over_with_its_own_words(make_model, monkeypatch):
    fake_backends(monkeypatch, cuda={"broken": True}, cpu={})
    engine = Engine(make_model())
    assert engine.provider == "cpu"
    assert "driver is out of date" in engine.reason


def test_a_named_device_is_never_replaced(make_model, monkeypatch):
    model = make_model()
    fake_backends(monkeypatch, cuda={"missing": "no card was found"}, openvino={"wrong": {"fp32": 0.1}}, cpu={})
    with pytest.raises(ProviderError, match=r"'cuda:1'.*no card was found.*Mend it.*--device auto"):
        Engine(model, device="cuda:1")
    with pytest.raises(ProviderError, match=r"differs from the golden probe by 0\.1"):
        Engine(model, device="openvino")
    assert Engine(model, device="cpu").reason == "CPU in fp32, as asked."


def ramp(dtype):
    """A picture of many levels: 1024 of them in 16 bits."""
    levels = np.arange(1024).reshape(16, 64, 1) / 1023
    return (levels if dtype == np.float32 else levels * np.iinfo(dtype).max).astype(dtype).repeat(3, axis=2)


@pytest.mark.parametrize(
    ("asked", "offs"),
    [
        ({}, {np.uint8: 0.01, np.uint16: 0, np.float32: 0}),
        ({"ensemble": True}, {np.uint8: 0.01, np.uint16: 0, np.float32: 0}),
        ({"precision": "bf16"}, {np.uint8: 0.01, np.uint16: 0.01, np.float32: 0.01}),
        ({"precision": "fp32"}, {np.uint8: 0, np.uint16: 0, np.float32: 0}),
    ],
    ids=["auto", "ensemble", "bf16", "fp32"],
)
def test_pictures_of_more_than_8_bits_are_computed_in_fp32_unless_told_otherwise(make_model, monkeypatch, asked, offs):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32"), "wrong": {"bf16": 0.01}}, cpu={})
    engine = Engine(make_model(), **asked)
    for dtype, off in offs.items():
        told = "Pictures of 16 bits and of floats in fp32." in engine.reason
        assert told == (engine.deep_precision != engine.precision)
        top = 1 if dtype == np.float32 else np.iinfo(dtype).max
        answer = engine(ramp(dtype)).astype(np.float64) / top
        exact = np.clip(1 - ramp(dtype) / np.float64(top) + off, 0, 1)
        assert np.abs(answer - exact).max() <= (0.51 / 255 if dtype == np.uint8 else 1e-5), dtype


def test_the_session_for_deep_pictures_is_opened_once_and_for_the_first_of_them(make_model, monkeypatch):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32")}, cpu={})
    row, opened = providers.BACKENDS["openvino"], []

    def open_it(model, precision, number, threads):
        opened.append(precision)
        return row.open(model, precision, number, threads)

    monkeypatch.setitem(providers.BACKENDS, "openvino", dataclasses.replace(row, open=open_it))
    engine = Engine(make_model())
    for _ in range(2):
        engine(ramp(np.uint8))
    assert opened == ["bf16"]
    for _ in range(2):
        engine(ramp(np.uint16))
    assert opened == ["bf16", "fp32"]


def test_a_model_that_changed_on_the_disk_is_not_mixed_with_the_loaded_one(make_model, monkeypatch):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32")}, cpu={})
    path = make_model()
    engine = Engine(path)
    make_model(name="invert", licence="another")
    assert engine(ramp(np.uint8)).dtype == np.uint8
    with pytest.raises(ModelFileError, match="has changed since it was loaded"):
        engine(ramp(np.uint16))


def test_a_folder_of_both_depths_is_converted_each_in_its_precision(make_model, monkeypatch, tmp_path):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32"), "wrong": {"bf16": 0.01}}, cpu={})
    (tmp_path / "in").mkdir()
    for name, dtype in (("a", np.uint8), ("b", np.uint16), ("c", np.uint8)):
        (tmp_path / "in" / f"{name}.png").write_bytes(encode(Picture(ramp(dtype)), "png"))
    report = convert_folder(Engine(make_model()), tmp_path / "in", tmp_path / "out", report=tmp_path / "r.jsonl")
    assert report.counts["written"] == 3
    deep = read_picture(tmp_path / "out" / "b.png").pixels
    assert np.array_equal(deep, 65535 - ramp(np.uint16))
    for name in ("a", "c"):
        assert np.abs(read_picture(tmp_path / "out" / f"{name}.png").pixels - (255.0 - ramp(np.uint8))).max() == 3
    assert json.loads((tmp_path / "r.jsonl").read_text().splitlines()[0])["how"]["precision"] == "bf16, fp32"


def test_fp32_leaves_reduced_precision_out(make_model, monkeypatch):
    fake_backends(monkeypatch, openvino={"precisions": ("bf16", "fp32")}, cpu={})
    assert Engine(make_model(), precision="fp32").precision == "fp32"
    assert Engine(make_model(), precision="bf16").precision == "bf16"
    with pytest.raises(ProviderError, match="does not compute in bf16"):
        Engine(make_model(), device="cpu", precision="bf16")


def test_unknown_devices_and_precisions_are_named(make_model):
    model = make_model()
    with pytest.raises(UnknownNameError, match="Did you mean 'openvino'"):
        Engine(model, device="openvno")
    with pytest.raises(ConfigError, match="only NVIDIA's cards are numbered"):
        Engine(model, device="cpu:1")
    with pytest.raises(UnknownNameError, match="precision"):
        Engine(model, precision="int8")


def test_a_model_whose_probe_fails_everywhere_does_not_serve(make_model):
    with pytest.raises(ProviderError, match=r"No provider of this machine runs the model.*golden probe"):
        Engine(make_model(spoil=-0.1))


def test_a_damaged_probe_is_the_files_fault(make_model, tmp_path):
    path = make_model()
    model = onnx.load(path)
    card = read_card(path)
    wrong = dataclasses.replace(card, probe=dataclasses.replace(card.probe, digest="0" * 64))
    helper.set_model_props(model, {CARD_KEY: wrong.to_json()})
    path.write_bytes(model.SerializeToString())
    with pytest.raises(ModelFileError, match="does not match its digest"):
        Engine(path)


def test_the_real_choice_is_sound_and_strict(make_model):
    model = make_model("network")
    engine = Engine(model)
    assert engine.provider in providers.BACKENDS
    assert providers.BACKENDS[engine.provider].title in engine.reason
    reference = Engine(model, device="cpu").run(random(1, 3, 70, 45))
    assert np.abs(engine.run(random(1, 3, 70, 45)) - reference).max() < 0.05
    for name, row in providers.BACKENDS.items():
        if row.missing(0) is not None:
            with pytest.raises(ProviderError, match="not usable"):
                Engine(model, device=name)


@pytest.fixture(params=["plug-in", "alone"])
def openvino_way(request, monkeypatch):
    """OpenVINO as ONNX Runtime's plug-in, and by itself."""
    if request.param == "alone":
        pytest.importorskip("openvino")
        monkeypatch.setattr(openvino, "plugin", lambda: (None, "it is not wanted here"))
    elif openvino.plugin()[0] is None:
        pytest.skip(f"OpenVINO: {openvino.plugin()[1]}")
    return request.param


def test_openvino_computes_in_both_precisions(make_model, openvino_way):
    model = make_model("network")
    reference = Engine(model, device="cpu").run(random(1, 3, 70, 45))
    exact = Engine(model, device="openvino", precision="fp32")
    assert (exact.provider, exact.precision) == ("openvino", "fp32")
    assert isinstance(exact._executor.whole.session, openvino.OpenVINOSession) == (openvino_way == "alone")
    assert np.abs(exact.run(random(1, 3, 70, 45)) - reference).max() < 2e-3
    quick = Engine(model, device="openvino")
    assert quick.precision == openvino.precisions()[0]
    assert np.abs(quick.run(random(1, 3, 70, 45)) - reference).max() < 0.05
    if quick.precision == "bf16":  # else the hint did not arrive
        assert np.abs(quick.run(random(1, 3, 70, 45)) - reference).max() > 1e-5


def test_an_answer_of_openvino_stays_when_the_next_one_comes(make_model, openvino_way):
    model = make_model("network")
    exact, reference = Engine(model, device="openvino", precision="fp32"), Engine(model, device="cpu")
    pictures = [random(1, 3, 64, 48), random(1, 3, 64, 48, seed=1), random(2, 3, 32, 80)]
    answers = [exact.run(picture) for picture in pictures]
    for picture, answer in zip(pictures, answers, strict=True):
        assert np.abs(answer - reference.run(picture)).max() < 2e-3


SIGNALS = """
import gc, signal, subprocess, sys
from i2i.serving import Engine
from i2i.serving.runtime import openvino
if sys.argv[2] == "alone":
    openvino.plugin = lambda: (None, "it is not wanted here")
signal.signal(signal.SIGCHLD, lambda *_: None)
for _ in range(4):
    engine = Engine(sys.argv[1], device="openvino")
del engine
gc.collect()
subprocess.run([sys.executable, "-c", ""], check=True)
"""


def test_signals_still_reach_a_process_whose_engines_of_openvino_are_gone(make_model, openvino_way):
    command = [sys.executable, "-c", SIGNALS, str(make_model("network")), openvino_way]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert done.returncode == 0, done.stderr


def test_without_openvino_the_way_to_it_is_said_and_the_plain_provider_serves(make_model, monkeypatch):
    monkeypatch.setattr(openvino, "plugin", lambda: (None, "the plug-in offers no device on this AMD processor"))
    monkeypatch.setitem(sys.modules, "openvino", None)
    engine = Engine(make_model())
    assert engine.provider == "cpu"
    assert "on this AMD processor; OpenVINO does without it (pip install openvino)." in engine.reason


# The environment


def test_serving_imports_quickly_and_without_torch():
    code = (
        "import sys\n"
        "sys.modules['torch'] = sys.modules['onnxscript'] = None\n"
        "import i2i.serving\n"
        "heavy = {'fastapi', 'onnxruntime', 'numpy', 'PIL'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from i2i.serving import Engine, convert_folder, create_app, resolve_model, serve\n"
        "import i2i.serving.web.page\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=Path("/"))
    assert done.returncode == 0, done.stderr


def test_what_onnx_runtime_cannot_compute_is_said_in_a_sentence(make_model):
    from onnxruntime.capi.onnxruntime_pybind11_state import Fail

    class Broken:
        def run(self, *_):
            raise Fail("[ONNXRuntimeError] : 1 : FAIL : bad allocation: Failed to allocate memory for requested buffer")

    engine = Engine(make_model("invert"), device="cpu")
    engine._executor.whole.session = Broken()
    with pytest.raises(ProviderError, match="not enough memory for a picture of 8x4 pixels"):
        engine(np.zeros((4, 8, 3), np.uint8))
