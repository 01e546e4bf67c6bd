"""A dry run says what a conversion will take, and which files it will fail on, and writes nothing."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from conversions import report_of
from PIL import Image

from i2i.serving import Engine, convert_folder


@pytest.fixture
def engine(make_model) -> Engine:
    return Engine(make_model(), device="cpu")


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "in").mkdir()
    picture = Image.fromarray(np.random.default_rng(0).integers(0, 256, (300, 400, 3), np.uint8))
    for name in ("a.jpg", "b.jpg", "c.png"):
        picture.save(tmp_path / "in" / name)
    return tmp_path / "in"


def test_it_tells_kinds_megapixels_time_and_room(engine, photos, tmp_path):
    report = convert_folder(engine, photos, tmp_path / "out", dry_run=True, report=tmp_path / "report.jsonl")
    kinds, time, room = report.notes
    assert kinds == "To read: 2 JPEG, 1 PNG; 0.4 megapixels."
    assert time.startswith("Takes about ")
    size = sum(path.stat().st_size for path in photos.iterdir()) / 2**20
    assert room.startswith(f"Needs about {size:.1f} MB; ")
    assert report_of(tmp_path / "report.jsonl")[2]["notes"] == list(report.notes)
    assert not (tmp_path / "out").exists()


def test_the_room_grows_with_the_scale_and_a_full_disk_is_told(make_model, photos, tmp_path, monkeypatch):
    enlarger = Engine(make_model("enlarge", scale=4), device="cpu")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(2**30, 2**30 - 2**20, 2**20))
    report = convert_folder(enlarger, photos, tmp_path / "out", dry_run=True)
    size = sum(path.stat().st_size for path in photos.iterdir()) * 16 / 2**20
    assert f"Needs about {size:.1f} MB; 1 MB are free" in report.notes[2]
    assert report.notes[3].startswith("They will not fit")


def test_a_file_whose_header_cannot_be_read_is_told_and_what_is_there_is_not_counted(engine, photos, tmp_path):
    convert_folder(engine, photos, tmp_path / "out")
    (photos / "broken.png").write_bytes(b"no picture")
    shutil.copy(photos / "a.jpg", photos / "d.jpg")
    report = convert_folder(engine, photos, tmp_path / "out", dry_run=True)
    assert report.counts == {"skipped": 3, "failed": 1, "planned": 1}
    assert report.notes[0] == "To read: 1 JPEG; 0.1 megapixels."
    assert report.status == 1
