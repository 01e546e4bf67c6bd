"""A training of the page: exact again, changed while it runs, failures named and cured, states to go back to."""

import json
import math
from importlib.resources import files

import numpy as np
import pytest
import torch

from i2i.diagnostics.doctor import DETECTORS, Ailment
from i2i.diagnostics.doctor.detectors import ACROSS
from i2i.errors import ConfigError, DataError
from i2i.learn import views
from i2i.learn.controls import CONTROLS, checked, usual
from i2i.learn.course import COURSE
from i2i.learn.cures import ailments, cured
from i2i.learn.data import DATA, samples
from i2i.learn.failures import FAILURES
from i2i.learn.scores import divergences
from i2i.learn.training import Training
from i2i.methods import METHODS

FEW = {"steps": 60, "count": 200, "generator.widths": [16], "discriminator.widths": [16]}


def test_what_trains_is_the_method_that_i2i_train_has():
    assert type(trained(0).method) is METHODS["gan"]


def trained(steps=30, **settings):
    training = Training(checked({**FEW, **settings}))
    training.steps(steps)
    return training


def weights(training):
    return torch.cat([w.detach().flatten() for net in training.method.networks.values() for w in net.parameters()])


@pytest.mark.parametrize("name", [name for name in DATA if name not in ("drawn", "digits28", "faces32")])
def test_every_shape_lies_within_the_plane_and_says_which_part_each_sample_is_of(name):
    found, again = samples(name, 200, 3), samples(name, 200, 3)
    assert np.array_equal(found.images, again.images)
    assert np.abs(found.images).max() <= 1
    assert set(found.parts.tolist()) == set(range(DATA[name].parts))


def test_pictures_that_judge_are_none_that_are_learnt():
    learnt, unseen = samples("faces", 3600, 0).images, samples("faces", 512, 0, unseen=True).images
    assert not {x.tobytes() for x in learnt} & {x.tobytes() for x in unseen}


def test_the_same_settings_train_the_same_whoever_draws_numbers_beside_it():
    first, second = trained(0), trained(0)
    first.steps(20)
    for _ in range(20):
        torch.randn(7)
        second.steps(1)
        views.view(second)
    assert torch.equal(weights(first), weights(second))
    assert first.lines == second.lines


def test_looking_at_a_watched_step_changes_nothing():
    plain, watched, seen = trained(5), trained(5), []
    plain.steps(1)
    watched.watched_step(lambda side: seen.append((side, views.view(watched))))
    assert [side for side, _ in seen] == ["d", "g"]
    assert seen[0][1]["field"] == seen[1][1]["field"] != views.view(plain)["walk"]
    assert seen[0][1]["fake"] != seen[1][1]["fake"]
    assert torch.equal(weights(plain), weights(watched))


def test_a_change_while_it_runs_keeps_networks_and_log_and_takes_the_new_rate():
    training = trained(20, **{"optimizer.name_d": "sgd"})
    before, lines = weights(training), list(training.lines)
    given = {"optimizer.lr": 0.02, "optimizer.beta1_d": 0.5, "gan.r1": 2.0}
    assert training.change(given)
    assert torch.equal(before, weights(training))
    assert training.lines == lines
    assert training.step_count == 20
    training.steps(1)
    assert training.method.optimizers["g"].param_groups[0]["lr"] == pytest.approx(0.02)
    assert training.method.gan.gan.r1 == 2
    assert training.method.optimizers["g"].param_groups[0]["betas"][0] == 0
    assert training.method.optimizers["d"].param_groups[0]["momentum"] == 0.5
    assert training.changes == [{"step": 20, "settings": given}]


def test_a_change_that_cannot_be_leaves_the_training_as_it_was():
    training, beside = trained(10), trained(10)
    with pytest.raises(ConfigError, match="Use one of them"):
        training.change({"gan.gradient_penalty": 10.0, "gan.r1": 1.0})
    training.steps(5)
    beside.steps(5)
    assert torch.equal(weights(training), weights(beside))


def test_other_networks_need_a_new_training():
    training = trained(5)
    assert not training.change({"generator.widths": [8]})
    assert training.settings["generator.widths"] == (16,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"optimizer.lrr": 1}, "Did you mean"),
        ({"optimizer.lr": 5}, "from 1e-10 to 1"),
        ({"optimizer.lr": math.nan}, "Rate of G"),
        ({"generator.widths": [10_000]}, "from 1 to 256"),
        ({"generator.widths": [8] * 9}, "at most 4"),
        ({"data": "/etc/passwd"}, "ring"),
        ({"steps": 10**9}, "20000"),
        ({"batch": True}, "whole number"),
        ({"gan.augment": "cutout"}, "list"),
        ({"gan.augment": ["translation"] * 12_000}, "at most once"),
        ({"conditional": "no"}, "by class"),
        ({"optimizer.lr": 10**400}, "Rate of G"),
    ],
)
def test_what_the_page_does_not_offer_is_refused_in_words(given, said):
    with pytest.raises((ConfigError, LookupError), match=said):
        checked(given)


def test_a_choice_that_is_written_out_is_the_choice():
    assert checked({"conditional": "False"})["conditional"] is False


def test_too_few_drawn_points_are_asked_for():
    with pytest.raises(DataError, match="Draw a shape"):
        Training(checked({"data": "drawn"}), [[0, 0]] * 3)
    training = Training(checked({**FEW, "data": "drawn"}), [[n / 20, 0.5] for n in range(-10, 10)])
    assert training.train["image"][:, 1].mean() == pytest.approx(0.5, abs=0.02)


