"""Two unpaired domains are found whatever their names, and each is drawn as if the other were not there."""

from __future__ import annotations

import json
import pickle
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from i2i.datasets import DATASETS
from i2i.datasets.layouts.holdout import hold_out
from i2i.datasets.layouts.items import Single
from i2i.datasets.layouts.layout import Layout
from i2i.datasets.layouts.paired import find_pairs
from i2i.datasets.layouts.unpaired import find_unpaired, pairs_by_name
from i2i.datasets.streams.loading import decode
from i2i.datasets.streams.unpaired import UnpairedPictures
from i2i.errors import ConfigError, DataError, UnknownNameError

RNG = np.random.default_rng(0)


def of_domain(layout: Layout[Single], split: str, place: int) -> tuple[Single, ...]:
    return layout.domains[place].items[split]  # type: ignore[return-value]


def put(path: Path, shape: tuple[int, ...] = (48, 48, 3)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, shape, np.uint8)).save(path)
    return path


def domains(root: Path, counts: dict[str, int], shape: tuple[int, ...] = (48, 48, 3)) -> Path:
    """Folders below `root` with so many pictures of noise, their names with a space and different in each."""
    for folder, count in counts.items():
        for number in range(count):
            put(root / folder / f"{folder.replace('/', '-')} {number}.png", shape)
    return root


def names(layout: Layout[Single], split: str) -> list[list[str]]:
    return [[single.name for single in of_domain(layout, split, side)] for side in (0, 1)]


def stream(root: Path, **options: Any) -> UnpairedPictures:
    layout = find_unpaired(root)
    return UnpairedPictures(of_domain(layout, "train", 0), of_domain(layout, "train", 1), size=32, **options)


def refusal(root: Path, **sides: str) -> str:
    with pytest.raises(DataError) as caught:
        hold_out(find_unpaired(root, **sides))
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


# Layouts


@pytest.mark.parametrize("folders", [("trainA", "trainB", "testA", "testB"), ("TRAIN_a", "Train_b", "test-A", "TESTB")])
def test_lettered_folders_of_any_counts_and_case_are_two_domains(tmp_path: Path, folders: tuple[str, ...]) -> None:
    domains(tmp_path, dict(zip(folders, (3, 5, 2, 1), strict=True)))
    layout = find_unpaired(tmp_path, "summer", "winter")
    assert layout.description == (
        "Two unpaired domains, A is 'summer' and B is 'winter', in train (3 and 5) and test (2 and 1)."
    )
    assert {single.path.parent.name for single in of_domain(layout, "train", 1)} == {folders[1]}
    assert hold_out(layout).description.endswith("; test serves as val.")
    assert (find_unpaired(tmp_path).names[0], find_unpaired(tmp_path).names[1]) == ("A", "B")


@pytest.mark.parametrize("pattern", ["{side}", "train/{side}", "{side}/train"])
def test_any_two_folders_are_two_domains_whatever_their_names(tmp_path: Path, pattern: str) -> None:
    domains(tmp_path, {pattern.format(side="sunny"): 4, pattern.format(side="rainy"): 2})
    layout = find_unpaired(tmp_path)
    assert layout.names == ("rainy", "sunny")
    assert [len(some) for some in names(layout, "train")] == [2, 4]
    assert "pairing" not in layout.description


def test_three_folders_are_ambiguous_until_two_are_named(tmp_path: Path) -> None:
    domains(tmp_path, {"day": 2, "dusk": 2, "night": 3})
    assert "day, dusk, night" in refusal(tmp_path)
    layout = find_unpaired(tmp_path, "night", "day")
    assert [len(some) for some in names(layout, "train")] == [3, 2]


def test_folders_of_pairs_serve_as_two_domains_and_it_is_said(tmp_path: Path) -> None:
    for number in range(3):
        for side in ("low", "high"):
            put(tmp_path / "named" / side / f"{number}.png")
        put(tmp_path / "halved" / f"{number}.png", (16, 32, 3))
    named = find_unpaired(tmp_path / "named")
    assert named.description.endswith("in train (3 and 3); their names match, but their pairing is not used.")
    halved = find_unpaired(tmp_path / "halved", "left", "right")
    assert halved.description.endswith("in train (3 and 3); they lie side by side, but their pairing is not used.")
    whole = np.asarray(Image.open(tmp_path / "halved" / "1.png"))
    for side in (0, 1):
        (half,) = decode(of_domain(halved, "train", side)[1])
        assert np.array_equal(half, whole[:, 16 * side : 16 * (side + 1)])


