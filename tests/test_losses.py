"""Losses equal their formulas."""

import math

import pytest
import torch

from i2i.losses import gan_loss, l1


@pytest.mark.parametrize("real", [True, False])
def test_gan_loss_is_the_cross_entropy_of_the_logits(real):
    logits = torch.linspace(-30, 30, 61)
    truth = torch.full_like(logits, float(real))
    torch.testing.assert_close(
        gan_loss(logits, real=real), torch.nn.functional.binary_cross_entropy_with_logits(logits, truth)
    )


def test_an_undecided_discriminator_costs_log_2():
    assert math.isclose(float(gan_loss(torch.zeros(2, 1, 4, 4), real=True)), math.log(2), rel_tol=1e-6)


def test_l1_is_the_mean_absolute_difference():
    assert float(l1(torch.tensor([1.0, -1.0]), torch.tensor([0.5, 1.0]))) == 1.25


def test_losses_of_half_precision_tensors_are_taken_in_full_precision():
    assert gan_loss(torch.zeros(4, dtype=torch.bfloat16), real=True).dtype == torch.float32
    assert l1(torch.zeros(4, dtype=torch.bfloat16), torch.zeros(4)).dtype == torch.float32
