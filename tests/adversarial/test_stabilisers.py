"""Every stabiliser of adversarial training changes exactly what it says."""

import itertools
import math

import onnxruntime as ort
import pytest
import torch
from tiny_runs import begun, changed, fresh, noise, snapshot, tiny, train, weights
from torch import nn

from i2i.adversarial import DIFF_AUGMENTATIONS, AdversarialObjective, UpdateSchedule
from i2i.adversarial.config import GanConfig
from i2i.adversarial.diff_augment import AdaptiveAugment, augment, colour, cutout, translation
from i2i.adversarial.image_pool import ImagePool
from i2i.adversarial.penalties import zero_centred_penalty
from i2i.export.from_run import export_run
from i2i.hardware.device import place
from i2i.losses.pixel import feature_matching
from i2i.methods import METHODS
from i2i.methods.ema import EMA, EmaConfig
from i2i.networks import DISCRIMINATORS, for_inference, has_batch_statistics
from i2i.networks.build import build, takes
from i2i.networks.discriminators.base import MinibatchStd
from i2i.networks.init import init_normal


class Watching(nn.Module):
    """A D that keeps what it was shown: (N, C, H, W) each time; its logits are w times the pictures."""

    def __init__(self, w=1.0):
        super().__init__()
        self.w = nn.Parameter(torch.tensor(w))
        self.shown = []

    def features(self, x):
        self.shown.append(x)
        return [x * self.w], x * self.w

    def forward(self, x):
        return self.features(x)[1]


class Bound:
    """An objective with the discriminator that it is for."""

    def __init__(self, D, objective):
        self.D, self.objective = D, objective

    def __getattr__(self, name):
        return getattr(self.objective, name)

    def g_loss(self, *pictures, **given):
        return self.objective.g_loss(self.D, *pictures, **given)

    def d_loss(self, *pictures, **given):
        return self.objective.d_loss(self.D, *pictures, **given)


def adversarial(D=None, precision="fp32", **gan):
    return Bound(D or Watching(), AdversarialObjective(GanConfig(**gan), place("cpu", precision)))


def discriminator(name="patch", **options):
    torch.manual_seed(0)
    sized = {"size": 64} if takes(DISCRIMINATORS, name, "size") else {}
    D = build(DISCRIMINATORS, "discriminator", name, (3,), {"width": 4, **sized, **options})
    init_normal(D, 0.2)
    return D


# The objective itself


def test_an_objective_without_stabilisers_is_the_bare_loss():
    D = discriminator(norm="none")
    fake, real = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    objective = adversarial(D, loss="least_squares")
    paid, scalars = objective.d_loss(fake, real)
    torch.testing.assert_close(paid, (D(real) - 1).square().mean() + D(fake).square().mean())
    assert set(scalars) == {"d_real", "d_fake", "p_real", "p_fake", "d_accuracy_real", "d_accuracy_fake"}
    paid, scalars = objective.g_loss(fake, real)
    torch.testing.assert_close(paid, (D(fake) - 1).square().mean())
    assert set(scalars) == {"g_gan"}


def test_batches_are_not_joined_where_their_pictures_influence_each_other():
    """BatchNorm sees the real ones apart from the generated ones, as the papers' codes do."""
    D = discriminator(norm="batch_as_instance")
    fake, real = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    paid, _ = adversarial(D, loss="least_squares").d_loss(fake, real)
    torch.testing.assert_close(paid, (D(real) - 1).square().mean() + D(fake).square().mean())
    assert [not has_batch_statistics(discriminator(**o)) for o in ({"norm": "none"}, {"norm": "instance"}, {"norm": "batch_as_instance"},
            {"norm": "none", "minibatch_std": True})] == [True, True, False, False]  # fmt: skip


def test_the_generators_loss_leaves_the_discriminators_weights_without_gradient_and_reaches_the_fake():
    D = discriminator(norm="none")
    fake = torch.rand(2, 3, 32, 32, requires_grad=True)
    adversarial(D, loss="relativistic", feature_matching=1).g_loss(fake, torch.rand(2, 3, 32, 32))[0].backward()
    assert float(fake.grad.abs().sum()) > 0
    assert all(p.grad is None and p.requires_grad for p in D.parameters())


def test_the_discriminators_loss_does_not_reach_the_generator():
    fake = torch.rand(2, 3, 32, 32, requires_grad=True)
    adversarial(discriminator(norm="none"), gradient_penalty=10).d_loss(fake, torch.rand(2, 3, 32, 32))[0].backward()
    assert fake.grad is None


