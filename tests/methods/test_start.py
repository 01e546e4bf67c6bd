"""What a run begins with: half a cosine leads to the settings, which hold from there on, also when it is resumed."""

import shutil

import pytest
import torch
from tiny_runs import begun, noise, tiny, train, weights

from i2i.methods import METHODS
from i2i.methods.replaying import reason_against
from i2i.methods.schedules import between

START = {"share": 0.5, "lr": 4.0, "penalty": 10.0, "augment": 0.0, "ema": 0.0, "beta2": 0.9}
ROW = {
    "discriminator": {"width": 4, "norm": False},
    "gan": {"r1": 0.1, "augment": ["colour"], "augment_p": 0.5},
    "ema": {"images": 8, "rampup": 1.0},
    "optimizer": {"lr": 1e-4, "beta1": 0.0, "beta2": 0.99, "decay_from": 1.0},
}


def test_half_a_cosine_leads_from_the_one_to_the_other():
    assert between(4.0, 1.0, 0.0) == 4.0
    assert between(4.0, 1.0, 0.5) == pytest.approx(2.5)
    assert between(4.0, 1.0, 0.25) == pytest.approx(1 + 3 * (0.5 + 0.5**1.5))
    assert [between(0.0, 0.3, way) for way in (1.0, 7.0)] == [0.3, 0.3]  # to the last bit


@pytest.mark.parametrize(
    ("seen", "lr", "penalty", "augment", "ema", "beta2"),
    [
        (0, 4.0, 10.0, 0.0, 0.0, 0.9),
        (10, 2.5, 5.5, 0.5, 0.5, 0.945),
        (20, 1.0, 1.0, 1.0, 1.0, 0.99),
        (33, 1.0, 1.0, 1.0, 1.0, 0.99),
    ],
)
def test_a_run_begins_with_what_it_is_told_and_its_settings_hold_from_its_share_on(
    seen, lr, penalty, augment, ema, beta2
):
    method = begun("gan", images=40, **ROW, start=START)
    for at in (0, 5, seen):  # wherever it was before
        method.at(at)
    (objective,), (average,) = method.objectives.values(), method.averages
    for optimizer in method.optimizers.values():
        (group,) = optimizer.param_groups
        assert group["lr"] == pytest.approx(lr * 1e-4)
        assert group["betas"] == (0.0, pytest.approx(beta2))
    assert (objective.strength, objective.often, average.times) == pytest.approx((penalty, augment, ema))


def test_what_the_run_begins_with_decides_its_steps():
    """Penalties ten times as strong add nine times as much; no average yet is the weights themselves."""
    losses = []
    for start in ({}, {"share": 0.5, "penalty": 10.0, "ema": 0.0, "augment": 0.0}):
        method = begun("gan", images=40, **ROW | {"gan": {"r1": 0.1}}, start=start)
        method.at(0)
        torch.manual_seed(0)
        optimizer, loss = next(method.descents(noise(0, 1)))
        torch.manual_seed(0)
        scalars = method.step(noise(0, 1))
        assert optimizer is method.optimizers["d"]
        losses.append(
            (
                float(loss.detach()),
                float((scalars["d_real"] + scalars["d_fake"]).detach()),
                float(scalars["d_r1"].detach()),
            )
        )
    (plain, bare, r1), (strong, same, _) = losses
    assert same == pytest.approx(bare)
    assert plain == pytest.approx(bare + 0.1 * r1)
    assert strong == pytest.approx(bare + 1.0 * r1)
    assert all(map(torch.equal, method.averages[0].average.parameters(), method.G.parameters()))


def test_a_run_that_was_stopped_on_the_way_goes_on_bit_for_bit(tmp_path):
    straight, _ = train(tmp_path / "straight", "gan", 12, every=4, **ROW, start=START)
    shutil.copytree(tmp_path / "straight", tmp_path / "broken")
    for folder in (tmp_path / "broken" / "checkpoints").glob("0*"):
        if folder.name != "00000004":
            shutil.rmtree(folder)  # as if it had been killed there
    resumed, _ = train(tmp_path / "broken", "gan", 12, every=4, **ROW, start=START)
    for key, value in weights(straight).items():
        assert torch.equal(value, weights(resumed)[key]), key


@pytest.mark.parametrize("start", [{}, START])
def test_a_resumed_run_has_the_decays_of_its_settings_now(start):
    before = begun("gan", images=40, **ROW, start=START)
    before.at(4)
    before.step(noise(0, 1))
    now = begun("gan", images=40, **ROW | {"optimizer": {**ROW["optimizer"], "beta2": 0.95}}, start=start)
    now.load_state_dict(before.state_dict())
    now.at(4 if not start else 30)
    assert {group["betas"] for one in now.optimizers.values() for group in one.param_groups} == {(0.0, 0.95)}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_may_begin_otherwise(name):
    method = begun(name, images=40, start={"share": 0.5, "lr": 4.0})
    usual = begun(name, images=40)
    for one in (method, usual):
        one.at(0)
    for own, plain in zip(method.optimizers.values(), usual.optimizers.values(), strict=True):
        assert own.param_groups[0]["lr"] == pytest.approx(4 * plain.param_groups[0]["lr"])


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"start": {"lr": 4.0}}, "start.share=0.4"),
        ({"start": {"share": 0.5}}, "start.lr=4"),
        ({"start": {"share": 0.5, "penalty": 10.0}}, "gan.r1=1"),
        ({"start": {"share": 0.5, "augment": 0.0}}, "gan.augment=["),
        ({"start": {"share": 0.5, "ema": 0.0}}, "ema.images=10000"),
        ({"start": {"share": 0.5, "beta2": 0.9}, "optimizer": {"name": "sgd"}}, "optimizer.name=adam"),
    ],
)
def test_a_beginning_without_effect_is_told_with_the_way_out(settings, said):
    (note,) = METHODS["gan"].notes(tiny("gan", **settings))
    assert said in note
    assert METHODS["gan"].notes(tiny("gan", **ROW, start=START)) == []


def test_steps_that_change_are_not_replayed():
    assert "start.share" in reason_against(tiny("gan", start=START))
    assert reason_against(tiny("gan")) is None
