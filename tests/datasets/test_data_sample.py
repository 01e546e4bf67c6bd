"""The painted sample is reproducible, harmless to what is there, and rich enough to be worth learning."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.layouts.unpaired import find_unpaired, pairs_by_name
from i2i.datasets.streams.imresize import imresize
from i2i.datasets.streams.superres import SuperResSource
from i2i.datasets.synthetic.facades.canvas import LABELS
from i2i.datasets.synthetic.facades.scenes import facade_pair, write_facades
from i2i.datasets.synthetic.samples import SAMPLES
from i2i.datasets.synthetic.textures.scenes import texture_picture
from i2i.datasets.synthetic.textures.surfaces import FINENESS, SURFACES
from i2i.errors import DataError
from i2i.methods import METHODS

COLOURS = {colour: name for name, colour in LABELS.items()}


def digests(root: Path) -> dict[str, str]:
    files = sorted(root.rglob("*.png"))
    return {str(p.relative_to(root)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


def test_pairs_of_a_sample_are_a_layout_that_training_finds(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = SAMPLES["facades"].write(tmp_path / "sample", 20, 32, 1, lambda done, total: told.append((done, total)))
    assert find_pairs(out).description == "Side-by-side pairs in train (20), val (2) and test (2)."
    assert told[-1] == (24, 24)
    assert {Image.open(path).size for path in out.rglob("*.png")} == {(64, 32)}


def test_hr_pictures_of_a_sample_are_a_layout_that_training_finds(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = SAMPLES["superres"].write(tmp_path / "sample", 10, 32, 1, lambda done, total: told.append((done, total)))
    source = SuperResSource(out, scale=2)
    assert source.layout.description.startswith("HR pictures in train (10), val (8) and test (8)")
    assert told[-1] == (26, 26)
    assert {Image.open(path).size for path in out.rglob("*.png")} == {(32, 32)}
    assert len(set(digests(out).values())) == 26


@pytest.mark.parametrize("name", SURFACES)
def test_a_surface_is_in_range_its_seeds_own_and_richer_than_what_bicubic_keeps(name: str) -> None:
    one, again, other = (SURFACES[name](np.random.default_rng(seed), 96 * FINENESS) for seed in (3, 3, 4))
    assert one.shape == (96 * FINENESS, 96 * FINENESS, 3)
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert np.isfinite(one).all()
    picture = (np.clip(one, 0, 1).reshape(96, FINENESS, 96, FINENESS, 3).mean((1, 3)) * 255).astype(np.uint8)
    assert picture.std() > 3
    lost = np.abs(imresize(imresize(picture, 0.5), 2).astype(int) - picture).mean()
    assert (lost < 2) if name == "sky" else (lost > 2)  # what is to stay smooth, and what is to be learned


def test_more_textures_never_change_the_first_and_every_surface_is_a_ground() -> None:
    first = texture_picture(5, "train", 0, 48)
    assert np.array_equal(first, texture_picture(5, "train", 0, 48))
    assert not np.array_equal(first, texture_picture(5, "val", 0, 48))
    assert not np.array_equal(first, texture_picture(6, "train", 0, 48))


@pytest.mark.parametrize("name", ["seasons", "shapes"])
def test_domains_of_a_sample_share_names_in_test_alone(name: str, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    out = SAMPLES[name].write(tmp_path / "sample", 20, 32, 1, lambda done, total: told.append((done, total)))
    layout = find_unpaired(out)
    assert layout.description == "Two unpaired domains, A is 'A' and B is 'B', in train (20 and 20) and test (8 and 8)."
    assert not pairs_by_name(layout, "train")
    assert len(pairs_by_name(layout, "test")) == 8
    assert told[-1] == (56, 56)
    assert {Image.open(path).size for path in out.rglob("*.png")} == {(32, 32)}


def test_every_sample_says_what_it_is_for() -> None:
    for sample in SAMPLES.values():
        assert sample.preset is None or sample.preset in METHODS[sample.method].PRESETS


def test_the_same_seed_paints_the_same_and_more_never_change_the_first(tmp_path: Path) -> None:
    few = digests(write_facades(tmp_path / "few", 5, 32, 7))
    many = digests(write_facades(tmp_path / "many", 9, 32, 7))
    other = digests(write_facades(tmp_path / "other", 5, 32, 8))
    assert few.items() <= many.items()
    assert set(few.values()).isdisjoint(other.values())
    assert len(set(many.values())) == len(many)


def test_an_existing_sample_is_kept_and_an_interrupted_one_completed(tmp_path: Path) -> None:
    out = write_facades(tmp_path / "out", 4, 32, 0)
    wanted = digests(out)
    before = (out / "train" / "00001.png").stat().st_mtime_ns
    write_facades(out, 4, 32, 0)
    assert (out / "train" / "00001.png").stat().st_mtime_ns == before

    def interrupt(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_facades(tmp_path / "cut", 4, 32, 0, interrupt)
    assert len(digests(tmp_path / "cut")) == 3
    assert digests(write_facades(tmp_path / "cut", 4, 32, 0)) == wanted


def test_a_folder_with_anything_else_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("dear")
    with pytest.raises(DataError, match="other files"):
        write_facades(tmp_path / "mine", 4, 32, 0)
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    write_facades(tmp_path / "sample", 4, 32, 0)
    with pytest.raises(DataError, match="another sample"):
        write_facades(tmp_path / "sample", 4, 32, 1)
    with pytest.raises(DataError, match="is a file"):
        write_facades(tmp_path / "mine" / "notes.txt", 4, 32, 0)
    assert json.loads((tmp_path / "sample" / "sample.json").read_text())["seed"] == 0


def test_senseless_sizes_and_counts_are_refused(tmp_path: Path) -> None:
    for count, size, seed in ((1, 64, 0), (10, 8, 0), (10, 64, -1)):
        with pytest.raises(DataError):
            write_facades(tmp_path / "out", count, size, seed)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("size", [16, 64, 100, 256])
def test_any_size_is_painted_with_flat_labels_and_a_photograph(size: int) -> None:
    labels, photo = facade_pair(0, "train", 3, size)
    assert labels.shape == photo.shape == (size, size, 3)
    assert labels.dtype == photo.dtype == np.uint8
    assert {tuple(map(int, colour)) for colour in np.unique(labels.reshape(-1, 3), axis=0)} <= set(COLOURS)
    assert len(np.unique(photo.reshape(-1, 3), axis=0)) > size


def test_every_class_is_met_and_every_style_of_house_is_built() -> None:
    met: set[str] = set()
    for number in range(40):
        labels = facade_pair(0, "train", number, 64)[0]
        met |= {COLOURS[tuple(map(int, colour))] for colour in np.unique(labels.reshape(-1, 3), axis=0)}
    assert met == set(LABELS)


def test_most_of_what_a_colour_lookup_misses_can_be_foreseen_from_the_labels() -> None:
    """Otherwise no network could beat the best lookup by the third that the demo promises."""
    size = 64
    medians = {}
    by_class: dict[tuple[int, ...], list[np.ndarray]] = {}
    for number in range(40):
        labels, photo = facade_pair(0, "train", number, size)
        for colour in map(tuple, np.unique(labels.reshape(-1, 3), axis=0)):
            by_class.setdefault(colour, []).append(photo[(labels == colour).all(2)])
    medians = {colour: np.median(np.concatenate(seen), axis=0) for colour, seen in by_class.items()}
    lookup, chance = [], []
    for number in range(15):
        labels, photo = facade_pair(0, "val", number, size)
        guess = np.zeros(photo.shape)
        for colour, median in medians.items():
            guess[(labels == colour).all(2)] = median
        again_labels, again = facade_pair(0, "val", number, size, painting=1)
        assert np.array_equal(labels, again_labels)
        lookup.append(np.abs(guess - photo).mean() / 255)
        chance.append(np.abs(again.astype(float) - photo).mean() / 255)
    assert np.mean(lookup) > 0.08
    assert 0.005 < np.mean(chance) < 0.25 * np.mean(lookup)
