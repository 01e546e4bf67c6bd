"""The health figures of a moment of a run, by their name in `log.jsonl`."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ...hardware.batch_part import over_batch
from .artefacts import checkerboard, leak
from .sets import LEAST, SMALL, detail, distance, duplicates, flat, modes, nearest_train, small, spread


@dataclasses.dataclass(frozen=True)
class Observed:
    """What there is of one generator, and of the discriminator that judges it. Pictures are NCHW in [-1, 1]."""

    fake: Tensor
    """Outputs on fixed inputs."""
    real: Tensor
    """Held-out real pictures of the kind."""
    key: str
    """The name under which a batch holds the real pictures."""
    D: nn.Module | None = None
    given: Tensor | None = None
    """What a conditional D sees beside them: pictures, or (N,) classes, those of `real`, and of `fake` in turn."""
    given_key: str = ""
    paired: bool = False
    """Whether each fake has its own real picture, and is to be like it."""

    def judged(self, pictures: Tensor, given: Tensor | None) -> Tensor:
        """D's mean logit of each picture, (N,), with the networks as they are and without a trace in them."""
        assert self.D is not None
        training = self.D.training
        self.D.eval()  # neither batch statistics nor the power iteration of spectral normalisation move
        try:
            logits: Tensor = self._told(pictures, given)
            return logits.float().flatten(1).mean(1)
        finally:
            self.D.train(training)

    def _told(self, pictures: Tensor, given: Tensor | None) -> Any:
        assert self.D is not None
        if given is None:
            return self.D(pictures)
        if given.ndim == 1:
            return self.D(pictures, given.repeat(len(pictures) // len(given)))
        return self.D(torch.cat([given, pictures], 1))


class Further(NamedTuple):
    """More outputs and held-out pictures of one kind, averaged down, and D's logit of each: what is kept of them."""

    fake: Tensor
    real: Tensor
    of_fake: Tensor
    """(N,); empty without D."""
    of_real: Tensor

    @classmethod
    @torch.no_grad()
    def of(cls, seen: Observed) -> Further:
        """All that is looked at of these."""
        none = seen.fake.new_zeros(0)
        of_fake, of_real = (
            (seen.judged(seen.fake, seen.given), seen.judged(seen.real, seen.given)) if seen.D else (none, none)
        )
        return cls(small(seen.fake, 2 * SMALL), small(seen.real, 2 * SMALL), of_fake, of_real)

    def __add__(self, other: Further) -> Further:  # type: ignore[override]  # of sets, not of tuples
        """Both sets."""
        return Further(*(torch.cat(pair) for pair in zip(self, other, strict=True)))


@torch.no_grad()
def health_figures(
    seen: Observed, train: Tensor | None, train_given: Tensor | None = None, further: Further | None = None
) -> dict[str, float]:
    """Every figure that these pictures give, `health_spread` and so on; `train` are real pictures of the last steps.

    `further` pictures count in those that compare sets.
    """
    fakes, reals = seen.fake, seen.real
    if further is not None:
        fakes = torch.cat([small(fakes, 2 * SMALL), further.fake])
        reals = torch.cat([small(reals, 2 * SMALL), further.real])
    fake, real = flat(fakes), flat(reals)
    figures = {"spread": spread(fake, real), "duplicates": duplicates(fake, real)}
    if not seen.paired:
        figures |= modes(fake, real) | {"distance": distance(fake, real)}
        if min(seen.fake.shape[2:]) > 1:
            figures["distance_detail"] = distance(detail(fakes), detail(reals))
    figures["checkerboard"] = checkerboard(seen.fake, seen.real)
    figures["leak"] = leak(fakes, reals)
    if train is not None:
        figures["nearest_train"] = nearest_train(fake, real, flat(train))
        if seen.D is not None:
            figures |= _overfitting(seen, train, train_given, further)
    return {f"health_{name}": value for name, value in figures.items() if math.isfinite(value)}


def accuracy(real: Tensor, fake: Tensor, threshold: float | None) -> dict[str, Tensor]:
    """`d_accuracy_real` and `d_accuracy_fake`: shares of D's logits on the right side.

    The side is told by the loss's threshold; where a single logit says nothing, by the mean of the other kind.
    """
    with torch.no_grad():
        over: float | Tensor = over_batch(fake.mean()) if threshold is None else threshold
        under: float | Tensor = over_batch(real.mean()) if threshold is None else threshold
        return {"d_accuracy_real": (real > over).float().mean(), "d_accuracy_fake": (fake < under).float().mean()}


def _overfitting(
    seen: Observed, train: Tensor, train_given: Tensor | None, further: Further | None
) -> dict[str, float]:
    """`overfit`: (D(train) - D(held-out)) / (D(train) - D(fake)), r_v of Karras et al., 2020, eq. 1; 0 is none.

    And `overfit_error`, its standard error; and `separable`, D's AUROC on held-out against generated pictures. Without
    the first two where D tells generated pictures from real ones by no more than a twentieth of its spread, for such a
    D has learnt nothing by heart either.
    """
    count = len(seen.real)
    given = None if train_given is None else train_given[:count]
    of_train = seen.judged(train[:count], given)
    of_held_out = seen.judged(seen.real, seen.given)
    of_fake = seen.judged(seen.fake, seen.given)
    if further is not None:
        of_held_out, of_fake = torch.cat([of_held_out, further.of_real]), torch.cat([of_fake, further.of_fake])
    told = (of_held_out[:, None] > of_fake).float() + 0.5 * (of_held_out[:, None] == of_fake).float()
    found = {"separable": float(told.mean())} if min(len(of_held_out), len(of_fake)) >= 4 * LEAST else {}
    apart = float(of_train.mean() - of_fake.mean())
    if min(len(of_train), len(of_held_out)) < 2 or apart <= 0.05 * float(torch.cat([of_train, of_fake]).std()):
        return found
    gap = float(of_train.mean() - of_held_out.mean()) / apart
    error = float((of_train.var() / len(of_train) + of_held_out.var() / len(of_held_out)).sqrt()) / apart
    return {**found, "overfit": gap, "overfit_error": error}
