"""Any number of domains, and one folder with or without classes, become labelled samples of int64 and float32."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from i2i.datasets import DATASETS
from i2i.datasets.layouts.domains import find_domains, find_single
from i2i.datasets.streams.domains import DomainsSource
from i2i.datasets.streams.single import SingleSource
from i2i.errors import ConfigError, DataError, UnknownNameError
from i2i.methods.config import DataConfig
from i2i.seeding import Purpose, generator
from i2i.training.loader import batches, stack

SEASONS = {"autumn": (200, 90, 0), "spring": (90, 200, 90), "winter": (240, 240, 250)}
COUNTS = {"autumn": 3, "spring": 7, "winter": 4}


def paint(folder: Path, colour: tuple[int, int, int], count: int, mode: str = "RGB", side: int = 24) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture = Image.new("RGB", (side + number, side), colour)
        picture.putpixel((side // 2, side // 2), (number, 0, 0))
        picture.convert(mode).save(folder / f"{number}.png")


@pytest.fixture
def seasons(tmp_path: Path) -> Path:
    """Three domains of different size, below splits."""
    for name, colour in SEASONS.items():
        paint(tmp_path / "seasons" / "train" / name, colour, COUNTS[name])
        paint(tmp_path / "seasons" / "test" / name, colour, 2)
    return tmp_path / "seasons"


def colour_of(sample) -> tuple[int, ...]:
    """The colour of the sample's corner."""
    return tuple(np.rint((sample["image"][:, 0, 0] + 1) * 127.5).astype(int))


def test_a_folder_a_domain_gives_its_place_in_the_alphabet_as_label(seasons):
    source = DomainsSource(seasons)
    assert source.labels == ("autumn", "spring", "winter")
    assert [domain.name for domain in source.layout.domains] == list(SEASONS)
    assert [len(domain.items["train"]) for domain in source.layout.domains] == [3, 7, 4]
    assert source.layout.description == (
        "3 domains, autumn, spring and winter, in train (3 and 7 and 4) and test (2 and 2 and 2); test serves as val."
    )
    stream = source.read(size=16).training
    for number in range(30):
        sample = stream[number]
        assert sample.keys() == {"image", "label"}
        assert (sample["image"].shape, sample["image"].dtype) == ((3, 16, 16), np.float32)
        assert (sample["label"].shape, sample["label"].dtype) == ((), np.int64)
        assert colour_of(sample) == list(SEASONS.values())[int(sample["label"])]


def test_domains_that_lie_in_no_split_are_found_and_a_part_of_each_is_held_out(tmp_path):
    for name, colour in SEASONS.items():
        paint(tmp_path / name, colour, 40)
    source = DomainsSource(tmp_path, holdout=0.1)
    assert source.layout.description.endswith("in train (40 and 40 and 40); 4 of train of each domain held out as val.")
    assert [len(domain.items["val"]) for domain in source.layout.domains] == [4, 4, 4]
    names, samples = source.read(size=16).validation
    assert [name.partition("/")[0] for name in names[:4]] == ["autumn", "spring", "winter", "autumn"]
    assert [int(sample["label"]) for sample in samples[:4]] == [0, 1, 2, 0]


def test_every_domain_is_shown_equally_often_and_every_picture_once_in_an_epoch_of_its_own(seasons):
    stream = DomainsSource(seasons).read(size=16, augment=("none",)).training
    assert len(stream) == 3 * 7
    for turn in range(20):
        assert sorted(stream.index(3 * turn + k)[0] for k in range(3)) == [0, 1, 2]
    for domain, count in enumerate(COUNTS.values()):
        shown = [index for n in range(3 * count) if (place := stream.index(n))[0] == domain for index in [place[1]]]
        assert sorted(shown) == list(range(count))
    assert len({tuple(stream.index(3 * turn + k)[0] for k in range(3)) for turn in range(20)}) > 1


def test_classes_take_turns_in_what_validates(seasons):
    ready = SingleSource(seasons).read(size=16)
    assert [int(sample["label"]) for sample in ready.validation[1][:6]] == [0, 1, 2, 0, 1, 2]
    assert [name.split("/")[0] for name in ready.validation[0][:3]] == ["autumn", "spring", "winter"]


def test_of_classes_without_a_split_each_is_held_out_from(seasons):
    source = SingleSource(seasons / "train", holdout=0.3)
    held = [item.domain for item in source.layout.splits["val"]]
    assert held[:3] == [0, 1, 2]
    assert {item.domain for item in source.layout.splits["train"]} == {0, 1, 2}


def test_the_middle_of_a_picture_may_be_of_any_shape(seasons):
    ready = SingleSource(seasons).read(size=(16, 24))
    assert ready.training[0]["image"].shape == ready.validation[1][0]["image"].shape == (3, 16, 24)


