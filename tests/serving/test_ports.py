"""A model with a label, a latent and explicit noise trains, exports, converts and serves; its page has their controls."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from PIL import Image
from toy_method import SEASONS, STEPS, train_toy

from i2i.errors import RequestError, UnknownNameError
from i2i.export.from_run import export_run
from i2i.methods import METHODS
from i2i.serving.inference.controls import resolve_controls
from i2i.serving.inference.engine import Engine
from i2i.serving.runtime.model_file import read_card
from i2i.serving.web.server import create_app


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Iterator[Path]:
    """The run directory of the toy method, trained and exported."""
    with pytest.MonkeyPatch.context() as patch:
        from toy_method import Toy

        patch.setitem(METHODS, "toy", Toy)
        trained = train_toy(tmp_path_factory.mktemp("toy") / "seasons")
        export_run(trained)
        yield trained.path


@pytest.fixture(scope="module")
def engine(run) -> Engine:
    return Engine(run / "model.onnx", device="cpu")


@pytest.fixture
def photo(tmp_path) -> Path:
    path = tmp_path / "photos" / "photo.png"
    path.parent.mkdir()
    small = np.random.default_rng(1).integers(60, 190, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(small).resize((50, 38), Image.Resampling.BICUBIC).save(path)
    return path


def test_the_run_went_its_twenty_steps_and_learned(run):
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    assert lines[-1]["images"] == 2 * STEPS


def test_card_probe_and_parity_are_by_port_name(run):
    card = read_card(run / "model.onnx")
    assert card.schema == 2
    assert [(port.name, port.kind) for port in card.inputs] == [
        ("image", "image"), ("label", "label"), ("latent", "latent"), ("noise", "noise"),
    ]  # fmt: skip
    assert list(card.parity) == ["translation"]
    assert card.worst_parity < 1e-4
    types = {name: (array.type, array.shape) for name, array in card.probe.inputs.items()}
    assert types == {
        "image": ("unorm8", (1, 3, 32, 32)), "label": ("int64", (1,)),
        "latent": ("float32", (1, 6)), "noise": ("float32", (1, 1, 32, 32)),
    }  # fmt: skip


def test_info_lists_the_ports_for_people_and_for_programs(run, i2i):
    text = i2i("info", run)[1]
    assert "--with label=…: spring, summer, autumn, winter (summer unless given)" in text
    assert "--with latent.seed=…: a whole number (0 unless given)" in text
    assert "--with noise.strength=…: 0 to 1 (0 unless given)" in text
    card = json.loads(i2i("info", run, "--json")[1])
    assert card["inputs"][1]["choices"] == list(SEASONS)
    assert (card["input_channels"], card["output_meaning"]) == (3, "rgb")


def convert(i2i, run, photo, out, *settings, metadata="keep"):
    options = ["--metadata", metadata, *(part for setting in settings for part in ("--with", setting))]
    status, _, err = i2i("convert", run, photo.parent, out, "--device", "cpu", *options)
    assert status == 0, err
    return (out / photo.name).read_bytes()


def test_convert_takes_what_the_ports_take_and_the_same_words_give_the_same_bytes(run, i2i, photo, tmp_path):
    words = [(), ("label=winter",), ("label=winter", "latent.seed=3"), ("noise.strength=0.5",), ("latent=1,2,3,4,5,6",)]
    results = [convert(i2i, run, photo, tmp_path / f"out{n}", *each) for n, each in enumerate(words)]
    assert len(set(results)) == len(words)
    for n, each in enumerate(words):
        assert convert(i2i, run, photo, tmp_path / f"again{n}", *each) == results[n]
    defaults = ("label=summer", "latent.seed=0", "noise.strength=0", "noise.seed=9")
    assert convert(i2i, run, photo, tmp_path / "defaults", *defaults) == results[0]


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ("labl=winter", "No control of seasons is called 'labl'. Did you mean 'label'? Known: label, latent.seed,"),
        ("label=wintr", "No label is called 'wintr'. Did you mean 'winter'? Known: autumn, spring, summer, winter."),
        ("latent.seed=-1", "latent.seed is '-1'; it must be a whole number from 0 to"),
        ("latent.seed=1.5", "must be a whole number"),
        ("noise.strength=nan", "must be a number from 0 to 1"),
        ("latent=1,2", "latent takes 6 numbers, as in latent=0.5,-1,…"),
        ("winter", "--with takes port=value, as in --with label=winter"),
    ],
)
def test_convert_refuses_what_the_model_does_not_have_with_the_choices(run, i2i, photo, tmp_path, setting, sentence):
    status, _, err = i2i("convert", run, photo.parent, tmp_path / "out", "--device", "cpu", "--with", setting)
    assert status == 2
    assert sentence in err
    assert not (tmp_path / "out").exists()


def test_a_model_without_ports_beside_the_picture_refuses_all(make_model):
    engine = Engine(make_model(), device="cpu")
    with pytest.raises(UnknownNameError, match=r"No control of invert is called 'label'\. Known: none\."):
        engine(np.zeros((8, 8, 3), np.uint8), label="winter")


def test_python_sets_ports_by_name_and_batches_too(engine):
    picture = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    results = [engine(picture, label=season, **{"latent.seed": 3}) for season in SEASONS]
    assert len({result.tobytes() for result in results}) == len(SEASONS)
    batch = np.stack([picture.transpose(2, 0, 1)] * 2).astype(np.float32) / 255
    both = engine.run(batch, label="winter", **{"latent.seed": 3})
    np.testing.assert_array_equal(np.rint(both[1].transpose(1, 2, 0) * 255).astype(np.uint8), results[3])


def test_noise_that_follows_the_picture_is_the_same_whole_and_in_tiles(run):
    picture = np.random.default_rng(0).integers(0, 256, (200, 160, 3), dtype=np.uint8)
    said = {"noise.strength": 0.8, "noise.seed": 5}
    whole, tiled = (Engine(run / "model.onnx", device="cpu", tile=tile)(picture, **said) for tile in ("off", 64))
    np.testing.assert_allclose(whole.astype(int), tiled, atol=1)


def test_a_latent_is_drawn_from_the_standard_normal_distribution_by_its_seed(engine):
    drawn = np.stack([resolve_controls(engine.card, {"latent.seed": seed})["latent"] for seed in range(300)])
    assert abs(drawn.mean()) < 0.1
    assert abs(drawn.std() - 1) < 0.1
    assert resolve_controls(engine.card, {})["noise"].any() == False  # noqa: E712
    with pytest.raises(RequestError, match="no numbers"):
        resolve_controls(engine.card, {"latent": [np.nan] * 6})


@pytest.fixture(scope="module")
def base(serving, engine) -> Iterator[str]:
    with serving(create_app({"seasons": engine})) as address:
        yield address


def test_the_server_takes_settings_as_parameters_and_as_form_fields(base, run, i2i, photo, tmp_path):
    data = photo.read_bytes()
    plain = httpx.post(f"{base}/v1/translate", content=data)
    winter = httpx.post(f"{base}/v1/translate?label=winter&latent.seed=3", content=data)
    form = httpx.post(f"{base}/v1/translate?label=winter", files={"image": data}, data={"latent.seed": "3"})
    assert (plain.status_code, winter.status_code, form.status_code) == (200, 200, 200)
    assert winter.content == form.content != plain.content
    words = ("label=winter", "latent.seed=3")
    converted = convert(i2i, run, photo, tmp_path / "out", *words, metadata="strip")
    np.testing.assert_array_equal(pixels(winter.content), pixels(converted))  # the server packs its PNGs in less time


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)))


@pytest.mark.parametrize(
    ("query", "sentence"),
    [
        ("label=wintr", "Did you mean 'winter'? Known: autumn, spring, summer, winter."),
        (
            "labl=winter",
            "No parameter is called 'labl'. Did you mean 'label'? Known: model, format, label, latent.seed,",
        ),
        ("label=winter&label=summer", "given twice"),
        ("latent.seed=x", "must be a whole number"),
    ],
)
def test_the_server_refuses_what_the_model_does_not_have_with_the_choices(base, photo, query, sentence):
    answer = httpx.post(f"{base}/v1/translate?{query}", content=photo.read_bytes())
    assert answer.status_code == 400
    assert sentence in answer.json()["error"]


def test_the_api_describes_the_settings(base):
    schema = httpx.get(f"{base}/openapi.json").json()["paths"]["/v1/translate"]["post"]
    parameters = {row["name"]: row["schema"] for row in schema["parameters"]}
    assert parameters["label"] == {"type": "string", "enum": list(SEASONS)}
    assert parameters["noise.strength"]["maximum"] == 1
    form = schema["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"image", "label", "latent.seed", "noise.strength", "noise.seed"}
    assert httpx.get(f"{base}/v1/models").json()["models"][0]["settings"]["label"]["default"] == "summer"
    assert "spring, summer, autumn, winter" in httpx.get(f"{base}/docs").text


def test_the_page_has_controls_that_work(base, browser, photo):
    context = browser.new_context(viewport={"width": 390, "height": 900}, accept_downloads=True)
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.goto(base)
    page.locator("#file").set_input_files(photo)

    def translated(query: str) -> None:
        """The page's download becomes what the API gives for `query`."""
        wanted = httpx.post(f"{base}/v1/translate?{query}", content=photo.read_bytes()).content
        page.get_by_role("button", name="Translate", exact=True).click()
        for _ in range(50):
            page.wait_for_timeout(100)
            if page.locator("#download").is_enabled():
                with page.expect_download() as waiting:
                    page.locator("#download").click()
                if Path(waiting.value.path()).read_bytes() == wanted:
                    return
        raise AssertionError(f"the page never offered the translation of {query!r}")

    translated("")
    page.locator("select[name=label]").select_option("winter")
    translated("label=winter")
    page.locator("input[name='noise.strength']").fill("0.5")
    page.locator("input[name='latent.seed']").fill("3")
    translated("label=winter&noise.strength=0.5&latent.seed=3")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("#items .tile").nth(1).click()  # what was set for it comes back with it
    settings = [page.locator(f"[name='{name}']").input_value() for name in ("label", "noise.strength", "latent.seed")]
    assert settings == ["winter", "0", "0"]
    context.close()
