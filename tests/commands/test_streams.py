"""No letter that a code page lacks, no byte that is no letter and no closed pipe ends a command in a traceback."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from in_process import Forked, exit_status
from PIL import Image
from tiny_runs import SHALLOW

from i2i.commands.streams import PLAIN

ENCODINGS = ["cp1252", "cp437", "cp932", "latin-1", "gbk", "ascii", "utf-8"]
BROKEN = ["ж.png", os.fsdecode(b"\xff.png")]


@pytest.fixture
def speaking(monkeypatch):
    """`speaking("cp1252", "info", …)` runs a command that speaks in that encoding: (exit status, its words)."""

    def run(encoding: str, *arguments: object) -> tuple[int, str]:
        streams = {name: io.TextIOWrapper(io.BytesIO(), encoding, "strict") for name in ("stdout", "stderr")}
        for name, stream in streams.items():
            monkeypatch.setattr(sys, name, stream)
        status = exit_status(monkeypatch, *arguments)
        for stream in streams.values():
            stream.flush()
        return status, "".join(
            s.buffer.getvalue().decode("utf-8" if encoding == "ascii" else encoding) for s in streams.values()
        )

    return run


TINY = ["--size", "64", "--images", "4", "--batch", "4", "--precision", "fp32", *SHALLOW,
        "--set", "generator.width=4", "--set", "discriminator.width=4"]  # fmt: skip


def put(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)).save(path)
    return path


def pairs(root: Path, broken: str) -> Path:
    """Three pairs, and one of which a side is no picture."""
    for side in "AB":
        for name in ("0.png", "1.png", "2.png", broken):
            put(root / side / name)
    (root / "A" / broken).write_bytes(b"no picture")
    return root


def shown(name: str, encoding: str) -> str:
    """How a name is written, as far as that is ours: what is ASCII to Python, click takes for a mistake."""
    plain, _, suffix = name.partition(".")
    if encoding == "ascii":
        return f".{suffix}"
    try:
        name.encode(encoding)
    except UnicodeEncodeError:
        return {"ж": "\\u0436.", "\udcff": "\\xff."}[plain] + suffix
    return name


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("broken", BROKEN, ids=["letter", "byte"])
def test_a_failing_name_is_told_in_every_encoding(speaking, make_model, tmp_path, monkeypatch, encoding, broken):
    monkeypatch.setattr("i2i.workflows.demo._affordable", lambda *_: 16)  # by steps of a wide network, for seconds
    model, root = make_model(), pairs(tmp_path / "pairs", broken)
    told = shown(broken, encoding)
    commands = {
        1: [["convert", model, root / "A", tmp_path / "out"], ["data", "check", root, "--html", tmp_path / "page.html"],
            ["evaluate", model, root, "--out", tmp_path / "scores"]],
        2: [["demo", root, "--run", tmp_path / "run"],
            ["train", "pix2pix", root, "--run", tmp_path / "run", "--size", "32"]],
    }  # fmt: skip
    for expected, rows in commands.items():
        for command in rows:
            status, said = speaking(encoding, *command)
            assert (status, told in said) == (expected, True), (command, said)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_info_speaks_of_a_file_of_any_name(speaking, make_model, encoding):
    for name in ("ж.onnx", os.fsdecode(b"\xff.onnx")):
        model = make_model()
        status, said = speaking(encoding, "info", model.rename(model.with_name(name)))
        assert status == 0, said
        assert shown(name, encoding) in said


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "cp437"])
def test_tables_have_plain_lines_where_the_code_page_has_no_others(speaking, make_model, tmp_path, encoding):
    root = pairs(tmp_path / "pairs", "3.png")
    _, said = speaking(encoding, "evaluate", make_model(), root, "--out", tmp_path / "scores")
    assert "\\u" not in said
    rows = [line for line in said.splitlines() if line.startswith(("|", "│"))]
    assert len({len(row) for row in rows}) == 1
    assert any(row.startswith(("| psnr", "│ psnr")) for row in rows)


def test_a_folder_whose_names_are_no_unicode_trains_scores_and_converts(speaking, tmp_path):
    root, run = tmp_path / os.fsdecode(b"\xfd"), tmp_path / "run"
    for side in (b"a\xff", b"b\xfe"):
        for number in range(3):
            path = root / os.fsdecode(side + b"/%d\xfc.png" % number)
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                Image.fromarray(np.random.default_rng(number).integers(0, 256, (64, 64, 3), np.uint8)).save(file, "PNG")
    for command in (
        ["train", "pix2pix", root, "--run", run, *TINY],
        ["evaluate", run, root, "--out", tmp_path / "scores"],
        ["convert", run, root, tmp_path / "out"],
        ["info", run, "--json"],
    ):
        status, said = speaking("utf-8", *command)
        assert status == 0, said
    assert len(list((tmp_path / "out").rglob("*.png"))) == 6


def test_the_plain_signs_are_ascii():
    assert all(plain.isascii() for plain in PLAIN.values())


@pytest.mark.parametrize("streams", [["out"], ["out", "err"]])
def test_training_goes_on_when_nobody_reads_its_words_any_more(streams, tmp_path, sample_pairs):
    run = tmp_path / "run"
    reading, writing = os.pipe()
    left = dict.fromkeys(streams, writing)
    training = Forked("train", "pix2pix", sample_pairs, "--run", run, *TINY, "--images", 8, **left)
    os.close(writing)
    assert os.read(reading, 1)
    os.close(reading)
    assert training.ended() == 0, training.said()
    assert (run / "model.onnx").exists()


@pytest.mark.parametrize("flags", [[], ["-u"]], ids=["buffered", "unbuffered"])
def test_other_commands_end_well_when_nobody_reads_their_words(make_model, tmp_path, flags):
    put(tmp_path / "in/a.png")
    for arguments in (["info", make_model()], ["convert", make_model(), tmp_path / "in", tmp_path / "out"]):
        reading, writing = os.pipe()
        os.close(reading)
        command = [sys.executable, *flags, "-m", "i2i", *map(str, arguments)]
        with os.fdopen(writing, "wb") as closed:
            assert subprocess.run(command, stdout=closed, stderr=closed, timeout=120).returncode == 0
    assert (tmp_path / "out/a.png").exists()


def test_a_full_disk_behind_the_output_is_said(make_model):
    command = [sys.executable, "-m", "i2i", "info", str(make_model())]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120)
        assert subprocess.run(command, stdout=full, stderr=full, timeout=120).returncode == 1
    assert done.returncode == 1
    assert done.stderr == "i2i: What is to be said cannot be written to standard output (No space left on device).\n"
