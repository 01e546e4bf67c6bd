"""Adversarial losses by name, of the discriminator D and of the generator G.

`real` and `fake` are D's logits of real and generated pictures, of any shape; `smooth` is by how much the target of
real pictures lies below 1 (one-sided label smoothing: Salimans et al., 2016, section 3.4). All give scalars.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from ..hardware.batch_part import over_batch

# minimax and non-saturating: Goodfellow et al., 2014, eq. 1 and section 3. -log D = softplus(-logit).


def cross_entropy_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:
    """-log D(real) and -log(1 - D(fake)), in nats a logit; real ones aim at D = 1 - smooth."""
    real, fake = real.float(), fake.float()
    return ((1 - smooth) * F.softplus(-real) + smooth * F.softplus(real)).mean(), F.softplus(fake).mean()


def minimax_g(real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG001  # one signature for all
    """log(1 - D(fake)): zero-sum; its gradient vanishes while D is sure (Goodfellow et al., 2014, eq. 1)."""
    return -F.softplus(fake.float()).mean()


def non_saturating_g(real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG001
    """-log D(fake): steep while D is sure (Goodfellow et al., 2014, section 3)."""
    return F.softplus(-fake.float()).mean()


# Mao et al., 2017, eq. 9: a = 0, b = c = 1, without its factor 1/2.


def least_squares_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:
    """(D(real) - 1)^2 and D(fake)^2; real ones aim at 1 - smooth."""
    return (real.float() - (1 - smooth)).square().mean(), fake.float().square().mean()


def least_squares_g(real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG001
    """(D(fake) - 1)^2."""
    return (fake.float() - 1).square().mean()


# Arjovsky et al., 2017, eq. 2 and 3: D is a critic without a threshold.


def wasserstein_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    """-D(real) and D(fake)."""
    return -real.float().mean(), fake.float().mean()


def wasserstein_g(real: Tensor | None, fake: Tensor) -> Tensor:  # noqa: ARG001
    """-D(fake)."""
    return -fake.float().mean()


# Lim and Ye, 2017; Miyato et al., 2018, eq. 16 and 17.


def hinge_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    """max(0, 1 - D(real)) and max(0, 1 + D(fake))."""
    return F.relu(1 - real.float()).mean(), F.relu(1 + fake.float()).mean()


# Jolicoeur-Martineau, 2018, section 4.2: each logit is compared with the mean of the other kind.


def relativistic_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:
    """-log s(real - E fake) and -log(1 - s(fake - E real)), s the sigmoid."""
    real, fake = real.float(), fake.float()
    return cross_entropy_d(real - over_batch(fake.mean()), fake - over_batch(real.mean()), smooth)


def relativistic_g(real: Tensor | None, fake: Tensor) -> Tensor:
    """The same with real and fake exchanged, summed: -log s(fake - E real) - log(1 - s(real - E fake))."""
    assert real is not None
    as_real, as_fake = relativistic_d(fake, real, 0.0)
    return as_real + as_fake


# RpGAN: Jolicoeur-Martineau, 2018, eq. 9; R3GAN: Huang et al., 2024, eq. 2: each real logit against one fake.


def relativistic_pairs_d(real: Tensor, fake: Tensor, smooth: float) -> tuple[Tensor, Tensor]:  # noqa: ARG001
    """-log s(real - fake) of the pairs of a batch; half of it to each side, for there is one term for both."""
    half = F.softplus(fake.float() - real.float()).mean() / 2
    return half, half


def relativistic_pairs_g(real: Tensor | None, fake: Tensor) -> Tensor:
    """-log s(fake - real)."""
    assert real is not None
    return F.softplus(real.float() - fake.float()).mean()


Predictions = tuple[Tensor, Tensor]


def _sigmoids(real: Tensor, fake: Tensor) -> Predictions:
    return torch.sigmoid(real.float()).mean(), torch.sigmoid(fake.float()).mean()


def _clipped(real: Tensor, fake: Tensor) -> Predictions:
    return real.float().clamp(0, 1).mean(), fake.float().clamp(0, 1).mean()


def _positive(real: Tensor, fake: Tensor) -> Predictions:
    return (real > 0).float().mean(), (fake > 0).float().mean()


def _relative(real: Tensor, fake: Tensor) -> Predictions:
    real, fake = real.float(), fake.float()
    return _sigmoids(real - over_batch(fake.mean()), fake - over_batch(real.mean()))


def _pairs(real: Tensor, fake: Tensor) -> Predictions:
    apart = real.float() - fake.float()
    return torch.sigmoid(apart).mean(), torch.sigmoid(-apart).mean()


@dataclasses.dataclass(frozen=True)
class Adversarial:
    """A row of ADVERSARIAL."""

    d: Callable[[Tensor, Tensor, float], tuple[Tensor, Tensor]]
    """(logits of real, logits of fake, smooth) -> D's loss on the real and on the fake ones."""
    g: Callable[[Tensor | None, Tensor], Tensor]
    """(logits of real, logits of fake) -> G's loss; `real` is None unless `g_needs_real`."""
    predictions: Callable[[Tensor, Tensor], Predictions] | None
    """D(real) and D(fake) in [0, 1]: mean D, or the share of logits on the real side; None: D has no scale."""
    threshold: float | None
    """Logit from which on D says real; None where a single logit says nothing."""
    smoothable: bool = True
    """Whether real pictures have a target that label smoothing can lower."""
    g_needs_real: bool = False
    bounded: bool = True
    """False where D's gradient must be bounded (by a penalty or spectral normalisation), or its loss is not."""


ADVERSARIAL: dict[str, Adversarial] = {
    "minimax": Adversarial(cross_entropy_d, minimax_g, _sigmoids, 0.0),
    "non_saturating": Adversarial(cross_entropy_d, non_saturating_g, _sigmoids, 0.0),
    "least_squares": Adversarial(least_squares_d, least_squares_g, _clipped, 0.5),
    "wasserstein": Adversarial(wasserstein_d, wasserstein_g, None, None, smoothable=False, bounded=False),
    "hinge": Adversarial(hinge_d, wasserstein_g, _positive, 0.0, smoothable=False),
    "relativistic": Adversarial(relativistic_d, relativistic_g, _relative, None, g_needs_real=True),
    "relativistic_pairs": Adversarial(
        relativistic_pairs_d, relativistic_pairs_g, _pairs, None, smoothable=False, g_needs_real=True
    ),
}