@pytest.mark.parametrize("name", ["trainA", "summer", "train"])
def test_one_domain_alone_is_not_cut_into_halves_unless_they_are_named(name: str, tmp_path: Path) -> None:
    domains(tmp_path / "data", {name: 3})
    for folder in {"train": ("data", "data/train")}.get(name, (f"data/{name}",)):
        assert "say what its halves are" in refusal(tmp_path / folder)
        with pytest.raises(DataError, match="say what its halves are"):
            find_unpaired(tmp_path / folder, "left")
        named = find_unpaired(tmp_path / folder, "left", "right")
        assert [len(some) for some in names(named, "train")] == [3, 3]


def test_no_picture_of_a_domain_is_lost_when_names_are_alike(tmp_path: Path) -> None:
    domains(tmp_path, {"trainA": 2, "trainB": 2})
    put(tmp_path / "trainA" / "trainA 0.bmp")
    assert len(set(names(find_unpaired(tmp_path), "train")[0])) == 3


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        ({"trainA": 2, "trainB": 2, "testA": 1}, "holds testA but no pictures in testB"),
        ({"trainA": 2, "trainB": 2, "more": 1}, "besides pictures in more"),
        ({"trainA": 2, "trainB": 2, "train_a": 1}, "which mean the same"),
        ({"testA": 2, "testB": 2}, "no pictures to train on in 'A'"),
        ({"trainA": 2, "trainB": 1}, "one picture to train on in 'B'"),
        ({"only": 2}, "holds one folder of pictures"),
    ],
)
def test_what_is_no_two_domains_is_refused_in_a_sentence(tmp_path: Path, folders: dict[str, int], said: str) -> None:
    assert said in refusal(domains(tmp_path, folders))


def test_the_paired_method_names_the_command_for_unpaired_folders(tmp_path: Path) -> None:
    domains(tmp_path, {"trainA": 2, "trainB": 2})
    with pytest.raises(DataError, match=r"trainA, trainB.*i2i train cyclegan"):
        find_pairs(tmp_path)


def test_pictures_of_one_name_in_both_domains_are_the_pairs_to_score(tmp_path: Path) -> None:
    domains(tmp_path, {"trainA": 2, "trainB": 2})
    for number in range(4):
        put(tmp_path / "testA" / f"scene {number}.png")
    for number in (1, 3, 7):
        put(tmp_path / "testB" / f"scene {number}.jpg")
    pairs = pairs_by_name(find_unpaired(tmp_path), "test")
    assert [pair.name for pair in pairs] == ["scene 1", "scene 3"]
    assert pairs[1].a == tmp_path / "testA" / "scene 3.png"
    assert pairs[1].b == tmp_path / "testB" / "scene 3.jpg"
    assert pairs_by_name(find_unpaired(tmp_path), "train") == ()


def test_a_share_of_each_domain_is_held_out_and_the_same_names_where_they_are_shared(tmp_path: Path) -> None:
    for number in range(40):
        put(tmp_path / "A" / f"{number}.png", (4, 4, 3))
        put(tmp_path / "B" / f"{number}.png", (4, 4, 3))
    held = hold_out(find_unpaired(tmp_path), 0.1, seed=1)
    of_a, of_b = names(held, "val")
    assert of_a == of_b
    assert len(of_a) == 4
    assert not set(of_a) & set(names(held, "train")[0])
    assert held.description.endswith("; 4 of train of each domain held out as val.")
    domains(tmp_path, {"B": 40}, (4, 4, 3))
    of_a, of_b = names(hold_out(find_unpaired(tmp_path), 0.1, seed=1), "val")
    assert (len(of_a), len(of_b)) == (4, 8)


# Samples


def test_each_domain_shows_every_picture_once_in_each_epoch_of_its_own(tmp_path: Path) -> None:
    samples = stream(domains(tmp_path, {"A": 7, "B": 4}))
    assert len(samples) == 7
    drawn = [samples.index(n) for n in range(28)]
    for side, count in ((0, 7), (1, 4)):
        epochs = [[n[side] for n in drawn[start : start + count]] for start in range(0, 28, count)]
        assert all(sorted(epoch) == list(range(count)) for epoch in epochs)
        assert len(set(map(tuple, epochs))) > 1
    with pytest.raises(IndexError):
        samples[-1]


