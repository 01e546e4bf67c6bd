"""What every method keeps to: what an export builds, what is told at the start, and a method of one direction."""

from collections.abc import Mapping
from typing import ClassVar

import pytest
import torch
from tiny_runs import fresh, noise, tiny
from torch import nn

from i2i.diagnostics.figures import failure_figures
from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.methods.config import MethodOptions
from i2i.methods.cyclegan import CycleGANOptions
from i2i.methods.unpaired import TwoDomains
from i2i.settings import resolve


@pytest.mark.parametrize("ema", [0, 8])
@pytest.mark.parametrize("name", METHODS)
def test_an_export_builds_the_generators_alone_and_finds_their_weights_by_name(name, ema):
    settings = {"ema": {"images": ema}}
    method, config = fresh(name, **settings), tiny(name, **settings)
    generators, names = METHODS[name].generators(config), METHODS[name].exported_weights(config)
    assert generators.keys() == names.keys() == method.exports.keys()
    for stem, network in generators.items():
        trained = method.networks[names[stem]]
        assert trained is method.trained(stem)
        network.load_state_dict(trained.state_dict())


@pytest.mark.parametrize("name", METHODS)
def test_the_stages_are_as_long_as_the_run(name):
    config = tiny(name)
    assert sum(stage.images for stage in METHODS[name].stages(config)) == config.total


@pytest.mark.parametrize("name", METHODS)
def test_what_a_later_stage_adds_is_there_from_the_start(name):
    method = fresh(name)
    assert method.timeline.adds <= {*method.networks, *method.optimizers, *method.objectives}


def test_a_methods_own_options_need_no_run():
    """What a notebook wants: no data, no folder."""
    assert CycleGANOptions(lambda_cycle=5).lambda_cycle == 5
    assert not {"data", "device", "log"} & CycleGANOptions.model_fields.keys()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"gan": {"ada_target": 0.5}}, "gan.ada=true"),
        ({"gan": {"ada_images": 5000}}, "gan.ada=true"),
        ({"gan": {"augment_p": 0.3}}, "gan.augment=["),
        ({"ema": {"rampup": 0.3, "images": 0}}, "ema.images=10000"),
        ({"gan": {"feature_matching": 1}, "batch": 1}, "--batch 4"),
        ({"optimizer": {"name": "rmsprop", "beta1": 0.9}}, "optimizer.beta1 has no effect"),
        ({"optimizer": {"name": "sgd", "beta1": 0.9, "beta2": 0.9}}, "optimizer.beta2 has no effect"),
        ({"optimizer": {"name": "rmsprop", "beta1": 0.9, "name_d": "sgd", "beta1_d": 0}}, "optimizer.beta1 has no"),
        ({"optimizer": {"name_d": "rmsprop", "beta1": 0.9, "beta1_d": 0.9}}, "optimizer.beta1_d has no effect"),
    ],
)
def test_a_setting_without_effect_is_told_with_the_way_out(settings, said):
    (note,) = METHODS["cyclegan"].notes(tiny("cyclegan", **settings))
    assert said in note


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"gan": {"ada_target": 0.5, "ada": True, "augment": ["colour"], "loss": "non_saturating"}},
        {"gan": {"augment_p": 0.3, "augment": ["colour"]}},
        {"ema": {"rampup": 0.3, "images": 100}},
        {"gan": {"feature_matching": 1}, "batch": 4},
    ],
)
def test_settings_with_an_effect_are_not_told(settings):
    assert METHODS["cyclegan"].notes(tiny("cyclegan", **settings)) == []


def test_feature_matching_of_one_pair_is_sound():
    assert METHODS["pix2pix"].notes(tiny("pix2pix", gan={"feature_matching": 1}, batch=1)) == []


@pytest.mark.parametrize(
    ("name", "preset"), [(name, preset) for name, one in METHODS.items() for preset in one.PRESETS]
)
def test_presets_have_nothing_without_effect(name, preset):
    row = METHODS[name].PRESETS[preset]
    config = resolve(METHODS[name].Config, [{"data": {"path": "x"}, "images": 1_000_000}, row])
    assert not [note for note in METHODS[name].notes(config) if "no effect" in note]


class OneWay(TwoDomains):
    """A generator from A to B alone, as contrastive methods have it."""

    exports: ClassVar[Mapping[str, str]] = {"a2b": "G"}

    def __init__(self, placement):
        super().__init__(placement, MethodOptions())
        self.networks = {"G": nn.Conv2d(3, 3, 1)}
        self.optimizers = {}

    complete_config = build = generators = classmethod(lambda *_: None)

    def step(self, batch):  # noqa: ARG002
        return {}


def test_an_unpaired_method_of_one_direction_is_shown_and_validated_without_a_way_back():
    method = OneWay(fresh("cyclegan").placement)
    columns = method.sample_columns(noise(*range(4)))
    assert list(columns) == ["A", "A → B", "B"]
    figures = method.validate(columns)
    assert {"val_swd", "fail_identity_a2b", "fail_collapse_a2b"} <= figures.keys()
    assert not [name for name in figures if "cycle" in name or "b2a" in name]


def test_both_directions_show_each_domain_its_translation_and_the_reconstruction():
    method = fresh("discogan")
    columns = method.sample_columns(noise(0, 1))
    assert list(columns) == ["A", "A → B", "A → B → A", "B", "B → A", "B → A → B"]
    assert "fail_cycle_b2a" in method.validate(columns)


def test_without_a_way_back_there_are_all_figures_but_the_cycles():
    x, y = torch.rand(4, 3, 16, 16) * 2 - 1, torch.rand(4, 3, 16, 16)
    with_cycle, without = (failure_figures(x, y, y, back, "a2b") for back in (lambda p: p, None))
    assert with_cycle.keys() - without.keys() == {f"fail_cycle{kind}_a2b" for kind in ("", "_8bit", "_noise")}


def test_the_adversarial_settings_that_exclude_each_other_are_still_refused():
    with pytest.raises(ConfigError, match=r"gan\.ada adapts"):
        tiny("cyclegan", gan={"ada": True})
