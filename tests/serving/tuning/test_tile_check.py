"""`i2i tile-check` measures what the docs claim of tiles and segments."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from PIL import Image

from i2i.errors import RequestError
from i2i.images.image import Picture
from i2i.serving import Engine
from i2i.serving.tuning import tile_check as module
from i2i.serving.tuning.tile_check import tile_check


def picture(height: int = 200, width: int = 260) -> Picture:
    return Picture(np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8))


def test_tiles_of_a_local_model_are_found_the_same(make_model):
    engine = Engine(make_model("enlarge", scale=2, receptive_field=1), device="cpu")
    found = tile_check(engine, picture(), 64)
    assert (found.is_the_same, found.largest, found.parts, found.overlap) == (True, 0.0, "tiles of 64 pixels", 1)
    assert found.seen == 1


def test_segments_of_a_normalising_model_are_found_the_same(make_model):
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    found = tile_check(engine, picture())
    assert found.is_the_same
    assert found.largest < 0.01
    assert (found.parts, found.seen, found.overlap) == ("segments", None, None)


def test_a_card_that_calls_the_receptive_field_too_small_is_found_out(make_model, monkeypatch):
    """Blocks of 4 pixels cut at a tile's border, as the card says that a pixel sees itself alone."""
    engine = Engine(make_model("blocks", multiple=1, smallest=4, receptive_field=1), device="cpu")
    monkeypatch.setattr(engine.executor.whole, "card", dataclasses.replace(engine.card, multiple=4))
    found = tile_check(engine, picture(), 33)
    assert not found.is_the_same
    assert found.difference.max() == 255
    assert found.seen == 4
    assert "NOT the same" in "\n".join(found.lines())


def test_the_command_says_it_and_writes_the_difference(make_model, tmp_path, i2i):
    Image.fromarray(picture().pixels).save(tmp_path / "a.png")
    model = make_model("enlarge", scale=2, receptive_field=1)
    status, out, err = i2i("tile-check", model, tmp_path / "a.png", "--difference", tmp_path / "seams.png")
    assert status == 0
    assert "Plain CPU" in err or "OpenVINO" in err
    assert "at most 0.0000 of 255" in out
    assert Image.open(tmp_path / "seams.png").size == (520, 400)


def test_a_model_of_one_size_has_nothing_to_compare(make_model, monkeypatch):
    engine = Engine(make_model("network", tiling="global"), device="cpu")
    monkeypatch.setattr(engine, "_executor", object())
    with pytest.raises(RequestError, match="one size alone"):
        module.tile_check(engine, picture())
