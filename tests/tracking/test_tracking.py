"""Trackers are told all of a run, once, and can neither hold up nor end it."""

import collections
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from tiny_runs import SHALLOW, snapshot, train

from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.settings import parse_assignments, resolve
from i2i.tracking import beside, follow, trackers
from i2i.tracking.beside import tracked
from i2i.training.log_file import LogPlace
from i2i.training.run_directory import Run

HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run of 16 images: 8 lines of log and 5 sample grids."""
    folder = tmp_path_factory.mktemp("tracked") / "facades"
    train(folder, "pix2pix", 16)
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """A copy of it."""
    return Run(Path(shutil.copytree(trained, tmp_path / "facades")))


def follow_to_the_end(name, run):
    said, ended = [], threading.Event()
    ended.set()
    return follow.follow(name, run, ended, said.append), said


# TensorBoard, read back by TensorBoard


def events_of(run):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run.path / "tensorboard"), size_guidance={"images": 0, "scalars": 0})
    found.Reload()
    return found


def raw_steps(run, tag):
    """Every step of every event file, without what a viewer forgets."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    files = sorted((run.path / "tensorboard").iterdir())
    events = [event for file in files for event in EventFileLoader(str(file)).Load()]
    return [event.step for event in events if any(value.tag == tag for value in event.summary.value)]


def test_tensorboard_reads_every_figure_grid_and_setting_of_a_run(run):
    assert follow_to_the_end("tensorboard", run) == (True, [])
    found = events_of(run)
    for key in ("g_gan", "d_real", "val_l1", "images_per_s"):
        lines = [(line["images"], pytest.approx(line[key], rel=1e-6)) for line in run.records() if key in line]
        assert [(event.step, event.value) for event in found.Scalars(trackers.tag(key))] == lines
        assert lines
    images = found.Images("samples/grid")
    assert [(image.step, image.encoded_image_string) for image in images] == [
        (at, grid.read_bytes()) for at, grid in run.grids()
    ]
    spent = [event.wall_time for event in found.Scalars("generator/g_gan")]
    seconds = [line["seconds"] for line in run.records()]
    assert spent[-1] - spent[0] == pytest.approx(seconds[-1] - seconds[0], abs=0.01)  # the axis RELATIVE is true
    assert b"generator.width" in found.Tensors("settings/text_summary")[0].tensor_proto.string_val[0]


def test_tensorboard_compares_runs_by_their_hyper_parameters(run):
    from tensorboard.plugins.hparams.metadata import parse_session_start_info_plugin_data

    follow_to_the_end("tensorboard", run)
    found = events_of(run)
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    named = parse_session_start_info_plugin_data(content).hparams
    assert named["generator.width"].number_value == 4
    assert named["method"].string_value == "pix2pix"


def test_a_large_grid_is_carried_smaller_and_still_a_picture(run, monkeypatch):
    import io

    from PIL import Image

    from i2i.tracking import to_tensorboard

    monkeypatch.setattr(to_tensorboard, "LARGEST_PNG", 1)
    follow_to_the_end("tensorboard", run)
    picture = events_of(run).Images("samples/grid")[0]
    with Image.open(io.BytesIO(picture.encoded_image_string)) as shown, Image.open(run.grids()[0][1]) as grid:
        assert shown.format == "JPEG"
        assert shown.size == grid.size == (picture.width, picture.height)


def test_a_training_that_was_killed_and_resumed_has_every_step_once(run):
    """The log went on behind the checkpoint, its last line is half, and a viewer has the events of it."""
    stale = dict(run.records()[-1], images=18, g_gan=77.0)
    run.log(stale)
    follow_to_the_end("tensorboard", run)
    assert raw_steps(run, "generator/g_gan")[-1] == 18
    with run.log_file.open("a") as file:
        file.write('{"images": 20, "g_')
    run.rewind_log(12)
    run.log(dict(stale, images=14, g_gan=0.5))
    follow_to_the_end("tensorboard", run)
    assert raw_steps(run, "generator/g_gan") == [2, 4, 6, 8, 10, 12, 14]
    assert events_of(run).Scalars("generator/g_gan")[-1].value == 0.5
    assert max(raw_steps(run, "samples/grid")) <= 14  # those of the stretch that was given up wait for the log


def test_a_log_that_is_rewound_while_it_is_followed_is_told_anew(run, monkeypatch):
    monkeypatch.setattr(follow, "POLL", 0.02)
    ended, said = threading.Event(), []
    thread = threading.Thread(target=follow.follow, args=("tensorboard", run, ended, said.append), daemon=True)
    thread.start()
    until(lambda: (run.path / "tensorboard").is_dir() and raw_steps(run, "generator/g_gan")[-1:] == [16])
    first = list((run.path / "tensorboard").iterdir())
    run.rewind_log(8)
    run.log(dict(run.records()[-1], images=10, g_gan=0.25))
    until(lambda: not any(file.exists() for file in first))
    until(lambda: raw_steps(run, "generator/g_gan")[-1:] == [10])
    ended.set()
    thread.join(20)
    assert not said
    assert raw_steps(run, "generator/g_gan") == [2, 4, 6, 8, 10]