def test_a_conditional_discriminator_sees_input_and_picture_stacked():
    objective = adversarial()
    given, fake, real = (torch.full((1, c, 2, 2), v) for c, v in ((2, 0.1), (3, 0.2), (3, 0.3)))
    objective.d_loss(fake, real, given)
    objective.g_loss(fake, real, given)
    both, one = objective.D.shown
    torch.testing.assert_close(both, torch.cat([torch.cat([given, real], 1), torch.cat([given, fake], 1)]))
    torch.testing.assert_close(one, torch.cat([given, fake], 1))


PENALTIES = [("gradient_penalty", "d_gp", 10.0), ("r1", "d_r1", 5.0), ("r2", "d_r2", 5.0), ("drift", "d_drift", 3.0)]


@pytest.mark.parametrize(("setting", "key", "value"), PENALTIES)
def test_a_penalty_adds_its_weight_times_itself_to_the_discriminators_loss(setting, key, value):
    D = discriminator(norm="none")
    fake, real = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    torch.manual_seed(1)
    bare, _ = adversarial(D).d_loss(fake, real)
    paid, scalars = adversarial(D, **{setting: value}).d_loss(fake, real)
    torch.testing.assert_close(paid, bare + value * scalars[key])
    paid.backward()
    assert all(p.grad is not None for name, p in D.named_parameters() if "bias" not in name)


@pytest.mark.parametrize("names", [["bgc"], ["cutout", "colour", "translation"]])
@pytest.mark.parametrize(("setting", "key"), [("r1", "d_r1"), ("r2", "d_r2")])
def test_r1_and_r2_may_be_of_the_gradient_at_the_pictures_before_they_are_augmented(names, setting, key):
    D = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.Softplus(), nn.Conv2d(4, 1, 3, 2, 1)).double()
    fake, real = (torch.rand(3, 3, 16, 16, dtype=torch.float64) for _ in range(2))
    bound = adversarial(D, augment=names, augment_p=0.8, **{setting: 1.0})
    bound.objective.at_raw = True
    torch.manual_seed(3)
    _, scalars = bound.d_loss(fake, real)
    torch.manual_seed(3)
    raw = {"r2": fake.clone().requires_grad_(), "r1": real.clone().requires_grad_()}
    seen = {which: augment(picture, names, 0.8, [3]) for which, picture in raw.items()}  # drawn in this order
    (slope,) = torch.autograd.grad(D(seen[setting]).flatten(1).mean(1).sum(), raw[setting], create_graph=True)
    by_hand = slope.flatten(1).square().sum(1).mean() / 2
    torch.testing.assert_close(scalars[key], by_hand, rtol=1e-5, atol=0)
    one, other = (torch.autograd.grad(penalty, D[0].weight)[0] for penalty in (scalars[key], by_hand))
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-9)


def test_without_augmentation_they_are_of_what_the_discriminator_sees_to_the_last_bit():
    D = discriminator(norm="none")
    fake, real = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32)
    _, scalars = adversarial(D, r1=1.0, r2=1.0).d_loss(fake, real)
    for key, pictures in (("d_r1", real), ("d_r2", fake)):
        assert torch.equal(scalars[key], zero_centred_penalty(D, pictures))


@pytest.mark.parametrize("options", [{"norm": "none"}, {"norm": "instance"}, {"norm": "instance_affine"},
                                     {"norm": "none", "spectral": True}])  # fmt: skip
def test_a_penalised_discriminator_learns_the_slope_that_it_is_asked_for(options):
    """Through every norm that may stand beside a penalty, twice differentiated, in bf16 too."""
    D = discriminator(layers=1, **options)
    optimizer = torch.optim.Adam(D.parameters(), 3e-3)
    real, fake = torch.rand(4, 3, 16, 16), torch.rand(4, 3, 16, 16)
    slopes = []
    for _ in range(30):
        _, scalars = adversarial(D, "bf16", gradient_penalty=1).d_loss(fake, real)
        optimizer.zero_grad()
        scalars["d_gp"].backward()
        optimizer.step()
        slopes.append(scalars["d_gp"].item())
    assert slopes[-1] < 0.9 * slopes[0]


