"""A folder's layout is found without a flag, and what does not fit is refused in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.layouts.holdout import hold_out
from i2i.datasets.layouts.paired import find_pairs
from i2i.errors import DataError


def put(path: Path, width: int = 8, height: int = 8, value: int = 90) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((height, width, 3), value, np.uint8)).save(path)
    return path


def refusal(root: Path, **sides: str) -> str:
    with pytest.raises(DataError) as caught:
        find_pairs(root, **sides)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert sentence.endswith(".")
    return sentence


def test_side_by_side_splits_are_found_and_said(tmp_path: Path) -> None:
    for split, count in (("train", 3), ("validation", 2), ("Test", 2)):
        for number in range(count):
            put(tmp_path / split / f"{number}.png", width=16)
    layout = find_pairs(tmp_path)
    assert layout.kind == "side by side"
    assert {split: len(pairs) for split, pairs in layout.splits.items()} == {"train": 3, "val": 2, "test": 2}
    assert layout.description == "Side-by-side pairs in train (3), val (2) and test (2)."
    pair = layout.splits["train"][0]
    assert pair.side_by_side
    assert pair.a == pair.b == tmp_path / "train" / "0.png"


def test_a_bare_folder_of_side_by_side_pictures_is_training_data(tmp_path: Path) -> None:
    for number in range(2):
        put(tmp_path / f"{number}.png", width=16)
    assert find_pairs(tmp_path).description == "Side-by-side pairs in train (2)."


@pytest.mark.parametrize("pattern", ["{side}/{name}", "train/{side}/{name}", "{side}/train/{name}"])
def test_two_folders_pair_by_name_whatever_the_order_suffix_and_split_nesting(tmp_path: Path, pattern: str) -> None:
    names = {"low": ["x/1.png", "x/2.png", "10.png", "9.png"], "high": ["9.bmp", "x/2.png", "10.webp", "x/1.jpg"]}
    for side, files in names.items():
        for name in files:
            put(tmp_path / pattern.format(side=side, name=name))
    layout = find_pairs(tmp_path)
    assert (layout.kind, *layout.names) == ("two folders", "low", "high")
    pairs = {pair.name: pair for pair in layout.splits["train"]}
    assert set(pairs) == {"x/1", "x/2", "9", "10"}
    assert all(pair.a.with_suffix("").name == pair.b.with_suffix("").name for pair in pairs.values())
    assert all("low" in pair.a.parts and "high" in pair.b.parts for pair in pairs.values())
    assert pairs["x/1"].b.suffix == ".jpg"


def test_both_splits_are_found_below_the_sides(tmp_path: Path) -> None:
    for side in "AB":
        for split, count in (("train", 2), ("val", 1)):
            for number in range(count):
                put(tmp_path / side / split / f"{number}.png")
    layout = find_pairs(tmp_path)
    assert {split: len(pairs) for split, pairs in layout.splits.items()} == {"train": 2, "val": 1}


def test_the_same_name_in_two_unicode_forms_is_one_name(tmp_path: Path) -> None:
    for side, name in (("A", "caf\u00e9"), ("B", "cafe\u0301")):
        put(tmp_path / side / f"{name}.png")
        put(tmp_path / side / "other.png")
    assert len(find_pairs(tmp_path).splits["train"]) == 2


def test_a_picture_without_partner_is_named(tmp_path: Path) -> None:
    for name in ("1", "2", "3"):
        put(tmp_path / "A" / f"{name}.png")
    for name in ("1", "3"):
        put(tmp_path / "B" / f"{name}.png")
    sentence = refusal(tmp_path)
    assert "A/2.png" in sentence
    assert "1 picture " in sentence


def test_many_pictures_without_partner_are_counted_and_the_first_listed(tmp_path: Path) -> None:
    for number in range(10):
        put(tmp_path / "A" / f"{number}.png")
    put(tmp_path / "B" / "0.png")
    sentence = refusal(tmp_path)
    assert "9 pictures" in sentence
    assert "and 4 more" in sentence


def test_names_that_never_match_are_shown_side_by_side(tmp_path: Path) -> None:
    for number in range(3):
        put(tmp_path / "A" / f"{number}_a.png")
        put(tmp_path / "B" / f"{number}_b.png")
    sentence = refusal(tmp_path)
    assert "0_a" in sentence
    assert "0_b" in sentence


def test_the_same_stem_twice_on_one_side_is_refused(tmp_path: Path) -> None:
    for side in "AB":
        put(tmp_path / side / "1.png")
        put(tmp_path / side / "2.png")
    put(tmp_path / "A" / "1.bmp")
    assert "A/1." in refusal(tmp_path)


def test_three_folders_are_ambiguous_until_two_are_named(tmp_path: Path) -> None:
    for side in ("depth", "normal", "photo"):
        for number in range(2):
            put(tmp_path / side / f"{number}.png")
    sentence = refusal(tmp_path)
    assert "depth, normal, photo" in sentence
    assert "data.a=" in sentence
    layout = find_pairs(tmp_path, a="photo", b="depth")
    assert layout.names == ("photo", "depth")
    assert "'sketch'" in refusal(tmp_path, a="photo", b="sketch")
    assert "both" in refusal(tmp_path, a="photo") or "two different" in refusal(tmp_path, a="photo")


def test_hopeless_folders_each_get_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "a.txt").write_text("words")
    picture = put(tmp_path / "one" / "1.png")
    put(tmp_path / "half" / "A" / "1.png")
    assert "no pictures" in refusal(tmp_path / "empty")
    assert "no pictures" in refusal(tmp_path / "texts")
    assert "one pair" in refusal(tmp_path / "one")
    assert "is a file" in refusal(picture)
    assert "no folder" in refusal(tmp_path / "nowhere")
    assert "one folder" in refusal(tmp_path / "half")


def test_unpaired_folders_are_recognised(tmp_path: Path) -> None:
    for side in ("trainA", "trainB"):
        put(tmp_path / side / "1.png")
    assert "cyclegan" in refusal(tmp_path)


def test_of_two_none_is_held_out_for_both_are_needed_to_train_on(tmp_path: Path) -> None:
    for name in ("1", "2"):
        for side in "AB":
            put(tmp_path / side / f"{name}.png")
    layout = hold_out(find_pairs(tmp_path))
    assert {split: len(pairs) for split, pairs in layout.splits.items()} == {"train": 2}
    for side in "AB":
        put(tmp_path / side / "3.png")
    assert len(hold_out(find_pairs(tmp_path)).splits["val"]) == 1


def test_pairs_are_held_out_by_name_and_stay_held_out_when_others_come(tmp_path: Path) -> None:
    for number in range(100):
        put(tmp_path / f"{number}.png", width=4, height=2)
    layout = hold_out(find_pairs(tmp_path), 0.05, seed=1)
    val = {pair.name for pair in layout.splits["val"]}
    assert len(val) == 5
    assert val.isdisjoint(pair.name for pair in layout.splits["train"])
    assert len(layout.splits["train"]) == 95
    assert layout.description == "Side-by-side pairs in train (100); 5 of train held out as val."
    assert hold_out(find_pairs(tmp_path), 0.05, seed=1) == layout
    assert {pair.name for pair in hold_out(find_pairs(tmp_path), 0.05, seed=2).splits["val"]} != val
    assert len(hold_out(find_pairs(tmp_path), 0.9, seed=1).splits["val"]) == 16
    assert "val" not in hold_out(find_pairs(tmp_path), 0, seed=1).splits


def test_test_pairs_serve_as_val_and_own_val_pairs_stay(tmp_path: Path) -> None:
    for split in ("train", "test"):
        for number in range(2):
            put(tmp_path / split / f"{number}.png", width=16)
    layout = hold_out(find_pairs(tmp_path), 0.5)
    assert layout.splits["val"] == layout.splits["test"]
    assert "test serves as val" in layout.description
    put(tmp_path / "val" / "7.png", width=16)
    assert [pair.name for pair in hold_out(find_pairs(tmp_path), 0.5).splits["val"]] == ["7"]


def test_one_pair_or_no_train_split_cannot_train(tmp_path: Path) -> None:
    put(tmp_path / "train" / "1.png")
    put(tmp_path / "val" / "1.png")
    with pytest.raises(DataError, match="one pair"):
        hold_out(find_pairs(tmp_path))
    (tmp_path / "train" / "1.png").unlink()
    put(tmp_path / "val" / "2.png")
    with pytest.raises(DataError, match="no pairs"):
        hold_out(find_pairs(tmp_path))


def test_the_halves_of_side_by_side_pairs_can_be_given_names(sample_pairs):
    layout = find_pairs(sample_pairs, "labels", "buildings")
    assert (layout.kind, *layout.names) == ("side by side", "labels", "buildings")
    assert find_pairs(sample_pairs / "train", "labels").names[0] == "labels"


@pytest.mark.parametrize(
    ("folders", "said"),
    [
        (["train", "val", "validation"], "val and validation, which mean the same|validation and val"),
        (["train", "."], "besides pictures of its own"),
        (["train", "A"], "besides pictures in A"),
        (["A/train", "A/test", "B/train"], "do not have the same splits"),
    ],
)
def test_no_picture_is_left_out_in_silence(tmp_path, folders, said):
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        for n in range(3):
            Image.new("RGB", (8, 4)).save(tmp_path / folder / f"{n}.png")
    with pytest.raises(DataError, match=said):
        find_pairs(tmp_path)


@pytest.mark.parametrize("pattern", ["{side}/{name}", "train/{side}/{name}", "{side}/train/{name}"])
def test_sides_further_down_can_be_named_by_their_path(tmp_path: Path, pattern: str) -> None:
    for side in ("day/rain", "day/sun", "night"):
        for number in range(2):
            put(tmp_path / pattern.format(side=side, name=f"{number}.png"))
    layout = find_pairs(tmp_path, "day/sun", "night")
    assert layout.names == ("day/sun", "night")
    assert [pair.name for pair in layout.splits["train"]] == ["0", "1"]
    assert "holds no folder 'day/snow' of pictures" in refusal(tmp_path, a="day/snow", b="night")


def test_hidden_folders_are_no_sides(tmp_path):
    for folder in ("A", "B", "__cache/.thumbs"):
        (tmp_path / folder).mkdir(parents=True)
        for n in range(3):
            Image.new("RGB", (8, 4)).save(tmp_path / folder / f"{n}.png")
    assert (find_pairs(tmp_path).names[0], find_pairs(tmp_path).names[1]) == ("A", "B")
