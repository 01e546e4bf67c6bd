"""Unrolled GANs: G answers to the discriminator that its next updates would make, and D itself does not move."""

import pytest
import torch
from tiny_runs import TRANSLATORS, changed, fresh, noise, snapshot
from torch import nn

from i2i.adversarial import AdversarialObjective
from i2i.adversarial.config import GanConfig
from i2i.hardware.device import place
from i2i.networks.discriminators.base import Discriminator, Outputs

RATE = 0.1


class Linear(Discriminator):
    """w · x."""

    def __init__(self):
        nn.Module.__init__(self)
        self.w = nn.Parameter(torch.tensor([1.0, -2.0]))

    def features(self, x):
        return Outputs([], (x.flatten(1) @ self.w)[:, None])


def g_loss(steps):
    torch.manual_seed(0)
    D, fake = Linear(), torch.randn(6, 2, 1, 1, requires_grad=True)
    real = torch.randn(6, 2, 1, 1)
    gan = GanConfig(loss="wasserstein", unrolled=steps, unrolled_rate=RATE)
    loss, _ = AdversarialObjective(gan, place("cpu", "fp32")).g_loss(D, fake, real)
    loss.backward()
    return loss, fake.grad.flatten(1), D, fake.detach().flatten(1).mean(0), real.flatten(1).mean(0)


@pytest.mark.parametrize("steps", [1, 4])
def test_of_a_linear_critic_loss_and_gradient_are_those_of_the_equation(steps):
    """w after k steps is w + k rate (E real - E fake); G's loss is the whole of D's, times -1: w · (E real - E fake)."""
    loss, gradient, D, fake, real = g_loss(steps)
    w = torch.tensor([1.0, -2.0]) + steps * RATE * (real - fake)
    torch.testing.assert_close(loss.detach(), (w * (real - fake)).sum())
    torch.testing.assert_close(gradient, ((-w - steps * RATE * (real - fake)) / 6).expand(6, 2))
    assert D.w.tolist() == [1.0, -2.0]
    assert D.w.grad is None


@pytest.mark.parametrize("name", ["gan", "pix2pix"])
def test_the_discriminator_moves_once_whatever_is_looked_ahead(name):
    calm = {"discriminator": {"norm": "none" if name in TRANSLATORS else False, "width": 4}}
    moved = []
    for steps in (0, 3):
        method = fresh(name, gan={"unrolled": steps}, **calm)
        before = snapshot(method)
        method.step(noise(0, 1))
        moved.append({key: value.clone() for key, value in method.networks["D"].state_dict().items()})
        assert changed(before, method) == {"G", "D"}
    assert all(torch.equal(moved[0][key], moved[1][key]) for key in moved[0])  # D's update comes before G's