# Spectral normalisation, spread of the batch


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_spectral_normalisation_leaves_every_convolution_with_a_largest_singular_value_of_one(name):
    D = discriminator(name, spectral=True)
    x = torch.rand(2, 3, 64, 64)
    for _ in range(50):  # each pass is one step of the power iteration
        D(x)
    found = [m for m in D.modules() if isinstance(m, nn.Conv2d)]
    assert len(found) > 2
    if name == "unet":  # whose authors leave out the ends
        assert not any(hasattr(end, "parametrizations") for end in (found.pop(0), found.pop()))
    for convolution in found:
        largest = torch.linalg.matrix_norm(convolution.weight.flatten(1), 2)
        assert abs(float(largest.detach()) - 1) < 0.02


def test_initial_weights_reach_what_spectral_normalisation_wraps():
    D = build(DISCRIMINATORS, "discriminator", "patch", (3,), {"spectral": True, "width": 32})
    init_normal(D, 0.02)
    for convolution in (m for m in D.modules() if isinstance(m, nn.Conv2d)):
        original = convolution.parametrizations.weight.original.detach()
        assert abs(float(original.std()) - 0.02) < 0.003
        assert convolution.bias is None or not convolution.bias.any()


def test_minibatch_spread_is_the_deviation_over_the_batch_averaged_over_the_rest():
    x = torch.tensor([[[[1.0, 2.0]]], [[[3.0, 8.0]]]])  # deviations 1 and 3
    y = MinibatchStd()(x)
    assert torch.equal(y[:, :1], x)
    torch.testing.assert_close(y[:, 1:], torch.full((2, 1, 1, 2), 2.0))


def test_minibatch_spread_of_one_picture_shown_twice_is_nothing():
    y = MinibatchStd()(torch.rand(1, 3, 4, 4).repeat(2, 1, 1, 1))
    assert float(y[:, 3].max()) < 1e-3


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_minibatch_spread_adds_one_map_before_the_last_convolution_alone(name):
    plain, spread = discriminator(name), discriminator(name, minibatch_std=True)
    more = [
        (a.shape, b.shape) for a, b in zip(plain.parameters(), spread.parameters(), strict=True) if a.shape != b.shape
    ]
    assert len(more) == 1
    assert more[0][1][1] == more[0][0][1] + 1


# Noise


def test_instance_noise_has_its_deviation_on_both_sides_and_falls_to_nothing_with_the_run():
    objective = adversarial(instance_noise=0.4)
    zeros = torch.zeros(8, 3, 64, 64)
    for share, deviation in ((0.0, 0.4), (0.25, 0.3), (0.5, 0.2), (1.0, 0.0)):
        objective.objective.share = share
        objective.D.shown.clear()
        objective.d_loss(zeros, zeros)
        objective.g_loss(zeros, zeros)
        real, fake = objective.D.shown[0].chunk(2)
        for shown in (real, fake, objective.D.shown[1]):
            assert float(shown.std().detach()) == pytest.approx(deviation, rel=0.02)
            assert abs(float(shown.mean().detach())) < 0.01
        assert deviation == 0 or not torch.equal(real, fake)


@pytest.mark.parametrize("name", METHODS)
def test_every_objective_is_told_how_much_of_the_adversarial_training_is_over(name):
    method = fresh(name, images=12)
    method.at(6)
    assert method.objectives
    own = {"srgan": (6 - 3) / (12 - 3)}  # of the stage that has a discriminator
    assert {objective.share for objective in method.objectives.values()} == {own.get(name, 0.5)}
    assert method.seen == 6


# Feature matching


def test_feature_matching_adds_the_gap_of_mean_features_to_the_generators_loss_alone():
    D = discriminator("disco", norm="none")
    fake, real = torch.rand(2, 3, 64, 64, requires_grad=True), torch.rand(2, 3, 64, 64)
    bare, _ = adversarial(D).g_loss(fake, real)
    paid, scalars = adversarial(D, feature_matching=9).g_loss(fake, real)
    distance = feature_matching(D.features(real)[0], D.features(fake)[0])
    torch.testing.assert_close(scalars["g_features"], distance)
    torch.testing.assert_close(paid, bare + 9 * distance)
    assert "g_features" not in adversarial(D, feature_matching=9).d_loss(fake, real)[1]


