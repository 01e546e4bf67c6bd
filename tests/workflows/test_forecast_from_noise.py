"""The probe of a GAN from noise takes batches that its networks can see; its end alone says nothing of memory."""

import dataclasses
import json
import os
import re
import subprocess
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from i2i.errors import RequestError
from i2i.hardware.device import Placement
from i2i.methods import METHODS
from i2i.settings import resolve
from i2i.workflows.forecast import memory, probe, steps
from i2i.workflows.forecast.foresee import Forecast
from i2i.workflows.forecast.planning import Planner, Wishes

GAN = METHODS["gan"]
CPU = Placement(torch.device("cpu"), "fp32", "")
CLASSES = ("one", "two")
SMALL = [name for name in GAN.PRESETS if name.endswith("-small")]
IN_PACKS = ("dcgan-small", "lsgan-small", "lapgan-small", "progan-small")
"""D without and with batch norm, several of them, and one that grows."""


def job_of(preset, folder, **given):
    """With a length that packs of one to three divide."""
    channels, sides = (1, 3) if preset.startswith("3dgan") else (3, 2)
    data = {"path": "x", "domains": CLASSES, "channels": {"image": channels}}
    layers = [GAN.PRESETS[preset], given, {"data": data, "images": 6000}]
    config = GAN.complete_config(resolve(GAN.Config, layers), 10)
    picture = np.zeros((channels, *[config.size] * sides), np.float32)
    return steps.Job(config, [{"image": picture, "label": np.asarray(0)}], folder, 0.02, 5.0)


@pytest.mark.parametrize(
    ("preset", "packed"),
    [*((name, 1) for name in SMALL), *((name, 2) for name in IN_PACKS)],
)
def test_the_least_step_of_a_probe_can_be_taken_by_every_small_preset(preset, packed, tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "WARM", 0)
    told = []
    steps._small_steps(job_of(preset, tmp_path, batch=3 * packed, packed=packed), CPU, 0, told.append)
    assert [(one["kind"], one["batch"]) for one in told] == [("small", packed)]


def test_small_steps_grow_by_whole_packs(tmp_path, monkeypatch):
    monkeypatch.setattr(steps, "WARM", 0)
    told = []
    steps._small_steps(job_of("vanilla-small", tmp_path, batch=75, packed=3), CPU, 0, told.append)
    assert [one["batch"] for one in told] == [3, 12]


def test_the_batch_that_would_fit_is_of_whole_packs_and_is_one_that_the_settings_allow(tmp_path):
    points = [{"size": 32, "batch": n, "bytes": 1000 * n * 32**2, "parameters": 0} for n in (1, 4)]

    def nearest(batches, **given):
        config = job_of("dcgan-small", tmp_path, batch=24, **given).config
        own = 16 * steps.parameters_at(config, 32)
        here = [{**one, "bytes": one["bytes"] + own, "parameters": own // 16} for one in points]
        return memory.nearest(here, config, (own + 1000 * 32**2 * (batches + 0.5)) / memory.NEAR)

    assert nearest(11) == (32, 11)
    assert nearest(11, packed=3) == (32, 9)
    assert nearest(11, packed=3, accumulate=2, discriminator={"norm": False}) == (32, 18)
    assert nearest(1) == (32, 1)
    assert nearest(1, minibatch_std=True) is None  # a picture alone differs from no other


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (ValueError("not enough values to unpack"), False),
        (TypeError("of any kind"), False),
        (MemoryError(), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
    ],
)
def test_whatever_a_probe_raises_is_told_and_only_want_of_memory_counts_as_that(error, memory, monkeypatch):
    def fail(*_):
        raise error

    monkeypatch.setattr(probe, "measure", fail)
    reading, writing = os.pipe()
    probe._live(None, writing)
    os.close(writing)
    with os.fdopen(reading) as said:
        *_, last = map(json.loads, said)
    assert (last["kind"], last["memory"]) == ("failed", memory)


@pytest.mark.parametrize(("end", "too_large"), [("exit 1", False), ("kill -TERM $$", False), ("kill -KILL $$", True)])
def test_of_probes_that_end_without_a_word_those_that_the_system_killed_were_too_large(end, too_large, tmp_path):
    reading, writing = os.pipe()
    child = subprocess.Popen(["sh", "-c", f'echo \'{{"kind": "alive"}}\'; {end}'], stdout=writing)
    child.returncode = 0  # it is waited for by its id
    os.close(writing)
    found = probe.Found()
    assert probe._listen(found, job_of("dcgan-small", tmp_path), child.pid, reading, None, 10.0)
    os.close(reading)
    assert (found.failed, found.too_large) == ("the probe ended by itself", too_large)


def test_the_length_that_a_budget_finds_is_of_whole_packs(tmp_path, monkeypatch):
    told = Forecast(6000, 100.0, 60.0, 1.0, 1.0, 0.0, 0.05, 1.0, 1)
    monkeypatch.setattr(Planner, "_told", lambda *_: told)
    config = job_of("dcgan-small", tmp_path, packed=3, batch=24).config
    planner = Planner(Wishes(budget=100.0), None, CPU, 1, {"images"}, None, lambda *_, **__: None, time.monotonic())
    monkeypatch.setattr("i2i.workflows.forecast.planning.least_images", lambda *_: 1)
    lengths = set()
    for budget in (100.0, 101.0, 102.0):
        with pytest.raises(RequestError) as refused:  # the length was typed, and is too long
            planner._within(budget, config, SimpleNamespace(counts={}))
        lengths.add(int(re.search(r"Give --images (\d+)", str(refused.value))[1]))
        shorter, _, _ = dataclasses.replace(planner, typed=())._within(budget, config, SimpleNamespace(counts={}))
        lengths.add(shorter.images)
    assert not [length for length in lengths if length % 3]
    assert len(lengths) >= 3