def test_going_back_to_the_best_is_exact():
    training = trained(60, **{"data": "blob"})
    moment, straight = training.moments[2], trained(0, **{"data": "blob"})
    straight.steps(moment.step)
    training.go_back(moment)
    assert torch.equal(weights(training), weights(straight))
    assert training.lines == straight.lines
    training.steps(7)
    straight.steps(7)
    assert torch.equal(weights(training), weights(straight))


def test_going_back_forgets_a_best_that_came_later():
    training = trained(60)
    assert training.best is not None
    training.go_back(training.best)
    assert training.best is not None
    training.go_back(training.moments[0])
    assert training.best is None
    training.steps(60)
    assert training.best is not None


def test_a_remedy_that_does_not_go_with_the_settings_leaves_the_training_where_it_is():
    training = trained(60)
    found = Ailment("exploding", "", 0, 0, training.images, {}, ["gan.gradient_penalty=10"])
    training.monitor.ailments["exploding"] = found
    lines, moments = list(training.lines), list(training.moments)
    with pytest.raises(ConfigError, match="Use one of them"):
        cured(training, "exploding")
    assert training.step_count == 60
    assert training.lines == lines
    assert training.moments == moments
    assert training.settings["gan.gradient_penalty"] == 0


@pytest.mark.parametrize("data", ["ring", "faces"])
@pytest.mark.parametrize("loss", ["non_saturating", "least_squares", "wasserstein", "hinge", "relativistic"])
def test_what_is_drawn_is_json_of_numbers_under_every_loss(data, loss):
    clipped = {"gan.weight_clipping": 0.1} if loss == "wasserstein" else {}
    training = trained(1, **{"data": data, "gan.loss": loss, **clipped})
    json.dumps([views.view(training), views.still(training), training.lines], allow_nan=False)


def test_arrows_point_where_the_loss_falls():
    training = trained(30)
    loss, fake = training.method.gan.loss.g, training.generated()[:50]
    with views.judged(training):
        pull = views.pull(training, fake)
        before, after = (loss(None, training.judged(x)).mean() for x in (fake, fake + 1e-3 * pull))
    assert after < before


def test_divergences_are_those_of_their_definition():
    p, q = torch.tensor([0.5, 0.5]), torch.tensor([0.25, 0.75])
    kl, js = divergences(p, q)
    assert kl == pytest.approx(0.5 * math.log(2) + 0.5 * math.log(2 / 3), abs=1e-3)
    assert divergences(p, p) == pytest.approx((0, 0), abs=1e-9)
    assert divergences(torch.tensor([1.0, 0]), torch.tensor([0, 1.0]))[1] == pytest.approx(math.log(2), abs=2e-3)
    assert 0 < js < kl


def test_every_provocation_and_lesson_is_of_settings_that_go_together():
    assert set(FAILURES) <= set(DETECTORS)
    assert len(COURSE) == 10
    for settings in [*(row.settings for row in FAILURES.values()), *(lesson.settings for lesson in COURSE)]:
        training = Training(checked({**settings, "count": min(settings.get("count", 64), 64)}))
        for _, changes in next((one.then for one in COURSE if one.settings is settings), ()):
            training.change(changes)
    assert usual() == checked({})
    assert set(CONTROLS) == set(usual())


def provoked_and_cured(name):
    training = Training(checked({**FAILURES[name].settings, "seed": 0}))
    while name not in training.monitor.ailments and not training.done:
        training.steps(5)
    assert name in training.monitor.ailments, f"not named in {training.step_count} steps"
    told = next(one for one in ailments(training) if one["name"] == name)
    assert f"step {told['began']:,}" in told["sentence"]
    assert told["settings"]
    training = cured(training, name)
    training.change({"steps": training.step_count + 5000})
    while training.cures[0]["over"] is None and not training.done:
        training.steps(5)
    assert training.cures[0]["over"] is not None, f"not cured in {training.step_count} steps"
    assert not training.ended


@pytest.mark.parametrize("name", ["collapse"])
def test_a_failure_is_provoked_named_and_cured(name):
    provoked_and_cured(name)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in FAILURES if name != "collapse"])
def test_every_other_failure_is_too(name):
    provoked_and_cured(name)


@pytest.mark.slow
def test_the_page_says_of_each_failure_without_a_button_where_it_is_found():
    of_translators = {"inversion", "identity", "steganography"}
    assert set(DETECTORS) | set(ACROSS) == set(FAILURES) | of_translators | set(ACROSS)
    page = (files("i2i.learn.web") / "page/index.html").read_text("utf-8")
    assert [title for title in ACROSS.values() if f"“{title}”" not in page] == []


def test_the_usual_training_is_healthy_and_covers_the_ring():
    training = Training(usual())
    training.steps(600)
    assert not training.monitor.ailments
    assert not training.monitor.past
    assert training.lines[-1]["learn_modes"] >= 6


@pytest.mark.parametrize("data", ["ring", "digits8"])
def test_with_a_condition_every_sample_is_judged_as_its_class(data):
    training = trained(30, data=data, conditional=True)
    assert training.method.G.classes == DATA[data].parts
    view = views.view(training)
    json.dumps(view, allow_nan=False)
    one, other = (training.method.G(training.fixed, torch.full((256,), n)) for n in (0, 1))
    assert not torch.equal(one, other)
