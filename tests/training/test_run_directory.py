"""One module reads a run directory: strict for who goes on from it, tolerant for who shows it, and without torch."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from i2i.errors import ConfigError
from i2i.training.checkpoint import BACK, outdated
from i2i.training.run_directory import Run

CODE = """
import sys
sys.modules["torch"] = None
from pathlib import Path
from i2i.training.run_directory import Run
run = Run(Path(sys.argv[1]))
print(run.records(tolerant=True), run.raw_config(tolerant=True), run.environment(), run.checkpoints_complete(),
      run.best(), run.grids(), run.planned())
"""


def test_it_is_read_where_torch_cannot_be_imported_and_whatever_is_missing(tmp_path):
    done = subprocess.run([sys.executable, "-c", CODE, str(tmp_path / "none")], capture_output=True, text=True,
                          timeout=60)  # fmt: skip
    assert done.stdout.strip() == "[] {} {} [] None [] None", done.stderr


def test_a_damaged_configuration_is_named_to_who_goes_on_and_empty_to_who_shows(tmp_path):
    (tmp_path / "config.yaml").write_text("images: [1")
    assert Run(tmp_path).raw_config(tolerant=True) == {}
    with pytest.raises(ConfigError, match=r"config\.yaml cannot be read"):
        Run(tmp_path).raw_config()


def test_half_a_checkpoint_is_none_and_the_others_come_in_order(tmp_path):
    for name, complete in (("00000020", True), ("00000010", True), ("00000030", False), (".00000040.part", True)):
        (tmp_path / "checkpoints" / name).mkdir(parents=True)
        if complete:
            (tmp_path / "checkpoints" / name / "state.pt").touch()
    assert [p.name for p in Run(tmp_path).checkpoints_complete()] == ["00000010", "00000020"]


def test_the_best_is_none_without_its_weights(tmp_path):
    best = tmp_path / "checkpoints" / "best"
    best.mkdir(parents=True)
    (best / "best.json").write_text('{"images": 4, "val_l1": 0.5}')
    assert Run(tmp_path).best() is None
    (best / "weights.safetensors").touch()
    assert Run(tmp_path).best() == (best, {"images": 4, "val_l1": 0.5})


def test_grids_come_by_the_images_seen(tmp_path):
    (tmp_path / "samples").mkdir()
    for name in ("00000008.png", "00000004.png", "notes.png", "00000012.jpg"):
        (tmp_path / "samples" / name).touch()
    assert [images for images, _ in Run(tmp_path).grids()] == [4, 8]


@pytest.mark.parametrize(
    ("environment", "config", "planned"),
    [
        ({"stages": [{"name": "pixel", "images": 8}, {"name": "adversarial", "images": 4}]}, "images: 1", 12),
        ({}, "images: 8", 8),
        ({}, "images: 8\ngan_images: 4", 12),
        ({}, "size: 8", None),
        ({"stages": "many"}, "images: 8", 8),
    ],
)
def test_the_planned_length_is_that_of_all_stages(environment, config, planned, tmp_path):
    (tmp_path / "environment.json").write_text(json.dumps(environment))
    (tmp_path / "config.yaml").write_text(config)
    assert Run(tmp_path).planned() == planned


@pytest.mark.parametrize(
    ("there", "keep", "spacing", "dropped"),
    [
        ([10, 20, 30], 2, None, [10]),
        ([10, 20, 30], 5, None, []),
        (range(10, 110, 10), 2, 10, [10, 20, 30, 40]),  # 90, 80, 70, 60 and 50 images ago stay
        ([100, 190, 195, 200], 1, 50, [195]),  # the first from 100 on, from 150 on and from 200 on
        ([100], 1, 50, []),
    ],
)
def test_a_run_that_may_go_back_keeps_checkpoints_from_further_back(there, keep, spacing, dropped):
    paths = [Path(f"{images:08d}") for images in there]
    assert [int(path.name) for path in outdated(paths, keep, spacing)] == dropped


@pytest.mark.parametrize("every", [7, 10, 33, 100, 130])
def test_however_often_is_saved_there_is_one_to_go_back_to_in_each_of_the_last_parts(every):
    spacing, there = 100, []
    for images in range(every, 2000, every):
        there.append(Path(f"{images:08d}"))
        dropped = outdated(there, 2, spacing)
        there = [path for path in there if path not in dropped]
        now = images // spacing
        saved = {n // spacing for n in range(every, images + 1, every)}
        assert {int(path.name) // spacing for path in there} >= {part for part in saved if part >= now - BACK}
        assert len(there) <= 2 + BACK + 1
