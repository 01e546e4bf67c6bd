"""The adversarial losses of a discriminator and its generator, with the stabilisers of `GanConfig` around them.

Pictures are (N, C, H, W) in [-1, 1]. Conditional methods give, beside a picture, the input that it was generated from;
the two are stacked by channel, and D sees them together.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..diagnostics.health import accuracy
from ..hardware.batch_part import drawn, like
from ..hardware.device import Placement
from ..losses.pixel import feature_matching
from ..networks import Discriminator, has_batch_statistics
from ..networks.norms import exact
from .config import GanConfig
from .diff_augment import AdaptiveAugment, augment
from .image_pool import ImagePool
from .losses import ADVERSARIAL
from .penalties import gradient_penalty, zero_centred_penalty
from .unrolled import Judge, looked_ahead

Scalars = dict[str, Tensor]


class AdversarialObjective:
    """The losses of a discriminator D and of its G, as `gan` asks for them, and the state that belongs to them.

    Loss, noise, augmentation, penalties, feature matching, a pool of past fakes; one for each discriminator.
    """

    def __init__(self, gan: GanConfig, placement: Placement) -> None:
        self.gan, self.placement = gan, placement
        self.loss = ADVERSARIAL[gan.loss]
        self.pool = ImagePool(gan.pool)
        self.adaptation = AdaptiveAugment(gan.ada_target, gan.ada_images) if gan.ada else None
        self.has_alpha = False
        """Whether pictures are RGB times alpha, and alpha."""
        self.at_raw = False
        """Whether R1 and R2 are of the gradient at pictures before they are augmented, else at those that D sees, as
        runs of translators have it."""
        self.share = 0.0
        """Part of the adversarial training that is over."""
        self.penalises = True
        """Whether D's next update has the penalties on its gradient (`penalty_every`)."""
        self.strength, self.often = 1.0, 1.0
        """Factors of the penalties' weights and of `augment_p` at this place of the run."""

    def g_loss(
        self, D: Discriminator, fake: Tensor, real: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Scalars]:
        """G's loss on its `fake`; D's own weights get no gradient. `real` is for losses that compare."""
        matches = self.gan.feature_matching > 0
        with frozen(D), self.placement.autocast():
            features, logits = D.features(self._seen(fake, given))
        real_features: list[Tensor] = []
        real_logits: Tensor | None = None
        if matches or self.loss.g_needs_real:
            with torch.no_grad(), self.placement.autocast():
                real_features, real_logits = D.features(self._seen(real, given))
        unrolled = self.gan.unrolled > 0
        g_gan = self._against_its_next_updates(D, fake, real, given) if unrolled else self.loss.g(real_logits, logits)
        total = g_gan
        scalars = {"g_gan": g_gan}
        if matches:
            scalars["g_features"] = feature_matching(real_features, features)
            total = total + self.gan.feature_matching * scalars["g_features"]
        return total, scalars

    def _against_its_next_updates(self, D: Discriminator, fake: Tensor, real: Tensor, given: Tensor | None) -> Tensor:
        """-1 times D's whole loss after these; in full precision, as a small step of weights would vanish in bf16."""
        with torch.autocast(real.device.type, enabled=False):
            x, y = exact(self._seen(fake, given)), exact(self._seen(real, given))

            def d_loss(judge: Judge) -> Tensor:
                d_real, d_fake = self.loss.d(judge(y), judge(x), self.gan.label_smoothing)
                return d_real + d_fake

            return -d_loss(looked_ahead(D, self.gan.unrolled, self.gan.unrolled_rate, d_loss))

    def d_loss(
        self, D: Discriminator, fake: Tensor, real: Tensor, given: Tensor | None = None
    ) -> tuple[Tensor, Scalars]:
        """D's loss, penalties included, on `real` and on `fake` or older ones from the pool."""
        self._clip(D)
        channels = self._channels(fake, given)
        raw_fake = self._raw(self.pool(_stack(fake.detach(), given)), self.gan.r2)
        changed_fake = self._changed(raw_fake, channels)
        raw_real = self._raw(_stack(real, given), self.gan.r1)
        changed_real = self._changed(raw_real, channels)
        fake, real = (x.detach() if x.requires_grad else x for x in (changed_fake, changed_real))
        with self.placement.autocast():
            both = (D(real), D(fake)) if has_batch_statistics(D) else D(torch.cat([real, fake])).chunk(2)
        of_real, of_fake = both
        d_real, d_fake = self.loss.d(of_real, of_fake, self.gan.label_smoothing)
        scalars = {"d_real": d_real, "d_fake": d_fake, **accuracy(of_real, of_fake, self.loss.threshold)}
        if self.loss.predictions is not None:
            with torch.no_grad():
                scalars["p_real"], scalars["p_fake"] = self.loss.predictions(of_real, of_fake)
        total = d_real + d_fake
        if self.penalises:
            total = total + self._penalties(D, (changed_real, raw_real), (changed_fake, raw_fake), scalars)
        if self.gan.drift:
            scalars["d_drift"] = of_real.float().square().mean()
            total = total + self.gan.drift * scalars["d_drift"]
        if self.adaptation is not None and self.loss.threshold is not None:
            self.adaptation.update(of_real, self.loss.threshold, len(real))
            state = torch.tensor([self.adaptation.p, self.adaptation.r], device=real.device)
            scalars["ada_p"], scalars["ada_r"] = state.unbind()
        return total, scalars

    def _raw(self, stack: Tensor, weight: float) -> Tensor:
        """The pictures as a penalty of that weight takes its gradient at them: before the augmentation."""
        through = self.at_raw and weight and self.penalises and self.gan.augment
        return exact(stack).detach().requires_grad_() if through else stack

    def _penalties(
        self, D: nn.Module, real: tuple[Tensor, Tensor], fake: tuple[Tensor, Tensor], scalars: Scalars
    ) -> Tensor:
        """Those on D's gradient, weighted for the updates that have none; each is among the `scalars`.

        `real` and `fake` are what D saw, and what that was made of.
        """
        total = real[0].new_zeros(())
        if self.gan.gradient_penalty:
            scalars["d_gp"] = gradient_penalty(D, real[0].detach(), fake[0].detach())
            total = total + self.gan.gradient_penalty * scalars["d_gp"]
        if self.gan.r1:
            scalars["d_r1"] = zero_centred_penalty(D, real[0], real[1] if real[1].requires_grad else None)
            total = total + self.gan.r1 * scalars["d_r1"]
        if self.gan.r2:
            scalars["d_r2"] = zero_centred_penalty(D, fake[0], fake[1] if fake[1].requires_grad else None)
            total = total + self.gan.r2 * scalars["d_r2"]
        return self.strength * self.gan.penalty_every * total

    def _clip(self, D: nn.Module) -> None:
        """Bound D's weights (WGAN, algorithm 1), which a second time changes nothing."""
        bound = self.gan.weight_clipping
        for weight in D.parameters() if bound else ():
            weight.data.clamp_(-bound, bound)  # no change that autograd has to know of: nothing was computed with them

    def _seen(self, picture: Tensor, given: Tensor | None) -> Tensor:
        return self._changed(_stack(picture, given), self._channels(picture, given))

    def _changed(self, stack: Tensor, channels: list[int]) -> Tensor:
        """What D gets to see: with noise, and augmented."""
        noise = self.gan.instance_noise * (1 - self.share)
        if noise > 0:
            stack = stack + noise * drawn(lambda n: like(stack, n).normal_(), len(stack))
        p = self.often * self.gan.augment_p if self.adaptation is None else self.adaptation.p
        return augment(stack, self.gan.augment, p, channels, has_alpha=self.has_alpha) if p > 0 else stack

    def _channels(self, picture: Tensor, given: Tensor | None) -> list[int]:
        return [*([] if given is None else [given.shape[1]]), picture.shape[1]]

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps beside D's weights."""
        return {"pool": self.pool.state_dict(), "ada": self.adaptation.state_dict() if self.adaptation else None}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take back what `state` gave."""
        self.pool.load_state_dict(state["pool"], self.placement.device)
        if self.adaptation:
            self.adaptation.load_state_dict(state["ada"])


def _stack(picture: Tensor, given: Tensor | None) -> Tensor:
    return picture if given is None else torch.cat([given, picture.to(given.dtype)], 1)


@contextlib.contextmanager
def frozen(network: nn.Module) -> Iterator[None]:
    """No gradients for the network's own weights inside; they still flow through it."""
    network.requires_grad_(False)
    try:
        yield
    finally:
        network.requires_grad_(True)


def suffixed(scalars: Scalars, ending: str) -> Scalars:
    """The scalars of one of several discriminators: `d_real` as `d_real_x`."""
    return {f"{name}_{ending}": value for name, value in scalars.items()}
