"""`i2i tune` keeps the quickest way that is good enough, and the engine takes it where it is not told otherwise."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime as ort
import pytest
from PIL import Image

from i2i.errors import RequestError
from i2i.serving import Engine
from i2i.serving.runtime import profiles, providers
from i2i.serving.runtime.profiles import Profile, forget_profile, keep_profile, profile_of
from i2i.serving.tuning import samples, tune

FOUND = Profile("openvino", "fp32", "auto", 1, 90.0, "2026-11-29")


@pytest.fixture(autouse=True)
def machine(monkeypatch, tmp_path):
    """A cache of the test's own, small pictures, and two providers made of the real plain one: bf16 is off by 0.01."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "cache"))
    monkeypatch.setattr(samples, "SIDES", (64,))
    monkeypatch.setattr(tune, "TILES", (32,))
    monkeypatch.setattr(profiles, "available_threads", lambda: 2)

    class Session:
        def __init__(self, session, precision):
            self.session, self.off = session, np.float32(0.01 if precision == "bf16" else 0)

        def __getattr__(self, name):
            return getattr(self.session, name)

        def run(self, names, feeds):
            return [out + self.off for out in self.session.run(names, feeds)]

    def row(title, precisions):
        def open_it(model, precision, number, threads):
            return Session(ort.InferenceSession(model, providers=["CPUExecutionProvider"]), precision)

        return providers.Backend(title, lambda _number: None, lambda: precisions, open_it, "Mend it.")

    rows = {"openvino": row("OpenVINO", ("bf16", "fp32")), "cpu": row("Plain CPU", ("fp32",))}
    rows["cuda"] = providers.Backend("CUDA", lambda _number: "no card was found", tuple, None, "")
    for name in ("cuda", "openvino", "cpu"):
        monkeypatch.setitem(providers.BACKENDS, name, rows[name])


def way(device, precision, tile, seconds, psnr):
    return tune.Way(device, precision, tile, None, [seconds], psnr)


@pytest.mark.parametrize(
    ("ways", "floor", "wanted"),
    [
        ([("openvino", "bf16", "auto", 1, 60), ("openvino", "fp32", "auto", 2, 120)], 45, 0),
        ([("openvino", "bf16", "auto", 1, 40), ("openvino", "fp32", "auto", 2, 120)], 45, 1),
        ([("openvino", "bf16", "auto", 1, 40), ("openvino", "fp32", "auto", 2, 120), ("cpu", "fp32", "auto", 1.5, 150)], 45, 2),
        ([("openvino", "bf16", "auto", 1.02, 60), ("openvino", "bf16", 256, 1, 60)], 45, 0),
        ([("openvino", "bf16", "auto", 1.1, 60), ("openvino", "bf16", 256, 1, 60)], 45, 1),
        ([("cpu", "fp32", "auto", 2, 30)], 45, 0),
    ],
    ids=["quickest", "good enough", "another device", "not by noise", "tiles", "fp32 is always good enough"],
)  # fmt: skip
def test_the_quickest_way_that_is_good_enough_is_kept(ways, floor, wanted):
    made = [way(*each) for each in ways]
    assert tune._best(made, floor) is made[wanted]


def test_every_way_is_measured_and_the_engine_takes_what_is_kept(make_model, i2i, tmp_path):
    model = make_model("mix", receptive_field=1)
    status, out, err = i2i("tune", model)
    assert status == 0, err
    lines = out.splitlines()
    shown = [tuple(cell.strip() for cell in line.split("  ") if cell.strip()) for line in lines[1:7]]
    assert [row[:3] for row in shown] == [
        (title, precision, tiles)
        for title, precision in (("OpenVINO", "bf16"), ("OpenVINO", "fp32"), ("Plain CPU", "fp32"))
        for tiles in ("whole where it can be", "tiles of 32")
    ]
    assert all(float(row[3]) >= 0 and float(row[4]) > 0 for row in shown)
    assert [row[5] for row in shown[:2]] == ["40.0 (below the floor)"] * 2
    assert "Not tried: CUDA: no card was found." in out
    engine = Engine(model)
    profile = profile_of(engine.sha256)
    assert profile is not None
    assert (profile.precision, engine.precision) == ("fp32", "fp32")
    assert (engine.provider, engine.tile) == (profile.device, profile.tile)
    assert f"the best here by i2i tune of {profile.found}." in engine.reason
    (tmp_path / "in").mkdir()
    Image.new("RGB", (40, 30)).save(tmp_path / "in" / "a.png")
    assert "by i2i tune of" in i2i("convert", model, tmp_path / "in", tmp_path / "out")[2]