def test_the_features_are_the_activated_maps_on_the_way_to_the_logits():
    D = discriminator(layers=2, norm="none")
    x = torch.rand(1, 3, 32, 32)
    maps, logits = D.features(x)
    by_hand = []
    for layer in D.layers:
        x = layer(x)
        if isinstance(layer, nn.LeakyReLU):
            by_hand.append(x.clone())
    assert [tuple(m.shape[1:]) for m in maps] == [(4, 16, 16), (8, 8, 8), (16, 7, 7)]
    for got, wanted in zip(maps, by_hand, strict=True):
        torch.testing.assert_close(got, wanted)
    torch.testing.assert_close(logits, x)


def test_the_authors_features_leave_out_the_first_map():
    maps, _ = discriminator("disco").features(torch.rand(1, 3, 64, 64))
    assert [tuple(m.shape[1:]) for m in maps] == [(8, 16, 16), (16, 8, 8), (32, 4, 4)]


# Differentiable augmentation


PICTURES = torch.linspace(0.1, 1, 4 * 3 * 16 * 16).view(4, 3, 16, 16)


def shown(**gan):
    """What D gets to see in the two losses."""
    objective = adversarial(**gan)
    objective.d_loss(PICTURES, PICTURES.flip(0))
    objective.g_loss(PICTURES, PICTURES.flip(0))
    return objective.D.shown


def test_colour_shifts_brightness_and_scales_saturation_and_contrast():
    """Of each picture: y = m + c (g + s (x + b - g) - m), g its grey and m its mean, both after the shift b."""
    torch.manual_seed(0)
    x = torch.rand(500, 3, 4, 4) * 2 - 1
    y = colour(x)
    shift = y.mean((1, 2, 3)) - x.mean((1, 2, 3))  # saturation and contrast keep the mean
    grey_x, grey_y = x.mean(1), y.mean(1)
    contrast = grey_y.std((1, 2)) / grey_x.std((1, 2))  # saturation keeps the grey
    chroma = (y - grey_y[:, None]).flatten(1).norm(dim=1) / (x - grey_x[:, None]).flatten(1).norm(dim=1)
    for drawn, low, high in ((shift, -0.5, 0.5), (contrast, 0.5, 1.5), (chroma / contrast, 0, 2)):
        assert low <= float(drawn.min()) + 1e-4
        assert float(drawn.max()) - 1e-4 <= high
        assert float(drawn.min()) < low + 0.05 * (high - low)
        assert float(drawn.max()) > high - 0.05 * (high - low)
        assert abs(float(drawn.mean()) - (low + high) / 2) < 0.05 * (high - low)
    by_hand = (
        grey_x[:, None] + shift[:, None, None, None] + (chroma / contrast)[:, None, None, None] * (x - grey_x[:, None])
    )
    middle = by_hand.mean((1, 2, 3), keepdim=True)
    torch.testing.assert_close(y, middle + contrast[:, None, None, None] * (by_hand - middle), atol=1e-4, rtol=1e-4)


def test_translation_moves_by_up_to_an_eighth_and_fills_with_grey():
    torch.manual_seed(0)
    height, width = 16, 24
    x = (torch.arange(height)[:, None] * 100 + torch.arange(width) + 1.0).expand(400, 1, height, width)
    y = translation(x)
    shifts = set()
    for picture in y[:, 0]:
        row, column = 8, 12  # stays inside whatever the shift
        value = int(picture[row, column]) - 1
        down, right = row - value // 100, column - value % 100
        shifts.add((down, right))
        by_hand = torch.zeros(height, width)
        for r, c in itertools.product(range(height), range(width)):
            if 0 <= r - down < height and 0 <= c - right < width:
                by_hand[r, c] = x[0, 0, r - down, c - right]
        assert torch.equal(picture, by_hand)
        if len(shifts) == 35:
            break
    assert shifts == set(itertools.product(range(-2, 3), range(-3, 4)))


def test_cutout_greys_a_square_of_half_a_side():
    torch.manual_seed(0)
    y = cutout(torch.ones(300, 2, 16, 32))
    assert set(y.unique().tolist()) == {0, 1}
    assert torch.equal(y[:, 0], y[:, 1])
    whole = 0
    for picture in 1 - y[:, 0]:
        rows, columns = picture.amax(1).nonzero().flatten(), picture.amax(0).nonzero().flatten()
        assert int(picture.sum()) == len(rows) * len(columns)  # one full rectangle
        assert rows[-1] - rows[0] == len(rows) - 1
        assert 4 <= len(rows) <= 8
        assert 8 <= len(columns) <= 16
        whole += len(rows) == 8 and len(columns) == 16
    assert 300 * 0.15 < whole < 300 * 0.4  # 9 of 16 centres and 17 of 32 have it whole


