"""A run that is interrupted by anything loses no checkpoint, and goes on to the same weights."""

import errno
import os
import shutil
import subprocess

import pytest
import torch
from tiny_runs import train, weights

from i2i import files
from i2i.errors import RunError, StorageError
from i2i.export.from_run import export_run
from i2i.training import digests, tolerance
from i2i.training.run_directory import Run


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """The weights of a run of 8 images that nothing happened to."""
    method, _ = train(tmp_path_factory.mktemp("unbroken") / "run", "pix2pix", 8)
    return {name: value.clone() for name, value in weights(method).items()}


def equal(unbroken, method):
    return all(torch.equal(value, weights(method)[name]) for name, value in unbroken.items())


def truncate(path):
    path.write_bytes(path.read_bytes()[:-100])


def flip_a_bit(path):
    """In the last quarter, where neither a header nor an index is: nothing but the digest tells."""
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4] ^= 1
    path.write_bytes(data)


DAMAGES = {
    "weights cut short": ("weights.safetensors", truncate),
    "a bit of the weights": ("weights.safetensors", flip_a_bit),
    "weights gone": ("weights.safetensors", os.unlink),
    "a bit of the state": ("state.pt", flip_a_bit),
    "state gone": ("state.pt", os.unlink),
    "state cut short": ("state.pt", truncate),
    "no letter of the digests": ("SHA256SUMS", lambda path: path.write_bytes(b"")),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_newest_checkpoint_falls_back_to_the_one_before_and_says_so(name, unbroken, tmp_path):
    file, spoil = DAMAGES[name]
    train(tmp_path / "run", "pix2pix", 8, until=6)
    spoil(tmp_path / "run" / "checkpoints" / "00000006" / file)
    said = []
    method, run = train(tmp_path / "run", "pix2pix", 8, say=said.append)
    assert len(said) == 1
    assert "00000006 is damaged" in said[0]
    assert "goes on from the one before, 00000004" in said[0]
    assert equal(unbroken, method)
    assert [r["images"] for r in run.records()] == [2, 4, 6, 8]
    assert [p.name for p in run.checkpoints_complete()] == ["00000006", "00000008"]
    assert not any(digests.damage(p, ("weights.safetensors", "state.pt")) for p in run.checkpoints_complete())


def test_a_checkpoint_of_an_earlier_version_without_digests_falls_back_as_well(unbroken, tmp_path):
    train(tmp_path / "run", "pix2pix", 8, until=6)
    for folder in (tmp_path / "run" / "checkpoints").glob("0*"):
        (folder / "SHA256SUMS").unlink()
    truncate(tmp_path / "run" / "checkpoints" / "00000006" / "state.pt")
    said = []
    method, _ = train(tmp_path / "run", "pix2pix", 8, say=said.append)
    assert len(said) == 1
    assert equal(unbroken, method)


def test_the_digests_are_those_that_sha256sum_checks(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 4)
    for folder in (run.checkpoints / "00000004", run.checkpoints / "best"):
        done = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, timeout=60)
        assert done.returncode == 0
        assert done.stdout.count(b"OK") == 2


def test_a_run_without_a_whole_checkpoint_is_refused_and_nothing_is_removed(tmp_path):
    train(tmp_path / "run", "pix2pix", 8, until=4)
    for folder in (tmp_path / "run" / "checkpoints").glob("0*"):
        flip_a_bit(folder / "state.pt")
    with pytest.raises(RunError, match=r"start anew in another --run"):
        train(tmp_path / "run", "pix2pix", 8)
    kept = sorted(p.name for p in (tmp_path / "run" / "checkpoints").glob("damaged-*"))
    assert kept == ["damaged-00000002", "damaged-00000004"]


def test_a_damaged_best_checkpoint_falls_back_to_the_best_before(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 40)
    figures = [(r["images"], r["val_l1"]) for r in run.records() if "val_l1" in r]
    bests = [pair for n, pair in enumerate(figures) if pair[1] < min([v for _, v in figures[:n]], default=9)]
    assert len(bests) > 1
    assert run.best()[1]["images"] == bests[-1][0]
    flip_a_bit(run.checkpoints / "best" / "weights.safetensors")
    assert run.best()[1]["images"] == bests[-2][0]
    said = []
    run.write_environment({})
    export_run(run, "best", say=said.append)
    assert len(said) == 1
    assert "is damaged" in said[0]
    assert "one before is taken" in said[0]
    said.clear()
    train(tmp_path / "run", "pix2pix", 40, say=said.append)
    assert f"The best before, of {bests[-2][0]} images" in said[0]


def test_what_a_killed_session_left_half_written_is_removed(tmp_path):
    train(tmp_path / "run", "pix2pix", 8, until=4)
    for place in (tmp_path / "run", tmp_path / "run" / "checkpoints", tmp_path / "run" / "samples"):
        (place / ".i2i-0123456789ab.tmp").mkdir()
        (place / ".i2i-0123456789ab.tmp" / "half").write_bytes(b"x")
    train(tmp_path / "run", "pix2pix", 8)
    assert not list((tmp_path / "run").rglob(".i2i-*"))


def replace_by_folder(path):
    if path.is_file():
        path.unlink()
    path.mkdir(parents=True, exist_ok=True)


