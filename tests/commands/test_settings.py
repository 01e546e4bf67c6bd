"""Settings are strict, layered and complete; a mistake is named with the likely intent."""

import pytest
import yaml

from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.settings import differences, merge, parse_assignments, resolve, to_yaml

BASE = {"data": {"path": "photos"}}


@pytest.mark.parametrize("name", METHODS)
def test_a_written_configuration_reads_back_the_same(name):
    config = METHODS[name].complete_config(resolve(METHODS[name].Config, [BASE]), 100)
    assert resolve(METHODS[name].Config, [yaml.safe_load(to_yaml(config))]) == config
    assert config.images == 20_000  # 200 epochs of 100 pictures


@pytest.mark.parametrize(("name", "preset"), [(n, p) for n, m in METHODS.items() for p in m.PRESETS])
def test_every_preset_is_valid(name, preset):
    assert resolve(METHODS[name].Config, [METHODS[name].PRESETS[preset], BASE]).method == name


@pytest.mark.parametrize("name", METHODS)
def test_every_setting_says_what_it_is(name):
    def undocumented(model, path=""):
        for key, field in model.model_fields.items():
            inner = field.annotation
            if isinstance(inner, type) and hasattr(inner, "model_fields"):
                yield from undocumented(inner, f"{path}{key}.")
            elif key != "method" and not any(
                kind.model_fields[key].description for kind in model.__mro__ if key in getattr(kind, "model_fields", ())
            ):  # what a method sets anew means what it means everywhere
                yield path + key

    assert not list(undocumented(METHODS[name].Config))


def test_pix2pix_has_the_papers_defaults():
    config = METHODS["pix2pix"].complete_config(resolve(METHODS["pix2pix"].Config, [BASE]), 400)
    assert (config.size, config.batch, config.images) == (256, 1, 80_000)
    assert (config.generator.name, config.lambda_l1, config.lambda_d, config.init_std) == (
        "unet256",
        100,
        0.5,
        0.02,
    )
    assert (config.optimizer.lr, config.optimizer.beta1, config.optimizer.beta2) == (2e-4, 0.5, 0.999)
    assert config.data.augment == ("jitter", "flip")


@pytest.mark.parametrize(
    ("layer", "sentence"),
    [
        ({"generater": {}}, r"There is no setting called 'generater'. Did you mean 'generator'\?"),
        ({"generator": {"widht": 3}}, r"no setting called 'generator.widht'. Did you mean 'width'\?"),
        ({"generator": {"width": -3}}, r"The setting generator.width cannot be -3: .* greater than or equal to 1"),
        ({"size": "large"}, r"The setting size cannot be 'large'"),
        ({"direction": "b2c"}, r"The setting direction cannot be 'b2c'"),
        ({"optimizer": {"beta1": 1}}, r"optimizer.beta1 cannot be 1"),
        ({"data": None}, r"The setting data cannot be None"),
    ],
)
def test_a_senseless_setting_is_named_with_the_rule(layer, sentence):
    with pytest.raises(ConfigError, match=sentence):
        resolve(METHODS["pix2pix"].Config, [BASE, layer])


def test_a_missing_setting_is_named():
    with pytest.raises(ConfigError, match="The setting 'data' is missing"):
        resolve(METHODS["pix2pix"].Config, [{}])


def test_stronger_layers_replace_single_settings_of_weaker_ones():
    config = resolve(
        METHODS["pix2pix"].Config,
        [BASE, {"generator": {"width": 8, "norm": "none"}}, {"generator": {"width": 16}}],
    )
    assert (config.generator.width, config.generator.norm) == (16, "none")


@pytest.mark.parametrize("name", METHODS)
def test_a_group_that_is_set_in_part_keeps_the_methods_own_defaults_for_the_rest(name):
    """Else `--set optimizer.lr=…` would also change Adam's decays to another method's."""
    config = METHODS[name].Config
    usual = resolve(config, [{"data": {"path": "x"}}])
    for group in ("generator", "discriminator", "optimizer", "gan", "ema"):
        own = getattr(usual, group)
        key = next(iter(type(own).model_fields))
        changed = resolve(config, [{"data": {"path": "x"}, group: {key: getattr(own, key)}}])
        assert changed == usual, group


def test_assignments_are_typed_values_at_dotted_paths():
    parsed = parse_assignments(
        ["generator.width=32", "data.skip_broken=true", "data.augment=[flip]", "optimizer.lr=1e-4"]
    )
    config = resolve(METHODS["pix2pix"].Config, [BASE, parsed])
    assert config.generator.width == 32
    assert config.data.skip_broken is True
    assert config.data.augment == ("flip",)
    assert config.optimizer.lr == 1e-4


@pytest.mark.parametrize("text", ["generator.width", "=3", "data={:"])
def test_a_malformed_assignment_is_refused(text):
    with pytest.raises(ConfigError, match="--set"):
        parse_assignments([text])


def test_merging_changes_neither_side():
    base = {"a": {"b": 1}}
    assert merge(base, {"a": {"c": 2}}) == {"a": {"b": 1, "c": 2}}
    assert base == {"a": {"b": 1}}


def test_differences_name_what_keeps_a_run_from_going_on():
    old = resolve(METHODS["pix2pix"].Config, [BASE])
    new = resolve(METHODS["pix2pix"].Config, [BASE, {"lambda_l1": 10, "images": 5, "log": {"keep": 3}, "workers": 2}])
    assert differences(old, new, old.free_to_change()) == ["lambda_l1 was 100.0 and would be 10.0"]