def test_event_files_that_could_not_be_written_are_made_anew(run, monkeypatch):
    from i2i.tracking.to_tensorboard import TensorBoard

    monkeypatch.setattr(follow, "POLL", 0.02)
    told, full = TensorBoard.tell, threading.Event()

    def tell(self, record):
        told(self, record)
        if record["images"] == 8 and not full.is_set():
            full.set()
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(TensorBoard, "tell", tell)
    said = []
    with tracked(run, ["tensorboard"], said.append):
        assert full.wait(20)
    assert len(said) == 1
    assert "No space left on device" in said[0]
    assert raw_steps(run, "generator/g_gan") == [2, 4, 6, 8, 10, 12, 14, 16]


def until(true, seconds=20):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_the_log_is_read_once_line_by_whole_line(run):
    lines, place = run.new_records(LogPlace())
    assert [line["images"] for line in lines] == [2, 4, 6, 8, 10, 12, 14, 16]
    with run.log_file.open("a") as file:
        file.write('{"images": 18, "g_gan":')
        file.flush()
        assert run.new_records(place) == ([], place)
        file.write(" 1}\n")
        file.flush()
    (line,), place = run.new_records(place)
    assert line["images"] == 18
    run.rewind_log(4)
    assert [line["images"] for line in run.new_records(place)[0]] == [2, 4]


def test_a_run_by_the_command_line_is_in_tensorboard_at_once(i2i, sample_pairs, tmp_path):
    command = ["train", "pix2pix", sample_pairs, "--run", tmp_path / "runs" / "facades", "--size", "64", *SHALLOW]
    command += ["--set=discriminator.width=4", "--set=generator.width=4"]
    status, _, err = i2i(*command, "--images", "4", "--set", "log.every=2")
    assert status == 0, err
    assert raw_steps(Run(tmp_path / "runs" / "facades"), "generator/g_gan") == [2, 4]


def test_trackers_are_one_name_or_several_and_a_wrong_one_is_refused():
    def chosen(text):
        layer = {"method": "pix2pix", "data": {"path": "x"}, **parse_assignments([f"log.trackers={text}"])}
        return resolve(METHODS["pix2pix"].Config, [layer]).log.trackers

    assert chosen("wandb") == ("wandb",)
    assert chosen("tensorboard,mlflow") == chosen("[tensorboard, mlflow]") == ("tensorboard", "mlflow")
    assert chosen("[]") == ()
    with pytest.raises(ConfigError, match="tensorboard"):
        chosen("wandbb")


def test_every_row_of_the_table_is_a_setting_and_only_those():
    from typing import get_args

    from i2i.methods.config import LogConfig

    names = get_args(get_args(LogConfig.model_fields["trackers"].annotation)[0])
    assert set(names) == set(trackers.TRACKERS)


# Trackers that fail, hang or are not there


@pytest.fixture
def wandb(tmp_path, monkeypatch):
    """A stand-in for wandb, for this process and those it starts; gives what it was told."""
    packages = tmp_path / "packages"
    packages.mkdir()
    shutil.copy(HERE / "fake_wandb.py", packages / "wandb.py")
    told = tmp_path / "told.jsonl"
    monkeypatch.setenv("TOLD", str(told))
    monkeypatch.setenv("PYTHONPATH", str(packages))
    monkeypatch.syspath_prepend(packages)
    monkeypatch.setattr(follow, "POLL", 0.05)

    def rows():
        return [json.loads(line) for line in told.read_text().splitlines()] if told.exists() else []

    return rows


def steps(rows):
    return [row["step"] for row in rows if "step" in row and "generator/g_gan" in row["values"]]