@pytest.mark.parametrize("kind", ["domains", "single"])
def test_a_labelled_sample_depends_on_the_seed_and_its_number_alone(kind, seasons):
    def samples(seed, order):
        stream = DATASETS[kind](seasons, seed=3).read(size=16, seed=seed, augment=("crop", "flip")).training
        return {n: stream[n] for n in order}

    first, again = samples(5, range(25)), samples(5, reversed(range(25)))
    other = samples(6, range(25))
    for n in range(25):
        assert all(np.array_equal(first[n][key], again[n][key]) for key in ("image", "label"))
    assert any(not np.array_equal(first[n]["image"], other[n]["image"]) for n in range(25))


@pytest.mark.parametrize("kind", ["domains", "single"])
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_keep_int64_labels_and_resume_in_the_middle(kind, workers, seasons):
    stream = DATASETS[kind](seasons).read(size=16).training
    cpu = torch.device("cpu")
    whole = list(batches(stream, 0, 24, 4, workers, cpu))
    assert (whole[0]["image"].shape, whole[0]["image"].dtype) == ((4, 3, 16, 16), torch.float32)
    assert (whole[0]["label"].shape, whole[0]["label"].dtype) == ((4,), torch.int64)
    for before, after in zip(whole[3:], batches(stream, 12, 24, 4, workers, cpu), strict=True):
        assert all(torch.equal(before[key], after[key]) for key in ("image", "label"))
    stacked = stack([stream[n] for n in range(4)], cpu)
    assert torch.equal(stacked["label"], whole[0]["label"])
    assert stacked["label"].dtype == torch.int64


def test_named_domains_are_those_that_are_trained_on_in_the_order_given(seasons):
    source = DomainsSource(seasons, "winter", "autumn")
    assert source.labels == ("winter", "autumn")
    stream = source.read(size=16).training
    assert {colour_of(stream[n]): int(stream[n]["label"]) for n in range(8)} == {
        SEASONS["winter"]: 0,
        SEASONS["autumn"]: 1,
    }
    with pytest.raises(DataError, match=r"no folder 'sumer' of pictures; it holds autumn, spring, winter"):
        DomainsSource(seasons, "winter", "sumer")
    with pytest.raises(DataError, match="one of them twice"):
        DomainsSource(seasons, "winter", "winter")


def test_train_a_and_train_b_are_two_domains(tmp_path):
    paint(tmp_path / "trainA", SEASONS["autumn"], 4)
    paint(tmp_path / "trainB", SEASONS["winter"], 5)
    layout = find_domains(tmp_path)
    assert layout.names == ("A", "B")
    assert [len(domain.items["train"]) for domain in layout.domains] == [4, 5]


def test_pictures_of_all_domains_are_read_with_the_same_channels(tmp_path):
    paint(tmp_path / "grey", (90, 90, 90), 3, "L")
    paint(tmp_path / "red", (200, 0, 0), 3)
    ready = DomainsSource(tmp_path).read(size=16)
    assert ready.channels == {"image": 3}
    assert [(domain.name, domain.channels) for domain in ready.domains] == [("grey", 3), ("red", 3)]
    assert {ready.training[n]["image"].shape for n in range(6)} == {(3, 16, 16)}
    grey = DomainsSource(tmp_path).read(size=16, channels={"image": 1})
    assert grey.training[0]["image"].shape == (1, 16, 16)
    with pytest.raises(ConfigError, match=r"data\.channels\.a is of no use here: .* image"):
        DomainsSource(tmp_path).read(size=16, channels={"a": 1})


def test_folders_without_a_clear_meaning_are_refused_in_a_sentence(tmp_path, seasons):
    paint(tmp_path / "one" / "winter", SEASONS["winter"], 3)
    with pytest.raises(DataError, match=r"one folder of pictures \(winter\).*at least two"):
        find_domains(tmp_path / "one")
    with pytest.raises(DataError, match="There is no folder"):
        find_domains(tmp_path / "nowhere")
    paint(tmp_path / "one" / "summer", SEASONS["winter"], 3)
    paint(tmp_path / "one", SEASONS["winter"], 1)
    with pytest.raises(DataError, match="lie in no folder of a domain"):
        find_domains(tmp_path / "one")
    with pytest.raises(DataError, match=r"not clear whether the folders are classes"):
        find_single(tmp_path / "one")
    paint(seasons / "test" / "summer", SEASONS["spring"], 2)
    with pytest.raises(DataError, match="summer in test, which train lacks"):
        find_domains(seasons)
    with pytest.raises(DataError, match="summer, which train lacks"):
        find_single(seasons)


def test_a_domain_that_a_split_lacks_is_named(seasons):
    for file in (seasons / "test" / "spring").iterdir():
        file.unlink()
    with pytest.raises(DataError, match=r"test holds no folder 'spring' of pictures.*data\.domains=\[autumn,winter\]"):
        find_domains(seasons)


