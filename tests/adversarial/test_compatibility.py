"""Adversarial settings that contradict each other are refused with the reason and a way out that works."""

import re

import pytest
from tiny_runs import TRANSLATORS, fresh, tiny

from i2i.adversarial.compatibility import RULES, _Asked
from i2i.errors import ConfigError, UnknownNameError
from i2i.settings import parse_assignments

REFUSED = [
    # (settings, what the sentence says, settings that go together instead), in the order of RULES
    (
        {"gan": {"label_smoothing": 0.1, "loss": "wasserstein"}, "discriminator": {"spectral": True, "norm": "none"}},
        r"gan\.label_smoothing .*the wasserstein loss has no target.*gan\.loss=non_saturating or least_squares",
        [{"gan": {"label_smoothing": 0}}, {"gan": {"loss": "non_saturating"}}, {"gan": {"loss": "least_squares"}}],
    ),
    (
        {"gan": {"gradient_penalty": 10}, "discriminator": {"norm": "batch_as_instance"}},
        r"gan\.gradient_penalty .*norm batch_as_instance mixes the pictures.*discriminator\.norm=instance_affine",
        [{"discriminator": {"norm": n}} for n in ("instance_affine", "instance", "none")],
    ),
    (
        {"gan": {"gradient_penalty": 10, "r1": 1}, "discriminator": {"norm": "none"}},
        r"gan\.gradient_penalty pulls the norm of D's gradient to 1 and gan\.r1 pulls it to 0\. Use one of them",
        [{"gan": {"gradient_penalty": 0}}, {"gan": {"r1": 0}}],
    ),
    (
        {"gan": {"loss": "wasserstein"}, "discriminator": {"norm": "none"}},
        r"The wasserstein loss is unbounded.*gan\.gradient_penalty=10 or,.*discriminator\.spectral=true",
        [
            {"gan": {"gradient_penalty": 10}},
            {"gan": {"weight_clipping": 0.01}},
            {"discriminator": {"spectral": True}},
        ],
    ),
    (
        {"discriminator": {"minibatch_std": True}, "batch": 1},
        r"discriminator\.minibatch_std .*a batch of one does not.*--batch 4",
        [{"batch": 4}, {"discriminator": {"minibatch_std": False}}],
    ),
    (
        {"gan": {"d_steps": 2, "g_steps": 3}},
        r"gan\.d_steps=2 and gan\.g_steps=3 give both networks more updates; one of them must be 1",
        [{"gan": {"d_steps": 1}}, {"gan": {"g_steps": 1}}],
    ),
    (
        {"gan": {"weight_clipping": 0.01}, "discriminator": {"spectral": True, "norm": "none"}},
        r"gan\.weight_clipping and discriminator\.spectral both bound D's weights",
        [{"gan": {"weight_clipping": 0}}, {"discriminator": {"spectral": False}}],
    ),
    (
        {"gan": {"ada": True, "loss": "non_saturating"}},
        r"gan\.ada .*gan\.augment names no augmentation.*--set gan\.augment=\[colour,translation,cutout\]",
        [{"gan": {"augment": ["colour", "translation", "cutout"]}}, {"gan": {"ada": False}}],
    ),
    (
        {"gan": {"ada": True, "augment": ["colour"], "loss": "relativistic"}},
        r"gan\.ada .*the relativistic loss a single output of D has no sign.*gan\.augment alone.*loss=non_saturating",
        [{"gan": {"ada": False}}, {"gan": {"loss": "non_saturating"}}],
    ),
]


def merged(*layers):
    both = {}
    for layer in layers:
        for key, value in layer.items():
            both[key] = {**both.get(key, {}), **value} if isinstance(value, dict) else value
    return both


def test_every_rule_has_a_case():
    assert len(REFUSED) == len(RULES)


@pytest.mark.parametrize("name", TRANSLATORS)
@pytest.mark.parametrize(("settings", "sentence", "ways_out"), REFUSED, ids=[row[1][:40] for row in REFUSED])
def test_a_senseless_combination_is_refused_and_the_way_out_is_one(name, settings, sentence, ways_out):
    one_step = {} if "d_steps" in settings.get("gan", {}) else {"gan": {"d_steps": 1}}
    with pytest.raises(ConfigError, match=sentence):
        tiny(name, **merged(settings, one_step))
    for way_out in ways_out:
        fresh(name, **merged(settings, one_step, way_out))


@pytest.mark.parametrize("row", range(len(RULES)))
def test_each_case_is_refused_by_its_own_rule_and_no_other(row):
    config = fresh_config(REFUSED[row][0])
    asked = _Asked(config.gan, config.discriminator, config.batch)
    assert [rule(asked) for rule, _ in RULES] == [n == row for n in range(len(RULES))]


def fresh_config(settings):
    """The settings, complete but for being looked at."""
    config = tiny("cyclegan")
    return config.model_copy(
        update={
            key: getattr(config, key).model_copy(update=value) if isinstance(value, dict) else value
            for key, value in settings.items()
        }
    )


def test_every_setting_that_a_sentence_offers_can_be_typed():
    bounded = {"discriminator": {"spectral": True, "norm": "none"}}
    for settings, _, _ in REFUSED:
        with pytest.raises(ConfigError) as refusal:
            tiny("cyclegan", **settings)
        for assignment in re.findall(r"--set ([\w.]+=[^\s.]+)", str(refusal.value)):
            tiny("cyclegan", **merged(parse_assignments([assignment]), bounded))


def test_a_rule_looks_at_what_the_network_has_by_itself():
    """pix2pix's discriminators have BatchNorm unless told otherwise, CycleGAN's have not."""
    with pytest.raises(ConfigError, match=r"gan\.r1 is on the gradient at each picture, and the norm batch"):
        tiny("pix2pix", gan={"r1": 1})
    tiny("cyclegan", gan={"r1": 1})
    with pytest.raises(ConfigError, match="norm batch_running mixes"):
        tiny("cyclegan", gan={"r1": 1}, discriminator={"norm": "batch_running"})


@pytest.mark.parametrize("discriminator", [
    {"name": "unet"},  # spectral by itself, but for its ends
    {"name": "patch", "norm": "batch_as_instance", "spectral": True},
    {"name": "patch", "norm": "instance_affine", "spectral": True},
])  # fmt: skip
def test_what_spectral_normalisation_does_not_bound_is_no_place_for_wasserstein(discriminator):
    with pytest.raises(ConfigError, match="is unbounded"):
        tiny("cyclegan", gan={"loss": "wasserstein"}, discriminator=discriminator)
    tiny("cyclegan", gan={"loss": "wasserstein"}, discriminator={"name": "patch", "norm": "instance", "spectral": True})


def test_a_name_where_a_list_is_meant_is_refused_with_the_list():
    with pytest.raises(ConfigError, match=r"gan\.augment is a list: gan\.augment=\[colour\]"):
        tiny("cyclegan", gan={"augment": "colour"})


@pytest.mark.parametrize(
    ("gan", "sentence"),
    [
        ({"loss": "hing"}, r"No adversarial loss is called 'hing'. Did you mean 'hinge'\?"),
        ({"augment": ["color"]}, r"No differentiable augmentation is called 'color'. Did you mean 'colour'\?"),
    ],
)
def test_an_unknown_name_is_refused_with_the_likely_intent(gan, sentence):
    with pytest.raises(UnknownNameError, match=sentence):
        tiny("cyclegan", gan=gan)
