"""A run's time, memory and disk are told before it, what does not fit is refused, and a budget is kept."""

import json
import re
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import torch
from tiny_runs import train, weights

from i2i.datasets.synthetic.samples import SAMPLES
from i2i.errors import ConfigError
from i2i.hardware.device import place
from i2i.methods import METHODS
from i2i.settings import resolve
from i2i.training.run_directory import Run
from i2i.workflows.forecast import budget, foresee, memory, steps
from i2i.workflows.forecast.probe import Found

LITTLE = [
    *("--size", "32", "--batch", "2", "--device", "cpu", "--set=generator.name=compact", "--set=generator.blocks=1"),
    *(
        "--set=generator.width=4",
        "--set=discriminator.layers=1",
        "--set=discriminator.width=4",
        "--set=log.trackers=[]",
    ),
]


@pytest.fixture(scope="module")
def facades(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures") / "facades"
    SAMPLES["facades"].write(folder, count=6, size=64)
    return folder


def typed(*words):
    """A command in a process of its own, whose peak of memory is its own, too."""
    command = [sys.executable, "-P", "-m", "i2i", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def foretold(facades, tmp_path_factory):
    """A run of 120 steps with a forecast: its folder and what was said."""
    run = tmp_path_factory.mktemp("foretold") / "run"
    return Run(run), typed("train", "pix2pix", facades, "--run", run, "--images", 240, *LITTLE)


def test_a_run_says_before_it_begins_what_it_will_take_and_at_its_end_what_it_took(foretold):
    run, said = foretold
    assert re.search(r"Forecast: 240 images in about .* \(.* images/s.*\), .*[MG]B of memory, .*[MG]B of disk\.", said)
    assert re.search(r"It took .* \(forecast .*\)", said)
    told = run.environment()["forecast"]
    assert told["images"] == 240
    assert told["seconds"] > 0
    assert told["truth"]["seconds"] > 0
    assert told["sentence"] in said


def test_memory_and_disk_are_nearly_what_was_foretold(foretold):
    """Time is not looked at here: benchmarks.experiments.forecast does, on a machine that does nothing else."""
    told = foretold[0].environment()["forecast"]
    assert told["memory_mb"] == pytest.approx(told["truth"]["memory_mb"], rel=0.25)
    assert told["disk_mb"] == pytest.approx(told["truth"]["disk_mb"], rel=0.25)


def test_a_forecast_changes_no_byte_of_the_run(foretold, facades, tmp_path):
    other = Run(tmp_path / "run")
    said = typed(
        *("train", "pix2pix", facades, "--run", other.path, "--images", 240, *LITTLE, "--no-forecast", "--no-export")
    )
    assert "orecast" not in said
    files = [run.checkpoints_complete()[-1] / "weights.safetensors" for run in (foretold[0], other)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert other.environment()["forecast"] == {"skipped": "it was not wanted"}


def test_a_forecast_alone_begins_no_run_and_leaves_nothing(facades, tmp_path, i2i):
    status, out, _ = i2i("train", "pix2pix", facades, "--run", tmp_path / "run", "--images", 240, *LITTLE, "--forecast")
    assert status == 0
    assert "Forecast: 240 images" in out
    assert not list(tmp_path.iterdir())


def test_a_run_that_is_over_at_once_is_not_measured_and_says_so(facades, tmp_path, i2i):
    _, out, _ = i2i("train", "pix2pix", facades, "--run", tmp_path / "run", "--images", 4, *LITTLE, "--no-export")
    assert "No forecast: the run has 2 steps only." in out


def test_a_run_that_goes_on_is_foretold_by_its_own_log(foretold):
    run, _ = foretold
    sentence = foresee.of_log(run, 480, place("cpu", "fp32"))
    assert re.search(r"240 images are left, about .* images/s as before", sentence)
    assert foresee.of_log(run, 240, place("cpu", "fp32")) is None


def test_what_does_not_fit_into_memory_is_refused_with_the_batch_that_does(facades, tmp_path, i2i, monkeypatch):
    """With so little memory that two steps on little data tell it, by which no estimate is sharp; the way out that is
    named then fits, or names one that does."""
    monkeypatch.setattr(foresee, "available_memory", lambda: 400 * 2**20)
    command = ["train", "pix2pix", facades, "--run", tmp_path / "run", "--images", "40000", *LITTLE, "--forecast"]
    wide = ["--set=generator.width=64", "--size", "64"]
    status, _, err = i2i(*command, *wide, "--batch", "512")
    assert status == 2
    found = re.search(r"at --size 64 --batch 512 takes about (.*) of memory.*nearest that fits is --batch (\d+)", err)
    assert found, err
    assert 1 <= int(found[2]) < 512
    assert not (tmp_path / "run").exists()
    batches = [512]
    while found and len(batches) < 4:
        batches.append(int(found[2]))
        status, out, err = i2i(*command, *wide, "--batch", str(batches[-1]))
        found = re.search(r"at --size 64 (.*) of memory.*nearest that fits is --batch (\d+)", err)
    assert status == 0, err
    assert batches == sorted(batches, reverse=True)
    assert "Forecast:" in out


def test_slow_first_steps_are_not_counted_and_a_step_that_is_slow_by_turns_is(monkeypatch):
    """Of DiscoGAN at 128 pixels, as they were timed; D is updated in one of three steps."""
    timed = [0.395, 0.209, 0.12, 0.11, 0.052, 0.109, 0.107, 0.052]
    came = iter([0.251, 0.88, *timed])
    monkeypatch.setattr(steps, "_step", lambda *_: next(came))
    monkeypatch.setattr(steps, "WARM_SECONDS", 0.0)
    job = SimpleNamespace(config=config_of(), seconds=100.0, share=0.0)
    one_stage = SimpleNamespace(timeline=SimpleNamespace(stages=[None]))
    seconds, count = steps._timed(one_stage, {}, 0, len(timed) + steps.WARM, time.monotonic(), job)
    assert (seconds, count) == (pytest.approx(sum(timed[2:]) / 6), 6)
    assert steps._settled([0.1, 0.9, 0.1, 0.1]) == [0.1, 0.9, 0.1, 0.1]
    assert steps._settled([]) == []


def small(slope, fixed, size=64):
    return [{"size": size, "batch": n, "bytes": fixed + slope * n * size**2, "parameters": 0} for n in (1, 4)]


def config_of(**settings):
    layers = [{"method": "pix2pix", "data": {"path": "x"}, "images": 1000, **settings}]
    return METHODS["pix2pix"].complete_config(resolve(METHODS["pix2pix"].Config, layers), 10)


def test_a_smaller_batch_is_tried_before_a_smaller_side():
    settings = {"size": 256, "generator": {"name": "resnet6"}}
    points = small(1000, 0)
    for one in points:  # the networks' own are counted at each side: here they are the same
        one["parameters"] = steps.parameters_at(config_of(**settings), 64)
        one["bytes"] += 16 * one["parameters"]
    own = 16 * points[0]["parameters"]
    assert memory.nearest(points, config_of(**settings, batch=8), (own + 1000 * 256**2 * 3.5) / memory.NEAR) == (256, 3)
    assert memory.nearest(points, config_of(**settings, batch=2), (own + 1000 * 256**2 * 0.9) / memory.NEAR) == (192, 1)
    assert memory.nearest(points, config_of(**settings, batch=2), own + 1000) is None


def test_a_batch_in_passes_takes_the_memory_of_one_and_is_made_smaller_by_whole_passes():
    points = small(1000, 0)
    one, four = (config_of(size=128, batch=16, accumulate=passes) for passes in (1, 4))
    assert memory.needed(points, four, 64, 16) == memory.needed(points, one, 64, 4)
    own = 16 * steps.parameters_at(one, 128)
    room = (own + 1000 * 128**2 * 3.5) / memory.NEAR
    assert (memory.nearest(points, one, room), memory.nearest(points, four, room)) == ((128, 3), (128, 12))


def test_a_run_in_passes_has_a_forecast(facades, tmp_path, i2i):
    command = ["train", "pix2pix", facades, "--run", tmp_path / "run", "--images", "4000", *LITTLE, "--forecast"]
    norm = "--set=discriminator.norm=instance_affine"
    status, out, err = i2i(*command, norm, "--size=64", "--batch=16", "--accumulate=4")
    assert status == 0, err
    assert "Forecast: 4,000 images" in out


def test_a_small_step_of_super_resolution_is_small_on_both_sides(tmp_path, i2i):
    SAMPLES["superres"].write(tmp_path / "pictures", count=6, size=128)
    words = ["train", "srgan", tmp_path / "pictures", "--run", tmp_path / "run", "--preset", "fast", "--batch", "8"]
    narrow = ["--set=generator.width=4", "--set=generator.blocks=1", "--set=discriminator.width=4"]
    status, out, err = i2i(*words, *narrow, "--images", "2400", "--device", "cpu", "--forecast")
    assert status == 0, err
    assert "Forecast: 2,400 images" in out


def test_a_probe_that_fails_says_why(facades, tmp_path, i2i, monkeypatch):
    monkeypatch.setattr("i2i.workflows.forecast.foresee.probe", lambda *_: Found(failed="no such kernel."))
    status, out, err = i2i(
        "train", "pix2pix", facades, "--run", tmp_path / "run", "--images", "4000", *LITTLE, "--forecast"
    )
    assert status == 0, err
    assert "No forecast, since the probe failed: no such kernel." in out


def test_a_process_whose_forks_cannot_compute_has_its_probe_in_a_fresh_one(facades, tmp_path, i2i, monkeypatch):
    """As after a compiled function: autograd then refuses to work in a fork. The fresh process has our life of its own,
    in which nothing is replaced.
    """

    def refuse():
        raise RuntimeError("Unable to handle autograd's threading in combination with fork-based multiprocessing.")

    monkeypatch.setattr("i2i.workflows.forecast.probe._show_life", refuse)
    command = ["train", "pix2pix", facades, "--run", tmp_path / "run", "--images", "4000", *LITTLE, "--forecast"]
    status, out, err = i2i(*command)
    assert status == 0, err
    assert "Forecast: 4,000 images" in out


@pytest.mark.parametrize(
    ("text", "seconds"), [("2h", 7200), ("30m", 1800), ("90s", 90), ("1h30m", 5400), ("1.5h", 5400)]
)
def test_a_budget_is_a_time(text, seconds):
    assert budget.seconds_of(text) == seconds


@pytest.mark.parametrize("text", ["", "2", "two hours", "2x", "-1h", "5s"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ConfigError, match="budget"):
        budget.seconds_of(text)


def test_a_budget_finds_the_length_and_keeps_it_in_the_settings(facades, tmp_path, i2i, monkeypatch):
    monkeypatch.setattr(budget, "LEAST_IMAGES", 1)
    monkeypatch.setattr(budget, "PART", 1e-2)  # a run of a hundredth of it: what is tried is how it is found
    command = ["train", "pix2pix", facades, "--run", tmp_path / "run", *LITTLE, "--budget", "5m", "--no-export"]
    monkeypatch.setattr("i2i.workflows.forecast.planning.PART", 1e-2)
    status, out, err = i2i(*command)
    assert status == 0, err
    planned = Run(tmp_path / "run").raw_config()["images"]
    assert f"--size 32 --batch 2, {planned:,} images" in out
    assert Run(tmp_path / "run").records()[-1]["images"] == planned
    status, out, err = i2i(*command)  # the same command resumes it, by the same plan
    assert status == 0, err
    assert Run(tmp_path / "run").raw_config()["images"] == planned


def test_a_budget_that_shows_too_little_is_refused_with_the_least_that_does(facades, tmp_path, i2i, monkeypatch):
    monkeypatch.setattr(budget, "LEAST_IMAGES", 10**7)
    monkeypatch.setattr(budget, "MOST_LEAST_IMAGES", 10**7)
    arguments = [*LITTLE, "--budget", "2m", "--epochs", "1e7"]
    status, _, err = i2i("train", "pix2pix", facades, "--run", tmp_path / "run", *arguments)
    assert status == 2
    assert re.search(r"In 2 min 0 s a run at --size 32 --batch 2 shows about .* Give at least --budget \d+m", err)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["pix2pix", "srgan"])
def test_a_machine_that_slows_down_shortens_the_run_and_its_schedule_to_the_budget(name, tmp_path, monkeypatch):
    """On a clock by which every step takes a second from the tenth image on, and a tenth before."""
    now, said, seen = [0.0], [], [0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])

    def slow(method):
        step = method.step

        def slowly(batch):
            now[0] += 0.1 if method.seen < 10 else 1.0
            seen[0] += 1
            return step(batch)

        method.step = slowly

    keepers = []

    def adapt(method, progress):
        if not keepers:
            config = run_config(name, tmp_path)
            keepers.append(budget.Keeper(Run(tmp_path / "run"), config, 20.0, 0.0, said.append))
        return keepers[0].adapt(method, progress)

    monkeypatch.setattr(budget, "reserve", lambda _: 0.0)
    method, run = train(tmp_path / "run", name, 60, spoil=slow, adapt=adapt)
    assert now[0] <= 21
    end = run.records()[-1]["images"]
    assert 20 < end < 60
    assert f"ends after {end} images" in said[-1]
    assert run.config(METHODS[name].Config).total == end
    assert run.environment()["budget"]["shortened"][-1][1] == end
    assert sum(stage["images"] for stage in run.environment()["stages"]) == end == run.planned()
    if name == "pix2pix":
        rates = [r["lr_g"] for r in run.records()]
        assert rates[-1] < 0.25 * rates[0]
        assert rates == sorted(rates, reverse=True)
    again, _ = train(tmp_path / "again", name, 60)
    assert torch.isfinite(next(iter(weights(method).values()))).all()
    assert weights(again).keys() == weights(method).keys()
    json.loads((tmp_path / "run" / "environment.json").read_text())


def run_config(name, tmp_path):
    return Run(tmp_path / "run").config(METHODS[name].Config)
