"""Each adversarial loss and each penalty on D's gradient equals its formula, worked out by hand on small tensors."""

import math

import pytest
import torch
from torch import nn

from i2i.adversarial import ADVERSARIAL
from i2i.adversarial.penalties import gradient_norm_squared, gradient_penalty, zero_centred_penalty

REAL, FAKE = [2.0, -1.0, 0.5], [-3.0, 0.0, 1.5]


def mean(values):
    values = list(values)
    return sum(values) / len(values)


def s(v):
    return 1 / (1 + math.exp(-v))


def cross_entropy(real, fake, smooth):
    """E[-t log s(r) - (1 - t) log(1 - s(r))] with t = 1 - smooth, and E[-log(1 - s(f))]."""
    target = 1 - smooth
    of_real = mean(-target * math.log(s(r)) - (1 - target) * math.log(1 - s(r)) for r in real)
    return of_real, mean(-math.log(1 - s(f)) for f in fake)


def relative(real, fake):
    """Each logit less the mean of the other side."""
    return [r - mean(fake) for r in real], [f - mean(real) for f in fake]


D_FORMULAS = {
    "minimax": cross_entropy,
    "non_saturating": cross_entropy,
    "least_squares": lambda r, f, e: (mean((v - (1 - e)) ** 2 for v in r), mean(v**2 for v in f)),
    "wasserstein": lambda r, f, _: (-mean(r), mean(f)),
    "hinge": lambda r, f, _: (mean(max(0, 1 - v) for v in r), mean(max(0, 1 + v) for v in f)),
    "relativistic": lambda r, f, e: cross_entropy(*relative(r, f), e),
    "relativistic_pairs": lambda r, f, _: (mean(-math.log(s(a - b)) / 2 for a, b in zip(r, f, strict=True)),) * 2,
}
G_FORMULAS = {
    "minimax": lambda _, f: mean(math.log(1 - s(v)) for v in f),
    "non_saturating": lambda _, f: mean(-math.log(s(v)) for v in f),
    "least_squares": lambda _, f: mean((v - 1) ** 2 for v in f),
    "wasserstein": lambda _, f: -mean(f),
    "hinge": lambda _, f: -mean(f),
    "relativistic": lambda r, f: (
        mean(-math.log(s(v)) for v in relative(r, f)[1]) + mean(-math.log(1 - s(v)) for v in relative(r, f)[0])
    ),
    "relativistic_pairs": lambda r, f: mean(-math.log(s(b - a)) for a, b in zip(r, f, strict=True)),
}
PREDICTIONS = {
    "minimax": lambda r, f: (mean(map(s, r)), mean(map(s, f))),
    "non_saturating": lambda r, f: (mean(map(s, r)), mean(map(s, f))),
    "least_squares": lambda r, f: tuple(mean(min(1, max(0, v)) for v in side) for side in (r, f)),
    "wasserstein": None,
    "hinge": lambda r, f: tuple(mean(v > 0 for v in side) for side in (r, f)),
    "relativistic": lambda r, f: tuple(mean(map(s, side)) for side in relative(r, f)),
    "relativistic_pairs": lambda r, f: (
        mean(s(a - b) for a, b in zip(r, f, strict=True)),
        mean(s(b - a) for a, b in zip(r, f, strict=True)),
    ),
}


def logits(values, dtype=torch.float32):
    return torch.tensor(values, dtype=dtype).view(len(values), 1, 1, 1)


