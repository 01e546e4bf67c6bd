"""Whatever a decoder, an encoder or a provider raises costs one picture; whatever ends a run, there is a report."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from conversions import report_of, results_in
from PIL import Image
from small_models import write_model

from i2i.errors import StorageError
from i2i.images.decode import read_picture
from i2i.serving import Engine, convert_folder
from i2i.serving.conversion import claim, making

ANYTHING = [RuntimeError("no such tag"), ValueError(), MemoryError(), RecursionError("too deep"), KeyError("exif")]


@pytest.fixture
def engine(tmp_path):
    return Engine(write_model(tmp_path), device="cpu")


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "in").mkdir()
    for name in "abc":
        Image.fromarray(np.full((8, 9, 3), ord(name), np.uint8)).save(tmp_path / "in" / f"{name}.png")
    return tmp_path / "in"


def raising(error, real):
    """`real`, but for the picture b, whose pixels are 98 (and 157 when inverted)."""

    def call(first, *rest, **more):
        pixels = getattr(first, "pixels", None)
        if getattr(first, "stem", "") == "b" or (pixels is not None and pixels.flat[0] in (98, 157)):
            raise error
        return real(first, *rest, **more)

    return call


@pytest.mark.parametrize("error", ANYTHING, ids=lambda error: type(error).__name__)
@pytest.mark.parametrize("part", ["read_picture", "prepare", "finish", "encoded"])
def test_whatever_is_raised_costs_that_picture_alone(part, error, engine, photos, tmp_path, monkeypatch):
    if part in ("read_picture", "encoded"):
        monkeypatch.setattr(making, part, raising(error, getattr(making, part)))
    elif part == "prepare":
        monkeypatch.setattr(engine, part, raising(error, engine.prepare))
    else:
        real = engine.finish
        monkeypatch.setattr(engine, part, lambda prepared, answer: raising(error, lambda _: real(prepared, answer))(
            real(prepared, answer.copy())))  # fmt: skip
    report = convert_folder(engine, photos, tmp_path / "out", workers=1)
    assert [f.status for f in report.files] == ["written", "failed", "written"]
    assert report.status == 1
    assert "b.png" in report.files[1].error
    assert "\n" not in report.files[1].error
    assert (read_picture(tmp_path / "out" / "c.png").pixels == 255 - ord("c")).all()


def test_a_provider_that_fails_on_one_picture_does_not_end_the_run(engine, photos, tmp_path, monkeypatch):
    """Nor does it cost those that shared its batch."""
    real, sizes = engine.batcher.executor.run, []

    def run(feeds, *into):
        sizes.append(len(feeds["image"]))
        if (feeds["image"][:, 0, 0, 0] == np.float32(98 / 255)).any():
            raise RuntimeError("the device was lost")
        return real(feeds, *into)

    monkeypatch.setattr(engine.batcher.executor, "run", run)
    report = convert_folder(engine, photos, tmp_path / "out")
    assert [f.status for f in report.files] == ["written", "failed", "written"]
    assert "the device was lost" in report.files[1].error
    waiting = [engine.batcher.submit(engine.prepare(read_picture(path)).feeds) for path in sorted(photos.iterdir())]
    assert waiting[0].result().shape == (3, 8, 9)
    assert max(sizes) == 3
    with pytest.raises(RuntimeError, match="the device was lost"):
        waiting[1].result()


def test_a_folder_with_a_camera_jpeg_becomes_tiffs(engine, tmp_path):
    """Pillow's compressing writer of TIFF raises RuntimeError on EXIF with a directory below."""
    (tmp_path / "in").mkdir()
    exif = Image.Exif()
    exif.get_ifd(0x8769)[36867] = "2026:05:04 10:11:12"
    Image.new("RGB", (16, 12), (9, 99, 200)).save(tmp_path / "in" / "a.jpg", exif=exif)
    Image.new("RGB", (16, 12)).save(tmp_path / "in" / "b.png")
    report = convert_folder(engine, tmp_path / "in", tmp_path / "out", format="tiff")
    assert [f.status for f in report.files] == ["written", "written"]
    assert Image.open(tmp_path / "out" / "a.tiff").getexif().get_ifd(0x8769)[36867] == "2026:05:04 10:11:12"


@pytest.mark.parametrize(
    ("number", "words"), [(errno.ENOSPC, "disk takes no more"), (errno.EDQUOT, "quota"), (errno.EROFS, "read alone")]
)
def test_what_ends_a_run_is_said_by_its_kind_and_the_report_has_what_was_done(
    number, words, engine, photos, tmp_path, monkeypatch
):
    real = claim.write_whole

    def write(path, data, **rest):
        if path.stem == "b":
            raise OSError(number, os.strerror(number))
        real(path, data, **rest)

    monkeypatch.setattr(claim, "write_whole", write)
    lines = tmp_path / "report.jsonl"
    with pytest.raises(StorageError, match=words):
        convert_folder(engine, photos, tmp_path / "out", workers=1, report=lines)
    _, files, last = report_of(lines)
    assert {f["status"] for f in files} == {"written"}
    assert [f["target"] for f in files] == [str(path) for path in results_in(tmp_path / "out")]  # c, if it was begun
    assert files[0]["target"].endswith("a.png")
    assert words in last["ended"]


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_leaves_a_report_and_no_half_file(number, status, tmp_path):
    model = write_model(tmp_path, "network", tiling="global")
    (tmp_path / "in").mkdir()
    noise = np.random.default_rng(0).integers(0, 256, (700, 900, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "in" / "00.png")
    for n in range(1, 60):
        shutil.copy(tmp_path / "in" / "00.png", tmp_path / "in" / f"{n:02}.png")
    command = [sys.executable, "-m", "i2i", "convert", str(model), str(tmp_path / "in"), str(tmp_path / "out"),
               "--device", "cpu", "--report", str(tmp_path / "report.jsonl")]  # fmt: skip
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # ignored in a shell's background
    )
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and len(list((tmp_path / "out").glob("*.png"))) < 3:
        time.sleep(0.02)
    process.send_signal(number)
    assert process.wait(60) == status
    _, _, report = report_of(tmp_path / "report.jsonl")
    assert 0 < report["written"] < 60
    assert report["ended"]
    for path in results_in(tmp_path / "out"):  # hidden leftovers would be among them
        assert read_picture(path).pixels.shape == (700, 900, 3)
