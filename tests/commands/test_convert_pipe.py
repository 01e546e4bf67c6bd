"""`i2i convert` with `-`: a picture through a pipe, and nothing but the picture."""

from __future__ import annotations

import ctypes
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from i2i.errors import PictureError
from i2i.images.decode import read_picture
from i2i.images.encode import Encoded
from i2i.workflows import convert as workflow


def run(model: Path, *words: object, given: bytes = b"", cwd: Path | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "i2i", "convert", str(model), *map(str, words), "--device", "cpu"]
    return subprocess.run(command, input=given, capture_output=True, timeout=120, cwd=cwd)


def saved(pillow: str) -> tuple[np.ndarray, bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3), np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, pillow)
    return pixels, buffer.getvalue()


@pytest.mark.parametrize(("pillow", "words", "mime"), [
    ("PNG", (), "image/png"), ("JPEG", (), "image/jpeg"), ("PPM", (), "image/png"), ("JPEG", ("--format", "webp"), "image/webp"),
])  # fmt: skip
def test_a_picture_goes_through_in_the_format_that_it_has_or_that_is_asked_for(make_model, pillow, words, mime):
    pixels, data = saved(pillow)
    done = run(make_model(), "-", "-", *words, given=data)
    assert done.returncode == 0, done.stderr
    with Image.open(io.BytesIO(done.stdout)) as image:
        assert image.get_format_mimetype() == mime
    if mime == "image/png":
        np.testing.assert_array_equal(read_picture(done.stdout).pixels, 255 - pixels)


def test_either_side_may_be_a_file(make_model, tmp_path):
    pixels, data = saved("PNG")
    (tmp_path / "in.png").write_bytes(data)
    model = make_model()
    out = run(model, tmp_path / "in.png", "-").stdout
    np.testing.assert_array_equal(read_picture(out).pixels, 255 - pixels)
    assert run(model, "-", tmp_path / "out.tif", given=data).returncode == 0
    np.testing.assert_array_equal(read_picture(tmp_path / "out.tif").pixels, 255 - pixels)
    again = run(model, "-", tmp_path / "out.tif", given=data)
    assert (again.returncode, b"--existing overwrite" in again.stderr) == (2, True)
    assert run(model, "-", tmp_path / "out.tif", "--existing", "overwrite", given=data).returncode == 0


@pytest.mark.parametrize("given", [b"", b"no picture", saved("PNG")[1][:60]])
def test_what_is_no_picture_is_a_sentence_and_status_1(make_model, given):
    done = run(make_model(), "-", "-", given=given)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 2  # which provider, and why not


def test_what_is_of_folders_is_refused(make_model):
    done = run(make_model(), "-", "-", "--dry-run", given=saved("PNG")[1])
    assert (done.returncode, b"leave them out" in done.stderr) == (2, True)


def test_a_reader_that_goes_ends_it_in_silence(make_model, tmp_path):
    (tmp_path / "in.png").write_bytes(saved("PNG")[1])
    command = [sys.executable, "-m", "i2i", "convert", make_model(), tmp_path / "in.png", "-", "--device", "cpu"]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    running.stdout.close()
    said = running.stderr.read()
    assert running.wait(timeout=120) == 0
    assert len(said.splitlines()) == 1  # which provider


def test_a_pipe_has_the_picture_alone_whatever_libraries_print(monkeypatch, capfdbinary, tmp_path):
    libc = ctypes.CDLL(None)

    def loud(*_: object) -> Encoded:
        print("from Python")
        os.write(1, b"from a descriptor\n")
        libc.puts(b"from C")
        return Encoded(b"the picture", ("XMP",), ("a note",))

    monkeypatch.setattr(workflow, "convert_bytes", loud)
    (tmp_path / "x.png").write_bytes(b"x")
    given = {"existing": "skip", "format": "keep", "quality": None, "metadata": "keep", "controls": {}}
    workflow.through_pipe(None, tmp_path / "x.png", Path("-"), **given)
    libc.fflush(None)
    out, err = capfdbinary.readouterr()
    assert out == b"the picture"
    libraries = [b"from C", b"from Python", b"from a descriptor"]
    assert sorted(err.splitlines()) == [b"Left out: XMP.", b"a note.", *libraries]  # and what is told of it


def test_a_damaged_openexr_prints_nothing_to_standard_output(capfd, tmp_path):
    openexr = pytest.importorskip("OpenEXR", reason="OpenEXR is not installed (the extra `exr`)")
    noise = np.random.default_rng(0).random((64, 64, 3), np.float32)
    openexr.File({"type": openexr.scanlineimage}, {"RGB": noise}).write(str(tmp_path / "x.exr"))
    with pytest.raises(PictureError):
        read_picture((tmp_path / "x.exr").read_bytes()[:20_000])
    assert capfd.readouterr().out == ""


def test_progress_for_programs_is_json_lines_on_standard_error(make_model, tmp_path):
    (tmp_path / "in").mkdir()
    for number in range(3):
        (tmp_path / "in" / f"{number}.png").write_bytes(saved("PNG")[1])
    done = run(make_model(), tmp_path / "in", tmp_path / "out", "--progress", "json")
    last = json.loads(done.stderr.splitlines()[-1])
    assert (last["done"], last["total"], last["pixels"], last["seconds_left"]) == (3, 3, 3 * 63, 0)
    quiet = run(make_model(), tmp_path / "in", tmp_path / "out2", "--progress", "none")
    assert len(quiet.stderr.splitlines()) == 1
    wrong = run(make_model(), tmp_path / "in", tmp_path / "out3", "--progress", "jsno")
    assert (wrong.returncode, b"Did you mean 'json'" in wrong.stderr) == (2, True)