def test_weights_and_biases_is_told_lines_grids_and_settings_and_goes_on_with_one_run(run, wandb):
    said = []
    with tracked(run, ["wandb"], said.append):
        pass
    assert said == ["Weights & Biases: https://wandb.example/run"]
    rows = wandb()
    assert steps(rows) == [2, 4, 6, 8, 10, 12, 14, 16]
    grids = [(row["step"], row["values"]["samples/grid"]) for row in rows if "samples/grid" in row.get("values", {})]
    assert grids == [(at, grid.name) for at, grid in run.grids()]
    assert rows[0]["config"]["generator.width"] == 4
    assert rows[-1]["finished"] == 0
    run.rewind_log(12)
    for images in (14, 16, 18):
        run.log(dict(run.records()[-1], images=images))
    with tracked(run, ["wandb"], said.append):
        pass
    assert steps(wandb()) == [2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert len({row["began"] for row in wandb() if "began" in row}) == 1


@pytest.mark.parametrize("where", ["init", "log", "finish"])
def test_a_tracker_that_raises_is_one_note_and_nothing_is_lost(where, run, wandb, monkeypatch):
    monkeypatch.setenv("WOES", f"{where}=raise")
    said = []
    with tracked(run, ["wandb", "tensorboard"], said.append):
        pass
    notes = [sentence for sentence in said if sentence.startswith("Note")]
    assert len(notes) == 1
    assert "the server is down" in notes[0]
    assert f"python -m i2i.tracking {run.path} wandb" in notes[0]
    assert raw_steps(run, "generator/g_gan") == [2, 4, 6, 8, 10, 12, 14, 16]  # the other one goes on
    monkeypatch.setenv("WOES", "")
    command = [sys.executable, "-P", "-m", "i2i.tracking", str(run.path), "wandb"]
    subprocess.run(command, check=True, timeout=60)
    assert steps(wandb()) == [2, 4, 6, 8, 10, 12, 14, 16]


@pytest.mark.parametrize("where", ["init", "log", "finish"])
def test_a_tracker_that_hangs_is_left_after_its_time_and_killed(where, run, wandb, monkeypatch):
    monkeypatch.setenv("WOES", f"{where}=hang")
    said, began = [], time.monotonic()
    with tracked(run, ["wandb"], said.append, patience=2):
        until(lambda: where != "log" or wandb())
    assert time.monotonic() - began < 20
    assert "did not end within 2 s and is left" in said[-1]


def test_a_tracker_whose_process_dies_ends_nothing(run, wandb, monkeypatch):
    monkeypatch.setenv("WOES", "init=exit")
    with tracked(run, ["wandb"], lambda _: None, patience=5):
        time.sleep(0.5)


def test_a_tracker_thread_that_hangs_for_ever_is_left(run, monkeypatch):
    never = threading.Event()
    monkeypatch.setattr(follow, "made", lambda *_: never.wait())
    said, began = [], time.monotonic()
    with tracked(run, ["tensorboard"], said.append, patience=0.3):
        pass
    assert time.monotonic() - began < 10
    assert "TensorBoard did not end" in said[0]
    never.set()


def test_a_tracker_that_is_not_installed_says_what_installs_it(run, monkeypatch):
    row = dataclasses.replace(trackers.TRACKERS["mlflow"], package="not_to_be_found")
    monkeypatch.setitem(beside.TRACKERS, "mlflow", row)
    said = []
    with tracked(run, ["mlflow"], said.append):
        pass
    assert len(said) == 1
    assert "pip install 'i2i[mlflow]'" in said[0]


def test_the_error_of_a_training_comes_through(run):
    with pytest.raises(ZeroDivisionError), tracked(run, ["tensorboard"], print):
        1 / 0  # noqa: B018


def test_the_weights_are_the_same_with_trackers_as_without(tmp_path, wandb):
    plain, _ = train(tmp_path / "plain", "pix2pix", 8)
    folder = tmp_path / "told"
    (tmp_path / "told").mkdir()
    with tracked(Run(folder), ["tensorboard", "wandb"], print):
        told, run = train(folder, "pix2pix", 8)
    assert steps(wandb()) == raw_steps(run, "generator/g_gan") == [2, 4, 6, 8]
    for name, value in snapshot(plain).items():
        assert torch.equal(value, snapshot(told)[name]), name


CODE = """
import os, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from i2i.tracking.beside import tracked
from i2i.training.run_directory import Run
with tracked(Run(Path(sys.argv[2])), ["wandb"], lambda s: print(s, flush=True)):
    sys.stdin.read()
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL")
def test_the_tracker_of_a_training_that_is_killed_tells_the_rest_and_goes(run, wandb):
    command = [sys.executable, "-c", CODE, str(HERE.parent), str(run.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as training:
        assert "wandb.example" in training.stdout.readline()
        run.log(dict(run.records()[-1], images=18))
        training.send_signal(signal.SIGKILL)
        training.wait(20)
    until(lambda: any("finished" in row for row in wandb()), 30)
    assert steps(wandb()) == [2, 4, 6, 8, 10, 12, 14, 16, 18]
    counts = collections.Counter(row["step"] for row in wandb() if "generator/g_gan" in row.get("values", {}))
    assert max(counts.values()) == 1


# The real ones, where they are installed


def test_mlflow_itself_is_told_and_goes_on_with_one_run(run, tmp_path, monkeypatch):
    pytest.importorskip("mlflow", reason="the extra `mlflow` is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    from mlflow.tracking import MlflowClient

    for _ in range(2):
        assert follow_to_the_end("mlflow", run)[0]
        run.log(dict(run.records()[-1], images=18))
    client = MlflowClient()
    (there,) = client.search_runs([client.get_experiment_by_name("i2i").experiment_id])
    told = client.get_metric_history(there.info.run_id, "generator/g_gan")
    assert [metric.step for metric in told] == [2, 4, 6, 8, 10, 12, 14, 16, 18]
    assert there.data.params["generator.width"] == "4"
    assert there.info.status == "FINISHED"
    assert len(client.list_artifacts(there.info.run_id, "samples")) == len(run.grids())


def test_weights_and_biases_itself_writes_its_file_where_nobody_is_logged_in(run, monkeypatch):
    pytest.importorskip("wandb", reason="the extra `wandb` is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    said = []
    with tracked(run, ["wandb"], said.append, patience=60):
        pass
    assert "offline-run" in said[0]
    assert len(said) == 1
    (file,) = run.path.glob("wandb/offline-run-*/run-*.wandb")
    assert b"generator/g_gan" in file.read_bytes()