@pytest.mark.parametrize("name", DIFF_AUGMENTATIONS)
def test_a_change_lets_gradients_through(name):
    x = (torch.rand(4, 3, 16, 16) - 0.5).requires_grad_()
    torch.manual_seed(0)
    DIFF_AUGMENTATIONS[name].apply(x).sum().backward()
    assert float((x.grad != 0).float().mean()) > 0.4
    at = x.detach()
    torch.manual_seed(0)
    step = DIFF_AUGMENTATIONS[name].apply(at + 0.5 * x.grad)
    torch.manual_seed(0)
    gained = (step - DIFF_AUGMENTATIONS[name].apply(at)).sum()  # linear but for the draw
    torch.testing.assert_close(gained, 0.5 * x.grad.square().sum(), rtol=1e-3, atol=1e-3)


def test_stacked_pictures_move_together_and_change_colour_apart():
    torch.manual_seed(0)
    x = torch.rand(32, 1, 16, 16).repeat(1, 2, 1, 1)
    for name in ("translation", "cutout"):
        moved = augment(x, (name,), 1.0, [1, 1])
        assert torch.equal(moved[:, 0], moved[:, 1])
        assert not torch.equal(moved, x)
    coloured = augment(x, ("colour",), 1.0, [1, 1])
    assert not torch.allclose(coloured[:, 0], coloured[:, 1])
    whole = augment(x, ("colour",), 1.0, [2])
    assert torch.equal(whole[:, 0], whole[:, 1])


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_a_change_is_made_with_its_probability_to_each_picture_alone(p):
    torch.manual_seed(0)
    x = torch.rand(2000, 1, 8, 8)
    y = augment(x, ("colour",), p, [1])
    share = float((y != x).flatten(1).any(1).float().mean())
    assert share == pytest.approx(p, abs=0.04 if 0 < p < 1 else 0)


def test_real_and_made_pictures_are_augmented_in_both_losses():
    plain = shown()
    for before, after in zip(plain, shown(augment=("cutout",)), strict=True):
        assert before.shape == after.shape
        hidden = (after == 0).flatten(1).float().mean(1)
        assert float(hidden.min()) > 0.05
        assert torch.equal(after[after != 0], before[after != 0])
    assert all(torch.equal(a, b) for a, b in zip(plain, shown(augment=("cutout",), augment_p=0), strict=True))


# Its adaptive form


def test_the_probability_rises_while_predictions_on_real_pictures_lean_too_far_and_falls_otherwise():
    found = AdaptiveAugment(target=0.6, images=100)
    sure, unsure = torch.ones(5, 1, 2, 2), torch.ones(5, 1, 2, 2)
    unsure[:, :, 0] = -1  # half of the predictions: r = 0
    for _ in range(3):
        found.update(sure, 0.0, len(sure))
    assert found.p == 0  # not before the fourth batch
    found.update(sure, 0.0, len(sure))
    assert (found.p, found.r) == (pytest.approx(0.2), 1.0)  # 20 images of 100
    for _ in range(4):
        found.update(unsure, 0.0, len(unsure))
    assert (found.p, found.r) == (pytest.approx(0), 0.0)
    for _ in range(4):
        found.update(unsure, 0.0, len(unsure))
    assert found.p == 0
    for _ in range(40):
        found.update(sure, 0.0, len(sure))
    assert found.p == 1


def test_with_the_papers_batches_of_64_the_probability_moves_by_256_of_500_000_images():
    gan = GanConfig()
    found = AdaptiveAugment(gan.ada_target, gan.ada_images)
    moved = []
    for value in (1.0, 1.0, -1.0):
        before = found.p
        for _ in range(4):
            found.update(torch.full((64, 1), value), 0.0, 64)
        moved.append(found.p - before)
    assert moved == pytest.approx([0.000512, 0.000512, -0.000512], abs=1e-12)


def test_the_target_is_the_mean_sign_of_the_last_four_batches():
    found = AdaptiveAugment(target=0.5, images=1000)
    logits = torch.ones(8, 1)
    logits[:2] = -1  # mean sign 0.5: not above the target
    for _ in range(4):
        found.update(logits, 0.0, len(logits))
    assert (found.r, found.p) == (0.5, 0)
    logits[1] = 5
    for _ in range(4):
        found.update(logits, 0.0, len(logits))
    assert (found.r, found.p) == (0.75, pytest.approx(0.032))