def test_what_one_domain_shows_does_not_depend_on_the_other(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 6, "B": 5})
    before = [stream(tmp_path, seed=3)[n]["b"] for n in range(12)]
    domains(tmp_path, {"A": 9}, (64, 50, 3))
    assert all(np.array_equal(stream(tmp_path, seed=3)[n]["b"], old) for n, old in enumerate(before))
    assert not all(np.array_equal(stream(tmp_path, seed=4)[n]["b"], old) for n, old in enumerate(before))


def test_equal_domains_are_shuffled_cropped_and_mirrored_apart(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 1})
    shutil.copytree(tmp_path / "A", tmp_path / "B")
    samples = stream(tmp_path)
    alike = [np.array_equal(samples[n]["a"], samples[n]["b"]) for n in range(40)]
    assert sum(alike) < 10
    domains(tmp_path, {"A": 12})
    shutil.rmtree(tmp_path / "B")
    shutil.copytree(tmp_path / "A", tmp_path / "B")
    samples = stream(tmp_path)
    assert sum(len(set(samples.index(n))) == 1 for n in range(120)) < 40


def test_a_sample_is_the_same_in_any_order_thread_and_copy(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 5, "B": 7})
    samples = stream(tmp_path, augment=("jitter", "flip", "rotate90"), seed=2)
    wanted = [samples[n] for n in range(20)]
    copy = pickle.loads(pickle.dumps(samples))
    with ThreadPoolExecutor(4) as executor:
        for other in (samples, copy):
            for n, sample in zip(
                reversed(range(20)), executor.map(other.__getitem__, reversed(range(20))), strict=True
            ):
                assert all(np.array_equal(sample[side], wanted[n][side]) for side in "ab")


def test_domains_keep_their_own_channels_and_sizes(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 3}, (40, 90))
    domains(tmp_path, {"B": 3}, (64, 33, 3))
    ready = DATASETS["unpaired"](tmp_path, holdout=0).read(size=32)
    assert ready.channels == {"a": 1, "b": 3}
    for sample in (ready.training[0], ready.validation[1][0]):
        assert sample["a"].shape == (1, 32, 32)
        assert sample["b"].shape == (3, 32, 32)
        assert all(array.dtype == np.float32 and -1 <= array.min() < array.max() <= 1 for array in sample.values())


@pytest.mark.parametrize("name", ["colour", "noise"])
def test_changes_of_the_input_alone_are_refused_with_the_reason(tmp_path: Path, name: str) -> None:
    domains(tmp_path, {"A": 2, "B": 2})
    with pytest.raises(ConfigError, match=f"'{name}' changes the input of a pair"):
        DATASETS["unpaired"](tmp_path).read(size=32, augment=("flip", name))
    with pytest.raises(UnknownNameError, match="flipp"):
        DATASETS["unpaired"](tmp_path).read(size=32, augment=("flipp",))


# The scan, and what training is told


def test_a_broken_picture_is_left_out_alone(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 4, "B": 4})
    (tmp_path / "A" / "A 1.png").write_bytes(b"no picture")
    source = DATASETS["unpaired"](tmp_path, holdout=0)
    with pytest.raises(DataError, match=r"1 of 8 pictures .*skip_broken"):
        source.read(size=32)
    ready = source.read(size=32, skip_broken=True)
    assert ready.counts == {"train": 4, "train_a": 3, "train_b": 4}
    assert [Path(broken.item.files[0]).name for broken in ready.broken] == ["A 1.png"]


def test_a_domain_that_cannot_be_read_is_refused_even_when_skipping(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 2, "B": 4})
    (tmp_path / "A" / "A 1.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="nothing is left"):
        DATASETS["unpaired"](tmp_path, holdout=0).read(size=32, skip_broken=True)


def test_a_picture_smaller_than_the_crop_is_named(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 2, "B": 2})
    put(tmp_path / "B" / "little.png", (20, 40, 3))
    with pytest.raises(DataError, match=r"1 of 5 pictures are smaller.*little\.png with 40x20.*--size 16"):
        DATASETS["unpaired"](tmp_path, holdout=0).read(size=32)


