"""`i2i data check` finds planted faults, says so in sentences, and stays silent about sound folders."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.datasets.checks.check import check_folder
from i2i.datasets.checks.page import write_page
from i2i.datasets.synthetic.facades.scenes import write_facades
from i2i.errors import DataError


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_facades(tmp_path_factory.mktemp("painted") / "facades", 30, 128, 3)


@pytest.fixture
def faulty(painted: Path, tmp_path: Path) -> Path:
    """A copy to plant faults in."""
    return Path(shutil.copytree(painted, tmp_path / "faulty"))


def halves(path: Path) -> tuple[np.ndarray, np.ndarray]:
    pixels = np.asarray(Image.open(path))
    return pixels[:, : pixels.shape[1] // 2], pixels[:, pixels.shape[1] // 2 :]


def put(path: Path, a: np.ndarray, b: np.ndarray) -> None:
    Image.fromarray(np.concatenate([a, b], 1)).save(path)


def test_a_sound_folder_has_no_problems(painted: Path) -> None:
    report = check_folder(painted)
    assert report.problems == 0
    assert report.counts == {"train": 30, "val": 3, "test": 3}
    said = "\n".join(report.sentences())
    assert "Side-by-side pairs: train (30), val (3), test (3)." in said
    assert "all 128x128; 36 RGB; 8 bits" in said
    assert said.endswith("No problems found.")


def test_real_pairs_raise_no_false_alarm_and_planted_faults_are_found(real_data: Path, tmp_path: Path) -> None:
    shutil.copytree(real_data / "facades" / "val", tmp_path / "facades")
    assert check_folder(tmp_path / "facades").suspects == ()
    files = sorted((tmp_path / "facades").iterdir())
    mismatched, shifted = files[:8], files[20:28]
    others = [halves(path)[1] for path in files[1:9]]
    for path, other in zip(mismatched, others, strict=True):
        put(path, halves(path)[0], other)
    for path in shifted:
        a, b = halves(path)
        put(path, a, np.roll(b, 16, axis=1))
    found = {suspect.title: suspect for suspect in check_folder(tmp_path / "facades").suspects}
    planted = {f"train/{path.stem}": path for path in (*mismatched, *shifted)}
    assert set(found) <= set(planted)
    assert sum(f"train/{path.stem}" in found for path in mismatched) >= 6
    rights = [found[f"train/{path.stem}"] for path in shifted if f"train/{path.stem}" in found]
    # By a window's period more or less now and then: facades repeat themselves.
    assert sum(one.kind == "shifted" and abs(one.shift[0] - 16) <= 4 for one in rights) >= 5


def test_real_dark_and_bright_pairs_are_right_and_swapped_ones_are_found(real_data: Path, tmp_path: Path) -> None:
    root = Path(shutil.copytree(real_data / "lol", tmp_path / "lol"))
    assert check_folder(root).suspects == ()
    low = sorted((root / "train" / "low").iterdir())
    low[0].rename(root / "spare")
    low[5].rename(low[0])
    (root / "spare").rename(low[5])
    assert {s.title for s in check_folder(root).suspects} == {f"train/{low[0].stem}", f"train/{low[5].stem}"}


def test_a_shift_is_told_in_pixels_and_direction(faulty: Path) -> None:
    path = faulty / "train" / "00004.png"
    a, b = halves(path)
    put(path, a, np.roll(b, 10, axis=0))
    (suspect,) = check_folder(faulty).suspects
    assert suspect.title == "train/00004"
    assert re.fullmatch(
        r"train/00004 looks shifted: side B lies about (9|10|11) pixels down of side A\.", suspect.sentence()
    )


def test_equal_pictures_are_found_within_and_across_splits_whatever_the_file(faulty: Path) -> None:
    Image.open(faulty / "train" / "00001.png").save(faulty / "val" / "00099.bmp")
    shutil.copy(faulty / "train" / "00002.png", faulty / "train" / "copy.png")
    put(
        faulty / "test" / "00001.png",
        halves(faulty / "test" / "00001.png")[0],
        halves(faulty / "val" / "00001.png")[1],
    )
    duplicates = {group.titles: group for group in check_folder(faulty).duplicates}
    assert duplicates["train/00001", "val/00099"].what == "pair"
    assert duplicates["train/00001", "val/00099"].across
    assert not duplicates["train/00002", "train/copy"].across
    assert duplicates["val/00001", "test/00001"].what == "right"
    assert len(duplicates) == 3


def test_every_other_fault_is_reported_instead_of_raised(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(6):
        for side in "AB":
            (tmp_path / side).mkdir(exist_ok=True)
            Image.fromarray(rng.integers(0, 255, (40, 40, 3), np.uint8)).save(tmp_path / side / f"{number}.png")
    (tmp_path / "A" / "0.png").write_bytes((tmp_path / "A" / "0.png").read_bytes()[:90])
    (tmp_path / "B" / "1.png").unlink()
    shutil.copy(tmp_path / "A" / "2.png", tmp_path / "A" / "2.bmp")
    Image.new("L", (40, 44)).save(tmp_path / "B" / "3.png")
    report = check_folder(tmp_path)
    assert [title for title, _ in report.corrupt] == ["train/0"]
    assert report.unmatched == (str(Path("A", "1.png")),)
    assert len(report.duplicate_names) == 1
    assert report.unequal == ("train/3 (40x40 and 40x44)",)
    assert report.sides[1].channels == {1: 1, 3: 3}
    assert report.problems == 4


def test_an_ambiguous_folder_is_looked_at_all_the_same(painted: Path, tmp_path: Path) -> None:
    for side in ("one", "two", "three"):
        shutil.copytree(painted / "val", tmp_path / side)
    (tmp_path / "one" / "bad.png").write_bytes(b"?")
    report = check_folder(tmp_path)
    assert report.trouble is not None
    assert "3 folders" in report.trouble
    assert len(report.corrupt) == 1
    assert len(report.duplicates) == 3
    assert check_folder(tmp_path, a="one", b="two").trouble is None


def test_only_a_missing_or_pictureless_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder"):
        check_folder(tmp_path / "nowhere")
    (tmp_path / "words.txt").write_text("words")
    with pytest.raises(DataError, match="no pictures"):
        check_folder(tmp_path)


def test_the_page_opens_offline_and_shows_every_fault(faulty: Path, tmp_path: Path) -> None:
    a, b = halves(faulty / "train" / "00004.png")
    put(faulty / "train" / "00004.png", a, np.roll(b, 10, axis=0))
    (faulty / "val" / "<b>&.png").write_bytes(b"no")
    report = check_folder(faulty)
    page = tmp_path / "new" / "check.html"
    write_page(report, page)
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "http" not in text
    assert text.count("<img") == 2 * len(re.findall("<figure", text)) >= 30
    assert text.count("alt=") == text.count("<img")
    assert "2 problems found" in text
    assert "looks shifted" in text
    assert "&lt;b&gt;&amp;" in text
    assert "<b>&" not in text
    assert "<!--" not in text
    assert "prefers-color-scheme: dark" in text


def test_what_training_would_refuse_is_a_problem_here_too(tmp_path):
    picture = Image.new("RGB", (64, 32), "red")
    (tmp_path / "one").mkdir()
    picture.save(tmp_path / "one" / "only.png")
    assert "one pair" in " ".join(check_folder(tmp_path / "one").sentences())
    (tmp_path / "tested" / "test").mkdir(parents=True)
    for n in range(3):
        Image.new("RGB", (64, 32), (n * 50, 0, 0)).save(tmp_path / "tested" / "test" / f"{n}.png")
    assert "to train on" in " ".join(check_folder(tmp_path / "tested").sentences())


def domains(root: Path, warm: bool = False) -> Path:
    """Two unpaired domains of noise, the second darker and, when `warm`, redder."""
    rng = np.random.default_rng(0)
    for folder, count, factor in (("trainA", 5, 1.0), ("trainB", 3, 0.5), ("testA", 2, 1.0), ("testB", 2, 0.5)):
        for number in range(count):
            level = factor * (150 + 5 * number)
            pixels = rng.normal(level, 20 * factor, (40, 50, 3))
            pixels[..., 2] -= 40 * (warm and factor < 1)
            path = root / folder / f"{folder} {number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path)
    return root


def test_unpaired_domains_need_no_partners_and_are_described(tmp_path: Path) -> None:
    report = check_folder(domains(tmp_path), "summer", "winter")
    assert report.problems == 0
    assert report.summary()[:3] == [
        "Two unpaired domains, A is 'summer' and B is 'winter', in train (5 and 3) and test (2 and 2).",
        "Side 'summer': all 50x40; 7 RGB; 8 bits a channel.",
        "Side 'winter': all 50x40; 5 RGB; 8 bits a channel.",
    ]
    assert not any("Edges" in line or "partner" in line for line in report.sentences())


def test_the_same_picture_in_both_domains_or_splits_is_found(tmp_path: Path) -> None:
    domains(tmp_path)
    Image.open(tmp_path / "trainA" / "trainA 0.png").save(tmp_path / "trainB" / "again.bmp")
    shutil.copy(tmp_path / "trainB" / "trainB 1.png", tmp_path / "testB" / "again.png")
    across, inside = check_folder(tmp_path).duplicates
    assert across.sentence() == "trainB/trainB 1.png, testB/again.png are the same picture in 'B', across splits."
    assert inside.sentence() == "trainA/trainA 0.png, trainB/again.bmp are the same picture, in both domains."


def test_how_the_colours_of_domains_differ_is_said_in_words(tmp_path: Path) -> None:
    (said,) = check_folder(domains(tmp_path / "warm", warm=True)).notes
    assert re.fullmatch(r"Colours: 'B' is darker by \d\d, poorer in contrast by \d+, .*redder by 40.*", said), said
    shutil.copytree(tmp_path / "warm" / "trainA", tmp_path / "alike" / "A")
    shutil.copytree(tmp_path / "warm" / "trainA", tmp_path / "alike" / "B")
    assert "hardly differ" in check_folder(tmp_path / "alike", unpaired=True).notes[0]


def test_names_in_both_domains_of_a_test_split_are_counted(tmp_path: Path) -> None:
    domains(tmp_path)
    for side in "AB":
        for number in range(3):
            Image.new("RGB", (40, 40), (80 * number, 50, ord(side))).save(tmp_path / f"test{side}" / f"{number}.png")
    notes = check_folder(tmp_path).notes
    assert (
        notes[1] == "3 names are in both domains of test, so i2i evaluate can take side B as the truth of side A there."
    )


def test_two_folders_are_unpaired_when_it_is_said(tmp_path: Path) -> None:
    domains(tmp_path / "trainA/trainB")
    for old, new in (("trainA", "day"), ("trainB", "night")):
        shutil.copytree(tmp_path / "trainA/trainB" / old, tmp_path / "data" / new)
    (tmp_path / "data" / "day" / "bad.png").write_bytes(b"?")
    paired = check_folder(tmp_path / "data")
    assert len(paired.unmatched) == 9
    assert "--unpaired" in paired.notes[0]
    unpaired = check_folder(tmp_path / "data", unpaired=True)
    assert unpaired.unmatched == ()
    assert [title for title, _ in unpaired.corrupt] == ["day/bad.png"]
    assert unpaired.problems == 1


def test_a_domain_without_pictures_to_train_on_is_a_problem(tmp_path: Path) -> None:
    domains(tmp_path)
    shutil.rmtree(tmp_path / "trainA")
    shutil.rmtree(tmp_path / "trainB")
    assert "to train on in 'A'" in " ".join(check_folder(tmp_path).sentences())


def test_the_page_shows_both_domains_in_columns(tmp_path: Path) -> None:
    write_page(check_folder(domains(tmp_path / "data"), "summer", "winter"), tmp_path / "check.html")
    text = (tmp_path / "check.html").read_text(encoding="utf-8")
    assert text.count("<figure>") == 3 + 2
    assert text.count("<img") == 10
    assert "trainA/trainA 0.png | trainB/trainB 0.png" in text
    assert "summer | winter" in text
    assert "Some of the pictures" in text


def test_the_real_seasons_and_their_duplicates_are_listed(real_data: Path) -> None:
    report = check_folder(real_data / "summer2winter_yosemite", "summer", "winter")
    assert sum(group.what == "domains" for group in report.duplicates) == 3
    assert report.trouble is None
    assert report.unmatched == report.unequal == ()
    assert "'winter' is " in report.notes[0]
    assert "less green by" in report.notes[0]