def replace_by_file(path):
    shutil.rmtree(path, ignore_errors=True)
    path.write_bytes(b"")


UNWRITABLE = {"the log": ("log.jsonl", replace_by_folder), "samples": ("samples", replace_by_file)}


@pytest.mark.parametrize("what", UNWRITABLE)
def test_a_run_goes_on_where_it_can_write_no(what, unbroken, tmp_path):
    name, spoil = UNWRITABLE[what]
    train(tmp_path / "run", "pix2pix", 8, until=4)
    spoil(tmp_path / "run" / name)
    said = []
    method, run = train(tmp_path / "run", "pix2pix", 8, say=said.append)
    assert len([s for s in said if f"goes on without {what}" in s]) == 1
    assert equal(unbroken, method)
    assert [p.name for p in run.checkpoints_complete()] == ["00000006", "00000008"]


def test_lines_that_could_not_be_logged_are_logged_when_they_can_be(tmp_path):
    run = Run(tmp_path)
    said = []
    diary = tolerance.Diary(run, tolerance.Tolerance(said.append))
    diary.write({"images": 1})
    run.log_file.rename(tmp_path / "away")
    run.log_file.mkdir()
    diary.write({"images": 2})
    diary.write({"images": 3})
    assert len(said) == 1
    run.log_file.rmdir()
    (tmp_path / "away").rename(run.log_file)
    diary.write({"images": 4})
    assert [r["images"] for r in run.records()] == [1, 2, 3, 4]
    assert said[-1] == "the log can be written again."


class FullDisk:
    """Every write from the `first`-th on, for `count` of them, fails as on a full disk, having written a part."""

    def __init__(self, monkeypatch, first, count):
        self.calls, self.first, self.count = 0, first, count
        write_synced = files.write_synced

        def limited(path, data):
            self.calls += 1
            if self.first <= self.calls < self.first + self.count:
                path.write_bytes(bytes(data[: len(data) // 2]))
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write_synced(path, data)

        monkeypatch.setattr("i2i.files.write_synced", limited)
        monkeypatch.setattr("i2i.training.digests.write_synced", limited)


@pytest.mark.parametrize("first", range(1, 20, 3))
def test_a_disk_that_is_full_for_some_writes_costs_neither_the_run_nor_a_checkpoint(
    first, unbroken, tmp_path, monkeypatch
):
    """At each third of its writes, for four of them: weights, state, digests, best, samples and what comes next."""
    train(tmp_path / "run", "pix2pix", 8, until=2)
    monkeypatch.setattr(tolerance, "WAITS", (0.0, 0.0, 0.0, 0.0))
    said = []
    disk = FullDisk(monkeypatch, first + 1, 4)  # the first is config.yaml, before anything is begun
    method, run = train(tmp_path / "run", "pix2pix", 8, say=said.append)
    assert disk.calls > first
    assert said
    assert equal(unbroken, method)
    newest = run.checkpoints_complete()[-1]
    assert newest.name == "00000008"
    assert digests.damage(newest, ("weights.safetensors", "state.pt")) is None


def test_a_disk_that_stays_full_ends_the_run_with_a_sentence_and_all_that_was_there(tmp_path, monkeypatch):
    train(tmp_path / "run", "pix2pix", 8, until=4)
    monkeypatch.setattr(tolerance, "WAITS", (0.0,))
    FullDisk(monkeypatch, 2, 10**9)
    with pytest.raises(StorageError, match=r"could not be written: No space.*last checkpoint is \S*00000004.*Free"):
        train(tmp_path / "run", "pix2pix", 8)
    monkeypatch.undo()
    kept = Run(tmp_path / "run").checkpoints_complete()
    assert [p.name for p in kept] == ["00000002", "00000004"]
    assert not any(digests.damage(p, ("weights.safetensors", "state.pt")) for p in kept)
    assert not list((tmp_path / "run").rglob(".i2i-*"))


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 12 MB, where this user may have one."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "none", place], capture_output=True).returncode:
        pytest.skip("this user may mount no file system")
    yield place
    subprocess.run(["umount", "-l", place], check=True, timeout=60)


def test_a_real_disk_that_is_full_for_a_while_costs_nothing(small_disk, unbroken, monkeypatch):
    train(small_disk / "run", "pix2pix", 8, until=4)
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        file.write(bytes(shutil.disk_usage(small_disk).free - 300_000))  # settings, log and grid have room
    said = []
    monkeypatch.setattr(tolerance.time, "sleep", lambda _: ballast.unlink(missing_ok=True))  # before the last try
    method, run = train(small_disk / "run", "pix2pix", 8, say=said.append)
    assert any("00000006 could not be written: No space left on device" in s for s in said)
    assert equal(unbroken, method)
    assert [p.name for p in run.checkpoints_complete()] == ["00000004", "00000008"]


def test_half_a_line_of_the_log_is_taken_back(tmp_path):
    """Where the system takes a part of it only: here a limit on the size of files, as a quota is."""
    import resource
    import signal

    run = Run(tmp_path)
    run.log({"images": 1})
    size = run.log_file.stat().st_size
    usual, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 5, usual[1]))
    try:
        with pytest.raises(StorageError):
            run.log({"images": 2})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, handler)
    assert run.log_file.stat().st_size == size