def test_the_fingerprint_tells_the_domains_apart(tmp_path: Path) -> None:
    domains(tmp_path, {"A": 2, "B": 2})

    def fingerprint() -> str:
        return DATASETS["unpaired"](tmp_path, holdout=0).read(size=32).fingerprint

    before = fingerprint()
    assert fingerprint() == before
    (tmp_path / "A").rename(tmp_path / "x")
    (tmp_path / "B").rename(tmp_path / "A")
    (tmp_path / "x").rename(tmp_path / "B")
    assert fingerprint() != before


def test_files_in_both_domains_or_in_train_and_test_are_told_and_not_refused(tmp_path: Path) -> None:
    domains(tmp_path, {"trainA": 3, "trainB": 3, "testA": 2, "testB": 2})
    assert DATASETS["unpaired"](tmp_path).read(size=32).notes == []
    shutil.copy(tmp_path / "trainA" / "trainA 0.png", tmp_path / "trainB" / "x.png")
    shutil.copy(tmp_path / "trainB" / "trainB 1.png", tmp_path / "testB" / "y.png")
    shutil.copy(tmp_path / "trainB" / "trainB 2.png", tmp_path / "testB" / "z.png")
    first, second = DATASETS["unpaired"](tmp_path).read(size=32).notes
    assert first.startswith("2 files are both in train and in another split, byte for byte")
    assert f"{Path('trainB', 'trainB 1.png')} and {Path('testB', 'y.png')}" in first
    assert second.startswith("1 file is in both domains, byte for byte")


def test_halves_of_one_picture_are_no_repeats(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path / f"{number}.png", (32, 64, 3))
    ready = DATASETS["unpaired"](tmp_path, "left", "right", holdout=0).read(size=32)
    assert ready.notes == []
    assert ready.training.cached
    assert ready.validation[0] == ["0", "1", "2"]


def test_validation_shows_pictures_of_both_as_many_as_the_smaller_has(tmp_path: Path) -> None:
    domains(tmp_path, {"trainA": 3, "trainB": 2, "valA": 30, "valB": 5})
    source = DATASETS["unpaired"](tmp_path)
    ready = source.read(size=32)
    assert source.held_out == []
    assert ready.validation[0][:2] == ["valA 0 | valB 0", "valA 1 | valB 1"]
    assert len(ready.validation[0]) == len(ready.validation[1]) == 5
    turned = source.read(size=32, swap=True)
    assert np.array_equal(turned.validation[1][0]["a"], ready.validation[1][0]["b"])


def test_the_real_seasons_are_read_with_their_repeats(real_data: Path) -> None:
    source = DATASETS["unpaired"](real_data / "summer2winter_yosemite", "summer", "winter")
    assert "train (250 and 250) and test (40 and 40); test serves as val." in source.layout.description
    ready = source.read(size=128)
    assert ready.channels == {"a": 3, "b": 3}
    assert len(ready.training) == 250
    assert [note.partition(",")[0] for note in ready.notes] == ["3 files are in both domains"]


def test_a_run_says_what_its_domains_are(
    i2i: Callable[..., tuple[int, str, str]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("i2i.workflows.train.export_run", lambda *_, **__: [])  # seconds, and tested elsewhere
    domains(tmp_path / "data", {"trainA": 3, "trainB": 5})
    shutil.copy(tmp_path / "data" / "trainA" / "trainA 0.png", tmp_path / "data" / "trainB" / "x.png")
    words = [
        "--size",
        32,
        "--images",
        2,
        "--set",
        "generator={name: unet32, width: 4}",
        "--set",
        "discriminator.width=4",
        "--set",
        "data.a=warm",
        "--set",
        "data.b=cold",
    ]
    status, out, err = i2i("train", "cyclegan", tmp_path / "data", "--run", tmp_path / "run", *words)
    assert status == 0, err
    assert "A is 'warm' and B is 'cold', in train (3 and 6); 1 of train of each domain held out as val." in out
    assert "Note: 1 file is in both domains" in err
    facts = json.loads((tmp_path / "run" / "environment.json").read_text())["data"]
    assert facts["domains"] == ["warm", "cold"]
    assert facts["counts"] == {"train": 5, "train_a": 2, "train_b": 5, "val": 1, "val_a": 1, "val_b": 1}
    assert len(facts["held_out"]) == 2