@pytest.mark.parametrize(("loss", "sure"), [("least_squares", 0.6), ("non_saturating", 0.1), ("hinge", 0.1)])
def test_the_sign_counts_from_where_the_loss_says_real(loss, sure):
    for value, r in ((sure, 1.0), (sure - 0.2, -1.0)):
        objective = adversarial(Watching(value), loss=loss, augment=("colour",), ada=True, ada_images=40)
        for _ in range(4):
            objective.d_loss(torch.zeros(1, 1, 1, 1), torch.ones(1, 1, 1, 1))
        assert objective.adaptation.r == r


def test_the_adapted_probability_is_what_augments_and_what_is_logged():
    objective = adversarial(Watching(1.0), augment=("cutout",), ada=True, ada_images=40, augment_p=1)
    pictures = torch.ones(10, 3, 8, 8)
    _, scalars = objective.d_loss(pictures, pictures)
    assert float(scalars["ada_p"]) == 0
    assert not (objective.D.shown[-1] == 0).any()
    for _ in range(3):
        _, scalars = objective.d_loss(pictures, pictures)
    assert (float(scalars["ada_p"]), float(scalars["ada_r"])) == (1.0, 1.0)
    objective.d_loss(pictures, pictures)
    assert (objective.D.shown[-1] == 0).flatten(1).any(1).all()


class Pairs(Watching):
    """One logit of two pictures."""

    def forward(self, x):
        return super().forward(x[::2])


def test_a_pack_counts_as_the_pictures_that_are_in_it():
    objective = adversarial(Pairs(1.0), augment=("cutout",), ada=True, ada_images=80)
    for _ in range(4):
        objective.d_loss(torch.ones(10, 3, 8, 8), torch.ones(10, 3, 8, 8))
    assert objective.adaptation.p == pytest.approx(0.5)


def test_what_was_adapted_is_kept_in_checkpoints(tmp_path):
    settings = {"gan": {"augment": ["colour"], "ada": True, "ada_images": 20}}

    def trust(method):
        for name in ("D_X", "D_Y"):
            method.networks[name].layers[-1].bias.data.fill_(5)  # all is real

    before, _ = train(tmp_path / "run", "cyclegan", 12, until=10, spoil=trust, **settings)
    states = {name: objective.state_dict() for name, objective in before.objectives.items()}
    assert any(0 < state["ada"]["p"] < 1 for state in states.values())
    assert all(state["ada"]["window"][2] == 1 for state in states.values())  # five batches: one since the fourth
    restored = {}
    train(tmp_path / "run", "cyclegan", 10,
          spoil=lambda method: restored.update({"method": method}), **settings)  # fmt: skip
    after = {name: objective.state_dict() for name, objective in restored["method"].objectives.items()}
    assert [s["ada"] for s in after.values()] == [s["ada"] for s in states.values()]
    for name, state in states.items():
        assert len(state["pool"]["pictures"]) == 10
        pairs = zip(state["pool"]["pictures"], after[name]["pool"]["pictures"], strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)


# Turns, rates, clipping


def taken_turn(turns):
    turn = turns.turn()
    turns.go_on()
    return turn


@pytest.mark.parametrize(
    ("d", "g", "pattern"),
    [(1, 1, ["dg"] * 4), (1, 2, ["d", "g", "g", "d"]), (3, 1, ["d", "d", "d", "g"]), (2, 1, ["d", "d", "g", "d"])],
)
def test_turns_are_taken_in_order(d, g, pattern):
    turns = UpdateSchedule(d, g)
    taken = [taken_turn(turns) for _ in range(4)]
    assert ["d" * of_d + "g" * of_g for of_g, of_d in taken] == pattern
    again = UpdateSchedule(d, g)
    again.load_state_dict({"count": 2})
    assert again.turn() == taken[2]


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize(("d", "g"), [(1, 1), (2, 1), (1, 2)])
def test_a_step_changes_the_networks_whose_turn_it_is_and_no_others(name, d, g):
    method = fresh(name, gan={"d_steps": d, "g_steps": g})
    objectives = {n for n in method.networks if n.startswith("D")}
    generators = set(method.networks) - objectives - {"G_pixel"}  # the one of an earlier stage
    turns = UpdateSchedule(d, g)
    for n in range(4):
        before = snapshot(method)
        scalars = method.step(noise(2 * n, 2 * n + 1))
        of_g, of_d = taken_turn(turns)
        assert changed(before, method) == (objectives if of_d else set()) | (generators if of_g else set())
        assert any(k.startswith("d_real") for k in scalars) == of_d
        assert any(k.startswith("g_gan") for k in scalars) == of_g


