"""`i2i convert --watch` takes what comes into a folder once it has settled, until it is told to end."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from conversions import report_of, results_in
from PIL import Image

from i2i.images.decode import read_picture
from i2i.images.find import find_pictures
from i2i.serving import ConversionReport, Engine
from i2i.serving.conversion import making as conversion
from i2i.serving.conversion.watch import State, watch
from i2i.workflows.convert import watch_and_convert


def put(path: Path, value: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((6, 7, 3), value, np.uint8)).save(path)
    return path


class Rounds:
    """A stop that does something to the folder before each further look, and then sets itself."""

    def __init__(self, *steps: Callable[[], object]) -> None:
        self.steps = list(steps)

    def wait(self, _seconds: float) -> bool:
        if not self.steps:
            return True
        self.steps.pop(0)()
        return False


def looked(tmp_path: Path, *steps: Callable[[], object]) -> list[tuple[str, bool]]:
    """Name and whether it was there before, of all that was converted in len(steps) + 1 looks."""
    source, found = tmp_path / "in", []
    source.mkdir(exist_ok=True)

    def convert(turn: Mapping[Path, State], again: bool) -> None:
        found.extend((path.relative_to(source).as_posix(), again) for path in sorted(turn))

    watch(convert, source, tmp_path / "out", Rounds(*steps))  # type: ignore[arg-type]
    return found


def test_a_file_is_taken_once_it_is_the_same_in_two_looks_and_again_when_it_changes(tmp_path):
    path = tmp_path / "in/deep/a.png"

    def grow() -> None:
        path.parent.mkdir(exist_ok=True)
        with path.open("ab") as file:
            file.write(b"x")

    def nothing() -> None:
        pass

    assert looked(tmp_path, grow, grow, grow) == []
    assert looked(tmp_path, nothing, nothing) == [("deep/a.png", False)]
    assert looked(tmp_path, nothing, grow, nothing, nothing) == [("deep/a.png", False), ("deep/a.png", True)]
    assert looked(tmp_path, path.unlink, nothing) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_comes_is_converted_until_it_is_told_to_end(make_model, tmp_path, number):
    put(tmp_path / "in/a.png", 10)
    command = [sys.executable, "-m", "i2i", "convert", make_model(), tmp_path / "in", tmp_path / "out", "--watch",
               "--device", "cpu", "--report", tmp_path / "report.jsonl"]  # fmt: skip
    process = subprocess.Popen(
        list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )  # fmt: skip

    def until(count: int, value: int) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            there = find_pictures(tmp_path / "out") if (tmp_path / "out").exists() else []  # none that is begun
            if len(there) == count and any((read_picture(p).pixels == 255 - value).all() for p in there):
                return
            time.sleep(0.05)
        raise AssertionError(process.communicate(timeout=10))

    try:
        until(1, 10)
        put(tmp_path / "in/deep/b.png", 20)
        (tmp_path / "in/c.png").write_bytes(b"no picture")
        until(2, 20)
        put(tmp_path / "in/a.png", 30)
        until(2, 30)
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 1, err  # one failed
    assert "3 written, 0 already there, 1 failed" in out
    assert err.count("c.png") == 1
    assert report_of(tmp_path / "report.jsonl")[2]["written"] == 3


def test_what_was_done_of_a_round_that_is_cut_short_is_in_the_report(make_model, tmp_path):
    for number in range(12):
        put(tmp_path / "in" / f"{number:02}.png", number)
    said = []

    def say(sentence: str) -> None:
        said.append(sentence)
        if len(said) == 5:
            raise KeyboardInterrupt

    engine = Engine(make_model(), device="cpu")
    given = {"existing": "skip", "report": tmp_path / "report.jsonl", "say": say}
    result = watch_and_convert(engine, tmp_path / "in", tmp_path / "out", **given, workers=1)
    _, lines, end = report_of(tmp_path / "report.jsonl")
    there = [path.name for path in results_in(tmp_path / "out")]
    assert 5 <= len(there) < 12
    assert sorted(Path(line["target"]).name for line in lines) == there  # what was being written as well
    assert (end["written"], result.counts["written"]) == (len(there), len(there))


def watched(model: str, tmp_path: Path, *steps: Callable[[], object]) -> tuple[ConversionReport, list[str]]:
    """The report of a watch in which `steps` happen between its looks, and what it said."""
    said: list[str] = []
    given = {"existing": "skip", "report": tmp_path / "report.jsonl", "say": said.append, "stop": Rounds(*steps)}
    engine = Engine(model, device="cpu")
    return watch_and_convert(engine, tmp_path / "in", tmp_path / "out", **given, workers=1), said


def test_a_file_whose_writer_paused_is_no_failure_once_it_is_whole(make_model, tmp_path):
    data = put(tmp_path / "in/a.png", 10).read_bytes()
    (tmp_path / "in/a.png").write_bytes(data[:40])
    steps = (lambda: None, lambda: (tmp_path / "in/a.png").write_bytes(data), lambda: None)
    result, said = watched(make_model(), tmp_path, *steps)
    assert (dict(result.counts), result.status) == ({"written": 1}, 0)
    assert [line.partition(":")[0] for line in said] == ["failed", "written"]
    assert [line["status"] for line in report_of(tmp_path / "report.jsonl")[1]] == ["failed", "written"]


def test_a_file_that_grows_while_it_is_read_waits_for_its_turn(make_model, tmp_path, monkeypatch):
    data = put(tmp_path / "in/a.png", 10).read_bytes()
    (tmp_path / "in/a.png").write_bytes(data[:40])
    real = conversion.read_picture

    def slowly(path: Path) -> object:
        try:
            return real(path)
        finally:
            if path.stat().st_size != len(data):
                path.write_bytes(data)  # the writer goes on just now

    monkeypatch.setattr(conversion, "read_picture", slowly)
    result, said = watched(make_model(), tmp_path, *[lambda: None] * 3)
    assert (dict(result.counts), result.status) == ({"written": 1}, 0)
    assert [line.partition(":")[0] for line in said] == ["written"]
