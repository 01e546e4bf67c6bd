"""A conversion that was killed, ran out of room or met another one: nothing lost, nothing claimed that is not there."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from conversions import report_of, results_in
from PIL import Image

from i2i.errors import RequestError, StorageError
from i2i.serving import Engine, convert_folder
from i2i.serving.conversion.claim import claimed
from i2i.serving.conversion.journal import FOLDER, NAME, Journal
from i2i.serving.conversion.verify import verify_folder


@pytest.fixture
def engine(make_model) -> Engine:
    return Engine(make_model(), device="cpu")


def paint(folder: Path, count: int, side: int = 12, suffix: str = ".png") -> Path:
    rng = np.random.default_rng(count)
    for number in range(count):
        path = folder / f"{number % 3}" / f"{number:04}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (side + number % 5, side, 3), np.uint8)).save(path)
    return folder


def bytes_in(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in results_in(folder)}


def killed_again_and_again(model: Path, source: Path, target: Path, kills: int) -> int:
    """Convert in processes that get SIGKILL at random moments, then once to the end; gives how many were killed at work."""
    command = [sys.executable, "-m", "i2i", "convert", str(model), str(source), str(target), "--device", "cpu",
               "--report", str(target.parent / "killed.jsonl")]  # fmt: skip
    moments, at_work = random.Random(0), 0
    for _ in range(kills):
        before = len(results_in(target))
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while process.poll() is None and len(results_in(target)) <= before and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(moments.random() * 0.05)
        process.kill()
        at_work += process.wait() == -signal.SIGKILL
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=300)
    return at_work


def check_kills(engine: Engine, tmp_path: Path, count: int, kills: int, least: int) -> None:
    source = paint(tmp_path / "in", count, side=40)
    convert_folder(engine, source, tmp_path / "unbroken")
    assert killed_again_and_again(engine.path, source, tmp_path / "out", kills) >= least
    assert bytes_in(tmp_path / "out") == bytes_in(tmp_path / "unbroken")
    assert sorted(p.name for p in (tmp_path / "out" / FOLDER).iterdir()) == [NAME, "lock"]
    assert len(verify_folder(tmp_path / "out").whole) == count
    again = convert_folder(engine, source, tmp_path / "out")
    assert again.counts == {"skipped": count}
    assert not again.notes


def test_a_run_killed_three_times_ends_with_the_bytes_of_an_unbroken_one_and_no_stray_file(engine, tmp_path):
    check_kills(engine, tmp_path, count=150, kills=3, least=2)


@pytest.mark.slow
def test_ten_kills_over_a_thousand_pictures_lose_nothing(engine, tmp_path):
    check_kills(engine, tmp_path, count=1000, kills=10, least=9)


def test_after_kill_9_the_report_has_a_line_for_each_file_that_was_done(engine, tmp_path):
    source, lines = paint(tmp_path / "in", 400, side=60), tmp_path / "report.jsonl"
    command = [sys.executable, "-m", "i2i", "convert", str(engine.path), str(source), str(tmp_path / "out"),
               "--device", "cpu", "--report", str(lines)]  # fmt: skip
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while len(results_in(tmp_path / "out")) < 20 and time.monotonic() < deadline:
        time.sleep(0.005)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    _, *files = (json.loads(line) for line in lines.read_text().splitlines())
    assert 10 < len(files) < 400
    assert all(Path(file["target"]).exists() for file in files)


def changed_quality(engine: Engine, tmp_path: Path) -> tuple[Engine, dict[str, object]]:
    return engine, {"quality": 40}


def changed_ensemble(engine: Engine, tmp_path: Path) -> tuple[Engine, dict[str, object]]:
    return Engine(engine.path, device="cpu", ensemble=True), {}


def changed_model(engine: Engine, tmp_path: Path) -> tuple[Engine, dict[str, object]]:
    raw = engine.path.read_bytes()
    other = tmp_path / "other.onnx"
    other.write_bytes(raw + b"\x1a\x00")  # an empty domain: the same model in another file
    return Engine(other, device="cpu"), {}


def changed_source(engine: Engine, tmp_path: Path) -> tuple[Engine, dict[str, object]]:
    first, *others = sorted((tmp_path / "in").rglob("*.jpg"))
    for path in others:
        shutil.copyfile(first, path)
    return engine, {}


@pytest.mark.parametrize("change", [changed_quality, changed_ensemble, changed_model, changed_source])
def test_what_another_model_option_or_source_made_is_told_and_existing_decides(change, engine, tmp_path):
    source = paint(tmp_path / "in", 6, suffix=".jpg")
    convert_folder(engine, source, tmp_path / "out")
    before, what = bytes_in(tmp_path / "out"), change.__name__.removeprefix("changed_")
    now, options = change(engine, tmp_path)
    skipped = convert_folder(now, source, tmp_path / "out", **options, report=tmp_path / "report.jsonl")
    count = 5 if what == "source" else 6  # the first is itself
    assert skipped.notes == (
        f"{count} of those already there were made with another {what}, and left as they are; "
        "--existing changed converts them again.",
    )
    assert [f["made"] for f in report_of(tmp_path / "report.jsonl")[1]].count(f"changed: {what}") == count
    assert bytes_in(tmp_path / "out") == before
    assert convert_folder(now, source, tmp_path / "out", existing="changed", **options).counts["written"] == count
    assert bytes_in(tmp_path / "out") == _fresh(now, source, tmp_path / "fresh", **options)
    assert not convert_folder(now, source, tmp_path / "out", **options).notes


def _fresh(engine: Engine, source: Path, target: Path, **options: object) -> dict[str, bytes]:
    convert_folder(engine, source, target, **options)
    return bytes_in(target)


def test_the_quality_of_jpeg_makes_no_difference_to_a_png(engine, tmp_path):
    paint(tmp_path / "in", 2)
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert not convert_folder(engine, tmp_path / "in", tmp_path / "out", quality=50).notes


def test_a_source_that_was_only_touched_is_the_same(engine, tmp_path):
    for path in results_in(paint(tmp_path / "in", 2)):
        convert_folder(engine, tmp_path / "in", tmp_path / "out")
        os.utime(path, (1, 1))
    assert not convert_folder(engine, tmp_path / "in", tmp_path / "out").notes


def test_a_file_of_unknown_origin_is_left_and_told_and_never_replaced_as_changed(engine, tmp_path):
    paint(tmp_path / "in", 2)
    (tmp_path / "out/0").mkdir(parents=True)
    shutil.copy(tmp_path / "in/0/0000.png", tmp_path / "out/0/0000.png")
    mine = (tmp_path / "out/0/0000.png").read_bytes()
    for existing in ("skip", "changed"):
        report = convert_folder(engine, tmp_path / "in", tmp_path / "out", existing=existing)
        assert report.notes == ("1 of those already there is in no journal, so nothing is known of what made it.",)
        assert (tmp_path / "out/0/0000.png").read_bytes() == mine
    assert verify_folder(tmp_path / "out").unknown == ["0/0000.png"]


def test_a_file_cut_short_is_told_and_verify_finds_every_byte_that_changed(engine, tmp_path, i2i):
    source = paint(tmp_path / "in", 6)
    convert_folder(engine, source, tmp_path / "out")
    whole = bytes_in(tmp_path / "out")
    cut, flipped, gone = (tmp_path / "out" / name for name in ("0/0000.png", "0/0003.png", "1/0001.png"))
    cut.write_bytes(whole["0/0000.png"][:50])
    flipped.write_bytes(whole["0/0003.png"][:-1] + b"?")
    told = convert_folder(engine, source, tmp_path / "out").notes
    assert told[0].startswith("1 of those already there was changed or cut since it was written")
    gone.unlink()
    (source / "2/0002.png").write_bytes((source / "2/0005.png").read_bytes())
    status, out, err = i2i("verify", tmp_path / "out", "--report", tmp_path / "checked.json")
    assert (status, err.startswith("Verifying: 6/6 files")) == (1, True)
    assert out.splitlines() == [
        "3 as they were written, 2 changed, 1 missing.",
        f"  changed: {cut}",
        f"  changed: {flipped}",
        f"  missing: {gone}",
        "  The same i2i convert with --existing changed writes them again.",
        "  note: the source of 1 was changed since; --existing changed converts it again.",
    ]
    checked = json.loads((tmp_path / "checked.json").read_text())
    assert (checked["changed"], checked["stale"]) == (["0/0000.png", "0/0003.png"], ["2/0002.png"])
    assert convert_folder(engine, source, tmp_path / "out", existing="changed").counts == {"written": 4, "skipped": 2}
    assert i2i("verify", tmp_path / "out")[:2] == (0, "6 as they were written, 0 changed, 0 missing.\n")


def test_verify_refuses_a_folder_without_a_journal(tmp_path, i2i):
    for folder in (tmp_path, tmp_path / "missing"):
        status, _, err = i2i("verify", folder)
        assert status == 2
        assert "no journal" in err or "no folder" in err


def test_two_conversions_into_one_target_refuse_each_other(engine, tmp_path):
    paint(tmp_path / "in", 3)
    (tmp_path / "report.jsonl").write_text("the first one's")
    with claimed(tmp_path / "out", []):
        with pytest.raises(RequestError, match="Another conversion is writing into"):
            convert_folder(engine, tmp_path / "in", tmp_path / "out", report=tmp_path / "report.jsonl")
        assert not results_in(tmp_path / "out")
        convert_folder(engine, tmp_path / "in", tmp_path / "out", dry_run=True)
        assert convert_folder(engine, tmp_path / "in", tmp_path / "elsewhere").counts == {"written": 3}
    assert (tmp_path / "report.jsonl").read_text() == "the first one's"
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out").counts == {"written": 3}


def test_what_a_killed_run_left_unfinished_is_removed_and_what_others_write_is_not(engine, tmp_path):
    paint(tmp_path / "in", 4)
    (tmp_path / "out/1").mkdir(parents=True)
    stale, others = tmp_path / "out/1/.i2i-0123456789ab.part", tmp_path / "out/1/.i2i-0123456789ab.tmp"
    for path in (stale, others):
        path.write_bytes(b"half")
    convert_folder(engine, tmp_path / "in", tmp_path / "out")
    assert (stale.exists(), others.exists()) == (False, True)


def test_a_target_folder_that_is_removed_ends_the_run_and_is_no_success(engine, tmp_path):
    source, lines = paint(tmp_path / "in", 30), tmp_path / "report.jsonl"

    def remove(done: int, *_: int) -> None:
        if done == 10:
            (tmp_path / "out").rename(tmp_path / "gone")

    with pytest.raises(StorageError, match="was removed, renamed or unmounted") as ended:
        convert_folder(engine, source, tmp_path / "out", progress=remove, workers=1, report=lines)
    assert ended.value.status == 1
    _, files, last = report_of(lines)
    assert last["failed"] >= 10
    state = {Path(file["target"]): file["status"] for file in files}  # a later line replaces an earlier one
    assert all(path.exists() == (status == "written") for path, status in state.items())


def test_a_file_that_is_removed_while_the_rest_is_converted_is_a_failure(engine, tmp_path):
    source = paint(tmp_path / "in", 20)

    def remove(done: int, *_: int) -> None:
        if done == 10:
            (tmp_path / "out/0/0000.png").unlink()

    report = convert_folder(engine, source, tmp_path / "out", progress=remove)
    assert (report.status, report.counts) == (1, {"written": 19, "failed": 1})
    assert "was removed by something else" in report.files[0].error


def test_where_nothing_was_written_nothing_stays(engine, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.png").write_bytes(b"no picture")
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out").counts == {"failed": 1}
    assert not (tmp_path / "out").exists()


def test_a_journal_torn_at_any_byte_is_read_as_far_as_it_is_whole(engine, tmp_path):
    source = paint(tmp_path / "in", 4)
    convert_folder(engine, source, tmp_path / "out")
    path = tmp_path / "out" / FOLDER / NAME
    raw, counts = path.read_bytes(), []
    for length in (*range(0, len(raw), 9), len(raw)):
        path.write_bytes(raw[:length])
        counts.append(len(Journal(tmp_path / "out").entries))
    assert counts == sorted(counts)
    assert (counts[0], counts[-1]) == (0, 4)
    path.write_bytes(raw[:-20])
    assert "1 of those already there is in no journal" in convert_folder(engine, source, tmp_path / "out").notes[0]
    assert convert_folder(engine, source, tmp_path / "out", existing="overwrite").counts == {"written": 4}
    assert len(verify_folder(tmp_path / "out").whole) == 4


def test_a_journal_of_a_newer_version_is_not_written_into(engine, tmp_path):
    paint(tmp_path / "in", 1)
    (tmp_path / "out" / FOLDER).mkdir(parents=True)
    (tmp_path / "out" / FOLDER / NAME).write_text('{"schema": 2}\n')
    with pytest.raises(RequestError, match="another version of i2i"):
        convert_folder(engine, tmp_path / "in", tmp_path / "out")


def test_a_line_whose_file_never_got_its_name_leaves_the_one_before_as_it_was(engine, tmp_path):
    """Killed between the line of the journal and the renaming, while it replaced a file."""
    source = paint(tmp_path / "in", 1, suffix=".jpg")
    convert_folder(engine, source, tmp_path / "out")
    path = tmp_path / "out" / FOLDER / NAME
    line = json.loads(path.read_text().splitlines()[-1])
    with path.open("a") as file:
        file.write(json.dumps(line | {"sha256": "0" * 64, "size": line["size"] + 1}) + "\n")
    assert verify_folder(tmp_path / "out").whole == ["0/0000.jpg"]
    assert not convert_folder(engine, source, tmp_path / "out").notes


def test_the_journal_of_a_folder_that_is_converted_again_and_again_does_not_grow(engine, tmp_path):
    source = paint(tmp_path / "in", 20)
    for _ in range(10):
        convert_folder(engine, source, tmp_path / "out", existing="overwrite")
    assert len((tmp_path / "out" / FOLDER / NAME).read_text().splitlines()) < 150
    assert len(verify_folder(tmp_path / "out").whole) == 20


def test_a_file_and_its_line_are_on_the_disk_before_it_gets_its_name(engine, tmp_path, monkeypatch):
    source, steps = paint(tmp_path / "in", 1), []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        steps.append(Path(f"/proc/self/fd/{handle}").readlink().suffix or "folder")
        real_sync(handle)

    def replace(self: Path, target: Path) -> Path:
        steps.append("named")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    convert_folder(engine, source, tmp_path / "out")
    assert steps == [".jsonl", ".jsonl", ".part", ".jsonl", "named", "folder", "folder"]


@pytest.fixture
def small_disk(tmp_path: Path):
    """A disk of 1 MB that can be made larger; skipped where mounting is not allowed."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True).returncode:
        pytest.skip("no right to mount here")
    yield place
    subprocess.run(["umount", place], check=True)


