"""What is known of adversarial training without any data: where it balances, and whether it gets there.

Dirac-GAN (Mescheder, Geiger and Nowozin, ICML 2018, section 2): real pictures are 0, G makes theta, D(x) = psi x. Its
gradients circle around the balance at (0, 0); what a loss or a penalty is worth shows in the radius.
"""

import math

import pytest
import torch
from torch import nn

from i2i.adversarial import ADVERSARIAL, AdversarialObjective
from i2i.adversarial.config import GanConfig
from i2i.hardware.device import place

BALANCE = {  # D's loss in all, and G's, where D cannot tell real from generated pictures
    "minimax": (2 * math.log(2), -math.log(2)),
    "non_saturating": (2 * math.log(2), math.log(2)),
    "least_squares": (0.5, 0.25),  # at D = 1/2
    "wasserstein": (0.0, 0.0),
    "hinge": (2.0, 0.0),
    "relativistic": (2 * math.log(2), 2 * math.log(2)),
    "relativistic_pairs": (math.log(2), math.log(2)),
}


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_where_d_cannot_tell_the_losses_are_those_of_the_balance(name):
    logit = torch.full((4, 1), 0.5 if name == "least_squares" else 0.0)
    of_d = sum(ADVERSARIAL[name].d(logit, logit, 0.0))
    assert (float(of_d), float(ADVERSARIAL[name].g(logit, logit))) == pytest.approx(BALANCE[name])


@pytest.mark.parametrize("name", ["minimax", "non_saturating"])
def test_the_best_logit_of_two_gaussians_is_a_line(name):
    """log p - log q = (a - b) x + (b² - a²) / 2 for unit Gaussians around a (real) and b (generated)."""
    a, b = 0.7, -0.4
    generator = torch.Generator().manual_seed(0)
    real, fake = torch.randn(2, 200_000, 1, dtype=torch.float64, generator=generator) + torch.tensor([[[a]], [[b]]])
    line = torch.zeros(2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([line], max_iter=50, line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = sum(ADVERSARIAL[name].d(line[0] * real + line[1], line[0] * fake + line[1], 0.0))
        value.backward()
        return value

    optimizer.step(loss)
    assert line.tolist() == pytest.approx([a - b, (b**2 - a**2) / 2], abs=0.02)


class Slope(nn.Module):
    """D(x) = psi x."""

    def __init__(self):
        super().__init__()
        self.psi = nn.Parameter(torch.tensor(0.5))

    def features(self, x):
        return [], self(x)

    def forward(self, x):
        return self.psi * x.flatten(1)


def radius(steps, rate=0.05, **gan):
    """sqrt(theta² + psi²) after so many simultaneous steps from (1, 0.5), over that before."""
    D, theta = Slope(), torch.tensor(1.0, requires_grad=True)
    objective = AdversarialObjective(GanConfig(**gan), place("cpu", "fp32"))
    real = torch.zeros(1, 1, 1, 1)
    start = math.hypot(1.0, 0.5)
    for _ in range(steps):
        fake = theta.view(1, 1, 1, 1)
        g_loss, _ = objective.g_loss(D, fake, real)
        (of_theta,) = torch.autograd.grad(g_loss, theta)
        d_loss, _ = objective.d_loss(D, fake, real)
        (of_psi,) = torch.autograd.grad(d_loss, D.psi)
        with torch.no_grad():
            theta -= rate * of_theta
            D.psi -= rate * of_psi
    return math.hypot(theta.item(), D.psi.item()) / start


@pytest.mark.parametrize("name", ["minimax", "wasserstein"])
def test_without_a_penalty_dirac_gan_spirals_outwards(name):
    """Eigenvalues are imaginary there: flows orbit, and simultaneous steps leave the orbit."""
    assert radius(600, loss=name) > 1
    assert radius(1200, loss=name) > radius(600, loss=name)


@pytest.mark.parametrize("name", ["non_saturating", "relativistic_pairs"])
def test_steep_losses_alone_come_nearer_too_slowly_to_arrive(name):
    """The same eigenvalues; what draws them in is of third order and fades with the radius (ibid., section 2.6)."""
    first, second = radius(600, loss=name), radius(1200, loss=name) / radius(600, loss=name)
    assert 0.1 < first < second < 1


@pytest.mark.parametrize("name", ["minimax", "non_saturating", "wasserstein", "relativistic_pairs"])
def test_with_r1_it_does(name):
    assert radius(600, loss=name, r1=1) < 0.01


def test_r2_converges_as_r1_does():
    """D's slope is the same everywhere, so the two are equal here."""
    assert radius(100, r2=1) == pytest.approx(radius(100, r1=1))


@pytest.mark.parametrize("gan", [{"weight_clipping": 0.1}, {"gradient_penalty": 1}], ids=str)
def test_wgan_converges_neither_with_clipping_nor_with_a_target_above_zero(gan):
    found = [radius(steps, loss="wasserstein", **gan) for steps in (1200, 1300, 1400, 1500)]
    assert max(found) > 0.02


def test_how_fast_it_converges_is_what_its_eigenvalues_say():
    """-gamma/2 ± sqrt(gamma²/4 - 1/4) with the non-saturating loss: complex below gamma 1, of real part -gamma/2."""
    gamma, rate = 0.4, 0.01
    slow, fast = (radius(steps, rate, r1=gamma) for steps in (2000, 2600))
    assert math.log(slow / fast) / (600 * rate) == pytest.approx(gamma / 2, rel=0.35)  # it turns while it shrinks


def test_clipping_bounds_every_weight_before_each_update_of_d():
    D = nn.Linear(4, 1)
    nn.init.constant_(D.weight, 5.0)
    D.features = lambda x: ([], D(x.flatten(1)))
    seen = []
    D.register_forward_hook(lambda *_: seen.append(D.weight.abs().max().item()))
    D.forward = lambda x, plain=D.forward: plain(x.flatten(1))
    objective = AdversarialObjective(GanConfig(loss="wasserstein", weight_clipping=0.01), place("cpu", "fp32"))
    loss, _ = objective.d_loss(D, torch.rand(2, 1, 2, 2), torch.rand(2, 1, 2, 2))
    loss.backward()
    assert seen
    assert max(seen) == pytest.approx(0.01)
    assert D.weight.grad.abs().sum() > 0
