"""`POST /v1/generate`: pictures of a seed, of picks and of a way, beside translators on one server."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import httpx
import numpy as np
import pytest
from latent_models import CLASSES, SIDES, write_latent_model
from PIL import Image
from small_models import write_model

from i2i.serving.generation.directions import Direction, place_of, write_directions
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick, pairs
from i2i.serving.hosting.host import Host
from i2i.serving.web.server import create_app

WAIT = 120
"""Seconds, for what would hang."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    write_latent_model(folder, "discs", classes=True, file="a-discs.onnx")
    write_latent_model(folder, "style", style=True, noise=True, file="b-style.onnx")
    write_model(folder, file="c-invert.onnx")
    return folder


@pytest.fixture(scope="module")
def base(serving, folder) -> Iterator[str]:
    host = Host([folder], device="cpu")
    with serving(create_app(host, max_result_pixels=1e5)) as address:
        yield address


@pytest.fixture(scope="module")
def discs(folder) -> Generator:
    return Generator(folder / "a-discs.onnx", device="cpu")


@pytest.fixture(scope="module")
def style(folder) -> Generator:
    return Generator(folder / "b-style.onnx", device="cpu")


def ask(base, told, model=None, **options):
    query = {} if model is None else {"model": model}
    return httpx.post(f"{base}/v1/generate", params={**query, **options}, json=told, timeout=WAIT)