@pytest.mark.parametrize("name", ADVERSARIAL)
@pytest.mark.parametrize("smooth", [0.0, 0.1])
def test_what_the_discriminator_pays_is_the_formula(name, smooth):
    paid = ADVERSARIAL[name].d(logits(REAL), logits(FAKE), smooth)
    assert [float(v) for v in paid] == pytest.approx(D_FORMULAS[name](REAL, FAKE, smooth), rel=1e-5)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_what_the_generator_pays_is_the_formula(name):
    row = ADVERSARIAL[name]
    paid = row.g(logits(REAL) if row.g_needs_real else None, logits(FAKE))
    assert float(paid) == pytest.approx(G_FORMULAS[name](REAL, FAKE), rel=1e-5)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_d_real_and_d_fake_are_shares_of_what_is_taken_for_real(name):
    predictions = ADVERSARIAL[name].predictions
    if PREDICTIONS[name] is None:
        assert predictions is None
    else:
        assert [float(v) for v in predictions(logits(REAL), logits(FAKE))] == pytest.approx(
            PREDICTIONS[name](REAL, FAKE), rel=1e-5
        )


@pytest.mark.parametrize("name", [name for name, row in ADVERSARIAL.items() if row.smoothable])
def test_smoothing_moves_the_target_of_real_pictures_and_nothing_else(name):
    """D is content with exactly the smoothed target on the real side; the made side pays what it paid."""
    row, smooth = ADVERSARIAL[name], 0.2
    plain, smoothed = row.d(logits(REAL), logits(FAKE), 0.0), row.d(logits(REAL), logits(FAKE), smooth)
    assert torch.equal(plain[1], smoothed[1])
    assert not torch.equal(plain[0], smoothed[0])
    best = {"least_squares": 1 - smooth}.get(name, math.log((1 - smooth) / smooth))  # logit of D = 0.8
    real = logits([best], torch.float64).requires_grad_()
    row.d(real, torch.zeros_like(real), smooth)[0].backward()
    assert float(real.grad.abs().max()) < 1e-6


@pytest.mark.parametrize("name", [name for name, row in ADVERSARIAL.items() if not row.smoothable])
def test_a_loss_without_a_target_is_not_smoothed(name):
    row = ADVERSARIAL[name]
    assert row.d(logits(REAL), logits(FAKE), 0.0) == row.d(logits(REAL), logits(FAKE), 0.3)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_logits_in_half_precision_are_compared_in_full(name):
    """1001 logits near a thousand: their sum has no room in bfloat16, nor their squares in float16."""
    row = ADVERSARIAL[name]
    for dtype in (torch.bfloat16, torch.float16):
        real, fake = (torch.linspace(low, 1000, 1001).to(dtype) for low in (0, -900))
        for half, full in zip(
            (*row.d(real, fake, 0.0), row.g(real, fake)),
            (*row.d(real.double(), fake.double(), 0.0), row.g(real.double(), fake.double())),
            strict=True,
        ):
            assert half.dtype == torch.float32
            torch.testing.assert_close(half.double(), full.double(), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", ADVERSARIAL)
def test_logits_beyond_all_bounds_give_numbers(name):
    row = ADVERSARIAL[name]
    far = logits([1e4, -1e4]).requires_grad_()
    total = sum(row.d(far, far.flip(0), 0.0)) + row.g(far, far.flip(0))
    total.backward()
    assert torch.isfinite(total)
    assert torch.isfinite(far.grad).all()


def test_the_saturating_loss_is_flat_where_the_other_is_steep():
    """While D is sure that a picture is made: logit -8."""
    gradients = {}
    for name in ("minimax", "non_saturating"):
        fake = logits([-8.0]).requires_grad_()
        ADVERSARIAL[name].g(None, fake).backward()
        gradients[name] = float(fake.grad)
    assert gradients == pytest.approx({"minimax": -s(-8), "non_saturating": -s(8)}, rel=1e-4)


def test_the_relativistic_loss_teaches_by_the_real_pictures_too():
    """Against the mean of the fakes, which moves: G's loss has a gradient even where its own term is spent."""
    real, fake = logits([5.0, 5.0]), logits([5.0, 5.0]).requires_grad_()
    ADVERSARIAL["relativistic"].g(real, fake).backward()
    assert fake.grad.flatten().tolist() == pytest.approx([-0.5, -0.5])  # a quarter from each side, for each of the two


class Linear(nn.Module):
    """logit = w . x for every picture: its gradient is w everywhere."""

    def __init__(self, w):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))

    def forward(self, x):
        return (x.flatten(1) @ self.w)[:, None]


