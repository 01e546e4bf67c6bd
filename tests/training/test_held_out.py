"""The doctor looks at more held-out pictures than validate; nothing but its figures comes of that."""

import pytest
import torch
from PIL import Image
from tiny_runs import fresh, noise, snapshot

from i2i.datasets import DATASETS
from i2i.training.health import HealthWatch


@pytest.mark.parametrize("name", ["pix2pix", "cyclegan"])
def test_figures_of_sets_are_those_of_all_held_out_pictures_together(name):
    method = fresh(name)
    pictures = [noise(*range(first, first + 16)) for first in range(0, 64, 16)]
    some, all_of_them = HealthWatch(method, pictures[0]), HealthWatch(method, noise(*range(64)))
    for watch in (some, all_of_them):
        watch.latest.append(noise(*range(100, 164)))
    ending = "_a2b" if name == "cyclegan" else ""
    alone = set(HealthWatch(method, pictures[0]).figures(method.sample_columns(pictures[0])))
    assert not {f"health_leak{ending}", f"health_separable{ending}"} & alone  # 16 are too few
    some.further = pictures[1:]
    before, random = snapshot(method), torch.get_rng_state()
    found = some.figures(method.sample_columns(pictures[0]))
    assert torch.equal(torch.get_rng_state(), random)
    assert all(torch.equal(before[key], value) for key, value in snapshot(method).items())
    whole = all_of_them.figures(method.sample_columns(noise(*range(64))))
    for key in (f"health_{figure}{ending}" for figure in ("spread", "leak", "separable", "nearest_train")):
        assert found[key] == pytest.approx(whole[key], rel=1e-3, abs=1e-3), key


def test_a_folder_gives_further_held_out_samples_beside_those_that_validate(tmp_path):
    for split, count in (("train", 3), ("val", 70)):
        (tmp_path / split).mkdir()
        for n in range(count):
            Image.new("RGB", (32, 16), (n, 200 - n, 7 * n % 256)).save(tmp_path / split / f"{n:03}.png")
    ready = DATASETS["paired"](tmp_path).read(size=16)
    names, samples = ready.validation
    assert len(names) == len(samples) == 16
    further = ready.further(1000)
    assert len(further) == 48  # 64 with them
    seen = {sample["a"].tobytes() for sample in [*samples, *further]}
    assert len(seen) == 64
    assert len(ready.further(5)) == 5
    assert ready.further(0) == []


def test_training_pictures_do_not_pass_for_held_out_ones(tmp_path):
    (tmp_path / "train").mkdir()
    for n in range(40):
        Image.new("RGB", (32, 16), (n, 0, 0)).save(tmp_path / "train" / f"{n}.png")
    assert DATASETS["paired"](tmp_path, holdout=0).read(size=16).further(48) == []
