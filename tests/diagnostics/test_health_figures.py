"""Each health figure says what its definition says, and leaves no trace in what it measures."""

import math

import pytest
import torch
from torch import nn

from i2i.diagnostics.health import NormWatch, Observed, accuracy, health_figures
from i2i.diagnostics.health.artefacts import checkerboard, leak
from i2i.diagnostics.health.sets import distance, duplicates, modes, nearest_train, spread


def draw(seed):
    return torch.Generator().manual_seed(seed)


def ring(count, seed, which=range(8), width=0.02):
    """Points of the Gaussians at these angles of eight."""
    angles = torch.tensor(list(which))[torch.arange(count) % len(which)] * 2 * math.pi / 8
    centres = torch.stack([angles.cos(), angles.sin()], 1)
    return 0.7 * centres + width * torch.randn(count, 2, generator=draw(seed))


def pictures(count, seed, side=32):
    coarse = torch.rand(count, 3, 4, 4, generator=draw(seed)) * 2 - 1
    smooth = nn.functional.interpolate(coarse, (side, side), mode="bilinear")
    return smooth + 0.05 * torch.randn(count, 3, side, side, generator=draw(seed + 100))


@pytest.mark.parametrize("which", [range(8), [0], [1, 5], [0, 1, 2, 3, 4]])
def test_the_modes_that_outputs_reach_are_counted(which):
    found = modes(ring(256, 1, which), ring(256, 2))
    assert found["modes_real"] == 8
    assert int(found["modes_seen"]).bit_count() == len(which)


def test_reals_without_clusters_have_no_modes():
    assert modes(ring(256, 1), torch.randn(256, 2, generator=draw(0))) == {}
    assert modes(ring(8, 1), ring(8, 2)) == {}


def test_spread_and_duplicates_see_outputs_that_are_alike():
    real = ring(128, 0)
    assert spread(ring(128, 1), real) == pytest.approx(1, rel=0.05)
    assert spread(ring(128, 1, [3]), real) < 0.1
    assert abs(duplicates(ring(128, 1), real)) < 0.2
    assert duplicates(ring(16, 1).repeat(8, 1), real) > 0.7


def test_the_distance_is_one_for_other_real_points_and_grows():
    real = ring(256, 0)
    assert distance(ring(256, 1), real) < 2
    assert distance(ring(256, 1, [0, 1, 2]), real) > 3
    assert math.isnan(distance(real[:15], real))


def test_copies_of_training_pictures_are_nearer_to_them_than_to_others():
    train, held_out, honest = (torch.randn(64, 20, generator=draw(seed)) for seed in range(3))
    assert nearest_train(honest, held_out, train) == pytest.approx(1, abs=0.1)
    assert nearest_train(0.5 * honest, held_out, train) == pytest.approx(1, abs=0.1)  # blur is no copy
    assert nearest_train(train + 0.1 * honest, held_out, train) < 0.3


def test_dark_training_pictures_are_not_all_that_outputs_are_compared_with():
    def lit(count, seed):  # pictures of any brightness
        return torch.randn(count, 20, generator=draw(seed)) + 5 * torch.randn(count, 1, generator=draw(seed + 9))

    assert nearest_train(lit(64, 1), lit(32, 2), lit(256, 3)) == pytest.approx(1, abs=0.25)


def test_a_grid_stands_out_of_the_spectrum_and_texture_does_not():
    real, fake = pictures(16, 0), pictures(16, 1)
    grid = torch.ones(32, 32)
    grid[::2, ::2] = -1
    assert checkerboard(fake, real) < 2
    assert checkerboard(fake + 0.05 * grid, real) > 3
    assert checkerboard(fake + 0.2 * torch.randn(fake.shape, generator=draw(5)), real) < 2
    assert math.isnan(checkerboard(fake[..., :31], real))


def test_turned_outputs_are_told_from_pictures_that_have_an_up():
    def lit(seed):  # light from above
        return pictures(96, seed, 16) * 0.2 + torch.linspace(0.7, -0.7, 16)[:, None] + torch.linspace(0, 0.3, 16)

    turned = torch.cat([torch.rot90(part, k, (2, 3)) for k, part in enumerate(lit(1).chunk(4))])
    assert abs(leak(lit(1), lit(2))) < 0.1
    assert leak(turned, lit(2)) > 0.6


class Half(nn.Module):
    """A D that knows the pictures it was shown."""

    def __init__(self, known):
        super().__init__()
        self.known, self.norm = known, nn.BatchNorm1d(1)

    def forward(self, seen):
        near = torch.cdist(seen.flatten(1), self.known.flatten(1)).min(1).values
        return self.norm(-near[:, None])


def test_a_discriminator_that_knows_its_training_pictures_is_seen_and_left_as_it_is():
    train, held_out, fake = pictures(32, 0), pictures(32, 1), pictures(32, 2)
    D = Half(train)
    before = {name: value.clone() for name, value in D.state_dict().items()}
    figures = health_figures(Observed(fake, held_out, "b", D), train)
    assert figures["health_overfit"] > 0.8
    assert D.training
    assert all(torch.equal(value, before[name]) for name, value in D.state_dict().items())
    fair = health_figures(Observed(fake + 0.5, held_out, "b", Half(pictures(64, 3))), train)
    assert abs(fair["health_overfit"]) < 3 * fair["health_overfit_error"] + 0.1


def test_accuracy_is_the_share_on_the_right_side():
    real, fake = torch.tensor([1.0, 1.0, -1.0, 1.0]), torch.tensor([-1.0, 1.0])
    assert {k: v.item() for k, v in accuracy(real, fake, 0.0).items()} == {
        "d_accuracy_real": 0.75,
        "d_accuracy_fake": 0.5,
    }
    assert accuracy(real + 9, fake + 9, None)["d_accuracy_real"] == 0.75


def test_norms_are_those_of_all_gradients_and_are_taken_when_due():
    layer = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    watch = NormWatch()
    looked = []
    for step in range(64):
        watch.begin(step, turns=2)
        optimizer.zero_grad()
        (8 * layer(torch.ones(1, 3)).sum()).backward()
        watch.after_backward(optimizer, {"g": optimizer}, lambda: 8)
        looked += [step] if watch.seen else []
        if watch.seen:
            assert watch.seen["grad_norm_g"].item() == pytest.approx(8**0.5)  # eight ones
            whole = torch.cat([p.flatten() for p in layer.parameters()])
            assert watch.seen["weight_norm_g"].item() == pytest.approx(whole.norm().item())
    assert looked == [0, 1, 32, 33]
    watch.begin(0)
    layer.weight.grad[0, 0] = math.inf
    watch.after_backward(optimizer, {"g": optimizer}, lambda: 8)
    assert watch.seen == {}  # fp16 looks for its scale and skips the step
