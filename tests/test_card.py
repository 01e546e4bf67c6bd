"""The card survives its JSON, opens in its first schema, and damage to it is a sentence."""

import dataclasses
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import card_for, write_model

from i2i.card import Card
from i2i.errors import ModelFileError, RunError
from i2i.ports import PICTURES, Port, check_port
from i2i.serving.runtime.resolve import exported_models, resolve_model

NAMES = st.from_regex(r"\A[a-z][a-z0-9_]{0,8}\Z").filter(lambda name: name not in ("model", "picture", "image"))
WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@st.composite
def ports(draw):
    kind = draw(st.sampled_from(["mask", "reference", "label", "latent", "noise", "state", "number"]))
    if kind == "label":
        choices = tuple(draw(st.lists(WORDS, min_size=1, max_size=4, unique=True)))
        return Port(draw(NAMES), kind, choices=choices, default=draw(st.sampled_from([None, *choices])))
    if kind == "number":
        return Port(draw(NAMES), kind, (), 0, 2, default=draw(st.sampled_from([None, 0, 0.5, 2])))
    shape = (draw(st.integers(1, 9)), None, None) if kind in (*PICTURES, "noise") else (draw(st.integers(1, 9)),)
    prior = draw(st.sampled_from(["normal", "uniform"])) if kind == "latent" else "normal"
    low, high = draw(st.none() | st.floats(-9, 0)), draw(st.none() | st.floats(0, 9))
    return Port(draw(NAMES), kind, shape, low, high, prior=prior)


@st.composite
def cards(draw):
    card = card_for(draw(WORDS), scale=draw(st.integers(1, 8)), metrics={"val_l1": draw(st.floats(0, 1))})
    more = draw(st.lists(ports(), max_size=4, unique_by=lambda port: port.name))
    fields = {name: getattr(card, name) for name in Card.__dataclass_fields__}
    return Card(**{**fields, "inputs": (*card.inputs, *more)})


@given(cards())
@settings(deadline=None, max_examples=60)
def test_any_card_survives_its_json(card):
    assert Card.from_json(card.to_json()) == card


@given(cards(), st.data())
@settings(deadline=None, max_examples=150)
def test_a_damaged_card_is_a_card_or_a_sentence_and_never_a_traceback(card, data):
    fields = json.loads(card.to_json())
    key = data.draw(st.sampled_from(sorted(fields)))
    fields[key] = data.draw(JSON)
    text = json.dumps(fields)
    for each in (text, text[: data.draw(st.integers(0, len(text)))], data.draw(st.text(max_size=20))):
        try:
            assert isinstance(Card.from_json(each), Card)
        except ModelFileError as error:
            assert "Export the model again" in str(error) or "Update i2i" in str(error)  # noqa: PT017


@pytest.mark.parametrize(
    ("port", "rule"),
    [
        (Port("psi", "number", (), 0, None), "both low and high"),
        (Port("psi", "number", (), 0, 1, default=1.5), "does not lie from low to high"),
        (Port("psi", "number", (2,), 0, 1), "a number has no shape"),
        (Port("z", "latent", (2,), prior="cauchy"), "prior 'cauchy' is none of normal, uniform"),
    ],
)
def test_a_port_that_no_graph_can_have_is_refused_with_the_rule(port, rule):
    with pytest.raises(ValueError, match=rule):
        check_port(port)


def test_what_makes_pictures_from_noise_has_a_latent_and_one_size():
    latent, sample = Port("latent", "latent", (4,)), Port("sample", "image", (4, 8, 6), 0, 1)
    card = card_for(task="generation", inputs=(latent,), outputs=(sample,))
    again = Card.from_json(card.to_json())
    assert (again.image, again.fixed_size, again.input_meaning, again.output_meaning) == (None, None, "none", "rgba")
    for wrong, why in (({"inputs": (Port("psi", "number", (), 0, 1),)}, "neither a picture nor a latent"),
                       ({"outputs": (Port("sample", "image", (3, None, 8)),)}, "made of no latent")):  # fmt: skip
        with pytest.raises(ModelFileError, match=why):
            Card.from_json(dataclasses.replace(card, **wrong).to_json())


def test_a_card_of_a_translator_says_nothing_of_priors():
    assert '"prior"' not in card_for().to_json()


def test_a_card_of_the_first_schema_has_one_picture_in_and_one_out():
    first = {
        "name": "old", "method": "cyclegan", "task": "translation", "source": "a", "target": "b", "input_channels": 1,
        "output_channels": 3, "input_meaning": "grey", "output_meaning": "rgb", "tiling": "global",
        "parity": {"1x64x64": 1e-7},
    }  # fmt: skip
    card = Card.from_json(json.dumps(first))
    assert [(port.name, port.shape) for port in (*card.inputs, *card.outputs)] == [
        ("image", (1, None, None)), ("translation", (3, None, None)),
    ]  # fmt: skip
    assert (card.schema, card.supervision, card.controls) == (2, "unpaired", ())
    assert card.parity == {"translation": {"1x64x64": 1e-7}}


def test_an_export_of_any_name_is_found_by_its_card(tmp_path):
    for name in ("summer", "winter"):
        write_model(tmp_path, file=f"run/{name}.onnx")
    run = tmp_path / "run"
    Path(run / "notes.onnx").write_text("no model")
    assert [path.stem for path in exported_models(run)] == ["summer", "winter"]
    assert resolve_model(run, "winter") == run / "winter.onnx"
    with pytest.raises(RunError, match=r"holds summer\.onnx and winter\.onnx\. Say which with --direction"):
        resolve_model(run)
    (run / "winter.onnx").unlink()
    assert resolve_model(run) == run / "summer.onnx"
