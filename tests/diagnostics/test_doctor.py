"""The doctor names what a log shows, since when, once, and says what to change; a healthy log it calls healthy."""

import math
import re

import pytest
import torch
from markdown import ROOT, table

from i2i.diagnostics.doctor import DETECTORS, Monitor, ailments_across, examine
from i2i.diagnostics.doctor.evaluations import gamed, is_evaluation
from i2i.diagnostics.doctor.history import period, spikes
from i2i.diagnostics.doctor.remedies import more_variety
from i2i.errors import ConfigError
from i2i.methods import METHODS
from i2i.methods.from_noise.networks import generator_of
from i2i.networks import DISCRIMINATORS, GENERATORS, takes
from i2i.networks.from_noise import CRITICS, NOISE_GENERATORS
from i2i.settings import flat, parse_assignments, resolve
from i2i.workflows.diagnose import told_as_it_happens

LINES, GRIDS = 200, 4
"""Lines of a log, and lines from one sample grid to the next."""


def healthy(n):
    """Line `n` of a run in which nothing is wrong: figures of real healthy runs."""
    line = {"images": 64 * (n + 1), "step": n + 1, "g_gan": 0.8 + 0.05 * math.sin(n * n)}
    line |= {"d_real": 0.6, "d_fake": 0.6, "p_real": 0.55, "p_fake": 0.45, "d_accuracy_real": 0.7}
    line |= {"d_accuracy_fake": 0.65, "grad_norm_g": 1.0, "weight_norm_g": 8 + n / 100, "weight_norm_d": 8 + n / 100}
    if n % GRIDS == 0:
        line |= {"health_spread": 0.95, "health_duplicates": 0.0, "health_distance": 2.0, "health_leak": -0.05}
        line |= {"health_modes_real": 8, "health_modes_seen": 255, "health_nearest_train": 1.0, "health_overfit": 0.1}
        line |= {"health_overfit_error": 0.05, "health_separable": 0.7, "health_checkerboard": 1.1}
        line |= {f"fail_{name}_a2b": 1.0 for name in ("identity", "changed", "inversion", "collapse")}
        line |= {"fail_cycle_a2b": 0.05, "fail_cycle_8bit_a2b": 0.05, "fail_cycle_noise_a2b": 0.06}
    return line


