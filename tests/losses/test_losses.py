"""Losses equal their formulas."""

import pytest
import torch

from i2i.losses.pixel import feature_matching, l1, mse


def test_l1_is_the_mean_absolute_difference():
    assert float(l1(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0]))) == 1.25


def test_mse_is_the_mean_squared_difference():
    assert float(mse(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0]))) == (0.25 + 4) / 2


def test_feature_matching_sums_over_layers_the_mean_squared_gap_of_batch_means():
    real = [torch.tensor([[[[0.0]]], [[[4.0]]]]), torch.zeros(2, 2, 1, 2)]
    fake = [torch.tensor([[[[1.0]]], [[[0.0]]]]), torch.tensor([1.0, 2, 3, 4]).view(1, 2, 1, 2).repeat(2, 1, 1, 1)]
    assert float(feature_matching(real, fake)) == (2 - 0.5) ** 2 + (1 + 4 + 9 + 16) / 4


def test_batches_with_the_same_means_have_no_gap_whatever_their_pictures():
    real = torch.rand(4, 3, 2, 2, dtype=torch.float64)
    assert float(feature_matching([real], [real.flip(0)])) < 1e-12
    assert float(feature_matching([real], [real.mean(0, keepdim=True)])) < 1e-12


@pytest.mark.parametrize("loss", [l1, mse, lambda a, b: feature_matching([a], [b])])
def test_losses_of_half_precision_tensors_are_taken_in_full_precision(loss):
    half = torch.full((4,), 0.1, dtype=torch.bfloat16)
    assert loss(half, torch.zeros(4)).dtype == torch.float32


def test_feature_matching_compares_maps_that_lie_in_different_orders():
    real, fake = torch.rand(2, 3, 4, 4, 4, dtype=torch.float64)
    plain = feature_matching([real], [fake])
    for one, other in ((torch.contiguous_format, torch.channels_last), (torch.channels_last, torch.contiguous_format)):
        mixed = feature_matching([real.to(memory_format=one)], [fake.to(memory_format=other)])
        torch.testing.assert_close(mixed, plain)


def test_feature_matching_lets_the_gradient_lie_as_the_maps_do():
    """Else every layer before takes maps and gradients of different orders in memory, which is slow."""
    real, fake = torch.rand(2, 4, 3, 5, 5, dtype=torch.float64)
    found = []
    for order in (torch.contiguous_format, torch.channels_last):
        maps = fake.to(memory_format=order).requires_grad_()
        loss = feature_matching([real.to(memory_format=order)], [maps * 1])
        (gradient,) = torch.autograd.grad(loss, maps)
        assert gradient.stride() == maps.stride()
        found.append((loss.detach(), gradient))
    torch.testing.assert_close(*found)