def test_the_gradient_penalty_of_a_known_gradient_is_its_squared_distance_from_one():
    D = Linear([3.0, 0.0, 4.0, 0.0])  # norm of the gradient 5
    real, fake = torch.rand(3, 1, 2, 2), torch.rand(3, 1, 2, 2)
    penalty = gradient_penalty(D, real, fake)
    assert penalty.item() == pytest.approx((5 - 1) ** 2)
    penalty.backward()  # d/dw (|w| - 1)^2 = 2 (|w| - 1) w / |w|
    assert D.w.grad.tolist() == pytest.approx([2 * 4 * 3 / 5, 0, 2 * 4 * 4 / 5, 0])


def test_r1_of_a_known_gradient_is_half_its_square():
    D = Linear([3.0, 0.0, 4.0, 0.0])
    penalty = zero_centred_penalty(D, torch.rand(3, 1, 2, 2))
    assert penalty.item() == pytest.approx(25 / 2)
    penalty.backward()
    assert D.w.grad.tolist() == pytest.approx([3, 0, 4, 0])


class Squared(nn.Module):
    """logit = |x|^2 / 2: its gradient at x is x."""

    def forward(self, x):
        return x.flatten(1).square().sum(1, keepdim=True) / 2


def test_r1_looks_at_the_real_pictures():
    real = torch.rand(2, 3, 2, 2)
    torch.testing.assert_close(zero_centred_penalty(Squared(), real), real.flatten(1).square().sum(1).mean() / 2)


def test_the_gradient_penalty_looks_between_real_and_made_pictures():
    """On the straight line from the one to the other, at a place drawn anew for each picture."""
    torch.manual_seed(0)
    real, fake = torch.full((2000, 1, 1, 1), 3.0), torch.full((2000, 1, 1, 1), 1.0)
    seen = []

    class Watching(Squared):
        def forward(self, x):
            seen.append(x.detach().flatten())
            return super().forward(x)

    penalty = gradient_penalty(Watching(), real, fake)
    (places,) = seen
    assert 1 <= float(places.min()) < 1.01
    assert 2.99 < float(places.max()) <= 3
    assert abs(float(places.mean()) - 2) < 0.05
    torch.testing.assert_close(penalty, (places - 1).square().mean())


def test_the_gradient_is_that_of_the_mean_logit():
    """A D that gives four logits a picture, each with a gradient of norm 5, has 5 and not 20."""

    class Patches(Linear):
        def forward(self, x):
            return super().forward(x)[:, :, None, None].expand(-1, 1, 2, 2)

    torch.testing.assert_close(
        gradient_norm_squared(Patches([3.0, 0.0, 4.0, 0.0]), torch.rand(2, 1, 2, 2)), torch.full((2,), 25.0)
    )


def test_a_gradient_is_taken_in_full_precision_under_autocast():
    torch.manual_seed(0)
    D = nn.Conv2d(1, 1, 2, bias=False)
    with torch.autocast("cpu", torch.bfloat16):
        penalty = zero_centred_penalty(D, torch.rand(1, 1, 2, 2))
    torch.testing.assert_close(penalty, D.weight.square().sum() / 2, rtol=1e-6, atol=0)


def test_a_discriminator_without_any_gradient_can_be_pulled_out_of_it():
    """Where the root of its norm has no derivative, there is a number all the same."""
    D = Linear([0.0, 0.0, 0.0, 0.0])
    penalty = gradient_penalty(D, torch.rand(2, 1, 2, 2), torch.rand(2, 1, 2, 2))
    assert penalty.item() == pytest.approx(1, abs=1e-5)
    penalty.backward()
    assert torch.isfinite(D.w.grad).all()