def test_a_direction_or_an_augmentation_of_inputs_is_refused_where_there_are_no_sides(seasons):
    for kind in ("domains", "single"):
        with pytest.raises(ConfigError, match="--direction has no place here"):
            DATASETS[kind](seasons).read(size=16, swap=True)
        with pytest.raises(ConfigError, match="'colour'"):
            DATASETS[kind](seasons).read(size=16, augment=("colour",))


def test_a_plain_folder_is_one_domain_without_labels(tmp_path):
    paint(tmp_path / "photos", (10, 20, 30), 9)
    source = SingleSource(tmp_path / "photos", holdout=0.2)
    assert (source.labels, source.layout.names) == ((), ("photos",))
    assert source.layout.description == "Pictures in train (9); 2 of train held out as val."
    ready = source.read(size=16, augment=("none",))
    assert ready.training[0].keys() == {"image"}
    assert sorted(ready.training.index(n) for n in range(7)) == list(range(7))
    assert len(ready.validation[1]) == 2


def test_class_folders_label_the_pictures_of_one_domain(seasons):
    source = SingleSource(seasons)
    assert source.labels == ("autumn", "spring", "winter")
    assert source.layout.description.startswith("Pictures of 3 classes, autumn, spring and winter, in train (14)")
    ready = source.read(size=16)
    epoch = [ready.training[n] for n in range(14)]
    labels = [int(sample["label"]) for sample in epoch]
    assert [labels.count(label) for label in range(3)] == [3, 7, 4]  # each picture once, whatever its class
    assert all(colour_of(sample) == list(SEASONS.values())[int(sample["label"])] for sample in epoch)
    assert ready.validation[0][0] == "autumn/0"
    with pytest.raises(UnknownNameError, match="winter"):
        SingleSource(seasons, "wintr")


def test_a_test_split_may_lack_a_class(seasons):
    for file in (seasons / "test" / "spring").iterdir():
        file.unlink()
    samples = SingleSource(seasons).read(size=16).validation[1]
    assert {int(sample["label"]) for sample in samples} == {0, 2}


def test_a_file_in_two_domains_is_told(seasons):
    (seasons / "train" / "winter" / "again.png").write_bytes((seasons / "train" / "autumn" / "0.png").read_bytes())
    notes = DomainsSource(seasons).read(size=16).notes
    assert any(note.startswith("1 file is in two domains, byte for byte") for note in notes)


def test_other_pictures_or_other_labels_have_another_fingerprint(seasons):
    def fingerprint(*names):
        return DomainsSource(seasons, *names).read(size=16).fingerprint

    assert fingerprint() == fingerprint("autumn", "spring", "winter")
    assert fingerprint() != fingerprint("winter", "spring", "autumn")


def test_a_broken_picture_is_refused_or_left_out(seasons):
    (seasons / "train" / "winter" / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match="broken.png"):
        DomainsSource(seasons).read(size=16)
    ready = DomainsSource(seasons).read(size=16, skip_broken=True)
    assert ready.counts["train_winter"] == 4
    assert [len(domain.items["train"]) for domain in ready.domains] == [3, 7, 4]


def test_purposes_of_chance_keep_their_numbers_and_do_not_share_what_they_draw():
    numbers = {"SHUFFLE": 0, "AUGMENT": 1, "DEGRADE": 2, "GENERATE": 10}
    assert {purpose.name: int(purpose) for purpose in Purpose} == numbers
    drawn = {purpose: generator(5, purpose, 7).integers(2**62) for purpose in Purpose}
    assert len(set(drawn.values())) == len(numbers)
    for purpose, value in drawn.items():
        assert (
            value
            == generator(5, purpose, 7).integers(2**62)
            == np.random.default_rng((5, int(purpose), 7)).integers(2**62)
        )
        assert value != generator(5, purpose, 8).integers(2**62)


def test_domains_are_named_by_a_list_or_two_of_them_by_a_and_b():
    assert DataConfig(path="x", domains=("p", "q", "r")).names == ("p", "q", "r")
    assert DataConfig(path="x", a="p", b="q").names == ("p", "q")
    assert DataConfig(path="x").names == (None, None)
    with pytest.raises(ValueError, match="give either"):
        DataConfig(path="x", a="p", domains=("p", "q"))
    assert DataConfig(path="x", channels={"a": 1, "b": None}).channels_of("a", "b", "image") == (1, 3, 3)
    with pytest.raises(ValueError, match="greater than or equal to 1"):
        DataConfig(path="x", channels={"a": 0})


def test_a_list_of_three_sides_is_refused_where_there_are_two(sample_pairs):
    with pytest.raises(ConfigError, match=r"two sides here, so data\.domains cannot name 3"):
        DATASETS["paired"](sample_pairs, "a", "b", "c")
    assert json.dumps(DATASETS["paired"](sample_pairs, "x", "y").layout.names) == '["x", "y"]'