def test_a_disk_that_was_full_goes_on_exactly_once_there_is_room(engine, tmp_path, small_disk):
    source = paint(tmp_path / "in", 60, side=100)
    convert_folder(engine, source, tmp_path / "unbroken")
    with pytest.raises(StorageError, match="The disk takes no more"):
        convert_folder(engine, source, small_disk / "out", report=tmp_path / "report.jsonl")
    assert "disk takes no more" in report_of(tmp_path / "report.jsonl")[2]["ended"]
    there = bytes_in(small_disk / "out")
    assert 5 < len(there) < 60
    assert there.items() <= bytes_in(tmp_path / "unbroken").items()
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    report = convert_folder(engine, source, small_disk / "out")
    assert report.counts == {"skipped": len(there), "written": 60 - len(there)}
    assert not report.notes
    assert bytes_in(small_disk / "out") == bytes_in(tmp_path / "unbroken")


def test_a_source_that_changes_while_it_is_converted_is_a_failure(engine, tmp_path, monkeypatch):
    from i2i.serving.conversion import making

    source = paint(tmp_path / "in", 2)
    real = making.read_picture

    def read(path: Path):
        picture = real(path)
        if path.name == "0000.png":
            os.utime(path, (5, 5))
        return picture

    monkeypatch.setattr(making, "read_picture", read)
    report = convert_folder(engine, source, tmp_path / "out")
    assert report.counts == {"written": 1, "failed": 1}
    assert "was changed while it was converted" in report.files[0].error


def test_rename_goes_on_where_it_was_and_writes_a_result_beside_once(make_model, engine, tmp_path):
    """A second run wrote everything again, as -1, -2 and so on."""
    paint(tmp_path / "in", 4)
    other = Engine(make_model("blocks", multiple=4, smallest=16), device="cpu")
    convert_folder(other, tmp_path / "in", tmp_path / "out")
    before = bytes_in(tmp_path / "out")
    counts = [convert_folder(engine, tmp_path / "in", tmp_path / "out", existing="rename").counts for _ in range(2)]
    assert counts == [{"written": 4}, {"skipped": 4}]
    after = bytes_in(tmp_path / "out")
    assert {name: after[name] for name in before} == before
    assert len(after) == 8
    next((tmp_path / "out").rglob("0002-1.png")).unlink()  # as if the run had been killed before it
    assert convert_folder(engine, tmp_path / "in", tmp_path / "out", existing="rename").counts == {
        "written": 1,
        "skipped": 3,
    }
    assert bytes_in(tmp_path / "out") == after