def test_discriminators_may_have_a_rate_of_their_own(tmp_path):
    _, run = train(tmp_path / "run", "pix2pix", 8, optimizer={"lr": 1e-3, "lr_d": 4e-3, "decay_from": 0.5})
    assert [(r["lr_g"], r["lr_d"]) for r in run.records()] == [*[(1e-3, 4e-3)] * 3, (5e-4, 2e-3)]


@pytest.mark.parametrize("clip", [0.05, None])
def test_clipping_bounds_the_length_of_a_steps_gradient_and_keeps_its_direction(clip):
    lengths = {}
    for limit in (clip, 1e9):
        method = fresh("pix2pix", optimizer={"clip": limit})
        method.step(noise(0, 1))
        lengths[limit] = {name: torch.cat([p.grad.flatten() for p in method.networks[name].parameters()])
                          for name in "GD"}  # fmt: skip
    for name in "GD":
        bound, free = lengths[clip][name], lengths[1e9][name]
        assert float(free.norm()) > 0.05
        if clip is None:
            assert torch.equal(bound, free)
        else:
            assert float(bound.norm()) == pytest.approx(clip, rel=1e-3)
            cosine = torch.nn.functional.cosine_similarity(bound, free, dim=0)
            assert float(cosine) > (0.999 if name == "D" else 0.9)  # G's was taken against another D


# Averages


def test_the_average_is_the_weights_with_a_half_life_that_grows_with_the_run():
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, 1.0)
    average = EMA(network, EmaConfig(images=100, rampup=0.5))
    by_hand, seen = 1.0, 0
    for value in (2.0, -1.0, 4.0, 8.0) * 20:
        nn.init.constant_(network.weight, value)
        seen += 4
        average.update(seen, 4)
        keep = 0.5 ** (4 / min(100, 0.5 * seen))
        by_hand = keep * by_hand + (1 - keep) * value
        assert float(average.average.weight.detach()) == pytest.approx(by_hand, rel=1e-5)
    assert average.decay(10_000, 100) == 0.5


@pytest.mark.parametrize(("d", "g"), [(1, 1), (5, 1), (1, 2)])
def test_a_half_life_is_counted_in_images_of_the_run_whoevers_turn_they_were(d, g, monkeypatch, tmp_path):
    counted = []
    monkeypatch.setattr(EMA, "decay", lambda _, seen, shown: counted.append((seen, shown)) or 0.5)
    settings = {"ema": {"images": 100}, "gan": {"d_steps": d, "g_steps": g}, "images": 24}
    whole = [*range(0, 24, 2)]
    method = begun("pix2pix", **settings)
    for images in whole[:7]:
        method.at(images)
        method.step(noise(images, images + 1))
    resumed = begun("pix2pix", **settings)
    resumed.load_state_dict(method.state_dict())
    for images in whole[7:]:
        resumed.at(images)
        resumed.step(noise(images, images + 1))
    assert sum(shown for _, shown in counted) == counted[-1][0]


def test_an_average_without_warm_up_starts_at_the_newest_weights():
    assert EMA(nn.Linear(1, 1), EmaConfig(images=100, rampup=0)).decay(50, 4) == 0


def test_buffers_are_taken_as_they_are():
    network = nn.BatchNorm2d(2)
    average = EMA(network, EmaConfig(images=10**6))
    network(torch.rand(4, 2, 3, 3) + 5)
    average.update(10**6, 4)
    assert torch.equal(average.average.running_mean, network.running_mean)


@pytest.mark.parametrize("name", METHODS)
def test_the_average_is_shown_saved_and_exported_and_follows_every_step_of_the_generators(name):
    method = begun(name, ema={"images": 8}, images=100)
    first = snapshot(method)
    for n in range(3):  # DiscoGAN's first step is D's
        method.at(2 * n)
        method.step(noise(2 * n, 2 * n + 1))
    for stem, kept in METHODS[name].exported_weights(tiny(name, ema={"images": 8})).items():
        of = method.exports[stem]
        assert kept == f"{of}_ema"
        now = weights(method)
        key = next(iter(dict(method.networks[of].named_parameters())))
        mean, latest = now[f"{kept}.{key}"], now[f"{of}.{key}"]
        assert not torch.equal(mean, first[f"{kept}.{key}"])
        assert not torch.equal(mean, latest)
        served = dict(method.served(stem).named_parameters())[key]
        assert torch.equal(served, mean)


