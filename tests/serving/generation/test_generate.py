"""`i2i generate`: numbered files, resumed exactly, with what they were made of written down."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from latent_models import SIDES, write_latent_model
from PIL import Image

from i2i.errors import RequestError
from i2i.serving.generation.folder import folder_of
from i2i.serving.generation.generator import Generator
from i2i.serving.generation.picks import Pick
from i2i.serving.generation.walk import check_walk


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_latent_model(folder, "plain")
    write_latent_model(folder, "classes", classes=True)
    write_latent_model(folder, "style", style=True, noise=True)
    return folder


@pytest.fixture
def generate(i2i, models):
    """`generate("plain", out, …)` runs the command on the plain CPU: its exit status and what it said."""

    def run(name, out, *options):
        status, said, err = i2i("generate", models / f"{name}.onnx", out, "--device", "cpu", *options)
        return status, said + err

    return run


def pictures(folder: Path) -> dict[str, bytes]:
    """The bytes of every file by its path, the journal apart."""
    found = (path for path in sorted(folder.rglob("*.*")) if path.is_file())
    names = ((path.relative_to(folder).as_posix(), path) for path in found)
    return {name: path.read_bytes() for name, path in names if not name.startswith(".i2i/")}


def test_files_are_numbered_and_hold_the_picture_of_their_number(generate, models, tmp_path):
    status, said = generate("plain", tmp_path / "out", "--count", 20, "--seed", 3)
    assert status == 0, said
    assert "20 written, 0 already there, 0 failed" in said
    assert list(pictures(tmp_path / "out")) == [f"{n:06d}.png" for n in range(20)]
    sample = Generator(models / "plain.onnx", device="cpu").pictures([Pick(3, 12)])[0]
    with Image.open(tmp_path / "out/000012.png") as image:
        np.testing.assert_array_equal(np.asarray(image), np.rint(sample.transpose(1, 2, 0) * 255).astype(np.uint8))
        told = {name: image.info[name] for name in ("model", "seed", "number")}
        assert told == {"model": "plain", "seed": "3", "number": "12"}


def test_classes_have_folders_and_labels_go_round(generate, tmp_path):
    generate("classes", tmp_path / "out", "--count", 7)
    assert list(pictures(tmp_path / "out")) == [
        "blue/000002.png", "blue/000005.png", "green/000001.png", "green/000004.png",
        "red/000000.png", "red/000003.png", "red/000006.png",
    ]  # fmt: skip
    generate("classes", tmp_path / "green", "--count", 3, "--with", "label=green")
    assert list(pictures(tmp_path / "green")) == [f"green/00000{n}.png" for n in range(3)]
    generate("classes", tmp_path / "flat", "--count", 3, "--flat", "--format", "webp")
    assert list(pictures(tmp_path / "flat")) == [f"00000{n}.webp" for n in range(3)]
    assert folder_of("a/b: c?") == "a_b_ c_"
    assert folder_of("..") == "_"


def test_the_same_again_does_the_rest_and_another_count_or_batch_changes_no_byte(generate, tmp_path):
    generate("classes", tmp_path / "whole", "--count", 25, "--seed", 1)
    generate("classes", tmp_path / "parts", "--count", 10, "--seed", 1, "--batch", 1)
    for lost in ("red/000003.png", "blue/000008.png"):
        (tmp_path / "parts" / lost).unlink()
    (tmp_path / "parts/red/.i2i-0123456789ab.part").write_bytes(b"half")  # as a killed process leaves it
    status, said = generate("classes", tmp_path / "parts", "--count", 25, "--seed", 1, "--batch", 4)
    assert (status, "17 written, 8 already there" in said) == (0, True), said
    assert pictures(tmp_path / "parts") == pictures(tmp_path / "whole")


def test_pictures_of_another_seed_are_left_alone_and_told_of_and_changed_on_demand(generate, i2i, tmp_path):
    generate("plain", tmp_path / "out", "--count", 4)
    before = pictures(tmp_path / "out")
    _, said = generate("plain", tmp_path / "out", "--count", 4, "--seed", 1)
    assert pictures(tmp_path / "out") == before
    assert "4 of those already there were made with another seed, and left as they are" in said
    generate("plain", tmp_path / "out", "--count", 4, "--seed", 1, "--existing", "changed")
    generate("plain", tmp_path / "fresh", "--count", 4, "--seed", 1)
    assert pictures(tmp_path / "out") == pictures(tmp_path / "fresh") != before
    assert generate("plain", tmp_path / "out", "--count", 5, "--existing", "fail")[0] == 2
    status, said, _ = i2i("verify", tmp_path / "out")
    assert (status, said.startswith("4 as they were written, 0 changed, 0 missing")) == (0, True)
    (tmp_path / "out/000001.png").write_bytes(b"else")
    assert i2i("verify", tmp_path / "out")[0] == 1


def test_the_report_has_a_line_a_picture_and_the_counts(generate, tmp_path):
    generate("plain", tmp_path / "out", "--count", 3, "--report", tmp_path / "r.jsonl", "--truncation", 0.5)
    first, *lines, last = map(json.loads, (tmp_path / "r.jsonl").read_text().splitlines())
    assert (first["how"]["seed"], first["how"]["truncation"], first["files"]) == (0, 0.5, 3)
    told = [(Path(line["target"]).name, line["status"]) for line in lines]
    assert told == [(f"00000{n}.png", "written") for n in range(3)]
    assert (last["written"], last["failed"], last["provider"]) == (3, 0, "cpu")


def test_a_picture_that_cannot_be_written_is_listed_and_the_rest_is_done(generate, tmp_path):
    (tmp_path / "out/000001.png").mkdir(parents=True)
    status, said = generate("plain", tmp_path / "out", "--count", 3, "--existing", "overwrite")
    assert status == 1
    assert "2 written, 0 already there, 1 failed" in said
    assert "000001.png cannot be written" in said


def test_the_way_between_pictures_comes_as_a_strip_and_as_animations(generate, tmp_path):
    status, said = generate("style", tmp_path / "out", "--count", 3, "--interpolate", 4)
    assert status == 0, said
    height, width = (side * 2 for side in SIDES)  # enlarged to be seen
    with Image.open(tmp_path / "out/walk.png") as strip:
        assert strip.size == (6 * (width + 2) - 2, 2 * (height + 2) - 2)
        pixels = np.asarray(strip)
    with Image.open(tmp_path / "out/000001.png") as second:
        np.testing.assert_array_equal(pixels[:height, -width:][::2, ::2], np.asarray(second))
        np.testing.assert_array_equal(pixels[-height:, :width][::2, ::2], np.asarray(second))
    for name in ("walk.gif", "walk.webp"):
        with Image.open(tmp_path / "out" / name) as moving:
            assert (moving.n_frames, moving.size) == (15, SIDES[::-1])
            assert name in said
    film = (tmp_path / "out/walk.webm").read_bytes()
    generate("style", tmp_path / "out", "--count", 3, "--interpolate", 4)
    assert film == (tmp_path / "out/walk.webm").read_bytes()
    with av.open(tmp_path / "out/walk.webm") as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
        assert film.streams.video[0].codec.name == "vp9"
    factor = frames[0].shape[0] // SIDES[0]
    assert len(frames) == 15
    assert frames[0].shape[1] == factor * SIDES[1] >= 256
    with Image.open(tmp_path / "out/000001.png") as second:
        off = frames[5][factor // 2 :: factor, factor // 2 :: factor] - np.asarray(second.convert("RGB"), np.float32)
    assert np.abs(off).mean() < 8  # of 255: what the codec loses


def test_without_pyav_a_way_has_no_video_and_all_else(generate, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    status, said = generate("style", tmp_path / "out", "--count", 2, "--interpolate", 1)
    assert status == 0
    assert "walk.webp" in said
    assert not (tmp_path / "out/walk.webm").exists()


def test_ways_of_large_pictures_have_as_many_frames_as_memory_has_room_for():
    check_walk(8, 30, 1024**2)
    with pytest.raises(RequestError, match=r"71 frames of this size at most\. --interpolate takes 1 to 7 here"):
        check_walk(8, 30, 2048**2)
    with pytest.raises(RequestError, match="Take a --count of 35 or less"):
        check_walk(50, 30, 2048**2)


def test_what_is_beside_the_pictures_is_refused_too_where_it_is_there_and_may_not_be(generate, tmp_path):
    sheet = tmp_path / "folder/that is not there/sheet.png"
    assert generate("plain", tmp_path / "out", "--count", 2, "--grid", sheet)[0] == 0
    with Image.open(sheet) as image:
        assert image.width == 2 * (2 * SIDES[1] + 2) - 2
    status, said = generate("plain", tmp_path / "other", "--count", 2, "--grid", sheet, "--existing", "fail")
    assert (status, "sheet.png exists already" in said) == (2, True)
    assert not (tmp_path / "other").exists()


def test_a_contact_sheet_has_a_column_for_each_class(generate, tmp_path):
    status, said = generate("classes", tmp_path / "out", "--count", 7, "--grid", tmp_path / "sheet.png")
    assert status == 0, said
    with Image.open(tmp_path / "sheet.png") as sheet:
        pixels = np.asarray(sheet)
    assert pixels[2 * SIDES[0] - 1, [0, 66, 132]].argmax(axis=1).tolist() == [0, 1, 2]  # 2 x 32 pixels and the gap
    assert pixels[-1, -1].tolist() == [255, 255, 255]  # 7 pictures leave two places white


def test_mixing_takes_what_is_coarse_of_one_seed_and_what_is_fine_of_the_other(generate, tmp_path):
    options = {"a": (), "mixed": ("--mix", 7), "all": ("--mix", 7, "--mix-layer", 0), "b": ("--seed", 7)}
    for name, more in options.items():
        generate("style", tmp_path / name, "--count", 2, *more)
    a, mixed, every, b = (np.asarray(Image.open(tmp_path / name / "000000.png")).astype(int) for name in options)
    assert np.abs(a - mixed).max() > 20
    assert np.abs(b - mixed).max() > 20
    assert np.abs(b - every).max() <= 1
    with Image.open(tmp_path / "mixed/000000.png") as image:
        assert image.info["mix"] == "seed 7 from layer 2"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--with", "labl=3"), "No control of plain is called 'labl'"),
        (("--mix", 3), "mixing is of style nets"),
        (("--mix-layer", 3), "give that too"),
        (("--truncation", 0), "it must be 0.01 or more"),
        (("--count", 1, "--interpolate", 3), "--interpolate goes with --count 2 or more"),
        (("--interpolate", 5000), "--interpolate takes 1 to 124 here"),
        (("--count", 4_000_000_000), "it must lie between 1 and 1,000,000"),
        (("--with", "latent.seed=3", "--truncation", 0.5), "Leave one of them out"),
        (("--grid", "/"), "cannot be a file there"),
        (("--format", "gif"), "No picture format is called 'gif'"),
        (("--existing", "keep"), "No policy for existing files is called 'keep'"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_written(generate, tmp_path, options, words):
    status, said = generate("plain", tmp_path / "out", *options)
    assert (status, words in said) == (2, True), said
    assert not (tmp_path / "out").exists()


def test_info_says_what_is_made_of_what(i2i, models):
    said = i2i("info", models / "style.onnx", "--check")[1]
    assert "Makes:      discs (rgb) from 8 numbers from N(0, 1)" in said
    assert "--with truncation=…: 0 to 1.5 (1 unless given)" in said
    assert "32x24 pixels" in said
    assert "its golden probe came out as it should" in said
    assert "Tiles" not in said