SICK = {
    "exploding": {"weight_norm_g": 80.0, "g_gan": 30.0},
    "vanishing": {"grad_norm_g": 1e-5, "d_accuracy_real": 1.0, "d_accuracy_fake": 1.0},
    "overpowering": {"p_real": 0.99, "p_fake": 0.01, "d_accuracy_real": 0.99, "d_accuracy_fake": 0.99},
    "weak": {"health_distance": 9.0, "p_real": 0.5, "p_fake": 0.5, "weight_norm_d": 8.0},
    "collapse": {"health_spread": 0.1},
    "hopping": lambda n: {"health_modes_seen": 1 << n // GRIDS % 8},
    "nonconvergence": lambda n: {"g_gan": 0.8 + 0.2 * math.sin(n / 2.5)},
    "overfitting": {"health_overfit": 0.8},
    "memorisation": {"health_nearest_train": 0.4},
    "leak": {"health_leak": 0.3},
    "checkerboard": {"health_checkerboard": 6.0},
    "inversion": {"fail_inversion_a2b": -0.7},
    "identity": {"fail_identity_a2b": 0.1},
    "steganography": {"fail_cycle_noise_a2b": 0.3},
    "gaming": {"health_distance": 0.9, "health_separable": 0.99},
}


def log(name=None, start=60):
    """A run that falls ill at line `start`."""
    lines = [healthy(n) for n in range(LINES)]
    for n, line in enumerate(lines):
        ill = SICK[name] if name and n >= start else {}
        ill = ill(n) if callable(ill) else ill
        line |= {key: value for key, value in ill.items() if key in line}
        if name == "weak":
            line["weight_norm_d"] = 8.0
    return lines


def test_every_failure_of_the_table_is_provoked_here():
    assert set(SICK) == set(DETECTORS)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_failure_is_named_alone_with_the_moment_it_began(name):
    lines = log(name)
    monitor = examine(lines, lines[-1]["images"])
    assert set(monitor.ailments) == {name}
    found = monitor.ailments[name]
    began = 0 if name == "nonconvergence" else 61  # of a period, the lines before count too
    assert began <= found.step <= 61 + (60 if name == "nonconvergence" else 3 * GRIDS + 4)
    assert f"since {found.images:,} images (step {found.step:,})" in found.sentence()
    assert all(f"--set {one}" in found.advice() for one in found.remedy)


def test_a_healthy_log_is_silent():
    lines = log()
    monitor = examine(lines, lines[-1]["images"])
    assert (monitor.ailments, monitor.past, monitor.healthy) == ({}, [], True)


@pytest.mark.parametrize("name", DETECTORS)
def test_a_finished_run_is_judged_as_it_was_while_it_trained(name):
    lines = log(name)
    live, told = Monitor(lines[-1]["images"]), []
    for line in lines:
        told += [(line["images"], one.name) for one in live.add(line)]
    assert told == [(live.ailments[name].found, name)]  # once
    assert examine(lines, lines[-1]["images"]).ailments == live.ailments


def test_what_passes_is_told_as_past_and_a_single_line_proves_nothing():
    lines = log("overpowering")
    for n in range(100, LINES):
        lines[n] = healthy(n)
    monitor = examine(lines, lines[-1]["images"])
    assert monitor.ailments == {}
    assert [one.name for one in monitor.past] == ["overpowering"]
    assert "until" in monitor.past[0].sentence()
    lines = log()
    lines[80]["health_spread"] = 0.01
    assert examine(lines, lines[-1]["images"]).ailments == {}


def test_what_comes_back_is_told_in_short_and_its_remedy_once():
    lines = log("overpowering")
    for n in range(100, 130):
        lines[n] = healthy(n)
    live, said = Monitor(lines[-1]["images"]), []
    for line in lines:
        said += [told_as_it_happens(one) for one in live.add(line)]
    first, again = said
    assert "What helps: --set" in first
    assert re.fullmatch(r"The discriminator overpowers the generator: again since [\d,]+ images \(step \d+\)\.", again)


def test_a_number_that_is_none_is_named_at_once():
    monitor = examine([*log()[:3], {"images": 999, "step": 4, "non_finite": 1}])
    assert set(monitor.ailments) == {"exploding"}


def test_the_beginning_of_a_run_is_no_collapse():
    lines = [line | ({"health_spread": 0.05} if n < 8 else {}) for n, line in enumerate(log())]
    assert examine(lines, lines[-1]["images"]).past == []


def networks(method):
    """Pairs of generator and discriminator that a method can train with."""
    if method == "gan":
        plain = [
            name for name in NOISE_GENERATORS if name in CRITICS and name != "conditional_mlp"
        ]  # that needs classes
        return [(name, name) for name in plain]
    scaled = [name for name in GENERATORS if takes(GENERATORS, name, "scale")]
    names = scaled if method == "srgan" else [name for name in GENERATORS if name not in scaled]
    return [(name, "vgg" if method == "srgan" else "patch") for name in names] + [
        (names[-1], d) for d in DISCRIMINATORS
    ]


CASES = [(method, *pair) for method in METHODS for pair in networks(method)]


@pytest.mark.parametrize(("method", "generator", "discriminator"), CASES)
def test_every_remedy_is_accepted_by_the_run_that_gets_it_again_and_again(method, generator, discriminator):
    """Through the settings, the checks of the method and its networks, as `i2i train --set …` goes."""
    given = {"data": {"path": "x", "augment": ["rotate90"]}, "size": 64, "batch": 4}
    given |= {"generator": {"name": generator}, "discriminator": {"name": discriminator}}
    kind = METHODS[method]
    usual = kind.complete_config(resolve(kind.Config, [given]), 100)
    for name in DETECTORS:
        config, rates = usual, []
        for _ in range(4):  # a run may be rolled back three times
            remedy = DETECTORS[name].cure(flat(config.model_dump()))
            if not remedy or (
                name in ("identity", "inversion", "steganography") and method in ("pix2pix", "srgan", "gan")
            ):
                break  # gaming has none, and pairs have no such figures
            before = config
            config = kind.complete_config(resolve(kind.Config, [config.model_dump(), parse_assignments(remedy)]), 100)
            rates.append(flat(config.model_dump())["optimizer.lr"])
            if not rates[1:]:
                assert config != before, (name, remedy)
        assert all(rate >= 1e-6 for rate in rates)
        if config.generator != usual.generator:
            with torch.device("meta"):
                kind.generators(config)  # the networks of the remedy can be built


def test_no_momentum_is_that_of_neither_network():
    own = {"optimizer.beta1": 0.0, "optimizer.beta1_d": 0.9}
    assert "optimizer.beta1_d=0" in DETECTORS["hopping"].remedy(own)
    assert not [one for one in DETECTORS["hopping"].remedy({**own, "optimizer.beta1_d": None}) if "beta1" in one]


@pytest.mark.parametrize(
    ("data", "gan", "cure"),
    [
        (["rotate90"], {}, {"data.augment": []}),
        (["none"], {"augment": ["rotate90"]}, {"gan.augment_p": 0.5}),
        (["none"], {"augment": ["bgc"], "augment_p": 0.2}, {"gan.augment_p": 0.1}),
        (["none"], {"augment": ["flip"], "ada": True}, {"gan.ada": False, "gan.augment_p": 0.5}),
        (["crop", "flip"], {"augment": ["colour", "rotate"]}, {"data.augment": ["crop"], "gan.augment_p": 0.5}),
        (["none"], {"augment": ["colour", "translation"]}, {}),
        (["none"], {}, {}),
    ],
)
def test_a_leak_is_cured_where_pictures_are_turned(data, gan, cure):
    """In the data, or by D's augmentation; where neither turns any, nothing is promised."""
    given = {"data": {"path": "x", "augment": data}, "gan": gan, "size": 32, "images": 100}
    config = METHODS["gan"].complete_config(resolve(METHODS["gan"].Config, [given]), 100)
    asked = DETECTORS["leak"].cure(flat(config.model_dump()))
    assert flat(parse_assignments(asked), keep_empty=True) == cure
    METHODS["gan"].complete_config(resolve(METHODS["gan"].Config, [given, parse_assignments(asked)]), 100)


def test_a_remedy_names_no_setting_that_the_run_has():
    usual = flat(resolve(METHODS["cyclegan"].Config, [{"data": {"path": "x"}, "lambda_identity": 0}]).model_dump())
    assert DETECTORS["identity"].cure(usual) == ["lambda_cycle=5"]
    assert DETECTORS["identity"].cure(usual | {"lambda_cycle": 5.0}) == ["lambda_cycle=2.5"]
    assert DETECTORS["inversion"].cure(usual | {"lambda_identity": 1.0}) == []
    assert DETECTORS["identity"].cure({}) == ["lambda_identity=0", "lambda_cycle=5"]  # nothing is known of it
    momentum = "optimizer.beta1=0"
    assert momentum in DETECTORS["nonconvergence"].cure(usual | {"optimizer.name": "sgd"})
    assert momentum not in DETECTORS["nonconvergence"].cure(usual | {"optimizer.name": "rmsprop"})  # has none
    of_d = {"optimizer.name": "rmsprop", "optimizer.name_d": "sgd"}
    assert momentum in DETECTORS["nonconvergence"].cure(usual | of_d)


@pytest.mark.parametrize("name", [name for name, row in DETECTORS.items() if row.remedy({}) and not row.anew])
def test_help_is_promised_where_the_proof_has_seen_it_and_else_may_come(name):
    proof = table(ROOT / "docs" / "training" / "doctor.md", "provoked")
    cured = {row["provoked"].strip("`"): row["cured"] for row in proof}[name] != "-"
    lines = log(name)
    said = examine(lines, lines[-1]["images"]).ailments[name].advice()
    assert said.startswith("What helps: --set" if cured else "What may help: --set")


def test_networks_from_noise_without_a_remedy_for_the_checkerboard_have_no_figure_of_it():
    """They have no `up`, and enlarge by no strided transposed convolution of maps, or make 28 pixels alone."""
    for name in NOISE_GENERATORS:
        if takes(NOISE_GENERATORS, name, "up"):
            continue
        of_class = {"conditional": name == "conditional_mlp", "data": {"path": "x", "domains": ["one", "two"]}}
        given = {"generator": {"name": name}, "size": 16, **of_class}
        try:
            with torch.device("meta"):
                G = generator_of(resolve(METHODS["gan"].Config, [given]))
        except ConfigError:
            assert name in ("wgan_gp", "stacked"), name
            continue
        strided = [m for m in G.modules() if isinstance(m, torch.nn.ConvTranspose2d) and m.stride != (1, 1)]
        assert not strided, name


@pytest.mark.parametrize("rates", [{}, {"lr_d": 1e-3}, {"lr_d": 1e-5}])
@pytest.mark.parametrize(("method", "key"), [("pix2pix", "optimizer.lr"), ("srgan", "gan_lr")])
def test_a_slower_generator_is_slower_and_not_its_discriminator(method, key, rates):
    given = {"data": {"path": "x"}, "size": 64, "optimizer": rates}
    before = flat(resolve(METHODS[method].Config, [given]).model_dump())
    asked = parse_assignments(DETECTORS["collapse"].remedy(before))
    after = flat(resolve(METHODS[method].Config, [given, asked]).model_dump())
    assert after[key] < before[key]
    assert after["optimizer.lr_d"] >= (before["optimizer.lr_d"] or before[key])
    assert after["optimizer.lr_d"] >= after[key]
    assert after["optimizer.lr"] == before["optimizer.lr"] or key == "optimizer.lr"


@pytest.mark.parametrize(("side", "direction", "other"), [("_y", "_a2b", "_b2a"), ("_x", "_b2a", "_a2b")])
def test_each_discriminator_of_two_is_judged_by_the_outputs_that_it_sees(side, direction, other):
    def named(good):
        lines = log("overpowering")
        for line in lines:
            for key in ("p_real", "p_fake", "d_accuracy_real", "d_accuracy_fake"):
                line[key + side] = line.pop(key)
            if line.pop("health_distance", None):
                line |= {f"health_distance{one}": 1.2 if one == good else 3.0 for one in (direction, other)}
        return set(examine(lines, lines[-1]["images"]).ailments)

    assert (named(direction), named(other)) == (set(), {"overpowering"})


def test_a_consequence_in_a_direction_waits_for_the_cause_in_its_discriminator():
    monitor = Monitor(None)
    monitor.streaks["overpowering", "_y"] = [(1, 1)]
    monitor.seen.add({"images": 9, "health_spread_a2b": 0.1, "health_spread_b2a": 0.1})
    assert monitor._sign("collapse", 9, "_a2b") is None
    assert monitor._sign("collapse", 9, "_b2a") is not None


def test_spikes_and_periods_are_measured():
    calm = [1 + 0.01 * math.sin(7 * n * n) for n in range(40)]
    assert spikes([*calm, 2.0]) > 10
    assert abs(spikes([*calm, 1.005])) < 3
    assert period([math.sin(n / 2) for n in range(60)])[1] in (12, 13)
    assert period([n / 60 for n in range(60)])[0] == 0
    assert period([(-1) ** n for n in range(60)])[0] == 0


def test_runs_that_end_far_apart_are_called_sensitive_and_equal_ones_are_not():
    def run(level):
        return [{"images": n, "val_l1": level + 0.01 * (n % 3)} for n in range(20)]

    assert ailments_across({"a": run(0.1), "b": run(0.1), "c": run(0.105)}, "val_l1") == []
    [found] = ailments_across({"a": run(0.1), "b": run(0.5), "c": run(0.3)}, "val_l1")
    assert found.name == "sensitivity"
    assert "val_l1 is 0.108 in a and 0.508 in b" in found.sentence
    assert ailments_across({"a": run(0.1), "b": run(0.5)}, "val_l1") == []


def scores(of_input, **figures):
    """An evaluation: of each metric (low, value, high), and what the input has."""
    return {
        "metrics": {name: value for name, (_, value, _) in figures.items()},
        "intervals": {name: [low, high] for name, (low, _, high) in figures.items()},
        "baselines": {"input": of_input},
    }


def test_scores_that_contradict_each_other_are_named_and_a_difference_in_the_noise_is_not():
    good = scores({"frechet_squeezenet": 90.0}, frechet_squeezenet=(60.0, 65.0, 70.0))
    bad = scores({"frechet_pixels": 1.0}, frechet_pixels=(1.2, 1.5, 1.8))
    unsure = scores({"frechet_pixels": 1.0}, frechet_pixels=(0.9, 1.5, 1.8))
    [found] = gamed([good, bad])
    assert found.name == "gaming"
    assert "frechet_squeezenet the outputs are nearer" in found.sentence
    assert "frechet_pixels they are farther" in found.sentence
    later = scores({"frechet_squeezenet": 60.0}, frechet_squeezenet=(65.0, 70.0, 75.0))
    for honest in ([good], [bad], [good, unsure], [good, scores({}, psnr=(1, 2, 3))], [good, later], []):
        assert gamed(honest) == []


@pytest.mark.parametrize(
    "damage",
    [
        {"baselines": {"input": None}},
        {"metrics": []},
        {"intervals": {"copies": [1]}},
        {"intervals": {"copies": [1, 2]}},
    ],
    ids=str,
)
def test_a_file_that_is_no_evaluation_is_known(damage):
    whole = scores({"frechet_x": 1.0}, frechet_x=(1, 2, 3))
    assert is_evaluation(whole)
    assert not is_evaluation({**whole, **damage})
    assert not is_evaluation(["no", "evaluation"])


def test_copies_behind_a_good_score_are_named():
    assert gamed([scores({}, copies=(0.01, 0.04, 0.09))]) == []
    [found] = gamed([scores({}, copies=(0.2, 0.3, 0.4))])
    assert "30% of the outputs are suspected copies" in found.sentence


def test_the_page_on_the_doctor_says_what_the_table_says():
    rows = table(ROOT / "docs" / "training" / "doctor.md", "failure")
    said = [(row["failure"], row["title"], row["threshold"], row["why there"]) for row in rows]
    assert said == [(f"`{name}`", row.title, row.threshold, row.reason) for name, row in DETECTORS.items()]


@pytest.mark.parametrize("settings", [{"size": 1}, {"size": 16, "discriminator.name": "voxels"}])
def test_no_augmentation_of_pictures_is_recommended_for_points_or_volumes(settings):
    assert more_variety({"size": 16}) == ["gan.augment=[colour,translation,cutout]", *more_variety(settings)]
