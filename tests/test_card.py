"""The card survives its JSON, opens in its first schema, and damage to it is a sentence."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_models import card_for, write_model

from i2i.card import Card
from i2i.errors import ModelFileError, RunError
from i2i.ports import PICTURES, Port
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
    kind = draw(st.sampled_from(["mask", "reference", "label", "latent", "noise", "state"]))
    if kind == "label":
        choices = tuple(draw(st.lists(WORDS, min_size=1, max_size=4, unique=True)))
        return Port(draw(NAMES), kind, choices=choices, default=draw(st.sampled_from([None, *choices])))
    shape = (draw(st.integers(1, 9)), None, None) if kind in (*PICTURES, "noise") else (draw(st.integers(1, 9)),)
    return Port(draw(NAMES), kind, shape, draw(st.none() | st.floats(-9, 0)), draw(st.none() | st.floats(0, 9)))


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
