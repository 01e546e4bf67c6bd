"""What is against mode collapse, and the pool, works with the discriminator of every family of GANs from noise."""

import pytest
import torch
from tiny_gans import OF_ONE_SIZE, TINY, settings
from tiny_runs import begun, changed, snapshot

from i2i.networks.build import takes
from i2i.networks.from_noise import CRITICS
from i2i.networks.from_noise.lapgan import LapganCritic

AGAINST = {
    "unrolled": {"gan": {"unrolled": 2, "unrolled_rate": 0.01}},
    "packed": {"packed": 2},
    "feature_matching": {"gan": {"feature_matching": 1.0}},
    "pool": {"gan": {"pool": 2}},
}
OF_CRITIC = {row[2].get("name", row[0]): name for name, row in reversed((TINY | OF_ONE_SIZE).items())}
"""The first row of each discriminator."""
BY_CLASS = [name for name in CRITICS if takes(CRITICS, name, "classes")]
CASES = [
    *((critic, setting, False) for critic in CRITICS if critic != "conditional_mlp" for setting in AGAINST),
    *((critic, setting, True) for critic in BY_CLASS for setting in ("unrolled", "feature_matching")
      if setting == "unrolled" or critic not in ("conditional_mlp", "lapgan")),
]  # fmt: skip
"""Discriminator, setting, and whether by class; the others are refused, see tests/methods/test_gan.py."""


def test_no_discriminator_is_left_out():
    assert OF_CRITIC.keys() == CRITICS.keys() == {critic for critic, _, _ in CASES}


def with_setting(critic, setting, *, by_class):
    row, more = settings(OF_CRITIC[critic]), AGAINST[setting]
    classes = {"conditional": by_class, **({"data": {"path": "noise", "domains": ["one", "two"]}} if by_class else {})}
    draws = {"reconstruction": 0.0} if setting == "packed" else {}
    return row | classes | draws | more | {"gan": {**row.get("gan", {}), **more.get("gan", {})}, "images": 40}


def batch_of(method):
    """Noise, as large as what the method generates, of two classes."""
    shape = method.G(torch.zeros(1, method.G.latent), torch.zeros(1, dtype=torch.long)).shape[1:]
    return {"image": torch.rand(4, *shape) * 2 - 1, "label": torch.arange(4) % 2}


@pytest.mark.parametrize(("critic", "setting", "by_class"), CASES)
def test_every_discriminator_takes_a_step_with_each_setting_against_collapse(critic, setting, by_class):
    method = begun("gan", **with_setting(critic, setting, by_class=by_class))
    method.at(36)  # networks that grow are whole
    batch, before, seen = batch_of(method), snapshot(method), []
    for D in method.D.levels if isinstance(method.D, LapganCritic) else [method.D]:
        D.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    scalars = method.step(batch)
    assert all(torch.as_tensor(value).isfinite() for value in scalars.values())
    assert changed(before, method) == {"G", "D"}
    if setting == "unrolled":  # G answers to the whole of D's loss: real and fake, for each update and after them
        assert len(seen) >= 2 * (2 + 1)
    if setting == "packed":
        assert set(seen) == {2 * batch["image"].shape[1]}
    if setting == "feature_matching":
        assert scalars["g_features"] > 0
    if setting == "pool":
        assert {len(objective.pool.pictures) for objective in method.objectives.values()} == {2}
