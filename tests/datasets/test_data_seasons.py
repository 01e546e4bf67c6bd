"""Painted seasons share scenes in test alone, follow from summer to winter, and no map of colours can do them."""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

import numpy as np
import pytest

from i2i.datasets.synthetic.seasons.paint import paint
from i2i.datasets.synthetic.seasons.plan import SIZES, Thing, draw_scene
from i2i.datasets.synthetic.seasons.scenes import season_picture, write_seasons
from i2i.datasets.synthetic.seasons.things import THINGS
from i2i.evaluation.colour_transfer import best_affine


def pictures(folder: str, count: int, size: int = 32, seed: int = 0) -> np.ndarray:
    """(count, size, size, 3) in [0, 1]."""
    return np.stack([season_picture(seed, folder, number, size) for number in range(count)]) / np.float32(255)


def test_no_scene_of_train_is_in_the_other_domain_or_in_test() -> None:
    """A shared scene would show: the edges of its summer and its winter lie in the same places."""
    winters = {"of test": pictures("testB", 12), "of train": pictures("trainB", 12)}
    for number, summer in enumerate(pictures("testA", 12)):
        edges = {name: [_alike(summer, winter) for winter in some] for name, some in winters.items()}
        assert int(np.argmax(edges["of test"])) == number
        assert max(edges["of train"]) < edges["of test"][number]


def _alike(one: np.ndarray, other: np.ndarray) -> float:
    """How far the edges of two pictures lie in the same places."""
    grey = (picture.mean(2) for picture in (one, other))
    a, b = (np.hypot(*np.gradient(picture)).ravel() for picture in grey)
    return float(np.corrcoef(a, b)[0, 1])


def test_pictures_do_not_depend_on_how_many_there_are(tmp_path: Path) -> None:
    def digests(root: Path) -> dict[str, str]:
        return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in root.rglob("*.png")}

    few, many = (digests(write_seasons(tmp_path / str(count), count, 16, 3)) for count in (2, 4))
    other = digests(write_seasons(tmp_path / "other", 2, 16, 4))
    assert few.items() <= many.items()
    assert set(few.values()).isdisjoint(other.values())
    assert len(set(many.values())) == len(many)


@pytest.mark.parametrize("size", [16, 64, 100])
def test_any_size_shows_the_same_scene(size: int) -> None:
    for winter in (False, True):
        scene = draw_scene(np.random.default_rng(5))
        large, small = (
            paint(scene, winter, side, np.random.default_rng(0)).astype(float) / 255 for side in (4 * size, size)
        )
        shrunk = large.reshape(size, 4, size, 4, 3).mean((1, 3))
        assert np.abs(shrunk - small).mean() < 0.04


def test_everything_that_can_stand_somewhere_is_painted_and_stands_somewhere() -> None:
    scenes = [draw_scene(np.random.default_rng(number)) for number in range(30)]
    assert {thing.kind for scene in scenes for thing in scene.things} == set(SIZES) == set(THINGS)
    assert {ridge.kind for scene in scenes for ridge in scene.ridges} == {
        "mountain", "meadow", "conifers", "leaf trees",
    }  # fmt: skip
    assert 0 < sum(scene.lake is not None for scene in scenes) < 30
    assert 0 < sum(scene.path is not None for scene in scenes) < 30


def test_winter_follows_from_the_scene_but_for_a_little_grain() -> None:
    for winter in (False, True):
        scene = draw_scene(np.random.default_rng(1))
        one, other = (paint(scene, winter, 64, np.random.default_rng(grain)).astype(float) / 255 for grain in (1, 2))
        assert 0 < np.abs(one - other).mean() < 0.015


def test_snow_lies_on_meadows_and_not_on_the_water_and_the_sky_stays_blue() -> None:
    """Three lakes, with the meadow in front of them: what lies where is known from the plan."""
    seen = 0
    for number in range(60):
        scene = draw_scene(np.random.default_rng((9, number)))
        if scene.lake is None or scene.lake[1] + scene.lake[3] > 0.86 or not 0.3 < scene.lake[0] < 0.7:
            continue
        bare = dataclasses.replace(scene, things=(), clouds=())
        summer, winter = (paint(bare, season, 64, np.random.default_rng(0)) / 255 for season in (False, True))
        x, y = int(scene.lake[0] * 64), int(scene.lake[1] * 64)
        water = (slice(y - 1, y + 2), slice(x - 3, x + 4))
        meadow, sky = (slice(61, 64), slice(None)), (slice(0, 3), slice(None))
        assert winter[meadow].mean() > 0.75 > 0.6 > summer[meadow].mean()
        assert winter[meadow].std((0, 1)).max() < 0.12
        assert winter[water].mean() < winter[meadow].mean() - 0.08
        for picture in (summer, winter):
            assert picture[sky][..., 2].mean() > picture[sky][..., 0].mean() + 0.1
        seen += 1
    assert seen >= 3


@pytest.mark.parametrize("kind", ["boulder", "cabin"])
def test_snow_lies_on_top_of_what_keeps_its_colour_below(kind: str) -> None:
    scene = draw_scene(np.random.default_rng(2))
    thing = Thing(kind, 0.5, 0.9, 0.5, 0.0, np.full(6, 0.3, np.float32))
    bare = dataclasses.replace(scene, things=(thing,), lake=None, path=None, warmth=0.0)
    summer, winter = (paint(bare, season, 64, np.random.default_rng(0)) / 255 for season in (False, True))
    top, foot = (slice(29, 33), slice(30, 35)), (slice(52, 56), slice(22, 26))
    assert winter[top].mean() > summer[top].mean() + 0.2
    assert winter[foot] == pytest.approx(summer[foot], abs=0.08)


@pytest.mark.parametrize(("kind", "brighter"), [("conifer", 0.1), ("leaf tree", 0.1)])
def test_trees_are_lighter_in_winter_and_still_seen_before_the_snow(kind: str, brighter: float) -> None:
    scene = draw_scene(np.random.default_rng(2))
    trees = [thing for number in range(9) for thing in draw_scene(np.random.default_rng(number)).things]
    thing = dataclasses.replace(next(t for t in trees if t.kind == kind), x=0.5, y=0.95, height=0.6, distance=0.0)
    box = (slice(28, 50), slice(27, 38))
    shown = {
        (season, there): paint(
            dataclasses.replace(scene, things=(thing,) * there, lake=None, path=None),
            season,
            64,
            np.random.default_rng(0),
        )[box].mean()
        / 255
        for season in (False, True)
        for there in (0, 1)
    }
    assert shown[True, 1] > shown[False, 1] + brighter
    assert shown[True, 1] < shown[True, 0] - 0.1


def test_no_map_of_colours_comes_near_the_truth() -> None:
    """The input is far from the truth, and the best affine map of all colours leaves nearly half of that."""
    summers, winters = pictures("testA", 24), pictures("testB", 24)
    best = best_affine(list(zip(summers, winters, strict=True)), 24)
    input_error = np.abs(summers - winters).mean()
    best_error = np.mean([np.abs(best(x) - y).mean() for x, y in zip(summers, winters, strict=True)])
    assert 0.15 < input_error < 0.35
    assert 0.42 * input_error < best_error < input_error