def test_the_exported_files_are_the_averages(tmp_path):
    small = {"size": 16, "generator": {"name": "unet16", "width": 2}, "discriminator": {"width": 2, "layers": 1}}
    method, run = train(
        tmp_path / "run", "cyclegan", 8, ema={"images": 50, "rampup": 9}, optimizer={"lr": 0.01}, **small
    )
    files = export_run(run)
    assert [path.name for path in files] == ["a2b.onnx", "b2a.onnx"]
    x = torch.rand(1, 3, 16, 32)
    for path, newest in zip(files, "GF", strict=True):
        (y,) = ort.InferenceSession(path, providers=["CPUExecutionProvider"]).run(None, {"image": x.numpy()})
        with torch.no_grad():
            average, latest = (net(2 * x - 1) / 2 + 0.5 for net in (
                method.served(path.stem), for_inference(method.networks[newest])))  # fmt: skip
        torch.testing.assert_close(torch.from_numpy(y), average, atol=1e-4, rtol=0)
        assert float((average - latest).abs().max()) > 0.01


def test_a_run_without_average_has_none():
    assert not [name for name in fresh("cyclegan").networks if name.endswith("_ema")]


# Past fakes


def numbered(*values):
    return torch.tensor(values, dtype=torch.float32).view(-1, 1, 1, 1)


def test_a_pool_fills_and_then_gives_an_earlier_fake_half_of_the_time():
    torch.manual_seed(0)
    pool = ImagePool(50)
    assert torch.equal(pool(numbered(*range(50))), numbered(*range(50)))
    given, old = [], 0
    for n in range(50, 2050):
        (value,) = pool(numbered(n)).flatten().tolist()
        given.append(value)
        old += value != n
        assert value <= n
    assert abs(old / 2000 - 0.5) < 0.04
    assert len(pool.pictures) == 50
    swapped = [v for n, v in enumerate(given, 50) if v != n]
    assert len(set(swapped)) == len(swapped)  # what came out is not in there any more


def test_a_pool_of_nothing_gives_the_fakes_themselves():
    fakes = numbered(1, 2)
    assert ImagePool(0)(fakes) is fakes


def test_a_pool_keeps_fakes_and_not_places_in_memory():
    pool = ImagePool(2)
    fakes = numbered(1, 2)
    pool(fakes)
    fakes.zero_()
    assert torch.equal(torch.stack(pool.pictures), numbered(1, 2))


@pytest.mark.parametrize(("before", "after"), [(torch.bfloat16, torch.float32), (torch.float32, torch.bfloat16)])
def test_a_past_fake_comes_in_the_precision_of_the_new(before, after, monkeypatch):
    pool = ImagePool(1)
    pool(torch.ones(1, 3, 2, 2, dtype=before))
    monkeypatch.setattr(torch, "rand", lambda *_: torch.tensor(0.9))  # an old one for the new
    assert torch.equal(pool(torch.zeros(1, 3, 2, 2, dtype=after)), torch.ones(1, 3, 2, 2, dtype=after))


def test_past_fakes_reach_the_discriminator_and_their_inputs_with_them():
    """pix2pix's D sees pairs, so pairs are kept."""
    torch.manual_seed(0)
    objective = adversarial(pool=1)
    for n in range(40):
        x = numbered(n)
        objective.d_loss(-x, 1000 + x, given=x)
    shown = torch.stack([fake for _, fake in (s.chunk(2) for s in objective.D.shown)]).flatten(1).detach()
    assert torch.equal(shown[:, 0], -shown[:, 1])
    late = int((shown[:, 0] != torch.arange(40)).sum())
    assert 8 < late < 32


@pytest.mark.parametrize("name", METHODS)
def test_the_adversarial_settings_reach_every_discriminator(name):
    method = fresh(name, gan={"pool": 7, "loss": "hinge", "instance_noise": 0.1})
    for objective in method.objectives.values():
        assert (objective.pool.size, objective.gan.loss, objective.gan.instance_noise) == (7, "hinge", 0.1)
    assert math.isclose(tiny(name).gan.instance_noise, 0)
