"""Fixtures that several tests share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest
from onnx import helper
from small_models import build, card_for, make_probe

from i2i.card import CARD_KEY

MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    """`make_model("invert", scale=2, …)` writes a model with card and probe and gives its path."""

    def make(
        graph: str = "invert", *, spoil: float = 0.0, probe: bool = True, file: str = "", **fields: object
    ) -> Path:
        card = card_for(str(fields.pop("name", graph)), **fields)
        model = build(graph, card)
        if probe:
            card = dataclasses.replace(card, probe=make_probe(model, card, spoil))
        helper.set_model_props(model, {CARD_KEY: card.to_json()})
        path = tmp_path / (file or f"models/{card.name}/model.onnx")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(model.SerializeToString())
        return path

    return make


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real pictures beside the checkout."""
    folder = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real pictures of shared/data are not here")
    return folder
