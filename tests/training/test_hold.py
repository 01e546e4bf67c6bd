"""A run directory is trained in by one process at a time, and a killed one does not keep it."""

import errno
import subprocess
import sys

import pytest
from tiny_runs import SHALLOW

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.training.run_directory import LOCK, Run

OTHER = """
import sys, time
from pathlib import Path
from i2i.training.hold import Hold
from i2i.training.run_directory import Run
with Hold(Run(Path(sys.argv[1])), print) as hold:
    hold.take(begins=True)
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def command(tmp_path):
    SAMPLES["facades"].write(tmp_path / "facades", count=4, size=32)
    narrow = ["--set=generator.width=4", "--set=discriminator.width=4", "--set=discriminator.layers=1"]
    size = ["--size=32", "--images=4", "--device=cpu", "--no-export", "--no-forecast"]
    return ["train", "pix2pix", tmp_path / "facades", "--run", tmp_path / "run", *size, *narrow, *SHALLOW]


def test_a_second_training_in_a_run_is_refused_and_a_killed_one_is_waited_for(command, i2i, tmp_path, monkeypatch):
    run = tmp_path / "run"
    assert i2i(*command)[0] == 0
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    other = subprocess.Popen([sys.executable, "-c", OTHER, str(run)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr("i2i.training.hold.PATIENCE", 0.2)
        status, _, err = i2i(*command, "--images", 8)
        assert status == 2
        assert f"Another process is training in {run}, and goes on." in err
        assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    finally:
        other.kill()
        other.wait(20)
    assert i2i(*command, "--images", 8)[0] == 0
    assert Run(run).records()[-1]["images"] == 8


def test_a_second_start_of_a_new_run_writes_nothing(command, i2i, tmp_path, monkeypatch):
    """Both found no run there; the other was quicker to begin it."""
    run = tmp_path / "run"
    other = subprocess.Popen([sys.executable, "-c", OTHER, str(run)], stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout.readline() == "held\n"
        monkeypatch.setattr("i2i.training.hold.PATIENCE", 0.2)
        status, _, err = i2i(*command)
        assert status == 2
        assert "Another process is training" in err
        assert [path.name for path in run.iterdir()] == [LOCK]
    finally:
        other.kill()
        other.wait(20)
    assert i2i(*command)[0] == 0


@pytest.mark.skipif(sys.platform == "win32", reason="has no flock")
def test_a_disk_without_locks_has_runs_all_the_same(command, i2i, monkeypatch):
    def refuse(*_):
        raise OSError(errno.ENOSYS, "no locks here")

    monkeypatch.setattr("fcntl.flock", refuse)
    status, _, err = i2i(*command)
    assert status == 0
    assert "lock" not in err


def test_no_lock_is_left_where_no_run_was_begun(command, i2i, tmp_path):
    status, _, _ = i2i(*command, "--forecast")
    assert status == 0
    assert not (tmp_path / "run").exists()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "somebodys.txt").write_text("kept")
    assert i2i(*command)[0] == 2
    assert {path.name for path in (tmp_path / "run").iterdir()} == {"somebodys.txt"}