def cells(answer, columns: int) -> np.ndarray:
    """(N, H, W, 3) of the sheet's places."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-columns"] == str(columns)
    whole = np.asarray(Image.open(io.BytesIO(answer.content)).convert("RGB"))
    (height, width), rows = SIDES, whole.shape[0] // SIDES[0]
    cut = whole.reshape(rows, height, columns, width, 3).transpose(0, 2, 1, 3, 4)
    return cut.reshape(-1, height, width, 3)


def made(generator, *picks) -> np.ndarray:
    return np.rint(generator.pictures(picks).transpose(0, 2, 3, 1) * 255).astype(np.uint8)


def test_consecutive_numbers_of_a_seed_come_as_a_sheet(base, discs):
    got = cells(ask(base, {"seed": 3, "number": 5, "count": 7, "columns": 4}), 4)
    np.testing.assert_array_equal(got[:7], made(discs, *(Pick(3, 5 + n) for n in range(7))))
    assert (got[7] == 255).all()
    one = ask(base, {"seed": 3, "number": 11})
    np.testing.assert_array_equal(cells(one, 1)[0], got[6])
    empty = httpx.post(f"{base}/v1/generate", timeout=WAIT)
    np.testing.assert_array_equal(cells(empty, 1)[0], made(discs, Pick())[0])


def test_settings_stand_beside_the_seed_or_below_settings(base, discs):
    wanted = made(discs, Pick(1, 2, pairs({"label": "blue", "latent.0": 2.0}), 0.5))[0]
    for told in ({"label": "blue", "latent.0": 2.0}, {"settings": {"label": "blue", "latent.0": 2.0}}):
        got = cells(ask(base, {"seed": 1, "number": 2, "truncation": 0.5, **told}), 1)[0]
        np.testing.assert_array_equal(got, wanted)
    explicit = cells(ask(base, {"latent": [0.0] * 8, "label": "red"}), 1)[0]
    np.testing.assert_array_equal(explicit, made(discs, Pick(controls=pairs({"latent": [0.0] * 8, "label": "red"})))[0])


def test_picks_frames_and_mixtures_are_those_of_the_engine(base, style):
    a, b = {"seed": 1, "number": 2}, {"seed": 4, "number": 0, "truncation": 0.5}
    one, two = Pick(1, 2), Pick(4, 0, truncation=0.5)
    got = cells(ask(base, {"picks": [a, b, {**a, "mix": b, "layer": 2}]}, "style"), 2)
    np.testing.assert_array_equal(got[:3], made(style, one, two, Pick(1, 2, mix=two, layer=2)))
    way = cells(ask(base, {**a, "to": b, "frames": 5, "columns": 5}, "style"), 5)
    np.testing.assert_array_equal(way, made(style, *(Pick(1, 2, to=two, at=n / 4) for n in range(5))))
    np.testing.assert_array_equal(way[[0, 4]], got[:2])


def test_the_first_model_of_each_kind_is_asked_where_none_is_named(base):
    picture = io.BytesIO()
    Image.new("RGB", (8, 8), (255, 0, 100)).save(picture, "PNG")
    translated = httpx.post(f"{base}/v1/translate", content=picture.getvalue(), timeout=WAIT)
    assert Image.open(io.BytesIO(translated.content)).getpixel((0, 0)) == (0, 255, 155)
    wrong = httpx.post(f"{base}/v1/translate?model=style", content=picture.getvalue(), timeout=WAIT)
    assert (wrong.status_code, wrong.json()["error"]) == (
        400, "style is no model that translates pictures; it makes them from noise: POST /v1/generate.",
    )  # fmt: skip
    assert "it translates pictures: POST /v1/translate" in ask(base, {}, "invert").json()["error"]
    assert ask(base, {}, "styl").status_code == 404


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ([1], "The request is a JSON object"),
        ({"count": 0}, "`count` is '0'; it must be a whole number from 1 to 256"),
        ({"count": 200}, "an answer has 0.1 at most"),
        ({"count": 70, "columns": 69}, "an answer has 0.1 at most"),  # 68 places stay empty
        ({"latent": [10**400] + 7 * [0]}, "latent takes 8 numbers"),
        ({"to": {"to": {"label": "rd"}}}, "Did you mean 'red'"),
        ({"truncation": 0.5, "latent.seed": 3}, "Leave one of them out"),
        ({"number": -1}, "`number` is '-1'"),
        ({"seed": 1.5}, "`seed` is '1.5'"),
        ({"label": "rd"}, "Did you mean 'red'? Known: blue, green, red"),
        ({"lable": "red"}, "Did you mean 'label'"),
        ({"at": 2}, "`at` is '2'; it must be a number from 0 to 1"),
        ({"frames": 5}, "`frames` are of a way"),
        ({"to": 3}, "A picture is an object of seed, number"),
        ({"to": {"count": 3}}, "`count` is of the request"),
        ({"to": {"to": {"to": {"to": {"to": {}}}}}}, "A picture is an object"),
        ({"picks": []}, "`picks` is a list of 1 to 256 pictures"),
        ({"picks": [{}], "seed": 3}, "Beside `picks` there is only `columns`"),
        ({"mix": {}}, "mixing is of style nets"),
        ({"latent": [1, [2]]}, "is a text, a number, or a list of numbers"),
        ({"latent.9": 1}, "from latent.0 to latent.7"),
        ({"truncation": 0}, "it must be 0.01 or more"),
        ({"direction.age": 1}, "No direction is called 'age'"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(base, told, words):
    answer = ask(base, told)
    assert answer.status_code in (400, 413)
    assert words in answer.json()["error"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[" * 100_000, b'{"seed": NaN}', b'{"latent": "1,2"}', b"null"])
def test_bodies_that_are_no_request_are_answered_with_a_sentence(base, body):
    answer = httpx.post(f"{base}/v1/generate", content=body, timeout=WAIT)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]


def test_models_the_protocol_and_the_docs_tell_of_it(base):
    rows = {row["id"]: row for row in httpx.get(f"{base}/v1/models", timeout=WAIT).json()["models"]}
    assert (rows["discs"]["task"], rows["discs"]["input"], rows["discs"]["output"]) == ("generation", "none", "rgb")
    assert rows["discs"]["settings"]["label"]["enum"] == list(CLASSES)
    assert rows["style"]["settings"]["truncation"] == {"default": 1.0, "type": "number", "minimum": 0, "maximum": 1.5}
    schema = httpx.get(f"{base}/openapi.json", timeout=WAIT).json()["paths"]["/v1/generate"]["post"]
    assert "seed" in json.dumps(schema["requestBody"])
    assert "/v1/generate" in httpx.get(f"{base}/docs", timeout=WAIT).text
    told = httpx.get(f"{base}/v2/models/style", timeout=WAIT).json()
    assert [(port["name"], port["datatype"], port["shape"]) for port in told["inputs"]][:2] == [
        ("latent", "FP32", [-1, 8]), ("truncation", "FP32", [-1]),
    ]  # fmt: skip
    infer = {"inputs": [{"name": "latent", "datatype": "FP32", "shape": [1, 8], "data": [0] * 8}]}
    answer = httpx.post(f"{base}/v2/models/style/infer", json=infer, timeout=WAIT)
    assert (answer.status_code, "POST /v1/generate" in answer.json()["error"]) == (400, True)


def test_directions_are_taken_as_they_lie_beside_the_model_now(base, style):
    def along(name):
        return ask(base, {f"direction.{name}": 2}, "style")

    assert along("wide").status_code == 400
    for name in ("wide", "broad"):
        write_directions(style.path, style.sha256, (Direction(name, "w", (0, 0, 2.0, 0, 0, 0, 0, 0)),))
        style.read_directions()
        wanted = made(style, Pick(controls=pairs({f"direction.{name}": 2})))
        np.testing.assert_array_equal(cells(along(name), 1), wanted)
    assert along("wide").status_code == 400
    told = httpx.get(f"{base}/page/facts", timeout=WAIT).json()["models"]["style"]["makes"]
    assert told["directions"] == [{"name": "broad", "share": 0.0}]
    place_of(style.path).write_text("{")
    assert ask(base, {}, "style").status_code == 200  # a file that somebody is editing costs no picture
    assert httpx.get(f"{base}/page/facts", timeout=WAIT).json()["models"]["style"]["makes"]["directions"] == []
    place_of(style.path).unlink()


def test_a_server_of_translators_alone_says_that_nothing_is_made_here(serving, tmp_path):
    with serving(create_app(Host([write_model(tmp_path)], device="cpu"))) as address:
        answer = ask(address, {})
    assert (answer.status_code, answer.json()) == (404, {"error": "No model here makes pictures from noise."})