def test_what_the_user_names_comes_before_what_was_found(make_model):
    model = make_model("mix", receptive_field=1)
    keep_profile(Engine(model).sha256, Profile("cpu", "fp32", 32, 1, 90.0, "2026-11-29"))
    assert (Engine(model).provider, Engine(model).tile) == ("cpu", 32)
    assert (Engine(model, tile=48).provider, Engine(model, tile=48).tile) == ("cpu", 48)
    assert (Engine(model, device="openvino").precision, Engine(model, device="openvino").tile) == ("bf16", "auto")
    assert Engine(model, precision="bf16").provider == "openvino"


def test_pictures_of_16_bits_stay_in_fp32(make_model):
    model = make_model("mix")
    keep_profile(Engine(model).sha256, Profile("openvino", "bf16", "auto", 1, 60.0, "2026-11-29"))
    engine = Engine(model)
    assert (engine.precision, engine.deep_precision) == ("bf16", "fp32")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.write_text("{"),
        lambda path: path.write_text(json.dumps({"device": "cpu"})),
        lambda path: path.write_text(path.read_text().replace('"auto"', "-5")),
        lambda path: path.write_text(path.read_text().replace('"cpu"', '"abacus"')),
        lambda path: path.write_text(path.read_text().replace('"fp32"', '"bf16"')),
    ],
    ids=["no JSON", "cut short", "no tile", "no device", "not to be had"],
)
def test_a_profile_that_makes_no_sense_is_none(make_model, spoil):
    model = make_model("mix")
    spoil(keep_profile(Engine(model).sha256, Profile("cpu", "fp32", "auto", 1, 90.0, "2026-11-29")))
    engine = Engine(model)
    assert (engine.provider, engine.precision) == ("openvino", "bf16")
    assert "the best here by i2i tune" not in engine.reason


@pytest.mark.parametrize("change", ["model", "threads"])
def test_a_profile_is_of_one_model_on_one_machine(make_model, monkeypatch, change):
    model = make_model("mix")
    keep_profile(Engine(model).sha256, FOUND)
    assert "tune" in Engine(model).reason
    if change == "threads":
        monkeypatch.setattr(profiles, "available_threads", lambda: 3)
    assert "tune" not in Engine(make_model("mix", licence="another") if change == "model" else model).reason


def test_it_is_forgotten_on_demand(make_model, i2i):
    model = make_model("mix")
    sha256 = Engine(model).sha256
    keep_profile(sha256, FOUND)
    assert i2i("tune", model, "--forget")[1].strip() == "Forgotten."
    assert profile_of(sha256) is None
    assert not forget_profile(sha256)
    assert "nothing to forget" in i2i("tune", model, "--forget")[1]


def test_it_is_measured_with_the_users_pictures(make_model, tmp_path):
    sizes = ((90, 120), (40, 50), (64, 64))
    for n, (height, width) in enumerate(sizes):
        Image.new("RGB", (width, height)).save(tmp_path / f"{n}.png")
    (tmp_path / "a.png").write_bytes(b"broken")
    paths = sorted(tmp_path.glob("*.png"), reverse=True)
    engine = Engine(make_model("mix"))
    found = samples.samples(engine.card, lambda feeds: engine.run(feeds["image"]), paths)
    assert sorted(each["image"].shape for each in found) == [(1, 3, 40, 50), (1, 3, 64, 64), (1, 3, 64, 64)]
    with pytest.raises(RequestError, match="None of 1 pictures can be read"):
        samples.samples(engine.card, lambda feeds: engine.run(feeds["image"]), [tmp_path / "a.png"])


def test_pictures_are_fewer_where_the_model_is_slow(make_model, monkeypatch):
    engine = Engine(make_model("mix"))
    monkeypatch.setattr(samples, "SIDES", (1024, 256, 128))
    monkeypatch.setattr(samples, "SECONDS", 3.0)
    monkeypatch.setattr(samples, "_seconds_a_pixel", lambda *_: 2 / 256**2)
    found = samples.samples(engine.card, lambda feeds: engine.run(feeds["image"]), ())
    assert [each["image"].shape for each in found] == [(1, 3, 256, 256)]
