"""Old names in people's files are read as the present ones, and told."""

import json

import pytest
import yaml

from i2i import renamed
from i2i.methods import METHODS
from i2i.networks.norms import NORMS
from i2i.report.page import write_report
from i2i.settings import resolve
from i2i.training.run_directory import Run


def nested(path, value):
    for key in reversed(path.split(".")):
        value = {key: value}
    return value


def field(path):
    """The methods' settings that have this path."""
    for method in METHODS.values():
        model = method.Config
        for part in path.split("."):
            if model is not None and not hasattr(model, "model_fields"):
                break  # a mapping with keys of its own
            found = getattr(model, "model_fields", {}).get(part)
            model = found.annotation if found else None
        if found:
            yield method


@pytest.mark.parametrize(("old", "new"), renamed.SETTINGS.items())
def test_an_old_setting_is_read_as_the_present_one_and_told_in_a_sentence(old, new):
    found, said = renamed.settings({"size": 8, **nested(old, 1)})
    assert found == {"size": 8, **{k: {} for k in old.split(".")[:-1]}, **nested(new, 1)}
    assert said == [f"`{old}` is now called `{new}`."]
    assert list(field(new))
    assert not list(field(old))


@pytest.mark.parametrize(
    ("path", "old", "new"), [(path, *row) for path, rows in renamed.VALUES.items() for row in rows.items()]
)
def test_an_old_value_is_read_as_the_present_one_and_told(path, old, new):
    found, said = renamed.settings(nested(path, old))
    assert found == nested(path, new)
    assert old in said[0]
    assert new in said[0]


def test_present_names_and_senseless_groups_are_left_as_they_are():
    given = {"data": {"path": "x", "stretch": True}, "generator": {"norm": "instance"}, "perceptual": None}
    assert renamed.settings(given) == (given, [])


def test_of_both_names_in_one_place_the_present_one_counts():
    assert renamed.settings({"data": {"squash": True, "stretch": False}})[0] == {"data": {"stretch": False}}


def test_a_stronger_layer_that_uses_the_old_name_still_wins():
    config = resolve(
        METHODS["discogan"].Config, [{"data": {"path": "x", "stretch": True}}, {"data": {"squash": False}}]
    )
    assert config.data.stretch is False


def old_run(folder):
    """A run directory as the first edition left it, and went on with by the second."""
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump({"method": "cyclegan", "images": 60,
                                                        "data": {"path": "x", "squash": True}}))  # fmt: skip
    old = [{"images": n, "cheat_identity_a2b": 0.9, "d_slope_x": 1.0, "g_same_x": 0.5} for n in (10, 20, 30)]
    new = [{"images": n, "fail_identity_a2b": 0.8, "d_gp_x": 2.0, "g_identity_x": 0.4} for n in (40, 50)]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in [*old, *new]))
    best = folder / "checkpoints" / "best"
    best.mkdir(parents=True)
    (best / "figure.json").write_text('{"images": 20, "val_swd": 0.1}')
    (best / "weights.safetensors").write_bytes(b"")
    return Run(folder)


@pytest.mark.parametrize("tolerant", [False, True])
def test_the_log_of_an_old_run_that_went_on_is_one_series(tmp_path, tolerant):
    records = old_run(tmp_path / "run").records(tolerant=tolerant)
    assert [r["fail_identity_a2b"] for r in records] == [0.9, 0.9, 0.9, 0.8, 0.8]
    assert [r["d_gp_x"] for r in records] == [1, 1, 1, 2, 2]
    assert [r["g_identity_x"] for r in records] == [0.5, 0.5, 0.5, 0.4, 0.4]


def test_the_report_draws_one_curve_through_an_old_run_that_went_on(tmp_path):
    page = write_report(old_run(tmp_path / "run").path).read_text("utf-8")
    assert '"d_gp_x":[1.0,1.0,1.0,2.0,2.0]' in page
    assert "d_slope" not in page


def test_the_best_checkpoint_of_an_old_run_is_found_until_there_is_a_new_one(tmp_path):
    run = old_run(tmp_path / "run")
    folder, figure = run.best()
    assert figure == {"images": 20, "val_swd": 0.1}
    (folder / "best.json").write_text('{"images": 50, "val_swd": 0.05}')
    assert run.best()[1]["images"] == 50


def test_an_old_run_says_its_settings_by_the_present_names(tmp_path):
    assert old_run(tmp_path / "run").raw_config() == {
        "method": "cyclegan", "images": 60, "data": {"path": "x", "stretch": True},
    }  # fmt: skip


def test_an_old_norm_never_means_another_one_now():
    assert set(renamed.NORMS.values()) <= set(NORMS)
    assert not set(renamed.NORMS) & set(NORMS)
    config = resolve(METHODS["pix2pix"].Config, [{"data": {"path": "x"}, "generator": {"norm": "batch"}}])
    assert config.generator.options["norm"] == "batch_as_instance"


def test_an_old_name_is_told_once_when_a_run_begins_and_never_when_there_is_none(i2i, tmp_path):
    words = ["train", "cyclegan", "photos", "--run", str(tmp_path / "run"), "--show-config"]
    status, _, err = i2i(*words, "--set", "data.squash=true", "--set", "generator.norm=picture")
    assert status == 0
    assert err.count("`data.squash` is now called `data.stretch`.") == 1
    assert err.count("`generator.norm=picture` is now called `generator.norm=instance_affine`.") == 1
    assert i2i(*words)[2] == ""
